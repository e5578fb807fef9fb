import type { Event } from "../matcher/events.ts";
import type { Command, Matcher } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import type { Profile } from "../protocol/instructions.ts";
import { chainHeads, type HashedEntry } from "../protocol/item.ts";
import { instructionsOf } from "../witness/count.ts";
import { encodeRecord, itemKey, type Digest, type JournalEntry, type Tip } from "./store/journal.ts";
import type { StoredRecord } from "./store/store.ts";

type Mark = Extract<JournalEntry, { kind: "round" }>;
export type Logged = Exclude<JournalEntry, Mark>;

/** What an entry of the log comes to. */
export interface Happening {
  readonly entry: Logged;
  readonly events: readonly Event[];
  /** instructions that prove it: items that share one are counted in parts */
  readonly proofs: number;
}

/** The end of a round, and the accounts at it. */
export interface RoundEnd {
  readonly entry: Mark;
  readonly accounts: readonly Account[];
}

export type Step = Happening | RoundEnd;

/** What a matcher does with an entry that is known to be signed; it becomes that of after the entry. */
export function happening(matcher: Matcher, entry: Logged, profile: Profile): Happening {
  const command: Command = entry.kind === "item" ? { signed: true, ...entry } : entry;
  const events = matcher.apply(command);
  return { entry, events, proofs: events.reduce((sum, event) => sum + instructionsOf(event, profile), 0) };
}

/**
 * What entries come to, one after the other, and the end of each round that is full before the next of them.
 * @param round  the one that is being filled, and the proofs after which it is full
 */
export function* stepsOf(
  matcher: Matcher,
  entries: Iterable<JournalEntry>,
  round: { readonly number: number; readonly proofs: number; readonly most: number },
  profile: Profile,
): Generator<Step, void> {
  let { number, proofs } = round;
  for (const entry of entries) {
    if (entry.kind === "round" || proofs >= round.most) {
      yield { entry: { kind: "round", number: number++ }, accounts: [...matcher.accounts] };
      proofs = 0;
    }
    if (entry.kind === "round") continue;
    const step = happening(matcher, entry, profile);
    proofs += step.proofs;
    yield step;
  }
}

/** Records of steps that come after a tip, and the tip after each. @param hashed  those of the log among them */
export function recordsOf(
  steps: readonly Step[],
  hashed: readonly HashedEntry[],
  { tip, epoch, digest }: { tip: Tip; epoch: number; digest: Digest | undefined },
): { record: StoredRecord; tip: Tip }[] {
  const first = tip.logCount;
  const heads = chainHeads(tip.head, hashed);
  return steps.map((step) => {
    const after = "accounts" in step ? tip : { logCount: tip.logCount + 1, head: heads[tip.logCount - first] };
    const { logCount, head } = after;
    const sequence = tip.sequence + 1;
    const bytes = encodeRecord({ sequence, epoch, previous: tip.previous, logCount, head }, step.entry, digest);
    tip = { sequence, previous: bytes.slice(-32), logCount, head };
    const [event] = "events" in step ? step.events : [];
    const key = event?.kind === "item" ? { key: itemKey(event.admission.decoded!.head) } : {};
    return { record: { sequence, bytes, ...key }, tip };
  });
}
