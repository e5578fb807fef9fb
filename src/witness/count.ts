import type { Event } from "../matcher/events.ts";
import { WITHDRAW_SLOTS, type Profile } from "../protocol/instructions.ts";

/**
 * About how many instructions an event of a round takes: what shares a proof is counted in parts. Where lists of quotes
 * and other items alternate it may be a quarter more; where steps against accounts in default are of one market after the other, more.
 */
export function instructionsOf(event: Event, { admit, quote, clear, settle, enforce, assume }: Profile): number {
  switch (event.kind) {
    case "deposits":
    case "reprice":
    case "rules":
    case "fold":
      return 1;
    case "enforce":
      return 1 / enforce;
    case "assume":
      return 1 / assume;
    case "item":
      return (
        1 / (event.entry.item.list ? quote : admit) + (event.admission.payout === undefined ? 0 : 1 / WITHDRAW_SLOTS)
      );
    case "clear":
      return event.sweeps.reduce((sum, { book, admitted }) => sum + walks(book.length + admitted.length, clear), 0);
    case "settle":
      return settlesOf(event.writes.length, { settle });
  }
}

/** Of so many fills of one clear, the credit of the fees with them; of several clears the sum, at most. */
export function settlesOf(fills: number, { settle }: Pick<Profile, "settle">): number {
  return fills === 0 ? 0 : Math.ceil((fills + 1) / settle);
}

/** An empty book takes a proof as well. */
function walks(entries: number, slots: number): number {
  return Math.max(1, Math.ceil(entries / slots));
}
