/**
 * Hashes and signatures: our kernels, one alone and many at once, beside our plain JavaScript and the libraries that
 * others use. Then what signs a receipt: the packages that a venue's thread takes, and the one that it does without.
 *     npm run bench hashes [fma | scalar]
 * Medians in microseconds for each hash, signature or product, measured in turns so that all see the same machine. Fails
 * where many at once are not 10 times as fast as poseidon-lite, or 5 times as fast as @noble/curves.
 */
import { createRequire } from "node:module";
import { babyjubjub } from "@noble/curves/misc.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import * as lite from "poseidon-lite";
// @ts-ignore circomlibjs has no typings
import { buildBabyjub, buildEddsa, buildPoseidon } from "circomlibjs";
import { signRecoverable } from "tiny-secp256k1";
import { Random } from "../../src/replay/random.ts";
import { table } from "../../src/setup/format.ts";
import { BASE8, FIELD, ORDER, publicKey, sign, verify, verifyMany, type Signed } from "../../src/protocol/eddsa.ts";
import { usePrimitives } from "../../src/protocol/primitives.ts";
import { reference } from "../../src/protocol/reference.ts";
import type { Backend } from "../../src/prover/engine/engine.ts";
import { HASH_MODULES, startHashKernels } from "../../src/prover/hash/index.ts";

const ARITIES = [1, 2, 3, 4, 5, 6, 8, 12, 16];
const MANY = 64;
const STRANGERS = 600;
const ROUNDS = 9;
/** Of one measurement. */
const MS = 40;
const BARS = { poseidon: 10, curve: 5 };

interface Contestant {
  readonly run: () => unknown;
  /** hashes, signatures or products in one run */
  readonly count: number;
}

/** Microseconds each takes, by name. */
function race<Name extends string>(contestants: Record<Name, Contestant>): Record<Name, number> {
  const entries = Object.entries(contestants) as [Name, Contestant][];
  const times = new Map(entries.map(([name]) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, { run, count }] of entries) {
      let runs = 0;
      const started = performance.now();
      let spent = 0;
      for (; spent < MS; spent = performance.now() - started, runs++) run();
      // The first round warms up.
      if (round > 0) times.get(name)!.push((1000 * spent) / (runs * count));
    }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
  return Object.fromEntries(entries.map(([name]) => [name, median(times.get(name)!)])) as Record<Name, number>;
}

const backend = process.argv[2] as Backend | undefined;
if (backend !== undefined && !(backend in HASH_MODULES)) throw new RangeError("the backend is fma or scalar");
const kernels = await startHashKernels({ backend });
const random = new Random(1);
const element = () => random.bits(260) % FIELD;
const us = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0));
const ratio = (a: number, b: number) => `${(a / b).toFixed(1)} x`;
let slow = false;

const circom = await buildPoseidon();
const rows: string[][] = [];
for (const arity of ARITIES) {
  const many = Array.from({ length: MANY }, () => Array.from({ length: arity }, element));
  const [inputs] = many;
  const oracle = (lite as unknown as Record<string, (inputs: bigint[]) => bigint>)[`poseidon${arity}`];
  const result = race({
    one: { run: () => kernels.hash(0n, inputs), count: 1 },
    many: { run: () => kernels.hashMany(0n, many), count: MANY },
    plain: { run: () => reference.hash(0n, inputs), count: 1 },
    lite: { run: () => oracle(inputs), count: 1 },
    circom: { run: () => circom.F.toObject(circom(inputs)), count: 1 },
  });
  slow ||= result.lite < BARS.poseidon * result.many;
  rows.push([
    `${arity}`,
    ...[result.one, result.many, result.plain, result.lite, result.circom].map(us),
    ratio(result.lite, result.one),
    ratio(result.lite, result.many),
  ]);
}
console.log("Poseidon, us a hash\n");
const poseidonHeading = ["inputs", "one", "many", "plain", "poseidon-lite", "circomlibjs", "lite / one", "lite / many"];
console.log(table([poseidonHeading, ...rows]));

