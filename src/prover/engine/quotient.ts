import { SCALAR_FIELD, inverse } from "../curve.ts";
import { BLOCK_BYTES, ELEMENT_BYTES, type Engine } from "./engine.ts";
import type { Rows } from "./rows.ts";

const LANES = 8;
/** Of transforms, all halvings are made on pieces of so many blocks before the next piece: they stay in the cache. */
const PIECE_BLOCKS = 512;

/** Tables for transforms over the 2^power-th roots of unity, and from them to the coset of odd 2^(power+1)-th roots. */
export interface Domain {
  readonly power: number;
  /** m = 2^power / 8 */
  readonly blocks: number;
  readonly down: Factors;
  readonly up: Factors;
  /** g^(8 i) / n, i < m in bit-reversed order, g of order 2 n */
  readonly shift: number;
}

/** Addresses of the powers of a root w of unity. */
interface Factors {
  /** blocks of w^i, w^(2 i) and w^(4 i), as the first three halvings take them; on the way up times g, g^2 and g^4 */
  readonly first: number;
  /** w^(8 i), i < m / 2 */
  readonly rest: number;
}

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % SCALAR_FIELD)
    if (rest & 1n) result = (result * square) % SCALAR_FIELD;
  return result;
}

/** A root of unity of order 2^bits: powers of 5^((r-1)/2^28), as snarkjs has them. */
export function rootOfUnity(bits: number): bigint {
  return power(5n, (SCALAR_FIELD - 1n) >> BigInt(bits));
}

/** @param bits  domain of 2^bits elements, at least 64 */
export function makeDomain(engine: Engine, bits: number): Domain {
  const { heap, call } = engine;
  const n = 1n << BigInt(bits);
  const m = Number(n / 8n);
  const w = rootOfUnity(bits);
  const g = rootOfUnity(bits + 1);

  /** start root^i of all i < 8 blocks, a block or an element each */
  function table(blocks: number, root: bigint, start: bigint, to: number, as: "blockPowers" | "powers"): void {
    heap.scoped((alloc) => {
      const [first, step] = [alloc(BLOCK_BYTES), alloc(BLOCK_BYTES)];
      engine.writeBlock(first, (lane) => (start * power(root, BigInt(lane))) % SCALAR_FIELD);
      engine.writeBlock(step, () => power(root, 8n));
      call[as](to, as === "powers" ? LANES * blocks : blocks, first, step);
    });
  }
  function factors(root: bigint, shift: bigint): Factors {
    const first = heap.alloc((7 * m * BLOCK_BYTES) / 8);
    let at = first;
    for (const exponent of [1n, 2n, 4n]) {
      const blocks = m / 2 / Number(exponent);
      table(blocks, power(root, exponent), power(shift, exponent), at, "blockPowers");
      at += blocks * BLOCK_BYTES;
    }
    const rest = heap.alloc(ELEMENT_BYTES * Math.max(LANES, m / 2));
    table(Math.max(1, m / 16), power(root, 8n), 1n, rest, "powers");
    return { first, rest };
  }

  const shift = heap.alloc(ELEMENT_BYTES * m);
  table(m / 8, power(g, 8n), inverse(n, SCALAR_FIELD), shift, "powers");
  reverseBits(new Float64Array(heap.memory.buffer, shift, (ELEMENT_BYTES / 8) * m), m);
  return { power: bits, blocks: m, down: factors(inverse(w, SCALAR_FIELD), 1n), up: factors(w, g), shift };
}

export function freeDomain({ heap }: Engine, { down, up, shift }: Domain): void {
  for (const at of [down.first, down.rest, up.first, up.rest, shift]) heap.free(at);
}

/** Bytes of values on a domain, packed, and of values on the coset, in blocks. */
export const packedLength = ({ blocks }: Domain): number => 32 * LANES * blocks;
export const cosetLength = ({ blocks }: Domain): number => BLOCK_BYTES * blocks;

/** From values on the domain, packed, to values on the coset. @returns an address to be freed */
export function toCoset({ heap, call }: Engine, domain: Domain, packed: number): number {
  const { blocks, down, up, shift } = domain;
  const x = heap.alloc(cosetLength(domain));
  const piece = Math.min(blocks, PIECE_BLOCKS);
  call.firstDown(x, blocks, packed, down.first);
  if (piece < blocks) call.stagesDown(x, blocks, down.rest, 1, blocks / 2, piece / 2);
  for (let at = 0; at < blocks; at += piece) {
    const part = x + at * BLOCK_BYTES;
    call.stagesDown(part, piece, down.rest, blocks / piece, piece / 2, 0);
    call.scale(part, piece, shift + at * ELEMENT_BYTES);
    call.stagesUp(part, piece, up.rest, blocks / piece, 1, piece);
  }
  if (piece < blocks) call.stagesUp(x, blocks, up.rest, 1, piece, blocks);
  call.lastUp(x, blocks, up.first);
  return x;
}

/** Rows of a matrix times the witness, one packed value for each element of the domain. @returns an address to be freed */
export function evaluateRows({ heap, call }: Engine, domain: Domain, rows: Rows, witness: number): number {
  const values = heap.alloc(packedLength(domain));
  call.rows(rows.program, rows.groups, witness, rows.coefficients, values);
  return values;
}

/** a b, element by element, of packed values. @returns an address to be freed */
export function multiplyValues({ heap, call }: Engine, domain: Domain, a: number, b: number): number {
  const product = heap.alloc(packedLength(domain));
  call.multiplyPacked(a, b, product, domain.blocks);
  return product;
}

/** a b - c of values on the coset, as numbers of 32 bytes in order; a is overwritten. */
export function quotientNumbers({ heap, call }: Engine, domain: Domain, a: number, b: number, c: number): Uint8Array {
  call.multiply(a, b, domain.blocks);
  call.subtract(a, c, domain.blocks);
  return heap.scoped((alloc) => {
    const out = alloc(packedLength(domain));
    call.toNumbers(a, domain.blocks, out);
    return heap.bytes(out, packedLength(domain)).slice();
  });
}

/** The witness as the rows take it: packed, and a zero after it. @returns an address to be freed */
export function takeWitness({ heap, call, element, form }: Engine, witness: Uint8Array): number {
  const wires = witness.length / 32;
  const blocks = Math.ceil((wires + 1) / LANES);
  const at = heap.alloc(32 * LANES * blocks);
  const bytes = heap.bytes(at, 32 * LANES * blocks);
  bytes.set(witness);
  bytes.fill(0, witness.length);
  heap.scoped((alloc) => call.takeNumbers(at, blocks, element(alloc, 1n << form.radixBits)));
  return at;
}

function reverseBits(table: Float64Array, m: number): void {
  const width = ELEMENT_BYTES / 8;
  const bits = Math.log2(m);
  for (let i = 0; i < m; i++) {
    let j = 0;
    for (let b = 0; b < bits; b++) if (i & (1 << b)) j |= 1 << (bits - 1 - b);
    if (j <= i) continue;
    for (let k = 0; k < width; k++) {
      const kept = table[i * width + k];
      table[i * width + k] = table[j * width + k];
      table[j * width + k] = kept;
    }
  }
}
