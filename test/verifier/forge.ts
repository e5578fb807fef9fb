import type { Proof } from "../../src/protocol/proof.ts";
import type { BatchItem } from "../../src/verifier/index.ts";
import { FIELD, G1, G2, linesOf, productIsOne, readG1, readG2 } from "../../src/verifier/points.ts";
import type { PairG1, PairG2, PointG1, PointG2 } from "../../src/verifier/points.ts";
import { pairG1 } from "./simulator.ts";

export const g1 = (pair: PairG1) => readG1(pair) as PointG1;
export const g2 = (pair: PairG2) => readG2(pair) as PointG2;

/** A point of the curve of G2 that is outside the subgroup. */
export function outsideSubgroup(): PointG2 {
  const { Fp } = G2;
  for (let x = 1n; ; x++) {
    const affine = { c0: x, c1: 1n };
    try {
      const y = Fp.sqrt(Fp.add(Fp.mul(Fp.sqr(affine), affine), G2.CURVE().b));
      const point = G2.fromAffine({ x: affine, y });
      if (
        !point
          .multiplyUnsafe(FIELD - 1n)
          .add(point)
          .is0()
      )
        return point;
    } catch {
      // not a square: the next x
    }
  }
}

/** Two valid proofs of one instruction, each made wrong so that the two errors cancel in a plain product. */
export function forgedBatches<Item extends { publicInputs: readonly bigint[]; proof: Proof }>(
  one: Item,
  two: Item,
): [why: string, batch: Item[]][] {
  const shifted = (item: Item, by: bigint) => ({
    ...item,
    publicInputs: item.publicInputs.with(5, item.publicInputs[5] + by),
  });
  const moved = (item: Item, by: PointG1) => ({
    ...item,
    proof: { ...item.proof, c: pairG1(g1(item.proof.c).add(by)) },
  });
  return [
    ["two inputs are shifted against each other", [shifted(one, 1n), shifted(two, -1n)]],
    ["two points C are shifted against each other", [moved(one, G1.BASE), moved(two, G1.BASE.negate())]],
    [
      "two points C change places",
      [
        { ...one, proof: { ...one.proof, c: two.proof.c } },
        { ...two, proof: { ...two.proof, c: one.proof.c } },
      ],
    ],
  ];
}

/** What a batch would be with every coefficient 1. */
export function productWithoutCoefficients(items: readonly BatchItem[]): boolean {
  return productIsOne(
    items.flatMap(({ key: { alpha, beta, gamma, delta, ic }, publicInputs, proof }) => {
      const sum = publicInputs.reduce((total, x, i) => total.add(ic[i + 1].multiplyUnsafe(x)), ic[0]);
      return [
        [g1(proof.a), linesOf(g2(proof.b))] as const,
        [alpha.negate(), beta] as const,
        [sum.negate(), gamma] as const,
        [g1(proof.c).negate(), delta] as const,
      ];
    }),
  );
}

/** A point of BabyJubJub in the prime subgroup. */
export const KEY = [
  5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  16950150798460657717958625567821834550301663161624707787222815936182638968203n,
] as const;
