import { accountLeaves, type Account } from "../protocol/account.ts";
import { fillWord, pushFill, tradeWord, type Fill, type Trade } from "../protocol/book.ts";
import { credited, settled } from "../protocol/clearing.ts";
import { partFees } from "../protocol/defaults.ts";
import { RUN, type Profile } from "../protocol/instructions.ts";
import { vectorHash } from "../protocol/market.ts";
import { INSTRUMENTS, MARKETS, PHASE, SETTLE_ROWS } from "../protocol/parameters.ts";
import { accountSignals, transpose, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

/** Fills of one clearing that wait to be booked, in the order of their chain. */
export interface Unsettled {
  readonly trade: Trade;
  readonly fills: readonly Fill[];
}

/** Neighbouring fills of one account and one clearing: what one slot books. */
type Run = Unsettled;

type SettleName = "settle" | "settleRuns";
/** Fills of a slot, at most. */
const WIDTH: Readonly<Record<SettleName, number>> = { settle: 1, settleRuns: RUN };

const NO_FILL = fillWord({ account: 0, closed: false, lots: 0n, release: 0n, fee: 0n });

/** Which proofs book all fills that wait: of `settle` or `settleRuns`, whichever takes more of those that are left. */
export function settlePlan(
  waiting: readonly Unsettled[],
  profile: Pick<Profile, SettleName>,
): { name: SettleName; runs: readonly Run[] }[] {
  const singles = waiting.flatMap(({ trade, fills }) => fills.map((fill) => ({ trade, fills: [fill] })));
  const plan: { name: SettleName; runs: readonly Run[] }[] = [];
  for (let at = 0; at < singles.length;) {
    const [single, joined] = (["settle", "settleRuns"] as const).map((name) => {
      const slots = profile[name];
      const runs = firstOf(runsOf(singles.slice(at, at + WIDTH[name] * slots), WIDTH[name]), slots);
      return { name, runs, booked: runs.reduce((sum, { fills }) => sum + fills.length, 0) };
    });
    const { name, runs, booked } = joined.booked > single.booked ? joined : single;
    plan.push({ name, runs });
    at += booked;
  }
  return plan;
}

/**
 * Inputs of as many `settle` and `settleRuns` as all fills take that wait, and the credit of their fees. Advances the ledger,
 * and the accounts as its tree has them. @twins circuits/instructions/settle.circom
 */
export function settleInstructions(
  ledger: Ledger,
  waiting: readonly Unsettled[],
  accounts: Map<number, Account>,
): InstructionInputs[] {
  const plan = settlePlan(waiting, ledger.profile);
  const instructions = plan.map(({ name, runs }, i) =>
    settleInstruction(ledger, name, runs, i === plan.length - 1, accounts),
  );
  // Where the last of them has no slot left for the credit.
  if (ledger.state.fees > 0n) instructions.push(settleInstruction(ledger, "settle", [], true, accounts));
  return instructions;
}

function runsOf(singles: readonly Run[], most: number): Run[] {
  const runs: { trade: Trade; fills: Fill[] }[] = [];
  for (const { trade, fills } of singles) {
    const last = runs.at(-1);
    if (last && last.trade === trade && last.fills[0].account === fills[0].account && last.fills.length < most)
      last.fills.push(...fills);
    else runs.push({ trade, fills: [...fills] });
  }
  return runs;
}

/** As many of the first runs as a proof of so many slots books: of SETTLE_ROWS markets at most. */
function firstOf(runs: readonly Run[], slots: number): Run[] {
  const markets = new Set<number>();
  const end = runs.findIndex(({ trade }, i) => i === slots || markets.add(trade.slot).size > SETTLE_ROWS);
  return end < 0 ? [...runs] : runs.slice(0, end);
}

function feesOf(runs: readonly Run[]): bigint {
  return runs.reduce((sum, { fills }) => fills.reduce((all, { fee }) => all + fee, sum), 0n);
}

/** @param last  whether no fill is left after these: then fees are credited, if a slot is left for that */
function settleInstruction(
  ledger: Ledger,
  name: SettleName,
  runs: readonly Run[],
  last: boolean,
  accounts: Map<number, Account>,
): InstructionInputs {
  const { profile, tree, vectors, rules } = ledger;
  const used = [...new Set(runs.map(({ trade }) => trade.slot))];
  const unused = Array.from({ length: MARKETS }, (_, slot) => slot).filter((slot) => !used.includes(slot));
  const marketSlots = [...used, ...unused].slice(0, SETTLE_ROWS);
  const { holders } = vectors;
  vectors.holders = [...holders];
  let { fillsTaken, fees, share } = ledger.state;
  // The last slot credits what is booked before it, if it has no fills of its own.
  const credits = last && runs.length < profile[name] && fees + feesOf(runs) > 0n;
  const noTrade = tradeWord({ slot: marketSlots[0], price: 0n, funding: 0n });

  const writes = Array.from({ length: profile[name] }, (_, j) => {
    const { trade, fills } = runs[j] ?? { trade: null, fills: [] };
    const index = fills[0]?.account ?? 0;
    const before = accounts.get(index)!;
    const legs = (trade && rules.markets[trade.slot]?.legs) ?? Array<bigint>(INSTRUMENTS).fill(0n);
    let after = fills.reduce((account, fill) => settled(account, fill, legs, trade!), before);
    for (const { fee } of fills) fees += fee;
    if (credits && j === profile[name] - 1) {
      const parts = partFees(fees, share, rules.group.defaults);
      after = credited(after, parts.venue);
      [fees, share] = [0n, parts.share];
    }
    accounts.set(index, after);
    return { trade, fills, index, before, after };
  });
  const leaves = accountLeaves(writes.map(({ after }) => after));
  const slots = writes.map(({ trade, fills, index, before, after }, j) => {
    const words = Array.from({ length: WIDTH[name] }, (_, k) => (k < fills.length ? fillWord(fills[k]) : NO_FILL));
    const on = words.map((_, k) => (k < fills.length ? 1n : 0n));
    const shared = trade ? tradeWord(trade) : noTrade;
    for (let k = 0; k < fills.length; k++) fillsTaken = pushFill(fillsTaken, words[k], shared);
    const siblings = tree.path(index);
    tree.set(index, leaves[j]);
    after.positions.forEach((position, i) => {
      vectors.holders[i] += (position === 0n ? 0n : 1n) - (before.positions[i] === 0n ? 0n : 1n);
    });
    return { on, words, trades: shared, account: accountSignals(before), siblings };
  });
  const opens = fillsTaken === ledger.state.fillsPut && fees === 0n;
  const changes = {
    fillsTaken,
    fees,
    share,
    accounts: tree.root,
    holders: vectorHash(vectors.holders),
    phase: opens ? BigInt(PHASE.open) : ledger.state.phase,
  };
  const read = {
    ...ledger.rulesOpening(),
    slots: marketSlots.map(BigInt),
    rows: marketSlots.map((slot) => ledger.rulesRow(slot)) as Signals,
    holders,
    credit: credits ? 1n : 0n,
    defaults: { ...rules.group.defaults },
    ...transpose(slots as { [name: string]: bigint | Signals }[]),
  };
  return ledger.close(name, changes, read, []);
}
