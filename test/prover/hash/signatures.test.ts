// Goal: with kernels, `verify`, `verifyMany` and multiplication answer what they do with the reference, whoever sends what.
// Method: both side by side on valid signatures, each field forged, points of all orders, and scalars around the orders;
// one bad signature at each place of a batch.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import {
  accountKey,
  BASE8,
  depositKey,
  FIELD,
  inSubgroup,
  ORDER,
  publicKey,
  scalarMultiply,
  secretScalar,
  sharedX,
  sign,
  verify,
  verifyMany,
  type Point,
  type Signed,
} from "../../../src/protocol/eddsa.ts";
import { poseidon } from "../../../src/protocol/poseidon.ts";
import { usePrimitives } from "../../../src/protocol/primitives.ts";
import { reference } from "../../../src/protocol/reference.ts";
import { ORDER_8 } from "../../../src/prover/hash/curve.ts";
import { describeKernels, edgeElement, randomElement } from "./backends.ts";

const SEED = Number(process.env.SEED ?? 12);
const IDENTITY = { x: 0n, y: 1n };
/** Generator of the whole group. */
const GENERATOR = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
const SMALL = Array.from({ length: 8 }, (_, i) => scalarMultiply(BigInt(i) * ORDER, GENERATOR));
const BOUNDS = [0n, 1n, -1n, FIELD - 1n, FIELD, ORDER - 1n, ORDER, 1n << 253n, (1n << 256n) - 1n, 1n << 256n];
const secretOf = (random: Random) => random.bytes(32);

function signed(random: Random, count: number): Signed[] {
  return Array.from({ length: count }, () => {
    const secret = secretOf(random);
    const message = random.pick([edgeElement, randomElement])(random);
    return { key: publicKey(secret), message, signature: sign(secret, message) };
  });
}

/** The signature by this key and R8 that satisfies the equation up to an addend of small order. */
function forged(secret: Uint8Array, key: Point, R8: Point, nonce = 0n): Signed {
  const h = poseidon(0n, [R8.x, R8.y, key.x, key.y, 42n]);
  const S = (nonce + h * 8n * secretScalar(secret)) % ORDER;
  return { key, message: 42n, signature: { R8x: R8.x, R8y: R8.y, S } };
}

/** Each field of a signature altered alone, in all ways that a range or a curve check must see. */
function altered(random: Random, good: Signed): Signed[] {
  const { key, message, signature } = good;
  const values = (x: bigint) => [
    ...BOUNDS,
    x + 1n,
    x - 1n,
    x + FIELD,
    x - FIELD,
    FIELD - x,
    -x,
    x + ORDER,
    x - ORDER,
    randomElement(random),
  ];
  return [
    ...values(key.x).map((x) => ({ ...good, key: { ...key, x } })),
    ...values(key.y).map((y) => ({ ...good, key: { ...key, y } })),
    ...values(message).map((other) => ({ ...good, message: other })),
    ...values(signature.R8x).map((R8x) => ({ ...good, signature: { ...signature, R8x } })),
    ...values(signature.R8y).map((R8y) => ({ ...good, signature: { ...signature, R8y } })),
    ...values(signature.S).map((S) => ({ ...good, signature: { ...signature, S } })),
  ];
}

/** Keys and R8 of every order. */
function ofSmallOrder(random: Random): Signed[] {
  const secret = secretOf(random);
  const key = publicKey(secret);
  const nonce = random.bits(250);
  const R8 = scalarMultiply(nonce, BASE8);
  const [good] = signed(random, 1);
  const { x, y } = R8;
  // The equation gives R8, of which only one coordinate is that of the signature.
  const mirrored = [
    { x: FIELD - x, y },
    { x, y: FIELD - y },
  ].map((point) => forged(secret, key, point, nonce));
  const smallOnes = SMALL.flatMap((small) => [
    // Only a check of the whole equation times 8 would accept these, but for the identity.
    forged(secret, key, sum(R8, small), nonce),
    forged(secret, key, small),
    forged(secret, sum(key, small), R8, nonce),
    forged(secret, small, R8, nonce),
    { key: small, message: 42n, signature: { R8x: small.x, R8y: small.y, S: 0n } },
    { ...good, key: small },
    { ...good, key: sum(good.key, small) },
  ]);
  return [...mirrored, ...smallOnes];
}

