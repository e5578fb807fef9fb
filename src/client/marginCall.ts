import type { Account } from "../protocol/account.ts";
import { flagCounts, isBelow, standing } from "../protocol/defaults.ts";
import { isoTime } from "../protocol/json.ts";
import { divCeil } from "../protocol/numbers.ts";
import type { Terms } from "../protocol/rules.ts";

/** How near an account is to being sold down, and what follows when (docs/protocol.md, section 10). */
export interface MarginCall {
  /** below its target, under its maintenance, or flagged: then its target is what counts */
  readonly state: "belowTarget" | "underMaintenance" | "flagged";
  /** E_0, cash units, signed */
  readonly equity: bigint;
  /** equity that would do: of maintenance, and of the target, as positions are now; cash units */
  readonly maintenance: bigint;
  readonly target: bigint;
  /** where a flag counts, seconds since 1970 */
  readonly clock: {
    readonly flagged: bigint;
    /** from then on it trades with full margin alone, and is sold down at limits worse than the mark */
    readonly begins: bigint;
    /** from then on at the widest */
    readonly widest: bigint;
    /** from then on the insurance account may take it over, if it still is under its maintenance */
    readonly takenOver: bigint;
    /** from then on the flag counts no more */
    readonly ends: bigint;
  } | null;
}

/**
 * Null: nothing is wrong, and no flag counts.
 * @param time  of the venue's clock, seconds since 1970
 */
export function marginCallOf(
  account: Pick<Account, "cash" | "positions" | "flagged">,
  { rules, prices }: Terms,
  time: bigint,
): MarginCall | null {
  const { defaults } = rules.group;
  const stands = standing(account, prices);
  const isFlagged = flagCounts(account, defaults, time);
  if (!isFlagged && !isBelow(defaults.target, stands)) return null;
  const { flagged } = account;
  const begins = flagged + defaults.grace;
  const enough = (part: bigint) => divCeil(part * stands.risk, 1024n);
  return {
    state: isFlagged ? "flagged" : isBelow(defaults.maintenance, stands) ? "underMaintenance" : "belowTarget",
    equity: stands.equity,
    maintenance: enough(defaults.maintenance),
    target: enough(defaults.target),
    clock: isFlagged
      ? {
          flagged,
          begins,
          widest: begins + defaults.slope,
          takenOver: begins + 2n * defaults.slope,
          ends: begins + 2n * defaults.slope + defaults.hold,
        }
      : null,
  };
}

const thousands = (x: bigint) => x.toLocaleString("en-US");

/** In a sentence or two: what is missing, and what comes when. */
export function marginCallInWords({ state, equity, maintenance, target, clock }: MarginCall): string {
  const missing = target - equity;
  const have = `equity is ${thousands(equity)}`;
  const cure = missing > 0n ? `deposit ${thousands(missing)}, or close positions` : "an order with full margin, or a withdrawal, clears the flag"; // prettier-ignore
  if (state === "belowTarget")
    return `margin warning: ${have}; under ${thousands(maintenance)} the account may be flagged, and sold down to ${thousands(target)}`;
  if (state === "underMaintenance")
    return `MARGIN CALL: ${have}, under the maintenance of ${thousands(maintenance)}: the venue may flag the account at any time; ${cure}`;
  const { flagged, begins, widest, takenOver, ends } = clock!;
  return (
    `FLAGGED since ${isoTime(flagged)}: ${have}, the target ${thousands(target)}: ${cure}. From ${isoTime(begins)} on orders need full margin, ` +
    `and the venue sells down what is held, at limits that widen until ${isoTime(widest)}; from ${isoTime(takenOver)} on the insurance account may ` +
    `take it over; the flag ends at ${isoTime(ends)}`
  );
}
