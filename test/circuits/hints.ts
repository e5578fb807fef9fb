/**
 * What a forger cannot find from the rules alone: hints that round. All others are solutions of equations, or bits.
 */
import { ORDER } from "../../src/protocol/babyjub.ts";
import { FEE_DENOMINATOR } from "../../src/protocol/parameters.ts";
import type { Formula } from "./forger.ts";
import { MODULUS } from "./r1cs.ts";
import type { Hint } from "./statements.ts";

const HALF = MODULUS / 2n;
/** From which score on a call is in the money. */
const side = (dev: bigint) => (dev + 1n) << 7n;

/** By template and signal: of which signals of the component it is computed, and how; its own index comes last. */
const FORMULAS: Record<string, { of: readonly string[]; value: (values: readonly bigint[], index: bigint) => bigint }> =
  {
    "DivideUp.out": { of: ["x"], value: ([x]) => (x + FEE_DENOMINATOR - 1n) / FEE_DENOMINATOR },
    "AdmitOrder.quotient": { of: ["limitParts.out", "terms.tick"], value: ([limit, tick]) => limit / tick },
    "Quotient.out": { of: ["in", "divisor"], value: ([x, divisor]) => x / divisor },
    "Clear.quotient": { of: ["stamp", "interval"], value: ([stamp, interval]) => stamp / interval },
    "InstrumentWords.quotient": {
      of: ["instrument.contract.expiry", "grid"],
      value: ([expiry, grid]) => expiry / grid,
    },
    "Ln.places": { of: ["in"], value: ([x], i) => (BigInt(Math.max(0, 41 - x.toString(2).length)) >> i) & 1n },
    "CallValue.itm": { of: ["score", "dev"], value: ([score, dev]) => (score < HALF && score >= side(dev) ? 1n : 0n) },
    "CallValue.far": {
      of: ["score", "dev", "itm"],
      value: ([x, dev, itm]) => {
        const score = x < HALF ? x : x - MODULUS;
        return (itm === 1n ? score : -score - 1n) - side(dev) >= 1n << 22n ? 1n : 0n;
      },
    },
    "Multiples.out": { of: ["x", "d"], value: ([x, d]) => (x + d - 1n) / d },
    "Scalar.quotientBits": { of: ["in"], value: ([x], i) => ((x / ORDER) >> i) & 1n },
    "Scalar.positive": { of: ["in"], value: ([x]) => (x % ORDER < 1n << 250n ? 1n : 0n) },
  };

export function formulaOf(
  { component, template, signal }: Hint,
  wireOf: (name: string) => number,
): Formula | undefined {
  const [, name, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(signal)!;
  const formula = FORMULAS[`${template}.${name}`];
  if (formula === undefined) return undefined;
  const of = formula.of.map((other) => wireOf(component === "" ? other : `${component}.${other}`));
  return { of, value: (values) => formula.value(values, BigInt(index ?? 0)) };
}