describeKernels("signature kernels", (kernels) => {
  beforeEach(() => usePrimitives(kernels()));
  afterEach(() => usePrimitives(reference));
  const withReference = <T>(run: () => T): T => {
    usePrimitives(reference);
    try {
      return run();
    } finally {
      usePrimitives(kernels());
    }
  };

  for (const size of [0, 1, 4, 5, 7, 8, 9, 100])
    it(`${size} valid signatures hold, one by one and at once (seed ${SEED})`, () => {
      const all = signed(new Random(SEED + size), size);
      assert.deepEqual(verifyMany(all), Array(size).fill(true));
      for (const { key, message, signature } of all) assert.ok(verify(key, message, signature));
    });

  it("one bad signature among many is told, wherever it is", () => {
    const random = new Random(SEED);
    const all = signed(random, 21);
    for (let bad = 0; bad < all.length; bad++) {
      const { key, message, signature } = all[bad];
      const change = random.pick([
        { key, message: (message + 1n) % FIELD, signature },
        { key, message, signature: { ...signature, S: (signature.S + 1n) % ORDER } },
        { key, message, signature: { ...signature, R8x: FIELD - signature.R8x } },
        { key, message, signature: { ...signature, R8x: 1n } },
        { key: BASE8, message, signature },
        { key: ORDER_8, message, signature },
      ]);
      const answers = verifyMany(all.with(bad, change));
      assert.deepEqual(
        answers,
        all.map((_, i) => i !== bad),
      );
    }
  });

  it("forged fields and points of small order: the reference's answers", () => {
    const random = new Random(SEED);
    const all = [...altered(random, signed(random, 1)[0]), ...ofSmallOrder(random), ...signed(random, 9)];
    const expected = withReference(() => verifyMany(all));
    assert.deepEqual(verifyMany(all), expected);
    all.forEach(({ key, message, signature }, i) => assert.equal(verify(key, message, signature), expected[i]));
    assert.ok(expected.filter(Boolean).length > 9);
  });

  it("keys that sign again, from their tables: the reference's answers", () => {
    const random = new Random(SEED);
    const secret = secretOf(random);
    const key = publicKey(secret);
    const nonce = random.bits(250);
    const R8 = scalarMultiply(nonce, BASE8);
    const good = forged(secret, key, R8, nonce);
    // Made with the key's own secret for the point with the same x, which is outside the subgroup.
    const mirrored = forged(secret, { x: key.x, y: FIELD - key.y }, R8, nonce);
    const others = signed(random, 7);
    for (let sight = 0; sight < 3; sight++) assert.deepEqual(verifyMany([good, ...others]), Array(8).fill(true));
    const all = [mirrored, ...altered(random, good), ...ofSmallOrder(random), good];
    const expected = withReference(() => verifyMany(all));
    all.forEach((each, i) => {
      assert.deepEqual(verifyMany([...others.slice(0, 3), each, ...others.slice(3)]), [
        true,
        true,
        true,
        expected[i],
        ...Array(4).fill(true),
      ]);
      assert.equal(verify(each.key, each.message, each.signature), expected[i]);
    });
  });

  it("memory is bounded, however many keys sign, and however often at once", () => {
    const all = signed(new Random(SEED), 300).flatMap((each) => Array<Signed>(8).fill(each));
    const after = Array.from({ length: 3 }, () => {
      assert.ok(verifyMany(all).every(Boolean));
      return kernels().bytes;
    });
    assert.equal(after[2], after[1]);
    assert.ok(after[2] < 60e6);
  });

  it("more keys than have room: each signature is answered as before", () => {
    const random = new Random(SEED);
    const all = signed(random, 300);
    const bad = all.map(({ signature, ...rest }) => ({
      ...rest,
      signature: { ...signature, S: (signature.S + 1n) % ORDER },
    }));
    for (let sight = 0; sight < 12; sight++) {
      assert.ok(verifyMany(all).every(Boolean));
      assert.ok(!verifyMany(bad).some(Boolean));
    }
  });

  it("knows the subgroup", () => {
    const random = new Random(SEED);
    for (const small of SMALL) {
      assert.equal(inSubgroup(small), small === SMALL[0]);
      for (let i = 0; i < 4; i++) {
        const point = scalarMultiply(random.bits(250), BASE8);
        assert.equal(inSubgroup(sum(point, small)), small === SMALL[0]);
      }
    }
    assert.ok(inSubgroup(BASE8) && !inSubgroup(GENERATOR));
    assert.deepEqual(ORDER_8, SMALL[1]);
  });

  it("multiplies points of all orders by scalars around the orders, as the reference", () => {
    const random = new Random(SEED);
    const near = [0n, 1n, 2n, 8n, 1n << 28n, ORDER, 2n * ORDER, 8n * ORDER, 1n << 255n, 1n << 300n];
    const digits = [0x7777n, 0x8888n, 0x9999n, 0xffffn].map((word) => word * (((1n << 256n) - 1n) / 0xffffn));
    const scalars = [...near.flatMap((x) => [x - 1n, x, x + 1n]).filter((x) => x >= 0n), ...digits, random.bits(251)];
    for (const point of [BASE8, GENERATOR, ORDER_8, IDENTITY, SMALL[4], scalarMultiply(random.bits(250), GENERATOR)])
      for (const scalar of scalars)
        assert.deepEqual(reference.multiply(scalar, point), scalarMultiply(scalar, point), `${scalar}`);
  });

  it("keys of deposits and shared secrets are the reference's", () => {
    const random = new Random(SEED);
    for (let i = 0; i < 5; i++) {
      const [secret, other] = [secretOf(random), secretOf(random)];
      const key = publicKey(secret);
      assert.deepEqual(scalarMultiply(secretScalar(secret), BASE8), key);
      assert.deepEqual(accountKey(depositKey(key)), key);
      for (const small of SMALL) assert.deepEqual(accountKey(sum(depositKey(key), small)), key);
      assert.equal(sharedX(secretScalar(other), key), sharedX(secretScalar(secret), publicKey(other)));
    }
    for (const small of SMALL) {
      assert.throws(() => accountKey(small), { code: "BAD_POINT" });
      assert.throws(() => depositKey(small), { code: "BAD_POINT" });
      assert.throws(() => sharedX(2n, small), { code: "BAD_POINT" });
    }
  });
});

/** Sum of two points by the definition of the curve. */
function sum(p: Point, q: Point): Point {
  const power = (x: bigint, n: bigint): bigint =>
    n === 0n ? 1n : (power((x * x) % FIELD, n >> 1n) * (n & 1n ? x : 1n)) % FIELD;
  const over = (x: bigint, y: bigint) =>
    (((x * power(((y % FIELD) + FIELD) % FIELD, FIELD - 2n)) % FIELD) + FIELD) % FIELD;
  const product = 168696n * p.x * q.x * p.y * q.y;
  return { x: over(p.x * q.y + p.y * q.x, 1n + product), y: over(p.y * q.y - 168700n * p.x * q.x, 1n - product) };
}
