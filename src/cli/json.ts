import { readFile } from "node:fs/promises";
import { TacitError } from "../protocol/errors.ts";

/** Longest number in a file: a field element has 77 digits. */
const INTEGER = /^-?(0|[1-9]\d{0,79})$/;

/**
 * Reads a JSON file.
 * @param missing  what to do when there is no such file
 * @throws TacitError FILE, JSON
 */
export async function readJson(path: string, { missing }: { missing?: string } = {}): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    throw new TacitError("FILE", `${path} cannot be read: ${why}${missing ? `; ${missing}` : ""}`, { path, code });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the file, which may be secret: only the place is told.
    const [place = ""] = /at position \d+/.exec((error as Error).message) ?? [];
    throw new TacitError("JSON", `${path} is no JSON ${place}`.trimEnd(), { path });
  }
}

/** JSON in which every bigint is a decimal string. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}` : part), indent);
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

export function badFormat(at: string, expected: string): TacitError<"FORMAT"> {
  return new TacitError("FORMAT", `${at} is wrong: expected ${expected}`, { at, expected });
}