const eddsa = await buildEddsa();
const curve = await buildBabyjub();
const signedBy = (keys: number): Signed[] =>
  Array.from({ length: keys }, () => {
    const secret = random.bytes(32);
    const message = element();
    return { key: publicKey(secret), message, signature: sign(secret, message) };
  });
const signed = signedBy(MANY);
// More keys than are remembered: each is new whenever its turn comes.
const strangers = signedBy(STRANGERS);
let turn = 0;
const [{ key, message, signature }] = signed;
const pair = (x: bigint, y: bigint): [Uint8Array, Uint8Array] => [eddsa.F.e(x), eddsa.F.e(y)];
const theirs = { R8: pair(signature.R8x, signature.R8y), S: signature.S };
const theirKey = pair(key.x, key.y);
const scalar = ORDER - 12345n;
const noblePoint = babyjubjub.Point.fromAffine({ x: key.x, y: key.y });
usePrimitives(kernels);
const check = race({
  one: { run: () => verify(key, message, signature), count: 1 },
  many: { run: () => verifyMany(signed), count: MANY },
  newOne: { run: () => verifyMany([strangers[turn++ % STRANGERS]]), count: 1 },
  newMany: { run: () => verifyMany(strangers), count: STRANGERS },
  circom: { run: () => eddsa.verifyPoseidon(eddsa.F.e(message), theirs, theirKey), count: 1 },
});
usePrimitives(reference);
const noble = race({ check: { run: () => verify(key, message, signature), count: 1 } });
const product = race({
  one: { run: () => kernels.multiply(scalar, key), count: 1 },
  noble: { run: () => noblePoint.multiplyUnsafe(scalar).toAffine(), count: 1 },
  circom: { run: () => curve.mulPointEscalar(theirKey, scalar), count: 1 },
});
const base = race({
  one: { run: () => kernels.multiply(scalar, BASE8), count: 1 },
  noble: { run: () => babyjubjub.Point.BASE.multiplyUnsafe(scalar).toAffine(), count: 1 },
  circom: { run: () => curve.mulPointEscalar(curve.Base8, scalar), count: 1 },
});
const membership = race({
  one: { run: () => kernels.inSubgroup(key), count: 1 },
  noble: { run: () => noblePoint.isTorsionFree(), count: 1 },
  circom: { run: () => curve.inSubgroup(theirKey), count: 1 },
});
slow ||= noble.check < BARS.curve * check.newMany || product.noble < BARS.curve * product.one;
const row = (name: string, one: number, many: string, plain: number, circomlib: number, best = one) => [
  name,
  us(one),
  many,
  us(plain),
  us(circomlib),
  ratio(plain, one),
  ratio(plain, best),
];
console.log("\nBabyJubJub, us each\n");
console.log(
  table([
    ["", "one", "many", "@noble/curves", "circomlibjs", "noble / one", "noble / many"],
    row("signature, key not seen before", check.newOne, us(check.newMany), noble.check, check.circom, check.newMany),
    row("signature, key known", check.one, us(check.many), noble.check, check.circom, check.many),
    row("scalar x point", product.one, "", product.noble, product.circom),
    row("scalar x BASE8", base.one, "", base.noble, base.circom),
    row("subgroup", membership.one, "", membership.noble, membership.circom),
  ]),
);

const { ecdsaSign } = createRequire(import.meta.url)("secp256k1/bindings.js");
const [digest, secret] = [random.bytes(32), random.bytes(32)];
const receipt = race({
  native: { run: () => ecdsaSign(digest, secret), count: 1 },
  wasm: { run: () => signRecoverable(digest, secret), count: 1 },
  noble: { run: () => secp256k1.sign(digest, secret, { prehash: false, format: "recovered" }), count: 1 },
});
console.log("\nReceipts signed, us each\n");
console.log(
  table([
    ["secp256k1", "tiny-secp256k1", "@noble/curves", "tiny / secp256k1", "noble / tiny"],
    [
      ...[receipt.native, receipt.wasm, receipt.noble].map(us),
      ratio(receipt.wasm, receipt.native),
      ratio(receipt.noble, receipt.wasm),
    ],
  ]),
);
if (slow) {
  console.error("slower than wanted");
  process.exitCode = 1;
}
