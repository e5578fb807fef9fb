import type { R1cs, SparseMatrix } from "../../prover/r1cs.ts";
import { BATCH, SCALAR_FIELD, inverse, mod, power, putField, toMont, type WasmCurve } from "./wasmCurve.ts";

/** Addresses of the polynomials of a circuit evaluated at tau: 32 bytes each, not in Montgomery form. */
export interface QapAtTau {
  /** by wire: u_j(tau), v_j(tau), w_j(tau) */
  a: number;
  b: number;
  c: number;
}

/** Two to this power divides the order of the multiplicative group. */
const TWO_ADICITY = 28n;
/** The smallest number that is no square: its odd part generates the roots of unity, as snarkjs chooses them. */
const NON_RESIDUE = 5n;

/** Rows are the constraints, then one for each public value and the constant, which bind them. */
export function domainPower({ constraints, outputs, publicInputs }: Omit<R1cs, "a" | "b" | "c">): number {
  return Math.max(1, Math.ceil(Math.log2(constraints + outputs + publicInputs + 1)));
}

export function rootOfUnity(exponent: number): bigint {
  const generator = power(NON_RESIDUE, (SCALAR_FIELD - 1n) >> TWO_ADICITY);
  return power(generator, 1n << (TWO_ADICITY - BigInt(exponent)));
}

/**
 * The polynomials of all wires at tau: for each entry of a matrix, the coefficient times the row's Lagrange value is
 * added to the wire's sum.
 */
export function qapAtTau(curve: WasmCurve, r1cs: R1cs, tau: bigint): QapAtTau {
  const { frm_add: add, frm_fromMontgomery: fromMont } = curve.call;
  const size = 1 << domainPower(r1cs);
  const [a, b, c] = [0, 1, 2].map(() => curve.alloc(r1cs.wires * 32));
  const mark = curve.mark();
  const scale = mod((power(tau, BigInt(size)) - 1n) * inverse(BigInt(size)));
  const rows = lagrangeAt(curve, { tau, first: 1n, step: rootOfUnity(domainPower(r1cs)), count: size, scale });
  addColumns(curve, r1cs.a, rows, a);
  addColumns(curve, r1cs.b, rows, b);
  addColumns(curve, r1cs.c, rows, c);
  const plain = curve.alloc(32);
  for (let wire = 0; wire <= r1cs.outputs + r1cs.publicInputs; wire++) {
    fromMont(rows + (r1cs.constraints + wire) * 32, plain);
    add(a + wire * 32, plain, a + wire * 32);
  }
  curve.free(mark);
  return { a, b, c };
}

/**
 * Values at tau of the Lagrange polynomials of the odd powers of the root of the doubled domain, times `factor`. The
 * prover has A B - C at these points; it vanishes at the even ones.
 */
export function oddLagrangeAtTau(curve: WasmCurve, domain: number, tau: bigint, factor: bigint): number {
  const size = 1n << BigInt(domain);
  const root = rootOfUnity(domain + 1);
  const scale = mod((power(tau, 2n * size) - 1n) * inverse(2n * size) * factor);
  const values = lagrangeAt(curve, { tau, first: root, step: mod(root * root), count: Number(size), scale });
  for (let i = 0; i < Number(size); i++) curve.call.frm_fromMontgomery(values + i * 32, values + i * 32);
  return values;
}

/** scale * x / (tau - x) for the x = first * step^i, in Montgomery form. */
function lagrangeAt(
  curve: WasmCurve,
  { tau, first, step, count, scale }: { tau: bigint; first: bigint; step: bigint; count: number; scale: bigint },
): number {
  const { frm_mul: multiply, frm_sub: subtract, frm_batchInverse: batchInverse } = curve.call;
  const values = curve.alloc(count * 32);
  const inverses = curve.alloc(BATCH * 32);
  const [tauAt, stepAt, scaleAt] = [tau, step, scale].map((value) => putField(curve, toMont(value)));
  const x = putField(curve, toMont(first));
  for (let start = 0; start < count; start += BATCH) {
    const size = Math.min(BATCH, count - start);
    for (let i = 0; i < size; i++) {
      subtract(tauAt, x, inverses + i * 32);
      multiply(x, scaleAt, values + (start + i) * 32);
      multiply(x, stepAt, x);
    }
    batchInverse(inverses, 32, size, inverses, 32);
    for (let i = 0; i < size; i++) {
      const value = values + (start + i) * 32;
      multiply(value, inverses + i * 32, value);
    }
  }
  return values;
}

function addColumns(curve: WasmCurve, matrix: SparseMatrix, rows: number, columns: number): void {
  const { frm_mul: multiply, frm_add: add } = curve.call;
  const mark = curve.mark();
  const coefficients = curve.alloc(matrix.coefficients.length);
  curve.bytes.set(matrix.coefficients, coefficients);
  const product = curve.alloc(32);
  const { starts, wires } = matrix;
  for (let row = 0; row + 1 < starts.length; row++) {
    for (let entry = starts[row]; entry < starts[row + 1]; entry++) {
      // A plain coefficient times a Montgomery value is the plain product.
      multiply(coefficients + entry * 32, rows + row * 32, product);
      const sum = columns + wires[entry] * 32;
      add(sum, product, sum);
    }
  }
  curve.free(mark);
}
