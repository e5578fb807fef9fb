import type { Event, Sweep } from "../matcher/events.ts";
import {
  cancelWord,
  entryWord,
  fillWord,
  pushCancel,
  pushEntry,
  pushFill,
  tradeWord,
  type Fill,
} from "../protocol/book.ts";
import { sweepSlots } from "../protocol/clearing.ts";
import { vectorHashes } from "../protocol/market.ts";
import { abs, toField } from "../protocol/numbers.ts";
import { hash } from "../protocol/poseidon.ts";
import { ALL_CANCEL_EVERY, PHASE, RANK, RULE, SIDE, SWEEP_CANCELS } from "../protocol/parameters.ts";
import type { InstructionInputs, Ledger, Signals } from "./ledger.ts";

type ClearEvent = Extract<Event, { kind: "clear" }>;

/** What a walk carries: the bus of circuits/instructions/clear.circom. */
interface Progress {
  leftBid: bigint;
  leftAsk: bigint;
  restBids: bigint;
  restBidsAbove: bigint;
  restAsks: bigint;
  restAsksBelow: bigint;
  kept: bigint;
  stage: bigint;
  walked: bigint;
  newBook: bigint;
}

/** What the sweep register holds between the proofs of one command. */
interface Stored {
  starting: boolean;
  match: boolean;
  price: bigint;
  progress: Progress;
  cancelsFrom: bigint;
  cancelsTo: bigint;
}

const NOTHING: Progress = {
  leftBid: 0n,
  leftAsk: 0n,
  restBids: 0n,
  restBidsAbove: 0n,
  restAsks: 0n,
  restAsksBelow: 0n,
  kept: 0n,
  stage: 0n,
  walked: 0n,
  newBook: 0n,
};
const EMPTY: Stored = {
  starting: false,
  match: false,
  price: 0n,
  progress: NOTHING,
  cancelsFrom: 0n,
  cancelsTo: 0n,
};

/** Inputs of as many `auction` or `midpoint` as a command takes. Advances the ledger. @twins circuits/instructions/clear.circom */
export function clearInstructions(ledger: Ledger, event: ClearEvent): InstructionInputs[] {
  const instructions: InstructionInputs[] = [];
  let stored = EMPTY;
  for (const sweep of event.sweeps)
    stored = sweepInstructions(ledger, event, sweep, stored, sweep === event.sweeps.at(-1), instructions);
  return instructions;
}

