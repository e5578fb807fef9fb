// Goal: our EdDSA-Poseidon is circomlibjs's bit for bit, and verify() answers for anything that a stranger may send.
// Method: circomlibjs as oracle in both directions on random secrets and messages (seed printed on failure); 200
// hostile signatures; the points that lie on the curve but in no account.
import assert from "node:assert/strict";
// @ts-ignore circomlibjs has no typings
import { buildEddsa } from "circomlibjs";
import fc from "fast-check";
import {
  accountKey,
  BASE8,
  depositKey,
  FIELD,
  inSubgroup,
  isOnCurve,
  ORDER,
  publicKey,
  scalarMultiply,
  secretScalar,
  sharedX,
  sign,
  verify,
  type Point,
  type Signature,
} from "../../src/protocol/eddsa.ts";
import { poseidon } from "../../src/protocol/poseidon.ts";
import { hasCode } from "../hasCode.ts";

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });
const elements = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.constantFrom(0n, 1n, FIELD - 1n));
const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
const key = publicKey(secret);
const good = sign(secret, 42n);
const IDENTITY = { x: 0n, y: 1n };
/** Generator of the whole group, and of its 8 points of small order. */
const GENERATOR = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
const ORDER_8 = scalarMultiply(ORDER, GENERATOR);
const small = Array.from({ length: 8 }, (_, i) => scalarMultiply(BigInt(i), ORDER_8));

