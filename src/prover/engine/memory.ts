import { TacitError, outOfRange } from "../../protocol/errors.ts";

const PAGE = 65536;
const ALIGN = 64;
/** 4 GiB less a page: addresses have 32 bits. */
const LIMIT = 65535 * PAGE;

/** Hands out the memory of a kernel instance in pieces aligned to 64 bytes, the first that fits. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** free pieces by rising address, no two of them adjacent */
  readonly #free: { at: number; length: number }[] = [];
  readonly #used = new Map<number, number>();
  #end: number;

  /** @param start  first byte that may be handed out, a multiple of 64 */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.memory = memory;
    this.#end = start;
  }

  /** Bytes that are in use. */
  get used(): number {
    return [...this.#used.values()].reduce((sum, length) => sum + length, 0);
  }

  /** @throws TacitError OUT_OF_MEMORY */
  alloc(bytes: number): number {
    if (!Number.isSafeInteger(bytes)) throw outOfRange("bytes", "a whole number");
    const length = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    const index = this.#free.findIndex((piece) => piece.length >= length);
    let at: number;
    if (index >= 0) {
      const piece = this.#free[index];
      at = piece.at;
      piece.at += length;
      piece.length -= length;
      if (piece.length === 0) this.#free.splice(index, 1);
    } else {
      at = this.#end;
      const end = at + length;
      const missing = end - this.memory.buffer.byteLength;
      if (missing > 0) this.#grow(end, Math.ceil(missing / PAGE));
      this.#end = end;
    }
    this.#used.set(at, length);
    return at;
  }

  #grow(end: number, pages: number): void {
    try {
      if (end > LIMIT) throw new RangeError("beyond 4 GiB");
      this.memory.grow(pages);
    } catch {
      const advice = "close other provers, or prove with more workers";
      throw new TacitError("OUT_OF_MEMORY", `the prover needs ${end} bytes of memory in one thread: ${advice}`, {
        bytes: end,
      });
    }
  }

  free(at: number): void {
    const length = this.#used.get(at);
    if (length === undefined) return;
    this.#used.delete(at);
    let index = this.#free.findIndex((piece) => piece.at > at);
    if (index < 0) index = this.#free.length;
    this.#free.splice(index, 0, { at, length });
    for (const left of [index, index - 1]) {
      const [a, b] = [this.#free[left], this.#free[left + 1]];
      if (a && b && a.at + a.length === b.at) {
        a.length += b.length;
        this.#free.splice(left + 1, 1);
      }
    }
    const last = this.#free.at(-1);
    if (last && last.at + last.length === this.#end) {
      this.#free.pop();
      this.#end = last.at;
    }
  }

  /** Runs with pieces that are given back whatever happens. */
  scoped<T>(run: (alloc: (bytes: number) => number) => T): T {
    const taken: number[] = [];
    try {
      return run((bytes) => {
        const at = this.alloc(bytes);
        taken.push(at);
        return at;
      });
    } finally {
      for (const at of taken.reverse()) this.free(at);
    }
  }

  bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer as ArrayBuffer, at, length);
  }

  words(at: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.memory.buffer as ArrayBuffer, at, length);
  }

  /** 32 bytes, little endian */
  readInteger(at: number): bigint {
    const view = new DataView(this.memory.buffer, at, 32);
    let value = 0n;
    for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(8 * i, true);
    return value;
  }

  writeInteger(at: number, value: bigint): void {
    const view = new DataView(this.memory.buffer, at, 32);
    for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
  }
}
