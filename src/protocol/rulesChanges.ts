import { isReplaced } from "./configure.ts";
import type { Rules } from "./rules.ts";
import { rulesJson } from "./rulesJson.ts";

/** One word that differs between two sets of rules. */
export interface ChangedWord {
  /** "markets[0].feeRate" */
  readonly at: string;
  readonly before: string;
  readonly after: string;
  /** what it takes beside the timelock, or null */
  readonly needs: string | null;
}

const NOBODY = "only while nobody holds the instrument, and no market with a leg on it has orders";
const EMPTY = "only while the market is empty";
const NEVER = "never";

/** What `after` changes, word by word; whether it may, says `configure` (configure.ts). */
export function rulesChanges(before: Rules, after: Rules): ChangedWord[] {
  const changes: ChangedWord[] = [];
  const walk = (at: string, a: unknown, b: unknown) => {
    if (isObject(a) && isObject(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
        walk(Array.isArray(a) ? `${at}[${name}]` : at === "" ? name : `${at}.${name}`, a[name], b[name]);
      return;
    }
    const [was, is] = [textOf(a), textOf(b)];
    if (was !== is) changes.push({ at, before: was, after: is, needs: needsOf(at, { before, after, was: a, is: b }) });
  };
  walk("", rulesJson(before), rulesJson(after));
  return changes;
}

function needsOf(
  at: string,
  { before, after, was, is }: { before: Rules; after: Rules; was: unknown; is: unknown },
): string | null {
  const [, list, slot, word = ""] = /^(\w+)\[(\d+)\](?:\.(\w+))?/.exec(at) ?? [];
  if (list === "instruments") {
    const [old, now] = [before.instruments[Number(slot)], after.instruments[Number(slot)]];
    if (["longCharge", "shortCharge", "weight"].includes(word)) return null;
    return isReplaced(old, now) ? NOBODY : null;
  }
  if (list === "markets") {
    const isListed = was === null;
    if (isListed) return null;
    if (word === "" && is === null) return EMPTY;
    if (["", "id", "legs", "rule", "tick"].includes(word)) return `${EMPTY}, under a new id`;
    if (word === "feeRate" || word === "feePerLot") return BigInt(String(is)) > BigInt(String(was)) ? EMPTY : null;
    return null;
  }
  return ["group.pricing.epochLength", "group.pricing.grid"].includes(at) ? NEVER : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
