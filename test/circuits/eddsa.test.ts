// Goal: Signature gives the answer of verify() in src/protocol/eddsa.ts for any field elements, and no witness proves the
// other answer.
// Method: random signatures, good and spoilt (seed printed on failure), and hostile ones; circomlib's verifier as second
// oracle; every form that Scalar could give to an element; forged witnesses that change one answer and all that follows.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BASE8,
  FIELD,
  ORDER,
  publicKey,
  scalarMultiply,
  secretScalar,
  sign,
  verify,
  type Point,
  type Signature,
} from "../../src/protocol/eddsa.ts";
import { poseidon } from "../../src/protocol/poseidon.ts";
import { compileTemplate, expectNoWitness, type Circuit } from "./harness.ts";

const file = "circuits/lib/eddsa.circom";
const secret = new Uint8Array(32).fill(5);
const key = publicKey(secret);
const GENERATOR: Point = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
const small = Array.from({ length: 8 }, (_, i) => scalarMultiply(BigInt(i) * ORDER, GENERATOR));
const element = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.constantFrom(0n, 1n, ORDER, FIELD - 1n));
const hostile = [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 8n * ORDER - FIELD, 7n * ORDER, FIELD - 1n, FIELD - 2n];
const powers = [250n, 251n, 252n, 253n].map((i) => 1n << i);
const inputsOf = (key: Point, message: bigint, signature: Signature, keyGiven = 1n) => ({
  keyGiven,
  keyX: key.x,
  keyY: key.y,
  ...signature,
  message,
});
/** S that fits an R8 of known scalar, whatever point R8 then is. */
const fit = (R8: Point, scalar: bigint, message: bigint): Signature => {
  const h = poseidon(0n, [R8.x, R8.y, key.x, key.y, message]);
  return { R8x: R8.x, R8y: R8.y, S: (scalar + 8n * h * secretScalar(secret)) % ORDER };
};

describe("circuits/lib/eddsa Scalar", () => {
  const read = (circuit: Circuit, x: bigint) => {
    const witness = circuit.witness({ in: x });
    assert.equal(circuit.satisfies(witness), true);
    const bits = circuit.readAll("bits", witness).reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);
    return {
      value: bits - ((1n - circuit.read("positive", witness)) << 250n),
      small: circuit.read("quotient", witness),
    };
  };
  const edges = [
    ...hostile,
    ...powers,
    ...[0n, 1n, 6n, 7n].flatMap((q) => [-1n, 0n, 1n << 250n, (1n << 250n) - 1n].map((x) => q * ORDER + x)),
    ORDER - (1n << 250n),
    7n * ORDER + (1n << 250n),
    FIELD - (1n << 250n),
    8n * ORDER - FIELD - 1n,
  ].filter((x) => x >= 0n && x < FIELD);

  it("has a form for every element, right modulo l, and compares with l exactly", async () => {
    const [loose, exact] = [
      await compileTemplate({ file, template: "Scalar", args: [0] }),
      await compileTemplate({ file, template: "Scalar", args: [1] }),
    ];
    assert.deepEqual([loose.constraints, exact.constraints], [254, 257]);
    const check = (x: bigint) => {
      assert.equal((read(loose, x).value - x) % ORDER, 0n);
      const { value, small } = read(exact, x);
      assert.equal(small === 0n, x < ORDER);
      if (x < 7n * ORDER) assert.equal((value - x) % ORDER, 0n);
    };
    for (const x of edges) check(x);
    fc.assert(fc.property(element, check), { numRuns: 30 });
  });

  for (const exact of [0, 1])
    it(`of all 16 forms, only right ones have a proof (exact = ${exact})`, async () => {
      const circuit = await compileTemplate({ file, template: "Scalar", args: [exact], optimise: false });
      const tolerated = exact ? 0n : 8n * ORDER - FIELD;
      let proofs = 0;
      const check = (x: bigint) => {
        for (let form = 0n; form < 16n; form++) {
          const [positive, q] = [form & 1n, form >> 1n];
          const pinned: Record<string, bigint> = { positive };
          for (let i = 0n; i < 3n; i++) pinned[`quotientBits[${i}]`] = (q >> i) & 1n;
          // The rules give the bits: in this form there are no others. Where there are none, one is no bit.
          const forged = circuit.solveForged({ in: x }, pinned);
          const broken = circuit.brokenRules(forged).map((rules) => rules.at(-1)!.text);
          if (broken.length > 0) {
            assert.deepEqual(broken, ["bits[i] * (bits[i] - 1) === 0"]);
            continue;
          }
          proofs++;
          if (x < tolerated) continue;
          if (exact) assert.equal(q === 0n, x < ORDER);
          const bits = circuit.readAll("bits", forged).reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);
          if (!exact || q < 7n) assert.equal((bits - ((1n - positive) << 250n) - x) % ORDER, 0n);
        }
      };
      for (const x of edges) check(x);
      fc.assert(fc.property(element, check), { numRuns: 10 });
      assert.ok(proofs >= edges.length, `${proofs}`);
    });
});

