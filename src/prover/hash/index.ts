import { readKernel } from "#prover-runtime";
import type { Point, Signed } from "../../protocol/babyjub.ts";
import type { Primitives } from "../../protocol/primitives.ts";
import { detectBackend, enableRelaxedSimd } from "../engine/backend.ts";
import { FORMS, type Backend, type Exports } from "../engine/engine.ts";
import { Heap } from "../engine/memory.ts";
import { HASH_FREE, HASH_LAYOUT } from "./layout.ts";
import { eightLanesOf, LaneKernels, SINGLE } from "./lanes.ts";
import { Poseidon } from "./poseidon.ts";
import { Signatures } from "./signatures.ts";

export { usePrimitives } from "../../protocol/primitives.ts";
export { reference } from "../../protocol/reference.ts";

const EIGHT = 8;
/** As many as this or more are computed eight at once, fewer one by one. */
const ENOUGH = 5;

/**
 * Hashes and signatures in WebAssembly, as the protocol takes them: `usePrimitives(await startHashKernels(...))`. Eight at
 * once where there are many; one alone on 64-bit integers. Tables are made when first needed: a few milliseconds for each
 * number of inputs of a hash, some ten for signatures. Not constant in time.
 */
export class HashKernels implements Primitives {
  readonly #memory: WebAssembly.Memory;
  readonly #single: LaneKernels;
  readonly #eight: LaneKernels;
  readonly #hashSingle: Poseidon;
  readonly #hashEight: Poseidon;
  readonly #curveSingle: Signatures;
  readonly #curveEight: Signatures;

  constructor(memory: WebAssembly.Memory, exports: Exports, backend: Backend) {
    this.#memory = memory;
    const heap = new Heap(memory, HASH_FREE);
    this.#single = new LaneKernels(heap, exports, SINGLE, HASH_LAYOUT.single);
    this.#eight = new LaneKernels(heap, exports, eightLanesOf(FORMS[backend]), HASH_LAYOUT.eight);
    this.#hashSingle = new Poseidon(this.#single);
    this.#hashEight = new Poseidon(this.#eight);
    let entries: bigint[] | undefined;
    const baseEntries = () => (entries ??= this.#curveSingle.baseEntries());
    this.#curveSingle = new Signatures(this.#single, this.#hashSingle, baseEntries);
    this.#curveEight = new Signatures(this.#eight, this.#hashEight, baseEntries);
  }

  /** Bytes of memory that are taken. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  readonly hash = (initialState: bigint, inputs: readonly bigint[]): bigint => {
    const kernels = this.#single;
    this.#hashSingle.load(inputs.length, () => {
      kernels.put(0, 0, initialState);
      for (let i = 0; i < inputs.length; i++) kernels.put(i + 1, 0, inputs[i]);
    });
    kernels.write(this.#hashSingle.run(inputs.length));
    return kernels.get(0);
  };

  readonly hashMany = (initialState: bigint, inputs: readonly (readonly bigint[])[]): bigint[] =>
    inEights(
      inputs,
      (each) => this.hash(initialState, each),
      (some) => this.#hashSome(initialState, some),
    );

  #hashSome(initialState: bigint, some: readonly (readonly bigint[])[]): bigint[] {
    const kernels = this.#eight;
    const arity = some[0].length;
    this.#hashEight.load(arity, () => {
      for (let lane = 0; lane < EIGHT; lane++) {
        kernels.put(0, lane, initialState);
        // Lanes that nobody asked for compute the last hash once more.
        const values = some[Math.min(lane, some.length - 1)];
        for (let i = 0; i < arity; i++) kernels.put(i + 1, lane, values[i]);
      }
    });
    kernels.write(this.#hashEight.run(arity));
    return some.map((_, lane) => kernels.get(lane));
  }

  readonly multiply = (scalar: bigint, point: Point): Point => this.#curveSingle.multiply(scalar, point);

  readonly inSubgroup = (point: Point): boolean =>
    (point.x === 0n && point.y === 1n) || this.#curveSingle.inSubgroup([point])[0];

  /** Keys that have tables come together, where they fill eight lanes or nearly: one without keeps seven from theirs. */
  readonly verifyMany = (signed: readonly Signed[]): boolean[] => {
    const hasTable = signed.map(({ key }) => this.#curveEight.hasTable(key));
    const known = [...signed.keys()].filter((i) => hasTable[i]);
    const left = known.length % EIGHT < ENOUGH ? known.splice(known.length - (known.length % EIGHT)) : [];
    const others = [...[...signed.keys()].filter((i) => !hasTable[i]), ...left];
    const answers = Array<boolean>(signed.length);
    for (const group of [known, others])
      inEights(
        group.map((i) => signed[i]),
        (each) => this.#curveSingle.verify([each])[0],
        (some) => this.#curveEight.verify(some),
      ).forEach((holds, at) => (answers[group[at]] = holds));
    return answers;
  };
}

function inEights<In, Out>(all: readonly In[], one: (each: In) => Out, eight: (some: readonly In[]) => Out[]): Out[] {
  const results: Out[] = [];
  let at = 0;
  for (; all.length - at >= ENOUGH; at += EIGHT) results.push(...eight(all.slice(at, at + EIGHT)));
  for (; at < all.length; at++) results.push(one(all[at]));
  return results;
}

/** Names of the modules. */
export const HASH_MODULES = { fma: "hashFma", scalar: "hashScalar" } as const satisfies Record<Backend, string>;

export interface HashKernelOptions {
  /** the module of the backend, compiled or its bytes; default: read from where the prover's kernels are */
  readonly module?: WebAssembly.Module | Uint8Array;
  /** default: what this engine runs best */
  readonly backend?: Backend;
}

/**
 * Starts kernels with memory of their own, which then answer synchronously.
 * @throws TacitError NOT_BUILT  when no module is given and there is none to read
 */
export async function startHashKernels({ module, backend }: HashKernelOptions = {}): Promise<HashKernels> {
  if (backend !== "scalar") enableRelaxedSimd();
  const chosen = backend ?? detectBackend();
  const given = module ?? (await readKernel(HASH_MODULES[chosen]));
  const compiled = given instanceof WebAssembly.Module ? given : await WebAssembly.compile(given as BufferSource);
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536 });
  const imports = WebAssembly.Module.imports(compiled).map(({ name }) => [name, memory]);
  const instance = await WebAssembly.instantiate(compiled, { "": Object.fromEntries(imports) });
  return new HashKernels(memory, instance.exports as Exports, chosen);
}
