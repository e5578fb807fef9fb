import { TacitError } from "../../protocol/errors.ts";

/** A place as `tacit rules diff` prints it, and what is put there: JSON where it is null, a list or an object, else a text. */
const SETTING = /^([a-z]\w*(?:\[\d+\]|\.[a-z]\w*)*)=(.*)$/is;

/**
 * Rules as JSON with words of them set: "markets[0].state=halted".
 * @param rules  is changed
 * @throws USAGE
 */
export function setPlaces(rules: unknown, settings: readonly string[]): unknown {
  for (const setting of settings) {
    const [, at, text] = SETTING.exec(setting) ?? [];
    const wrong = (expected: string) => new TacitError("USAGE", `--set ${setting} is wrong: expected ${expected}`);
    if (at === undefined) throw wrong("a place and a value, such as markets[0].state=halted");
    const steps = at.split(/[.[\]]+/).filter((step) => step !== "");
    const last = steps.pop()!;
    let place: unknown = rules;
    for (const step of steps) place = isBranch(place) && Object.hasOwn(place, step) ? place[step] : undefined;
    const isThere = isBranch(place) && Object.keys(place).includes(last);
    if (!isThere) throw wrong("a place that rules have, as `tacit rules show --json` prints them");
    try {
      (place as Record<string, unknown>)[last] = /^(null$|[[{])/.test(text) ? JSON.parse(text) : text;
    } catch {
      throw wrong("JSON after the =");
    }
  }
  return rules;
}

function isBranch(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
