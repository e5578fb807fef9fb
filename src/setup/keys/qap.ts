import { SCALAR_FIELD, inverse } from "../../prover/curve.ts";
import type { Engine } from "../../prover/engine/engine.ts";
import { power, rootOfUnity } from "../../prover/engine/quotient.ts";
import { freeRows, RowsBuilder } from "../../prover/engine/rows.ts";
import type { R1cs, SparseMatrix } from "../../prover/r1cs.ts";
import { badFile } from "../../prover/sections.ts";
import { littleEndian, wordsOf } from "./littleEndian.ts";
import { addMultiple, BLOCK_BYTES, constant, inverses, LANES, powers } from "./lists.ts";

/** By wire: lists of u_j, v_j and w_j at tau. */
export type QapAtTau = Record<"a" | "b" | "c", number>;

/** A coefficient of 1 as keys have it, in eight words. */
export const ONE = wordsOf(littleEndian((1n << 512n) % SCALAR_FIELD));

/** Rows are the constraints, then one for each public value and the constant, which bind them. */
export function domainPower({ constraints, outputs, publicInputs }: Omit<R1cs, "a" | "b" | "c">): number {
  return Math.max(1, Math.ceil(Math.log2(constraints + outputs + publicInputs + 1)));
}

/**
 * The circuit with its coefficients times 2^512, as keys have them.
 * @throws TacitError FILE_FORMAT  when one is not below r
 */
export function withKeyCoefficients(engine: Engine, r1cs: R1cs): R1cs {
  const { heap, call, element } = engine;
  const times = ({ coefficients, ...rest }: SparseMatrix): SparseMatrix =>
    heap.scoped((alloc) => {
      const { length } = coefficients;
      const blocks = Math.ceil(length / BLOCK_BYTES);
      const list = alloc(blocks * BLOCK_BYTES);
      const bytes = heap.bytes(list, blocks * BLOCK_BYTES);
      bytes.set(coefficients);
      bytes.fill(0, length);
      if (call.takeNumbers(list, blocks, element(alloc, 1n)))
        throw badFile("r1cs", "holds a coefficient that is not below the modulus", 2);
      call.giveNumbers(list, blocks, element(alloc, 1n << 512n));
      return { ...rest, coefficients: heap.bytes(list, length).slice() };
    });
  return { ...r1cs, a: times(r1cs.a), b: times(r1cs.b), c: times(r1cs.c) };
}

/**
 * The polynomials of all wires at tau: for each entry of a matrix, the coefficient times the row's Lagrange value is
 * added to the wire's sum. That is the transposed matrix times the Lagrange values.
 * @param r1cs  with coefficients as keys have them
 */
export function qapAtTau(engine: Engine, r1cs: R1cs, tau: bigint): QapAtTau {
  const { heap, call } = engine;
  const { wires, constraints, outputs, publicInputs } = r1cs;
  const domain = domainPower(r1cs);
  const size = 1 << domain;
  const scale = (power(tau, BigInt(size)) - 1n) * inverse(BigInt(size), SCALAR_FIELD);
  const lagrange = lagrangeAt(engine, { tau, first: 1n, root: rootOfUnity(domain), count: size, scale });
  const sums = (matrix: SparseMatrix, bound: number): number => {
    // Rows and wires change places.
    const builder = new RowsBuilder("a", matrix.wires.length + bound, { domain: wires, wires: size });
    const words = wordsOf(matrix.coefficients);
    for (let row = 0; row < constraints; row++)
      for (let i = matrix.starts[row]; i < matrix.starts[row + 1]; i++) builder.put(matrix.wires[i], row, words, 8 * i);
    for (let wire = 0; wire < bound; wire++) builder.put(wire, constraints + wire, ONE, 0);
    const blocks = Math.ceil(wires / LANES);
    const columns = builder.build(engine, blocks * LANES, Math.ceil(size / LANES) * LANES);
    const list = heap.alloc(blocks * BLOCK_BYTES);
    call.rows(columns.program, columns.groups, lagrange, columns.coefficients, list);
    freeRows(engine, columns);
    return list;
  };
  const found = { a: sums(r1cs.a, outputs + publicInputs + 1), b: sums(r1cs.b, 0), c: sums(r1cs.c, 0) };
  heap.free(lagrange);
  return found;
}

/**
 * Values at tau of the Lagrange polynomials of the odd powers of the root of the doubled domain, times `factor`. The
 * prover has A B - C at these points; it vanishes at the even ones.
 */
export function oddLagrangeAtTau(engine: Engine, domain: number, tau: bigint, factor: bigint): number {
  const size = 1n << BigInt(domain);
  const root = rootOfUnity(domain + 1);
  const scale = (power(tau, 2n * size) - 1n) * inverse(2n * size, SCALAR_FIELD) * factor;
  return lagrangeAt(engine, { tau, first: root, root: (root * root) % SCALAR_FIELD, count: Number(size), scale });
}

/**
 * scale x / (tau - x) for the x = first root^i.
 * @param count  a power of two
 * @returns a list, with a block of zeros after it
 */
function lagrangeAt(
  engine: Engine,
  { tau, first, root, count, scale }: { tau: bigint; first: bigint; root: bigint; count: number; scale: bigint },
): number {
  const { heap, call } = engine;
  const blocks = Math.ceil(count / LANES);
  const x = powers(engine, first, root, blocks);
  const differences = constant(engine, tau, blocks);
  addMultiple(engine, differences, x, -1n, blocks);
  const inverse = inverses(engine, differences, blocks);
  call.multiplyPacked(x, inverse, x, blocks);
  const values = constant(engine, 0n, blocks + 1);
  addMultiple(engine, values, x, scale, blocks);
  for (const list of [x, differences, inverse]) heap.free(list);
  return values;
}