describe("circuits/lib/eddsa Scalar: no digit is more than a bit", () => {
  for (const exact of [0, 1])
    it(`exact = ${exact}`, async () => {
      const circuit = await compileTemplate({ file, template: "Scalar", args: [exact], optimise: false });
      const inputs = { in: 2n * ORDER + 5n };
      const digits = { "quotientBits[0]": 2n, "quotientBits[1]": 0n };
      circuit.refuses(inputs, digits, "quotientBits[i] * (quotientBits[i] - 1) === 0");
      circuit.refuses(inputs, { positive: 2n }, "positive * (positive - 1) === 0");
      circuit.refuses(
        inputs,
        { quotient: 0n, "quotientBits[0]": 0n, "quotientBits[1]": 1n, "quotientBits[2]": 0n },
        "quotient <== value",
      );
      const two = {
        "quotientBits[0]": 0n,
        "quotientBits[1]": 1n,
        "quotientBits[2]": 0n,
        ...(exact ? { six: 0n, seven: 0n, last: 0n } : {}),
      };
      const bits = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`bits[${i}]`, i === 0 ? 1n : 0n]));
      circuit.refuses(inputs, { ...bits, positive: 1n, ...two }, "sum === in");
    });
});

describe("circuits/lib/eddsa BothZero", () => {
  it("is 1 for two zeros only, with no other proof", async () => {
    const circuit = await compileTemplate({ file, template: "BothZero", optimise: false });
    const hintsTried: Record<string, bigint>[] = [{}, { left: 3n }, { right: 3n }, { left: 3n, right: -1n }];
    for (const a of [0n, 1n, -1n, 5n])
      for (const b of [0n, 1n, -1n, -5n]) {
        const out = a === 0n && b === 0n ? 1n : 0n;
        assert.equal(circuit.read("out", circuit.witness({ a, b })), out);
        for (const wrong of [1n - out, 2n, -1n])
          for (const hints of hintsTried)
            assert.equal(circuit.satisfies(circuit.solveForged({ a, b }, { out: wrong, ...hints })), false);
      }
    const [both, first, second] = ["b * right === 1 - out - part", "a * out === 0", "b * out === 0"];
    circuit.refuses({ a: 0n, b: 0n }, { out: 0n, part: 0n }, both);
    circuit.refuses({ a: 5n, b: 0n }, { out: 1n }, first);
    circuit.refuses({ a: 0n, b: 5n }, { out: 1n }, second);
  });
});

