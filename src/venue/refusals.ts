/** What a venue says to items that it does not take. */
import { TacitError } from "../protocol/errors.ts";
import type { Decoded } from "../protocol/item.ts";
import { NONCE_WINDOW } from "../protocol/parameters.ts";

export function declined(verdict: "malformed" | "unsigned" | "nonce"): TacitError {
  const why = {
    malformed:
      "its words are outside their columns, or it is none of order, list of 1 to 8 quotes, cancel and withdrawal",
    unsigned: "it is not signed by the key of the account that it names",
    nonce: `its nonce is spent, or more than ${NONCE_WINDOW} beyond the last one`,
  };
  return new TacitError("DECLINED", `the item is declined: ${why[verdict]}`, { verdict });
}

/** What items are called in words. */
export const ITEM_NAMES: Readonly<Record<Decoded["kind"], string>> = {
  order: "an order",
  quotes: "a list of quotes",
  cancel: "a cancel",
  withdrawal: "a withdrawal",
};

/** @param found  the kind of the item; null of one that is malformed */
export function wrongKind(expected: Decoded["kind"], found: Decoded["kind"] | null): TacitError {
  const is = found ? ITEM_NAMES[found] : "something malformed";
  const message = `the item is wrong: expected ${ITEM_NAMES[expected]}, found ${is}`;
  return new TacitError("WRONG_KIND", message, { found: found ?? "malformed" });
}

/** @param why  nothing is taken any more: what has stopped the venue, or how it stands */
export function stopped(why: Error | "it is being closed" | "it is closed"): TacitError {
  return new TacitError("STOPPED", `the venue takes no items: ${why instanceof Error ? why.message : why}`);
}

export function standsBy(): TacitError {
  return new TacitError("STANDBY", "this venue stands by for another, which takes items");
}
