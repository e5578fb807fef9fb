/**
 * Lists of elements of the scalar field in an engine's memory: packed, 32 bytes each in Montgomery form, in blocks of eight.
 * A list is its address, which whoever asked for it frees.
 */
import { SCALAR_FIELD, inverse } from "../../prover/curve.ts";
import type { Engine } from "../../prover/engine/engine.ts";

export const LANES = 8;
const NUMBER_BYTES = 32;
/** of eight numbers or packed elements */
export const BLOCK_BYTES = NUMBER_BYTES * LANES;

/** The same eight values, block after block. @param blocks  at least 1 */
export function repeated(engine: Engine, eight: readonly bigint[], blocks: number): number {
  const { heap, call, element, form } = engine;
  const list = heap.alloc(blocks * BLOCK_BYTES);
  eight.forEach((value, lane) => heap.writeInteger(list + lane * NUMBER_BYTES, value));
  heap.scoped((alloc) => call.takeNumbers(list, 1, element(alloc, 1n << form.radixBits)));
  const bytes = heap.bytes(list, blocks * BLOCK_BYTES);
  for (let done = BLOCK_BYTES; done < bytes.length; done *= 2) bytes.copyWithin(done, 0, done);
  return list;
}

/** One value, 0 <= value < r, again and again. */
export function constant(engine: Engine, value: bigint, blocks: number): number {
  return repeated(engine, Array<bigint>(LANES).fill(value), blocks);
}

/** first, first root, first root^2, ... @param blocks  a power of two */
export function powers(engine: Engine, first: bigint, root: bigint, blocks: number): number {
  const eight = [first];
  while (eight.length < LANES) eight.push((eight.at(-1)! * root) % SCALAR_FIELD);
  const list = constant(engine, 0n, blocks);
  const begin = repeated(engine, eight, 1);
  addMultiple(engine, list, begin, 1n, 1);
  engine.heap.free(begin);
  let step = root;
  for (let elements = 1; elements < LANES; elements *= 2) step = (step * step) % SCALAR_FIELD;
  for (let done = 1; done < blocks; done *= 2, step = (step * step) % SCALAR_FIELD)
    addMultiple(engine, list + done * BLOCK_BYTES, list, step, done);
  return list;
}

/** Adds a list times a factor to another, block by block. */
export function addMultiple(engine: Engine, to: number, list: number, factor: bigint, blocks: number): void {
  const { heap, call, element } = engine;
  heap.scoped((alloc) => call.addMultiple(to, list, element(alloc, factor), blocks));
}

/**
 * Inverses of all elements, none of which may be 0: of products of pairs first, down to one block.
 * @param blocks  a power of two
 */
export function inverses(engine: Engine, list: number, blocks: number): number {
  const { heap, call } = engine;
  if (blocks === 1) {
    const eight = heap.scoped((alloc) => {
      const numbers = alloc(BLOCK_BYTES);
      heap.bytes(numbers, BLOCK_BYTES).set(heap.bytes(list, BLOCK_BYTES));
      toNumbers(engine, numbers, 1);
      return Array.from({ length: LANES }, (_, lane) => heap.readInteger(numbers + lane * NUMBER_BYTES));
    });
    return repeated(
      engine,
      eight.map((value) => inverse(value, SCALAR_FIELD)),
      1,
    );
  }
  const half = blocks / 2;
  const right = list + half * BLOCK_BYTES;
  const products = heap.alloc(half * BLOCK_BYTES);
  call.multiplyPacked(list, right, products, half);
  const ofProducts = inverses(engine, products, half);
  const found = heap.alloc(blocks * BLOCK_BYTES);
  call.multiplyPacked(ofProducts, right, found, half);
  call.multiplyPacked(ofProducts, list, found + half * BLOCK_BYTES, half);
  for (const at of [products, ofProducts]) heap.free(at);
  return found;
}

/** Replaces elements by the numbers that they stand for, below r and little endian. */
export function toNumbers({ heap, call, element, form }: Engine, list: number, blocks: number): void {
  heap.scoped((alloc) => call.giveNumbers(list, blocks, element(alloc, inverse(1n << form.radixBits, SCALAR_FIELD))));
}
