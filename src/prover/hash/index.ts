import { Heap } from "../engine/memory.ts";
import { FORMS, type Backend, type Exports } from "../engine/engine.ts";
import { HASH_FREE, HASH_LAYOUT } from "../kernels/hashLayout.ts";
import { eightLanesOf, LaneKernels, SINGLE } from "./lanes.ts";
import { Signatures } from "./signatures.ts";
import { Poseidon } from "./poseidon.ts";

/** As many hashes as this or more are computed eight at once, fewer one by one. */
const ENOUGH = 4;

export class HashKernels {
  readonly #eight: LaneKernels;
  readonly #single: LaneKernels;
  readonly #hashEight: Poseidon;
  readonly #hashSingle: Poseidon;

  readonly signSingle: Signatures;
  readonly signEight: Signatures;

  constructor(memory: WebAssembly.Memory, exports: Exports, backend: Backend) {
    const heap = new Heap(memory, HASH_FREE);
    this.#eight = new LaneKernels(heap, exports, eightLanesOf(FORMS[backend]), HASH_LAYOUT.eight);
    this.#single = new LaneKernels(heap, exports, SINGLE, HASH_LAYOUT.single);
    this.#hashEight = new Poseidon(this.#eight);
    this.#hashSingle = new Poseidon(this.#single);
    let entries: bigint[] | undefined;
    const baseEntries = () => (entries ??= this.signSingle.baseEntries());
    this.signSingle = new Signatures(this.#single, this.#hashSingle, baseEntries);
    this.signEight = new Signatures(this.#eight, this.#hashEight, baseEntries);
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

  readonly hashMany = (initialState: bigint, inputs: readonly (readonly bigint[])[]): bigint[] => {
    const hashes: bigint[] = [];
    const kernels = this.#eight;
    let first = 0;
    for (; inputs.length - first >= ENOUGH; first += 8) {
      const some = inputs.slice(first, first + 8);
      const arity = some[0].length;
      this.#hashEight.load(arity, () => {
        for (let lane = 0; lane < 8; lane++) {
          kernels.put(0, lane, initialState);
          // Lanes that nobody asked for compute the last hash once more.
          const values = some[Math.min(lane, some.length - 1)];
          for (let i = 0; i < arity; i++) kernels.put(i + 1, lane, values[i]);
        }
      });
      kernels.write(this.#hashEight.run(arity));
      for (let lane = 0; lane < some.length; lane++) hashes.push(kernels.get(lane));
    }
    for (; first < inputs.length; first++) hashes.push(this.hash(initialState, inputs[first]));
    return hashes;
  };
}
