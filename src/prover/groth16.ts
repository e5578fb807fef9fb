import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import { bn254 } from "@noble/curves/bn254.js";
import { TacitError } from "../protocol/errors.ts";
import type { G1Point, Proof } from "../protocol/proof.ts";
import { SCALAR_FIELD, inverse, type Point } from "./curve.ts";
import { inG1, inG2, type G2Point } from "./files/points.ts";
import type { KeyPoints } from "./files/zkey.ts";

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
type PointG1 = ReturnType<typeof inG1>;
type PointG2 = ReturnType<typeof inG2>;

/** A proof of which C is still to come. */
export interface BegunProof {
  readonly a: Proof["a"];
  readonly b: Proof["b"];
  /** b A, a part of C' */
  readonly rest: PointG1;
}

/**
 * The proof that three sums over a witness make. They give one with r = s = 0,
 *
 *     A = alpha + sum w_i A_i,   B = beta + sum w_i B_i (in G2),   C = sum w_i L_i + sum h_i H_i,
 *
 * for which B is not needed in G1 as well. It is then made anew with a, b uniform and a not 0:
 *
 *     A' = A / a,   B' = a B + a b delta,   C' = C + b A.
 *
 * It verifies: e(A', B') = e(A, B) e(A, delta)^b and e(C', delta) = e(C, delta) e(A, delta)^b. And it tells as little of
 * the witness as one that is made with random r and s: there A and B are independent and uniform, and C follows from
 * them by the equation, as G1 has only one point for it. Here 1/a makes A' uniform among the points other than 0, and
 * whatever a is, b makes B' uniform; C' follows as well. The two distributions differ where a fresh A is 0, 1 in 2^254.
 * @source S. Bowe, A. Gabizon, "Making Groth's zk-SNARK Simulation Extractable in the Random Oracle Model" (2018), on
 *         re-randomisation; K. Baghery, M. Kohlweiss, J. Siim, M. Volkhov, "Another Look at Extraction and Randomization
 *         of Groth's zk-SNARK" (2020), section 3
 * @param random  gives uniform elements of the scalar field
 */
export function beginProof(
  sums: { a: Point; b: Point },
  key: KeyPoints,
  random: () => bigint = randomScalar,
): BegunProof {
  const A = inG1(key.alpha1).add(pointG1(sums.a));
  const B = inG2(key.beta2).add(pointG2(sums.b));
  let a = 0n;
  while (a === 0n) a = random();
  const b = random();
  return {
    a: affineG1(A.multiplyUnsafe(inverse(a, SCALAR_FIELD))),
    b: affineG2(mulAddUnsafe(G2, [B, inG2(key.delta2)], [a, (a * b) % SCALAR_FIELD])),
    rest: A.multiplyUnsafe(b),
  };
}

export function finishProof({ a, b, rest }: BegunProof, c: Point): Proof {
  return { a, b, c: affineG1(pointG1(c).add(rest)) };
}

const { Fp12 } = bn254.fields;
type Factor = ReturnType<typeof bn254.pairingBatch>;

/**
 * Whether a proof holds: e(A, B) = e(alpha, beta) e(sum x_i IC_i, gamma) e(C, delta). Each part is computed as soon as it
 * is known, so that little is left when C is.
 */
export class ProofCheck {
  readonly #key: KeyPoints;
  #product: Factor;

  constructor(key: KeyPoints, ic: readonly G1Point[], publicInputs: readonly bigint[]) {
    this.#key = key;
    const sum = mulAddUnsafe(G1, ic.map(inG1), [1n, ...publicInputs]);
    this.#product = factor([
      { g1: inG1(key.alpha1).negate(), g2: inG2(key.beta2) },
      { g1: sum.negate(), g2: inG2(key.gamma2) },
    ]);
  }

  begin({ a, b }: Pick<Proof, "a" | "b">): void {
    this.#product = Fp12.mul(this.#product, factor([{ g1: inG1(a), g2: inG2(b) }]));
  }

  holds({ c }: Pick<Proof, "c">): boolean {
    const last = factor([{ g1: inG1(c).negate(), g2: inG2(this.#key.delta2) }]);
    return Fp12.eql(Fp12.finalExponentiate(Fp12.mul(this.#product, last)), Fp12.ONE);
  }
}

/** The pairings of these points, before the last exponentiation. */
function factor(pairs: { g1: PointG1; g2: PointG2 }[]): Factor {
  return bn254.pairingBatch(
    pairs.filter(({ g1, g2 }) => !g1.is0() && !g2.is0()),
    false,
  );
}

/** 64 bytes modulo r: uniform but for one part in 2^258. */
function randomScalar(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(64));
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % SCALAR_FIELD;
}

function pointG1(point: Point): PointG1 {
  return point ? G1.fromAffine({ x: point.x[0], y: point.y[0] }) : G1.ZERO;
}

function pointG2(point: Point): PointG2 {
  if (!point) return G2.ZERO;
  const [x, y] = [point.x, point.y].map(([c0, c1]) => ({ c0, c1 }));
  return G2.fromAffine({ x, y });
}

function affineG1(point: PointG1): G1Point {
  if (point.is0()) throw infinite();
  const { x, y } = point.toAffine();
  return [x, y];
}

function affineG2(point: PointG2): G2Point {
  if (point.is0()) throw infinite();
  const { x, y } = point.toAffine();
  return [
    [x.c0, x.c1],
    [y.c0, y.c1],
  ];
}

/** Nobody meets it but with a key made for that. */
function infinite(): TacitError {
  return new TacitError("PROVE_FAILED", "the proof would hold a point at infinity: the key is not a sound one");
}
