import { SCALAR_FIELD, inverse, mod } from "../curve.ts";
import { ENTRY_BYTES } from "./rows.ts";
import { power, rootOfUnity } from "./quotient.ts";

/**
 * The quotient of a Groth16 proof in plain bigint, for keys of a few rows: A w and B w on the domain, C w = A w B w, all
 * three extended to the coset of odd roots of unity, and there a b - c. The reference of the kernels.
 */
export class SmallQuotient {
  readonly #power: number;
  readonly #entries: { matrix: number; row: number; wire: number; coefficient: bigint }[] = [];

  /** @param bits  of a domain of 2^bits rows; takes time as the square of it */
  constructor(bits: number) {
    this.#power = bits;
  }

  /** @param entries  of section 4 of a .zkey */
  add(entries: Uint8Array): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
    const fromFile = inverse(1n << 512n, SCALAR_FIELD);
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const [matrix, row, wire] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true));
      const coefficient = mod(readNumber(view, at + 12) * fromFile, SCALAR_FIELD);
      this.#entries.push({ matrix, row, wire, coefficient });
    }
  }

  /** @param witness  numbers of 32 bytes. @returns one such for each row */
  evaluate(witness: Uint8Array): Uint8Array {
    const n = 1 << this.#power;
    const view = new DataView(witness.buffer, witness.byteOffset, witness.length);
    const values = [0, 1].map(() => Array.from({ length: n }, () => 0n));
    for (const { matrix, row, wire, coefficient } of this.#entries)
      values[matrix][row] = mod(values[matrix][row] + coefficient * readNumber(view, 32 * wire), SCALAR_FIELD);
    const [a, b] = values;
    const c = a.map((x, i) => (x * b[i]) % SCALAR_FIELD);
    const [ac, bc, cc] = [a, b, c].map((x) => extend(x, this.#power));
    const out = new Uint8Array(32 * n);
    const to = new DataView(out.buffer);
    ac.forEach((x, i) => {
      const h = mod(x * bc[i] - cc[i], SCALAR_FIELD);
      for (let word = 0; word < 4; word++)
        to.setBigUint64(32 * i + 8 * word, BigInt.asUintN(64, h >> BigInt(64 * word)), true);
    });
    return out;
  }
}

/** From values at w^i to values at g w^i, w of order 2^bits and g of order 2^(bits + 1), by the definition. */
export function extend(values: readonly bigint[], bits: number): bigint[] {
  const n = values.length;
  const [w, g] = [rootOfUnity(bits), rootOfUnity(bits + 1)];
  const powers = (root: bigint) => Array.from({ length: n }, (_, i) => power(root, BigInt(i)));
  const sumAt = (terms: readonly bigint[], roots: readonly bigint[], i: number) =>
    terms.reduce((sum, term, k) => (sum + term * roots[(i * k) % n]) % SCALAR_FIELD, 0n);
  const [forward, back, shift] = [w, inverse(w, SCALAR_FIELD), g].map(powers);
  const scale = inverse(BigInt(n), SCALAR_FIELD);
  const shifted = values.map((_, k) => (((sumAt(values, back, k) * scale) % SCALAR_FIELD) * shift[k]) % SCALAR_FIELD);
  return values.map((_, i) => sumAt(shifted, forward, i));
}

function readNumber(view: DataView, at: number): bigint {
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(at + 8 * word, true);
  return value;
}
