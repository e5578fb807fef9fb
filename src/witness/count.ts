import type { Event } from "../matcher/events.ts";
import { WITHDRAW_SLOTS, type Profile } from "../protocol/instructions.ts";

/** How many instructions the events of a round take, or some more: items that share a proof are counted in parts. */
export function instructionsOf(event: Event, { admit, clear, settle }: Profile): number {
  switch (event.kind) {
    case "deposits":
      return 1;
    case "item":
      return 1 / admit + (event.admission.payout === undefined ? 0 : 1 / WITHDRAW_SLOTS);
    case "clear":
      return event.sweeps.reduce((sum, { book, admitted }) => sum + walks(book.length + admitted.length, clear), 0);
    case "settle":
      return Math.ceil(event.writes.length / settle);
  }
}

/** An empty book takes a proof as well. */
function walks(entries: number, slots: number): number {
  return Math.max(1, Math.ceil(entries / slots));
}
