import { SCALAR_FIELD, inverse, mod } from "../curve.ts";
import { BLOCK_BYTES, ELEMENT_BYTES, type Engine } from "./engine.ts";
import type { Rows } from "./rows.ts";

const LANES = 8;
/** lane l holds what belongs to index REVERSED[l] */
const REVERSED = [0, 4, 2, 6, 1, 5, 3, 7];

/** Tables for transforms over the 2^power-th roots of unity, and from them to the coset of odd 2^(power+1)-th roots. */
export interface Domain {
  readonly power: number;
  readonly blocks: number;
  /** w^(-8 i) and w^(8 i), i < m / 2, w a root of unity of order n = 8 m */
  readonly down: number;
  readonly up: number;
  /** g^(8 i), i < m in bit-reversed order, g of order 2 n */
  readonly shift: number;
  /** blocks: factors across lanes, and steps */
  readonly lanes: number;
}

const LANE_BLOCKS = { down4: 0, down2: 1, downStep: 2, downStart: 3, up4: 4, up2: 5, upStep: 6, upStart: 7, power: 8 };

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

/** @param bits  domain of 2^bits elements, at least 16 */
export function makeDomain(engine: Engine, bits: number): Domain {
  const { heap, call } = engine;
  const n = 1n << BigInt(bits);
  const m = Number(n / 8n);
  const w = rootOfUnity(bits);
  const g = rootOfUnity(bits + 1);
  const back = inverse(w, SCALAR_FIELD);
  const table = (root: bigint, count: number) => {
    const at = heap.alloc(ELEMENT_BYTES * Math.max(LANES, count));
    heap.scoped((alloc) => {
      const [start, step] = [alloc(BLOCK_BYTES), alloc(BLOCK_BYTES)];
      engine.writeBlock(start, (lane) => power(root, BigInt(lane)));
      engine.writeBlock(step, () => power(root, 8n));
      call.powers(at, count, start, step);
    });
    return at;
  };
  const down = table(power(back, 8n), m / 2);
  const up = table(power(w, 8n), m / 2);
  const shift = table(power(g, 8n), m);
  reverseBits(new Float64Array(heap.memory.buffer, shift, (ELEMENT_BYTES / 8) * m), m);
  const lanes = heap.alloc(BLOCK_BYTES * 9);
  const block = (name: keyof typeof LANE_BLOCKS, value: (lane: number) => bigint) =>
    engine.writeBlock(lanes + BLOCK_BYTES * LANE_BLOCKS[name], value);
  for (const [direction, root] of [
    ["down", back],
    ["up", w],
  ] as const) {
    const eighth = power(root, BigInt(m));
    block(`${direction}4`, (lane) => (lane & 4 ? power(eighth, BigInt(lane & 3)) : 1n));
    block(`${direction}2`, (lane) => (lane & 2 ? power(eighth, BigInt(2 * (lane & 1))) : 1n));
    block(`${direction}Step`, (lane) => power(root, BigInt(REVERSED[lane])));
  }
  block("downStart", () => 1n);
  const perElement = inverse(n, SCALAR_FIELD);
  block("upStart", (lane) => mod(power(g, BigInt(REVERSED[lane])) * perElement, SCALAR_FIELD));
  return { power: bits, blocks: m, down, up, shift, lanes };
}

export function freeDomain({ heap }: Engine, { down, up, shift, lanes }: Domain): void {
  for (const at of [down, up, shift, lanes]) heap.free(at);
}

/** Bytes of values on a domain. */
export function valuesLength({ blocks }: Domain): number {
  return BLOCK_BYTES * blocks;
}

/** In place: from values on the domain to values on the coset. */
export function toCoset({ heap, call }: Engine, { blocks, down, up, shift, lanes }: Domain, x: number): void {
  const at = (name: keyof typeof LANE_BLOCKS) => lanes + BLOCK_BYTES * LANE_BLOCKS[name];
  const start = (name: "downStart" | "upStart") =>
    heap.bytes(at("power"), BLOCK_BYTES).set(heap.bytes(at(name), BLOCK_BYTES));
  start("downStart");
  call.inverseLanes(x, blocks, at("down4"), at("down2"), at("power"), at("downStep"));
  call.stagesDown(x, blocks, down);
  call.scale(x, blocks, shift);
  call.stagesUp(x, blocks, up);
  start("upStart");
  call.forwardLanes(x, blocks, at("up4"), at("up2"), at("power"), at("upStep"));
}

/** Rows of a matrix times the witness, one value for each element of the domain. @returns an address to be freed */
export function evaluateRows({ heap, call }: Engine, { blocks }: Domain, rows: Rows, witness: number): number {
  const values = heap.alloc(BLOCK_BYTES * blocks);
  heap.scoped((alloc) => {
    const packed = alloc(32 * LANES * blocks);
    call.rows(rows.program, rows.groups, witness, rows.coefficients, packed);
    call.fromPacked(values, blocks, packed);
  });
  return values;
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
