import { importFunc, importMemory, i32, Module } from "wasmati";
import { fmaField } from "./fma.ts";
import { inversion } from "./inversion.ts";
import { SCRATCH } from "./layout.ts";
import { pointKernels } from "./points.ts";
import { transformKernels } from "./transform.ts";
import { digitKernels, sumKernel } from "./sums.ts";

const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const SCALAR_FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

export function emitKernels(): Record<string, Uint8Array> {
  const field = fmaField(BASE_FIELD, SCRATCH.base);
  const invert = inversion(BASE_FIELD, field.bias, SCRATCH.base + 1024);
  const mend = importFunc({ in: [i32, i32, i32, i32], out: [] }, () => {});
  const g1 = pointKernels("G1", field, invert);
  const g2 = pointKernels("G2", field, invert);
  const scalar = fmaField(SCALAR_FIELD, SCRATCH.scalar);
  const { prepare, shift, count, place } = digitKernels(SCALAR_FIELD);
  const module = Module({
    memory: importMemory({ min: 1, max: 65536 }),
    exports: {
      mul: field.mul,
      sqr: field.sqr,
      mulOne: field.mulOne,
      add: field.add,
      sub: field.sub,
      gather: field.gather(4),
      gatherSigned: field.gatherSigned(4),
      scatter: field.scatter(4),
      invert,
      zeros: field.zeros,
      takeG1: g1.take,
      takeG2: g2.take,
      forwardG1: g1.forward,
      backwardG1: g1.backward,
      forwardG2: g2.forward,
      backwardG2: g2.backward,
      sumG1: sumKernel("G1", g1, mend as never),
      sumG2: sumKernel("G2", g2, mend as never),
      prepare,
      shift,
      count,
      place,
      ...transformKernels(scalar),
    } as never,
  });
  return { curve: module.toBytes() };
}