describe("eddsa", () => {
  let oracle: any;
  before(async () => (oracle = await buildEddsa()));
  const toOracle = (x: bigint) => oracle.F.e(x);
  const fromOracle = ([x, y]: [unknown, unknown]): Point => ({ x: oracle.F.toObject(x), y: oracle.F.toObject(y) });

  it("signs and verifies as circomlibjs", () => {
    fc.assert(
      fc.property(secrets, elements, (secret, message) => {
        const key = fromOracle(oracle.prv2pub(secret));
        assert.deepEqual(publicKey(secret), key);
        assert.deepEqual(scalarMultiply(secretScalar(secret), BASE8), key);
        const { R8, S } = oracle.signPoseidon(secret, toOracle(message));
        const { x: R8x, y: R8y } = fromOracle(R8);
        const signature = sign(secret, message);
        assert.deepEqual(signature, { R8x, R8y, S });
        assert.ok(verify(key, message, signature));
        const theirs = { R8: [toOracle(signature.R8x), toOracle(signature.R8y)], S: signature.S };
        assert.ok(oracle.verifyPoseidon(toOracle(message), theirs, [toOracle(key.x), toOracle(key.y)]));
      }),
      { numRuns: 10 },
    );
  });

  it("refuses another message, another key, another S or R8", () => {
    assert.ok(verify(key, 42n, good));
    assert.equal(verify(key, 43n, good), false);
    assert.equal(verify(BASE8, 42n, good), false);
    assert.equal(verify(key, 42n, { ...good, S: good.S + 1n }), false);
    for (const point of small.slice(1)) {
      // R8 with an element of small order, h being that of the altered R8: only a verifier that multiplies the whole
      // equation by 8 would accept.
      const { x: R8x, y: R8y } = point;
      const h = poseidon(0n, [R8x, R8y, key.x, key.y, 42n]);
      const S = (h * 8n * secretScalar(secret)) % ORDER;
      assert.equal(verify(key, 42n, { R8x, R8y, S }), false);
    }
    // R8 = identity is on the curve; the signature is foolish but valid.
    const h = poseidon(0n, [0n, 1n, key.x, key.y, 42n]);
    assert.ok(verify(key, 42n, { R8x: 0n, R8y: 1n, S: (h * 8n * secretScalar(secret)) % ORDER }));
  });

  it("answers false to 200 hostile signatures, whatever they are", () => {
    const values = [
      0n,
      1n,
      -1n,
      2n,
      ORDER - 1n,
      ORDER,
      ORDER + 1n,
      FIELD - 1n,
      FIELD,
      FIELD + 1n,
      1n << 253n,
      (1n << 254n) - 1n,
      1n << 256n,
      -(1n << 300n),
      good.R8x + FIELD,
      good.R8y + FIELD,
      good.R8x,
      good.S + ORDER,
      good.S - ORDER,
      FIELD - good.R8x,
    ];
    let tried = 0;
    const refuse = (message: bigint, signature: Signature, named = key) => {
      assert.equal(verify(named, message, signature), false);
      tried++;
    };
    for (const value of values) {
      if (value !== good.R8x) refuse(42n, { ...good, R8x: value });
      refuse(42n, { ...good, R8y: value });
      refuse(42n, { ...good, S: value });
      refuse(value, good);
      refuse(42n, good, { ...key, x: value });
      refuse(42n, good, { ...key, y: value });
      refuse(value, { R8x: value, R8y: value, S: value });
      refuse(42n, { R8x: 0n, R8y: 1n, S: value }, IDENTITY);
      refuse(42n + FIELD, { ...good, S: value });
    }
    for (const point of small) {
      refuse(42n, good, point);
      refuse(42n, { R8x: point.x, R8y: point.y, S: 0n }, point);
      if (point !== small[0]) refuse(42n, good, fromSum(key, point));
    }
    assert.ok(tried >= 200, `${tried}`);
  });

  it("knows the curve, the subgroup and the points of small order", () => {
    for (const point of small) {
      assert.ok(isOnCurve(point));
      assert.equal(inSubgroup(point), point === small[0]);
      assert.throws(() => accountKey(point), hasCode("BAD_POINT"));
    }
    assert.ok(inSubgroup(BASE8) && inSubgroup(key));
    assert.ok(isOnCurve(GENERATOR) && !inSubgroup(GENERATOR));
    assert.deepEqual(scalarMultiply(8n, GENERATOR), BASE8);
    assert.deepEqual(scalarMultiply(0n, GENERATOR), IDENTITY);
    assert.deepEqual(scalarMultiply(ORDER + 3n, BASE8), scalarMultiply(3n, BASE8));
    for (const point of [
      { x: 1n, y: 1n },
      { x: key.x + FIELD, y: key.y },
      { x: -key.x, y: key.y },
    ])
      assert.equal(isOnCurve(point), false);
    assert.throws(() => scalarMultiply(2n, { x: 1n, y: 1n }), hasCode("BAD_POINT"));
    assert.throws(() => scalarMultiply(-1n, BASE8), hasCode("OUT_OF_RANGE"));
  });

  it("depositKey and accountKey undo each other; a small addend to K' changes nothing", () => {
    assert.deepEqual(accountKey(depositKey(key)), key);
    assert.ok(inSubgroup(depositKey(key)));
    for (const point of small) assert.deepEqual(accountKey(fromSum(depositKey(key), point)), key);
    for (const bad of [IDENTITY, GENERATOR, { x: 1n, y: 1n }])
      assert.throws(() => depositKey(bad), hasCode("BAD_POINT"));
  });

  it("sharedX is the same from both sides", () => {
    const other = Uint8Array.from(secret, (byte) => byte ^ 255);
    assert.equal(sharedX(secretScalar(secret), publicKey(other)), sharedX(secretScalar(other), key));
    for (const scalar of [0n, -1n, ORDER]) assert.throws(() => sharedX(scalar, key), hasCode("OUT_OF_RANGE"));
    for (const bad of small) assert.throws(() => sharedX(2n, bad), hasCode("BAD_POINT"));
  });

  it("refuses bad secrets and messages", () => {
    for (const bad of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), "secret" as unknown as Uint8Array]) {
      assert.throws(() => publicKey(bad), hasCode("BAD_SECRET"));
      assert.throws(() => sign(bad, 1n), hasCode("BAD_SECRET"));
    }
    for (const message of [-1n, FIELD]) assert.throws(() => sign(secret, message), hasCode("OUT_OF_RANGE"));
  });
});

/** Sum of two points by the definition of the curve. */
function fromSum(p: Point, q: Point): Point {
  const power = (x: bigint, n: bigint): bigint =>
    n === 0n ? 1n : (power((x * x) % FIELD, n >> 1n) * (n & 1n ? x : 1n)) % FIELD;
  const over = (x: bigint, y: bigint) =>
    (((x * power(((y % FIELD) + FIELD) % FIELD, FIELD - 2n)) % FIELD) + FIELD) % FIELD;
  const product = 168696n * p.x * q.x * p.y * q.y;
  return {
    x: over(p.x * q.y + p.y * q.x, 1n + product),
    y: over(p.y * q.y - 168700n * p.x * q.x, 1n - product),
  };
}
