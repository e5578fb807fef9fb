/** Parser and evaluator of .r1cs files, the constraint systems that circom writes. */
import { FIELD } from "../../src/protocol/poseidon.ts";
import { invert } from "../../src/protocol/poseidonConstants.ts";

/** Order of the field: a constant of this module, as an import costs a call each time it is read. */
export const MODULUS = FIELD;

export function modulo(x: bigint): bigint {
  const rest = x % MODULUS;
  return rest < 0n ? rest + MODULUS : rest;
}

/** In the field. @param y  not 0 */
export function quotient(x: bigint, y: bigint): bigint {
  if (y === 1n) return modulo(x);
  if (y === MODULUS - 1n) return modulo(-x);
  return modulo(x * invert(y));
}

/** A linear combination: sum of coefficients[i] * witness[wires[i]]. */
export interface Linear {
  wires: Uint32Array;
  coefficients: bigint[];
}

/** a * b = c */
export type Constraint = [a: Linear, b: Linear, c: Linear];

/** Constraint i is parts 3i, 3i + 1 and 3i + 2: its a, b and c, which are sums of terms. */
export interface R1cs {
  wires: number;
  publicOutputs: number;
  publicInputs: number;
  privateInputs: number;
  constraintCount: number;
  /** Coefficients that are not 0, over all constraints: what a proving key grows with. */
  nonzeros: number;
  /** Index of the first term of each part, and of the end of the last. */
  starts: Uint32Array;
  /** Wire of each term. */
  termWires: Uint32Array;
  /** Coefficient of each term, in [0, r); equal ones are one object. */
  coefficients: bigint[];
  /** 1 and -1 where that is the coefficient, else 0. */
  units: Int8Array;
}

const WORDS = 8;

/** @source https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md */
export function parseR1cs(bytes: Uint8Array): R1cs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number) => view.getUint32(at, true);
  if (u32(0) !== 0x73633172 || u32(4) !== 1) throw new Error("not an .r1cs file of version 1");
  const section = new Map<number, [start: number, end: number]>();
  for (let i = 0, at = 12; i < u32(8); i++) {
    const end = at + 12 + Number(view.getBigUint64(at + 4, true));
    section.set(u32(at), [at + 12, end]);
    at = end;
  }
  const [header] = section.get(1)!;
  const width = u32(header);
  const counts = header + 4 + width;
  if (width !== 4 * WORDS || element(view, header + 4) !== MODULUS)
    throw new Error("not over the scalar field of BN254");
  const constraintCount = u32(counts + 24);

  const words = new Uint32Array(Uint8Array.from(bytes.subarray(...section.get(2)!)).buffer);
  const parts = 3 * constraintCount;
  const nonzeros = (words.length - parts) / (1 + WORDS);
  const starts = new Uint32Array(parts + 1);
  const termWires = new Uint32Array(nonzeros);
  const coefficients = Array.from<bigint>({ length: nonzeros });
  const units = new Int8Array(nonzeros);
  const read = reader(words);
  for (let part = 0, at = 0, term = 0; part < parts; part++) {
    for (let left = words[at++]; left > 0; left--, at += 1 + WORDS, term++) {
      const { value, unit } = read(at + 1);
      termWires[term] = words[at];
      coefficients[term] = value;
      units[term] = unit;
    }
    starts[part + 1] = term;
  }
  return {
    wires: u32(counts),
    publicOutputs: u32(counts + 4),
    publicInputs: u32(counts + 8),
    privateInputs: u32(counts + 12),
    constraintCount,
    nonzeros,
    starts,
    termWires,
    coefficients,
    units,
  };
}

/** Reads the coefficient at an index; each value is made once, as there are far fewer values than terms. */
function reader(words: Uint32Array): (at: number) => { value: bigint; unit: number } {
  const known = new Map<number, { at: number; value: bigint; unit: number }[]>();
  const view = new DataView(words.buffer);
  return (at) => {
    const hash = (words[at] ^ Math.imul(words[at + 1], 0x9e3779b1) ^ Math.imul(words[at + 5], 0x85ebca6b)) >>> 0;
    const alike = known.get(hash) ?? [];
    known.set(hash, alike);
    for (const one of alike) {
      let i = 0;
      while (i < WORDS && words[one.at + i] === words[at + i]) i++;
      if (i === WORDS) return one;
    }
    const value = element(view, 4 * at);
    const made = { at, value, unit: value === 1n ? 1 : value === MODULUS - 1n ? -1 : 0 };
    alike.push(made);
    return made;
  };
}

function element(view: DataView, at: number): bigint {
  let value = 0n;
  for (let i = 24; i >= 0; i -= 8) value = (value << 64n) | view.getBigUint64(at + i, true);
  return value;
}

export function evaluate({ wires, coefficients }: Linear, witness: readonly bigint[]): bigint {
  let sum = 0n;
  for (let i = 0; i < wires.length; i++) sum += coefficients[i] * witness[wires[i]];
  return sum % MODULUS;
}

/** The sum of a part; not reduced, and perhaps negative. */
function sumOf({ starts, termWires, coefficients, units }: R1cs, part: number, witness: readonly bigint[]): bigint {
  let sum = 0n;
  for (let term = starts[part]; term < starts[part + 1]; term++) {
    const value = witness[termWires[term]];
    if (units[term] === 1) sum += value;
    else if (units[term] === -1) sum -= value;
    else sum += coefficients[term] * value;
  }
  return sum;
}

/** Whether the witness satisfies a constraint. */
export function holds(r1cs: R1cs, constraint: number, witness: readonly bigint[]): boolean {
  const a = sumOf(r1cs, 3 * constraint, witness) % MODULUS;
  const b = sumOf(r1cs, 3 * constraint + 1, witness) % MODULUS;
  return (a * b - sumOf(r1cs, 3 * constraint + 2, witness)) % MODULUS === 0n;
}

/** Index of the first constraint that the witness breaks, or -1. */
export function firstBroken(r1cs: R1cs, witness: readonly bigint[]): number {
  for (let i = 0; i < r1cs.constraintCount; i++) if (!holds(r1cs, i, witness)) return i;
  return -1;
}
