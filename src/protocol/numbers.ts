import { outOfRange } from "./errors.ts";

/** The scalar field of BN254: every hash, register and public input is below it. */
export const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** Representative of x in [0, FIELD). */
export function toField(x: bigint): bigint {
  const rest = x % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

export function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Floor of a / b, b > 0; towards minus infinity for negative a. */
export function divFloor(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** Ceiling of a / b, b > 0. */
export function divCeil(a: bigint, b: bigint): bigint {
  return -divFloor(-a, b);
}

/** Throws OUT_OF_RANGE unless 0 <= value < 2^bits. */
export function requireBits(field: string, value: bigint, bits: number): bigint {
  if (typeof value !== "bigint" || value < 0n || value >> BigInt(bits) !== 0n)
    throw outOfRange(field, `an integer in [0, 2^${bits})`);
  return value;
}

/** Throws OUT_OF_RANGE unless -2^bits <= value < 2^bits. */
export function requireSigned(field: string, value: bigint, bits: number): bigint {
  const bound = 1n << BigInt(bits);
  if (typeof value !== "bigint" || value < -bound || value >= bound)
    throw outOfRange(field, `an integer in [-2^${bits}, 2^${bits})`);
  return value;
}

/** Throws OUT_OF_RANGE unless 0 <= value < FIELD. */
export function requireField(field: string, value: bigint): bigint {
  if (typeof value !== "bigint" || value < 0n || value >= FIELD)
    throw outOfRange(field, "an integer below the modulus of the scalar field");
  return value;
}

/** Throws OUT_OF_RANGE unless each is in [0, FIELD). @param of  what they belong to, for the error: "item" */
export function requireFields(of: string, values: object): void {
  for (const name in values) {
    const value = (values as Record<string, bigint>)[name];
    if (typeof value !== "bigint" || value < 0n || value >= FIELD) requireField(`${of}.${name}`, value);
  }
}

/** A column of a packed word: its name and its width in bits; `signed` columns of width n + 1 hold x + 2^n. */
export interface Column {
  readonly name: string;
  readonly bits: number;
  readonly signed?: boolean;
}

/** Packs columns, low bits first. @throws OUT_OF_RANGE naming the column */
export function pack(columns: readonly Column[], values: Readonly<Record<string, bigint>>): bigint {
  let word = 0n;
  let shift = 0n;
  for (const { name, bits, signed } of columns) {
    const value = signed
      ? requireSigned(name, values[name], bits - 1) + (1n << BigInt(bits - 1))
      : requireBits(name, values[name], bits);
    word |= value << shift;
    shift += BigInt(bits);
  }
  return word;
}

/** Inverse of `pack`. Returns null when the word has bits beyond the columns. */
export function unpack(columns: readonly Column[], word: bigint): Record<string, bigint> | null {
  const values: Record<string, bigint> = {};
  for (const { name, bits, signed } of columns) {
    values[name] = BigInt.asUintN(bits, word) - (signed ? 1n << BigInt(bits - 1) : 0n);
    word >>= BigInt(bits);
  }
  return word === 0n ? values : null;
}
