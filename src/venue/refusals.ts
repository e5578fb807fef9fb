/** What a venue says to items that it does not take. */
import { TacitError } from "../protocol/errors.ts";
import { NONCE_WINDOW } from "../protocol/parameters.ts";

export function declined(verdict: "malformed" | "unsigned" | "nonce"): TacitError {
  const why = {
    malformed: "its words are outside their columns, or it is none of order, cancel and withdrawal",
    unsigned: "it is not signed by the key of the account that it names",
    nonce: `its nonce is spent, or more than ${NONCE_WINDOW} beyond the last one`,
  };
  return new TacitError("DECLINED", `the item is declined: ${why[verdict]}`, { verdict });
}

export function wrongKind(expected: string, found: string): TacitError {
  return new TacitError(
    "WRONG_KIND",
    `the item is wrong: expected ${expected === "order" ? "an" : "a"} ${expected}, found ${found}`,
    { found },
  );
}

/** @param why  nothing is taken any more: what has stopped the venue, or how it stands */
export function stopped(why: Error | "it is being closed" | "it is closed"): TacitError {
  return new TacitError("STOPPED", `the venue takes no items: ${why instanceof Error ? why.message : why}`);
}
