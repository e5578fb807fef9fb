import { isTorsionFree, multiply, satisfies } from "./babyjub.ts";
import { hashing } from "./permutation.ts";
import { primitivesInUse, type Primitives } from "./primitives.ts";

/** Plain JavaScript, and what all others are measured by. */
export const reference: Primitives = {
  ...hashing,
  multiply,
  inSubgroup: isTorsionFree,
  verifyMany: (signed) => signed.map(satisfies),
};

/** What this thread computes with. */
export function primitives(): Primitives {
  return primitivesInUse() ?? reference;
}
