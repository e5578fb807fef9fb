import { TacitError } from "../protocol/errors.ts";
import type { CircuitInputs, SignalValue } from "./witness.ts";

/**
 * Inputs of a circuit from JSON: field elements as decimal strings, arrays as lists, buses as objects.
 * @throws TacitError WITNESS_INPUT  names the signal
 */
export function circuitInputs(json: unknown): CircuitInputs {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw wrong(undefined, "expected an object of signals");
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, signal(name, value)]));
}

function signal(at: string, json: unknown): SignalValue {
  if (Array.isArray(json)) return json.map((part, i) => signal(`${at}[${i}]`, part));
  if (typeof json === "object" && json !== null)
    return Object.fromEntries(Object.entries(json).map(([name, part]) => [name, signal(`${at}.${name}`, part)]));
  if (typeof json !== "string" || !/^(0|[1-9][0-9]{0,76})$/.test(json))
    throw wrong(at, "expected a field element as a decimal string");
  return BigInt(json);
}

function wrong(name: string | undefined, text: string): TacitError {
  const details = { signal: name, problem: "value" };
  return new TacitError("WITNESS_INPUT", `input ${name ?? "of the circuit"} is wrong (value): ${text}`, details);
}
