/** Parser and evaluator of .r1cs files, the constraint systems that circom writes. */
import { FIELD } from "../../src/protocol/poseidon.ts";

/** A linear combination: sum of coefficients[i] * witness[wires[i]]. */
export interface Linear {
  wires: Uint32Array;
  coefficients: bigint[];
}

/** a * b = c */
export type Constraint = [a: Linear, b: Linear, c: Linear];

export interface R1cs {
  wires: number;
  publicOutputs: number;
  publicInputs: number;
  privateInputs: number;
  constraintCount: number;
  /** Coefficients that are not 0, over all constraints: what a proving key grows with. */
  nonzeros: number;
  constraints: Constraint[];
}

/** @source https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md */
export function parseR1cs(bytes: Uint8Array): R1cs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number) => view.getUint32(at, true);
  if (u32(0) !== 0x73633172 || u32(4) !== 1) throw new Error("not an .r1cs file of version 1");
  const section = new Map<number, number>();
  for (let i = 0, at = 12; i < u32(8); i++) {
    section.set(u32(at), at + 12);
    at += 12 + Number(view.getBigUint64(at + 4, true));
  }
  const header = section.get(1)!;
  const width = u32(header);
  const counts = header + 4 + width;
  if (width !== 32 || element(view, header + 4) !== FIELD) throw new Error("not over the scalar field of BN254");
  const constraintCount = u32(counts + 24);

  let at = section.get(2)!;
  let nonzeros = 0;
  const known = new Map<bigint, bigint>();
  const linear = (): Linear => {
    const size = u32(at);
    at += 4;
    nonzeros += size;
    const wires = new Uint32Array(size);
    const coefficients: bigint[] = [];
    for (let i = 0; i < size; i++, at += 36) {
      wires[i] = u32(at);
      const value = element(view, at + 4);
      if (!known.has(value)) known.set(value, value);
      coefficients.push(known.get(value)!);
    }
    return { wires, coefficients };
  };
  const constraints: Constraint[] = [];
  for (let i = 0; i < constraintCount; i++) constraints.push([linear(), linear(), linear()]);
  return {
    wires: u32(counts),
    publicOutputs: u32(counts + 4),
    publicInputs: u32(counts + 8),
    privateInputs: u32(counts + 12),
    constraintCount,
    nonzeros,
    constraints,
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
  return sum % FIELD;
}

/** Index of the first constraint that the witness breaks, or -1. */
export function firstBroken({ constraints }: R1cs, witness: readonly bigint[]): number {
  return constraints.findIndex(
    ([a, b, c]) => (evaluate(a, witness) * evaluate(b, witness) - evaluate(c, witness)) % FIELD !== 0n,
  );
}