function sweepInstructions(
  ledger: Ledger,
  event: ClearEvent,
  sweep: Sweep,
  before: Stored,
  last: boolean,
  instructions: InstructionInputs[],
): Stored {
  const { slot, entry: command } = event;
  const trade = tradeWord(sweep.trade);
  const { vectors, profile } = ledger;
  const row = ledger.rules.markets[slot];
  const name = row?.rule === BigInt(RULE.midpoint) ? "midpoint" : "auction";
  const purge = event.command === "purge";
  const { match, outcome, cancels } = sweep;
  const { bids, bidsAbove, asks, asksBelow } = outcome.depth;
  const isAuction = name === "auction";
  const cancelsFrom = before.cancelsTo;
  const cancelsTo = cancels.reduce(pushCancel, cancelsFrom);
  const entries = [...sweep.book, ...sweep.admitted];
  const places = sweepSlots(cancels);
  const cancelSlots = Array.from({ length: SWEEP_CANCELS }, (_, j) => cancels[places.indexOf(j)]);
  const claim = (lots: bigint) => (match ? lots : 0n);
  const volume = claim(outcome.volume);

  let stored = before;
  let progress: Progress = {
    ...NOTHING,
    leftBid: isAuction ? volume - claim(bidsAbove) : volume,
    leftAsk: isAuction ? volume - claim(asksBelow) : volume,
    restBids: claim(bids),
    restBidsAbove: claim(bidsAbove),
    restAsks: claim(asks),
    restAsksBelow: claim(asksBelow),
  };
  for (let start = 0, begins = true, done = false; !done; start += profile.clear, begins = false) {
    const opening = {
      ...ledger.rulesOpening(),
      ...ledger.pricesOpening(),
      row: ledger.rulesRow(slot),
      quoted: ledger.pricesRow(slot),
      books: [...vectors.books],
      admitted: [...vectors.admitted],
      cancels: [...vectors.cancels],
      counts: [...vectors.counts],
    };
    const first = ledger.state.phase !== BigInt(PHASE.clearing(slot));
    let { fillsPut } = ledger.state;
    const words = Array<bigint>(profile.clear).fill(0n);
    const active = Array<bigint>(profile.clear).fill(0n);
    const switches = Array<bigint>(profile.clear + 1).fill(0n);
    let partial = { head: 0n, word: 0n };
    const turn = (i: number) => {
      switches[i] = 1n;
      progress = { ...progress, stage: 1n, walked: 0n };
    };
    for (let i = 0; i < profile.clear && start + i < entries.length; i++) {
      if (start + i >= sweep.book.length && progress.stage === 0n) turn(i);
      const entry = entries[start + i];
      const fill = outcome.fillOf[start + i];
      const word = entryWord(entry);
      words[i] = word;
      active[i] = 1n;
      const walked = pushEntry(progress.walked, word);
      progress = advance({ ...progress, walked }, entry, fill, outcome.eligible[start + i], outcome.price, isAuction);
      if (fill) fillsPut = pushFill(fillsPut, fillWord(fill), trade);
      if (fill?.closed) continue;
      const remaining = entry.remaining - (fill ? abs(fill.lots) : 0n);
      const kept = entryWord({ ...entry, remaining });
      if (fill) partial = { head: progress.newBook, word: kept };
      progress = { ...progress, kept: progress.kept + 1n, newBook: pushEntry(progress.newBook, kept) };
    }
    if (start + profile.clear >= entries.length) {
      if (progress.stage === 0n) turn(profile.clear);
      done = true;
    }

    const { progress: storedProgress, ...rest } = stored;
    const read = {
      slot: BigInt(slot),
      first: first ? 1n : 0n,
      purge: purge ? 1n : 0n,
      stamp: command.time,
      ...opening,
      starting: rest.starting ? 1n : 0n,
      storedMatch: rest.match ? 1n : 0n,
      storedPrice: toField(rest.price),
      stored: { ...storedProgress } as Signals,
      storedFrom: rest.cancelsFrom,
      storedTo: rest.cancelsTo,
      price: begins ? toField(outcome.price) : 0n,
      bids: begins ? claim(bids) : 0n,
      bidsAbove: begins ? claim(bidsAbove) : 0n,
      asks: begins ? claim(asks) : 0n,
      asksBelow: begins ? claim(asksBelow) : 0n,
      cancelActive: cancelSlots.map((cancel) => (cancel ? 1n : 0n)),
      cancelAll: cancelSlots.flatMap((cancel, j) => ((j + 1) % ALL_CANCEL_EVERY ? [] : [cancel?.all ? 1n : 0n])),
      cancelWords: cancelSlots.map((cancel) => (cancel ? cancelWord(cancel) : 0n)),
      active,
      switches,
      words,
      partialHead: partial.head,
      partialWord: partial.word,
    };
    stored =
      done && !last
        ? { ...EMPTY, starting: true, cancelsFrom: cancelsTo, cancelsTo }
        : { starting: false, match, price: outcome.price, progress, cancelsFrom, cancelsTo };
    if (done) {
      vectors.books[slot] = progress.newBook;
      vectors.admitted[slot] = 0n;
      if (last) {
        vectors.cancels[slot] = 0n;
        vectors.counts[slot] = progress.kept;
      }
    }
    const state = first ? ledger.logged(ledger.state, command, purge ? RANK.other : RANK.close(slot)) : ledger.state;
    const finished = done && last;
    const settles = finished && (fillsPut !== state.fillsTaken || state.fees !== 0n);
    const [books, admitted, cancelHeads, counts] = vectorHashes([
      vectors.books,
      vectors.admitted,
      vectors.cancels,
      vectors.counts,
    ]);
    const changes = {
      ...state,
      fillsPut,
      phase: BigInt(!finished ? PHASE.clearing(slot) : settles ? PHASE.settling : PHASE.open),
      sweep: finished ? 0n : sweepRegister(purge, command.time, stored),
      books,
      admitted,
      cancels: cancelHeads,
      counts,
    };
    instructions.push(ledger.close(name, changes, read, [command.time, state.logCount, state.logHead]));
  }
  return stored;
}

/** What one entry takes from the claims on the price. */
function advance(
  progress: Progress,
  entry: { side: number; limit: bigint; remaining: bigint },
  fill: Fill | null,
  eligible: boolean,
  price: bigint,
  isAuction: boolean,
): Progress {
  const next = { ...progress };
  const lots = fill ? abs(fill.lots) : 0n;
  const better = entry.side === SIDE.buy ? entry.limit > price : entry.limit < price;
  if (!eligible || (!better && entry.limit !== price)) return next;
  const drawn = isAuction && better ? 0n : lots;
  if (entry.side === SIDE.buy) {
    next.leftBid -= drawn;
    next.restBids -= entry.remaining;
    if (better) next.restBidsAbove -= entry.remaining;
  } else {
    next.leftAsk -= drawn;
    next.restAsks -= entry.remaining;
    if (better) next.restAsksBelow -= entry.remaining;
  }
  return next;
}

/** H_sweep, in the order of `SweepWord` of the circuit. */
function sweepRegister(purge: boolean, time: bigint, stored: Stored): bigint {
  const { starting, match, price, progress, cancelsFrom, cancelsTo } = stored;
  const flags = (purge ? 1n : 0n) + (match ? 2n : 0n) + (starting ? 4n : 0n);
  const { leftBid, leftAsk, restBids, restBidsAbove, restAsks, restAsksBelow } = progress;
  const claims = [leftBid, leftAsk, restBids, restBidsAbove, restAsks, restAsksBelow];
  const { kept, stage, walked, newBook } = progress;
  const words = [flags, time, price, ...claims, kept, stage, walked, newBook, cancelsFrom, cancelsTo];
  return hash("sweep", words.map(toField));
}
