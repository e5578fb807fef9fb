import { importFunc, importMemory, i32, Module } from "wasmati";
import { BASE_FIELD, SCALAR_FIELD } from "../curve.ts";
import type { Field } from "./field.ts";
import { fmaField } from "./fma.ts";
import { emitHash } from "./hash.ts";
import { inversion } from "./inversion.ts";
import { SCRATCH } from "./layout.ts";
import { giveNumbers } from "./packed.ts";
import { pointKernels } from "./points.ts";
import { emitRows } from "./rows.ts";
import { scalarField } from "./scalar.ts";
import { transformKernels } from "./transform.ts";
import { digitKernels, sumKernel } from "./sums.ts";

/** All modules by name. */
export function emitKernels(): Record<string, Uint8Array> {
  return {
    fma: emit(fmaField),
    scalar: emit(scalarField),
    rows: emitRows(),
    hashFma: emitHash(fmaField, SCALAR_FIELD),
    hashScalar: emitHash(scalarField, SCALAR_FIELD),
  };
}

function emit(makeField: (modulus: bigint, scratch: number) => Field): Uint8Array {
  const base = makeField(BASE_FIELD, SCRATCH.base);
  const scalar = makeField(SCALAR_FIELD, SCRATCH.scalar);
  const invert = inversion(BASE_FIELD, base.bias, SCRATCH.inversion);
  const mend = importFunc({ in: [i32, i32, i32, i32], out: [] }, () => {});
  const g1 = pointKernels("G1", base, invert);
  const g2 = pointKernels("G2", base, invert);
  return Module({
    memory: importMemory({ min: 1, max: 65536 }),
    exports: {
      gatherBase: base.gather(4),
      spreadBase: base.spread,
      zeros: base.zeros,
      addBase: base.add,
      gatherScalar: scalar.gather(4),
      spreadScalar: scalar.spread,
      takeG1: g1.take,
      takeG2: g2.take,
      giveCoordinates: giveNumbers(base, SCRATCH.points),
      sumG1: sumKernel("G1", g1, mend),
      sumG2: sumKernel("G2", g2, mend),
      ...digitKernels(SCALAR_FIELD),
      ...transformKernels(scalar),
    },
  }).toBytes();
}