describe("circuits/lib/eddsa Signature", () => {
  let circuit: Circuit;
  let oracle: Circuit;
  before(async () => {
    circuit = await compileTemplate({ file, template: "Signature" });
    const theirs = "node_modules/circomlib/circuits/eddsaposeidon.circom";
    oracle = await compileTemplate({ file: theirs, template: "EdDSAPoseidonVerifier", allowWarnings: true });
  });

  const answer = (inputs: ReturnType<typeof inputsOf>) => {
    const witness = circuit.witness(inputs);
    assert.equal(circuit.satisfies(witness), true);
    return circuit.read("valid", witness) === 1n;
  };
  const check = (message: bigint, signature: Signature, of = key) => {
    const expected = verify(of, message, signature);
    assert.equal(answer(inputsOf(of, message, signature)), expected);
    return expected;
  };
  const theirAnswer = (message: bigint, { R8x, R8y, S }: Signature) => {
    try {
      oracle.witness({ enabled: 1n, Ax: key.x, Ay: key.y, S, R8x, R8y, M: message });
      return true;
    } catch {
      return false;
    }
  };

  it("costs 2,786 constraints, where circomlib's costs 4,217", () => {
    assert.equal(circuit.constraints, 2786);
    assert.equal(oracle.constraints, 4217);
  });

  it("answers as verify() and as circomlib, to good and to spoilt signatures", () => {
    const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(secrets, element, element, (secret, message, other) => {
        const key = publicKey(secret);
        const signature = sign(secret, message);
        assert.equal(check(message, signature, key), true);
        for (const part of ["R8x", "R8y", "S"] as const) check(message, { ...signature, [part]: other }, key);
        check(other, signature, key);
      }),
      { numRuns: 6 },
    );
    const signature = sign(secret, 7n);
    for (const [message, tried] of [
      [7n, signature],
      [8n, signature],
      [7n, { ...signature, S: signature.S + 1n }],
      [7n, { ...signature, R8x: FIELD - signature.R8x }],
    ] as const)
      assert.equal(check(message, tried), theirAnswer(message, tried));
  });

  it("answers to hostile signatures", () => {
    const good = sign(secret, 7n);
    for (const value of [...hostile, ...powers, (good.S + ORDER) % FIELD, good.S + 2n * ORDER]) {
      for (const part of ["R8x", "R8y", "S"] as const) assert.equal(check(7n, { ...good, [part]: value }), false);
      assert.equal(check(value, good), value === 7n);
      assert.equal(check(value, { R8x: value, R8y: value, S: value }), false);
    }
    for (const message of [0n, FIELD - 1n]) assert.equal(check(message, sign(secret, message)), true);
    // R8 of small order, with the S that fits: valid for the identity only, as class 0 is the only one S BASE8 has.
    for (const point of small) assert.equal(check(7n, fit(point, 0n, 7n)), point.y === 1n);
    for (const i of [1, 4]) assert.equal(check(7n, fit(scalarMultiply(BigInt(i), GENERATOR), 0n, 7n)), false);
    // R8 a small or a related multiple.
    for (const k of [1n, 2n, ORDER - 1n]) assert.equal(check(7n, fit(scalarMultiply(k, BASE8), k, 7n)), true);
    for (const k of [1n, 8n, ORDER - 8n])
      assert.equal(check(7n, fit(scalarMultiply(k, key), k * secretScalar(secret), 7n)), true);
    // Key = BASE8, whose holder is everybody.
    const h = poseidon(0n, [BASE8.x, BASE8.y, BASE8.x, BASE8.y, 7n]);
    assert.equal(check(7n, { R8x: BASE8.x, R8y: BASE8.y, S: (1n + 8n * h) % ORDER }, BASE8), true);
  });

  it("answers where h is short, or S is", () => {
    let tried = 0;
    for (let message = 0n; tried < 3; message++) {
      const h = poseidon(0n, [BASE8.x, BASE8.y, key.x, key.y, message]);
      if (h >> 244n !== 0n) continue;
      assert.equal(check(message, fit(BASE8, 1n, message)), true);
      tried++;
    }
    // No message makes such an S right: that takes a chosen h.
    for (const S of [0n, 1n, 2n]) assert.equal(check(7n, { ...fit(BASE8, 1n, 7n), S }), false);
  });

  it("answers 0 where no key is given, whatever the key is", () => {
    const signature = sign(secret, 7n);
    for (const point of [
      key,
      small[0],
      small[4],
      small[1],
      { x: 0n, y: 0n },
      { x: 1n, y: 1n },
      { x: FIELD - 1n, y: 1n },
    ])
      assert.equal(answer(inputsOf(point, 7n, signature, 0n)), false);
    for (const point of [small[0], small[4]]) expectNoWitness(circuit, inputsOf(point, 7n, signature));
  });

  it("no other answer has a proof", async () => {
    const forgeable = await compileTemplate({ file, template: "Signature", optimise: false });
    const good = inputsOf(key, 7n, sign(secret, 7n));
    const bad = { ...good, message: 8n };
    const long = { ...good, S: good.S + ORDER };
    const refused = (inputs: typeof good, pinned: Record<string, bigint>) => void forgeable.refuses(inputs, pinned);
    assert.equal(forgeable.satisfies(forgeable.solveForged(good, {})), true);
    const witness = forgeable.witness(good);
    assert.equal(forgeable.read("valid", witness), 1n);
    for (const valid of [0n, 2n]) refused(good, { valid });
    refused(good, { equal: 0n, valid: 0n });
    refused(good, { below: 0n, valid: 0n });
    refused(good, { sQuotient: 1n, below: 0n, valid: 0n });
    refused(bad, { valid: 1n });
    refused(bad, { equal: 1n, valid: 1n });
    refused(long, { below: 1n, valid: 1n });
    refused(long, { sQuotient: 0n, below: 1n, valid: 1n });
    refused({ ...good, keyGiven: 0n }, { allowed: 1n });
    // A wrong challenge, another scalar, another slope anywhere: each changes the point, and the answer with it.
    refused(good, { h: forgeable.read("h", witness) + 1n });
    for (const name of ["hPositive", "sPositive", "hBits[0]", "hBits[249]", "sBits[7]"])
      refused(good, { [name]: 1n - forgeable.read(name, witness) });
    const hints = [...forgeable.signals.keys()].filter((name) => /slope$|first$|second$/.test(name));
    assert.ok(hints.length > 500, `${hints.length}`);
    for (let i = 0; i < hints.length; i += 61) refused(good, { [hints[i]]: forgeable.read(hints[i], witness) + 1n });
    for (const name of ["point[0]", "difference[1]", "left[0]", "right[1]", "eightfold[0]", "x"])
      refused(good, { [name]: forgeable.read(name, witness) + 1n });
  });
});
