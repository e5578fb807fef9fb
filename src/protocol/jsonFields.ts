import { TacitError } from "./errors.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Reads the fields of a JSON file, and refuses by name what is not as expected. */
export interface JsonFields<Code extends string> {
  bad(field: string, expected: string): TacitError<Code>;
  /** @param known  refuse an object with other fields */
  object(at: string, json: unknown, known?: readonly string[]): JsonObject;
  list(at: string, json: unknown, least: number, most: number): Json[];
  /** A decimal string, or a safe integer. */
  integer(at: string, json: unknown): bigint;
  /** The number that a name stands for. */
  choice(at: string, json: unknown, names: Readonly<Record<string, number>>): bigint;
}

/**
 * @param code  of the errors
 * @param what  "genesis file"
 */
export function jsonFields<Code extends string>(code: Code, what: string): JsonFields<Code> {
  const bad = (field: string, expected: string) =>
    new TacitError(code, `${what}: ${field} is wrong: expected ${expected}`, { field, expected });
  return {
    bad,
    object(at, json, known) {
      if (typeof json !== "object" || json === null || Array.isArray(json)) throw bad(at, "an object");
      const other = known && Object.keys(json).find((name) => !known.includes(name));
      if (other !== undefined) throw bad(`${at}.${other}`, `no field but ${known!.join(", ")}`);
      return json as JsonObject;
    },
    list(at, json, least, most) {
      if (!Array.isArray(json) || json.length < least || json.length > most)
        throw bad(at, least === most ? `a list of ${least}` : `a list of ${least} to ${most}`);
      return json;
    },
    integer(at, json) {
      if (typeof json === "number" && Number.isSafeInteger(json) && !Object.is(json, -0)) return BigInt(json);
      if (typeof json === "string" && /^(0|-?[1-9]\d{0,77})$/.test(json)) return BigInt(json);
      throw bad(at, "an integer as a decimal string");
    },
    choice(at, json, names) {
      if (typeof json !== "string" || !Object.hasOwn(names, json))
        throw bad(at, `one of ${Object.keys(names).join(", ")}`);
      return BigInt(names[json]);
    },
  };
}
