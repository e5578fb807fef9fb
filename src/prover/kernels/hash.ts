import { importMemory, Module } from "wasmati";
import type { Field } from "./field.ts";
import { CONSTANT, HASH_LAYOUT } from "../hash/layout.ts";
import { eightLanes, type Lanes } from "./lanes.ts";
import { addBias, dropBias } from "./packed.ts";
import { poseidonKernel } from "./poseidon.ts";
import { singleLane } from "./single.ts";
import { inversion } from "./inversion.ts";
import { curveKernels } from "./babyjub.ts";
import { evaluate, fn, int, invoke, set, times, variable, type Kernel } from "./wasm.ts";

type Layout = { readonly [Name in keyof (typeof HASH_LAYOUT)["eight"]]: number };

/** The module of hashes and signatures: eight at once on any field, one alone on 64-bit integers. */
export function emitHash(makeField: (modulus: bigint, scratch: number) => Field, modulus: bigint): Uint8Array {
  const { eight, single } = HASH_LAYOUT;
  const one = singleLane(modulus, single.scratch);
  const kernels = {
    ...named("Eight", laneKernels(eightLanes(makeField(modulus, eight.scratch), eight.block), eight)),
    ...named("Single", laneKernels(one, single)),
    affineSingle: affineKernel(one),
  };
  return Module({ memory: importMemory({ min: 2, max: 65536 }), exports: kernels }).toBytes();
}

function named(suffix: string, kernels: Record<string, Kernel>): Record<string, Kernel> {
  return Object.fromEntries(Object.entries(kernels).map(([name, kernel]) => [name + suffix, kernel]));
}

function laneKernels(lanes: Lanes, { list, constants, temporaries }: Layout): Record<string, Kernel> {
  const { mul, blockBytes } = lanes;
  const [gather, scatter] = [lanes.gather(4), lanes.scatter(4)];
  const [raise, lower] = [addBias(lanes), dropBias(lanes)];
  const packedBytes = 32 * lanes.lanes;
  const constant = (index: number) => constants + blockBytes * index;
  return {
    gather,
    spread: lanes.spread,
    /** (numbers, blocks, count): numbers below the modulus, 32 bytes each, to blocks; the numbers are overwritten */
    read: fn(["i32", "i32", "i32"], [], (numbers, blocks, count) => {
      evaluate(raise, numbers, int.mul(count, lanes.lanes));
      const base = int.and(numbers, 0);
      const [from, to] = [variable("i32", numbers), variable("i32", blocks)];
      times(count, () => {
        invoke(gather, to, int.add(base, list), from);
        invoke(mul, to, to, constant(CONSTANT.read));
        set(from, int.add(from, packedBytes));
        set(to, int.add(to, blockBytes));
      });
    }),
    /** (numbers, block): the way back, of one block, which is overwritten; with one lane, 0 may come out as the modulus */
    write: fn(["i32", "i32"], [], (numbers, block) => {
      const base = int.and(numbers, 0);
      invoke(mul, block, block, constant(CONSTANT.write));
      invoke(scatter, int.add(base, list), block, numbers);
      const at = variable("i32", numbers);
      times(variable("i32", lanes.lanes), () => {
        invoke(lower, at);
        set(at, int.add(at, 32));
      });
    }),
    poseidon: poseidonKernel(lanes, constant(CONSTANT.zero)),
    ...curveKernels(lanes, constants, temporaries),
  };
}

/** (p): x of the protocol and y of one point, whose Z is not 0, in place of its X and Y. */
function affineKernel({ modulus, bias, blockBytes, mul, gather, scatter }: Lanes): Kernel {
  const { list, constants, inverse } = HASH_LAYOUT.single;
  const invert = inversion(modulus, bias, inverse + 32);
  const constant = (index: number) => constants + blockBytes * index;
  return fn(["i32"], [], (p) => {
    const base = int.and(p, 0);
    const [y, z] = [int.add(p, blockBytes), int.add(p, 2 * blockBytes)];
    invoke(scatter(4), int.add(base, list), z, inverse);
    evaluate(invert, int.add(base, inverse), int.add(base, inverse));
    invoke(gather(4), z, int.add(base, list), inverse);
    invoke(mul, z, z, constant(CONSTANT.invert));
    invoke(mul, p, p, z);
    invoke(mul, p, p, constant(CONSTANT.unroot));
    invoke(mul, y, y, z);
  });
}
