import { TacitError } from "./errors.ts";

/** Longest number in a file: a field element has 77 digits. */
const INTEGER = /^(0|-?[1-9]\d{0,79})$/;

/** JSON in which every bigint is a decimal string. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}` : part), indent);
}

/** JSON in which every bigint is its digits and an n, so that `fromTypedJson` gives back what was written. No string may look so. */
export function toTypedJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

/** @throws SyntaxError */
export function fromTypedJson(text: string): any {
  return JSON.parse(text, (_, part: unknown) =>
    typeof part === "string" && /^-?\d+n$/.test(part) ? BigInt(part.slice(0, -1)) : part,
  );
}

/** @throws TacitError FORMAT naming the place */
export function asObject(at: string, json: unknown): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw badFormat(at, "an object");
  return json as Record<string, unknown>;
}

/** @throws TacitError FORMAT naming the place */
export function asList(at: string, json: unknown): unknown[] {
  if (!Array.isArray(json)) throw badFormat(at, "a list");
  return json;
}

/** @throws TacitError FORMAT naming the place */
export function asInteger(at: string, json: unknown): bigint {
  if (typeof json === "string" && INTEGER.test(json)) return BigInt(json);
  throw badFormat(at, "an integer as a decimal string");
}

/** @throws TacitError FORMAT naming the place: no number from 0 to 2^53 - 1 */
export function asWhole(at: string, json: unknown): number {
  if (typeof json === "number" && Number.isSafeInteger(json) && json >= 0) return json;
  throw badFormat(at, "a whole number");
}

export function badFormat(at: string, expected: string): TacitError<"FORMAT"> {
  return new TacitError("FORMAT", `${at} is wrong: expected ${expected}`, { at, expected });
}

/** A text of others as it can be printed: without what moves a cursor, turns the direction of writing, or begins a line. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");
}

/** A value of others for a message: short, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(printable(value.slice(0, 100)));
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}

/** Seconds since 1970 as ISO 8601, without the thousandths that are never there; of years beyond 0 to 9999 the seconds. */
export function isoTime(seconds: bigint): string {
  if (seconds > 253_402_300_799n) return `${seconds} s after 1970`;
  if (seconds < -62_167_219_200n) return `${-seconds} s before 1970`;
  return new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
}
