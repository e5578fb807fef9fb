import type { Command, Matcher } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import type { Cancel } from "../protocol/book.ts";
import {
  closes,
  closingChange,
  flagCounts,
  isBelow,
  isInLiquidation,
  standing,
  wayOf,
  widthOf,
  type Enforcement,
  type Standing,
  type Width,
} from "../protocol/defaults.ts";
import { equities } from "../protocol/margin.ts";
import { fee, isMarketOpen, type MarketRules } from "../protocol/market.ts";
import { abs, max, min } from "../protocol/numbers.ts";
import { BITS, DEFAULT_CANCELS, INSURANCE, MARKETS, REDUCTIONS, RULE, SIDE } from "../protocol/parameters.ts";
import type { MarketPrices, Prices } from "../protocol/prices.ts";
import type { Defaults } from "../protocol/rules.ts";
import { Standings } from "./standings.ts";

/** A step against an account in default, or a PURGE of a market: it takes the orders out that a SWEEP has named, at once. */
export type Step =
  | Enforcement
  | { readonly kind: "assume"; readonly account: number }
  | { readonly kind: "purge"; readonly slot: number };

/** The command that a step is. @param salt  gives what hides a step from those who see the log's hashes */
export function commandOf(step: Step, time: bigint, salt: () => bigint): StepCommand {
  if (step.kind === "purge") return { kind: "purge", time, slot: step.slot };
  if (step.kind === "assume") return { kind: "assume", time, account: step.account, salt: salt() };
  return { kind: "enforce", time, step, salt: salt() };
}
type StepCommand =
  | Extract<Command, { kind: "enforce" | "assume" }>
  | { readonly kind: "purge"; readonly time: bigint; readonly slot: number };

/** So often a policy is asked for steps in one second: what is left then waits for the next auction. */
export const LOOKS = 16;

/**
 * What decides which steps are taken, and when: an embedder may have another. Each step is held to the rules by who takes it; what
 * may not be, as another was taken before it, is left out. They are taken in their order: those of a kind and market that follow each
 * other share proofs.
 */
export interface DefaultPolicy {
  /** Reductions for the auctions of now: before they close, and before all else of their second but its prices. */
  reductions(matcher: Matcher, time: bigint): Step[];
  /** All other steps: asked again, of what those before have left, until there are none. */
  steps(matcher: Matcher, time: bigint): Step[];
  /** Whether, as it looked last, somebody is to be looked at again before there are other prices. */
  readonly watches: boolean;
}

/**
 * The policy of a venue that is told nothing else: it flags whoever is under maintenance, drops the orders of those whose grace is over,
 * or whose equity is (these at once, so that no order puts off what follows), sells down in the auction that lowers the worst loss most
 * a lot, and every second time in another, at the widest limit that is open by then, has the insurance account take over what must be,
 * and sells that down as well.
 */
export class Liquidator implements DefaultPolicy {
  readonly #standings = new Standings();
  /** of accounts, which are other objects once they are written, under the prices of the last look; by index */
  #judged: ({ readonly account: Account; readonly stands: Standing } | undefined)[] = [];
  #prices: Prices | null = null;
  #watches = false;
  /** of accounts in default, when there was a choice of what each sells */
  #turns = new Map<number, Turns>();

  get watches(): boolean {
    return this.#watches;
  }

  steps(matcher: Matcher, time: bigint): Step[] {
    const { defaults } = matcher.terms.rules.group;
    const near = this.#near(matcher, time);
    this.#watches = this.#standings.isAnyBelow || matcher.accounts[INSURANCE].positions.some((lots) => lots !== 0n);
    const room = new SweepRoom(matcher, time);
    const worstFirst = near.toSorted((a, b) => Number(a.stands.equity - b.stands.equity));
    const steps = worstFirst.flatMap(({ index, account, stands, isFlagged }): Step[] => {
      if (!isFlagged) return isBelow(defaults.maintenance, stands) ? [{ kind: "flag", account: index }] : [];
      if (account.open > 0n && stands.equity < 0n) return dropped(matcher, index);
      if (account.open > 0n) return isInLiquidation(account, defaults, time) ? room.take(sweeps(matcher, index)) : [];
      return mustBeAssumed(account, stands, defaults, time) ? [{ kind: "assume", account: index }] : [];
    });
    return sharingProofs(steps);
  }

  reductions(matcher: Matcher, time: bigint): Step[] {
    if (!matcher.isFresh(time)) return [];
    const { defaults } = matcher.terms.rules.group;
    const turns = new Map<number, Turns>();
    const sells = (index: number, soldIn: (turns: Turns) => Sold): Step[] => {
      const before = this.#turns.get(index) ?? { count: 0, firstAt: new Map<number, number>() };
      const { steps, first } = soldIn(before);
      const { count, firstAt } = before;
      turns.set(index, first === null ? before : { count: count + 1, firstAt: new Map([...firstAt, [first, count]]) });
      return steps;
    };
    const others = this.#near(matcher, time).flatMap(({ index, account, stands, isFlagged }): Step[] => {
      const mayBe = isFlagged && account.open === 0n && stands.equity >= 0n && isInLiquidation(account, defaults, time);
      return sells(index, (turns) => (mayBe ? reductionOf(matcher, index, stands, { time, turns }) : NOTHING));
    });
    const own = sells(INSURANCE, (turns) => insuranceReductions(matcher, { time, turns }));
    this.#turns = turns;
    return [...own, ...sharingProofs(others)];
  }

  /** Accounts under maintenance, and those below their target with a flag. */
  #near(matcher: Matcher, time: bigint) {
    if (!matcher.isFresh(time)) return [];
    const { accounts, terms } = matcher;
    const { defaults } = terms.rules.group;
    if (terms.prices !== this.#prices) [this.#prices, this.#judged] = [terms.prices, []];
    return this.#standings.near(accounts, terms.prices, defaults).flatMap((index) => {
      const account = accounts[index];
      const known = this.#judged[index];
      const stands = known?.account === account ? known.stands : standing(account, terms.prices);
      if (known?.account !== account) this.#judged[index] = { account, stands };
      return isBelow(defaults.target, stands) ? [{ index, account, stands, isFlagged: flagCounts(account, defaults, time) }] : []; // prettier-ignore
    });
  }
}

function mustBeAssumed(account: Account, stands: Standing, defaults: Defaults, time: bigint): boolean {
  const { maintenance, grace, slope } = defaults;
  return isBelow(maintenance, stands) && (stands.equity < 0n || time >= account.flagged + grace + 2n * slope);
}

type Sweep = Extract<Enforcement, { kind: "sweep" }>;

/** An all-cancel in each market in which the account has orders that none names yet. */
function sweeps(matcher: Matcher, index: number): Sweep[] {
  const { nonce } = matcher.accounts[index];
  const isSwept = (slot: number) =>
    matcher.cancels(slot).some((it) => it.all && it.account === index && it.nonce > nonce);
  return slotsOf(matcher, index)
    .filter((slot) => !isSwept(slot))
    .map((slot) => ({ kind: "sweep", account: index, slot }));
}

/** Markets in which an account has orders. */
function slotsOf(matcher: Matcher, index: number): number[] {
  return Array.from({ length: MARKETS }, (_, slot) => slot).filter((slot) =>
    matcher.book(slot).some(({ account }) => account === index),
  );
}

/** Of an account without equity: its orders go at once, by a SWEEP of each market, and a PURGE once that is taken. */
function dropped(matcher: Matcher, index: number): Step[] {
  const wanted = sweeps(matcher, index);
  if (wanted.length > 0) return wanted;
  return slotsOf(matcher, index).map((slot) => ({ kind: "purge", slot }));
}

/** Places for SWEEPs of a market that wait for its auction: items have those below its capacity to themselves. */
class SweepRoom {
  readonly #matcher: Matcher;
  readonly #time: bigint;
  readonly #left = new Map<number, number>();

  constructor(matcher: Matcher, time: bigint) {
    this.#matcher = matcher;
    this.#time = time;
  }

  take(wanted: readonly Sweep[]): Sweep[] {
    return wanted.filter(({ slot }) => {
      const left = this.#left.get(slot) ?? this.#free(slot);
      this.#left.set(slot, Math.max(0, left - 1));
      return left > 0;
    });
  }

  #free(slot: number): number {
    const { accounts, terms } = this.#matcher;
    const { defaults } = terms.rules.group;
    const isSweep = ({ all, account }: Cancel) => all && flagCounts(accounts[account], defaults, this.#time);
    return DEFAULT_CANCELS - this.#matcher.cancels(slot).filter(isSweep).length;
  }
}

/** In the order of kinds, and of markets among those of a kind, each PURGE once. */
function sharingProofs(steps: readonly Step[]): Step[] {
  const slotOf = (step: Step) => ("slot" in step ? step.slot : 0);
  const sorted = steps.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || slotOf(a) - slotOf(b));
  const isAgain = (step: Step, before: Step | undefined) => step.kind === "purge" && before?.kind === "purge" && step.slot === before.slot; // prettier-ignore
  return sorted.filter((step, i) => !isAgain(step, sorted[i - 1]));
}
const KINDS: readonly Step["kind"][] = ["flag", "sweep", "purge", "assume", "reduce"];

interface Closable {
  readonly slot: number;
  readonly row: MarketRules;
  readonly quoted: MarketPrices;
  readonly side: number;
  /** lots, at least 1 */
  readonly most: bigint;
  /** the least lots after which M is lowest; 0 where none lower it */
  readonly lowest: bigint;
  /** what a lot changes of E_0 at a limit, fee included: does not fall from the widest limit to the best */
  readonly gain: (limit: bigint) => bigint;
  /** M after lots: convex in them */
  readonly riskAfter: (lots: bigint) => bigint;
}

/** Markets that close now in which positions can be closed, and by how many lots. */
function closable({ rules, prices }: Matcher["terms"], account: Account, time: bigint): Closable[] {
  const { positions } = account;
  const all = equities(account, prices);
  const losses = all.map((it) => all[0] - it);
  return rules.markets.flatMap((row, slot) => {
    const quoted = prices.markets[slot];
    if (!row || !quoted || !isMarketOpen(row, time) || time % row.interval !== 0n) return [];
    return [SIDE.buy, SIDE.sell].flatMap((side) => {
      if (!closes(row, positions, side, 1n)) return [];
      const most = row.legs.reduce(
        (lots, leg, i) => (leg === 0n ? lots : min(lots, abs(positions[i]) / abs(leg))),
        row.lotLimit,
      );
      const change = closingChange(row, { quoted, prices }, { side, limit: quoted.mark, positions });
      const riskAfter = (lots: bigint) =>
        losses.reduce((risk, loss, k) => max(risk, loss - lots * change.spread[k]), 0n);
      const lowest = lastWhile(most, (lots) => riskAfter(lots) < riskAfter(lots - 1n));
      const gain = (limit: bigint) =>
        change.equity +
        (side === SIDE.sell ? limit - quoted.mark : quoted.mark - limit) +
        fee(row, quoted.mark, 1n) -
        fee(row, limit, 1n);
      return [{ slot, row, quoted, side, most, lowest, gain, riskAfter }];
    });
  });
}

/** The most lots of which, as of all fewer, something holds; 0 where it does not of one. */
function lastWhile(most: bigint, holds: (lots: bigint) => boolean): bigint {
  if (most === 0n || holds(most)) return most;
  let [good, bad] = [0n, most];
  while (bad - good > 1n) {
    const middle = (good + bad) / 2n;
    if (holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** How far beyond the mark a limit may be. @source src/protocol/defaults.ts (limitHolds) */
function worstOf({ row, quoted, side }: Closable, { parts, of }: Width): bigint {
  return min((3n * row.band) / 4n, (parts * wayOf(quoted, side)) / of);
}

/** The limit on the tick, and a price, that is at most so far beyond the mark, which is both; before it where `beyond` is below 0. */
function limitWithin({ row: { tick }, quoted: { mark }, side }: Closable, beyond: bigint): bigint {
  const ticks = beyond / tick;
  const most = ((1n << BigInt(BITS.price)) - 1n) / tick;
  return max(-most, min(most, mark / tick + (side === SIDE.buy ? ticks : -ticks))) * tick;
}

/** The widest limit at which a lot changes E_0 by no less than `least`; null where it does not at the best one either. */
function widestLimit({ row, gain }: Closable, limits: { widest: bigint; best: bigint }, least: bigint): bigint | null {
  const { widest, best } = limits;
  const limitAt = (nearer: bigint) => widest + (best < widest ? -nearer : nearer) * row.tick;
  const isLess = (nearer: bigint) => gain(limitAt(nearer)) < least;
  if (!isLess(0n)) return widest;
  const ticks = abs(best - widest) / row.tick;
  const nearer = lastWhile(ticks, isLess) + 1n;
  return nearer > ticks ? null : limitAt(nearer);
}

/** A reduction in a market. */
interface Reduction {
  readonly at: Closable;
  readonly limit: bigint;
  readonly size: bigint;
  /** by which all lots lower M, or raise it where it is below 0 */
  readonly lowered: bigint;
}

function stepOf(account: number, { at: { slot, side }, limit, size }: Reduction): Enforcement {
  return { kind: "reduce", account, slot, side, limit, size };
}

/** How often an account had a choice, and at which of these a market was first for the last time. */
interface Turns {
  readonly count: number;
  readonly firstAt: ReadonlyMap<number, number>;
}

/**
 * In order, but that in every second turn, and wherever one of the others was not first in twice as many turns as there are markets now,
 * that of the others is first which was so longest ago: no market that nobody trades in keeps a default, and none is left out, whichever
 * auctions meet.
 * @param better  above 0 where the first is the better one; where neither is, a cross comes after an auction
 */
function inTurn(
  all: readonly Reduction[],
  { count, firstAt }: Turns,
  better: (a: Reduction, b: Reduction) => bigint,
): Reduction[] {
  const isCross = ({ at }: Reduction) => Number(at.row.rule === BigInt(RULE.midpoint));
  const ranked = all.toSorted((a, b) => Number(better(b, a)) || isCross(a) - isCross(b));
  const lastOf = ({ at: { slot } }: Reduction) => firstAt.get(slot) ?? -1;
  const [waiting] = ranked.slice(1).sort((a, b) => lastOf(a) - lastOf(b));
  if (!waiting || (count % 2 === 0 && count - Math.max(0, lastOf(waiting)) < 2 * all.length)) return ranked;
  return [waiting, ...ranked.filter((it) => it !== waiting)];
}

/** An auction, and when an account had a choice before it. */
interface Turn {
  readonly time: bigint;
  readonly turns: Turns;
}

/** What an account sells now, and in which market first where it might have been another; null where there was no choice. */
interface Sold {
  readonly steps: Step[];
  readonly first: number | null;
}
const NOTHING: Sold = { steps: [], first: null };

/** What lowers M most; where nothing does, what leaves it within equity, or loose. No two close one instrument. */
function insuranceReductions({ accounts, terms, held }: Matcher, { time, turns }: Turn): Sold {
  const { defaults } = terms.rules.group;
  const account = accounts[INSURANCE];
  const { equity, risk } = standing(account, terms.prices);
  const width = { parts: defaults.insuranceLimit, of: 1n << 16n };
  const reductions = closable(terms, account, time).map((at): Reduction => {
    const [widest, mark] = [worstOf(at, width), 0n].map((beyond) => limitWithin(at, beyond));
    const carried = equity + held.relief;
    const least = at.riskAfter(1n) - carried;
    const limit = (at.lowest > 0n ? null : widestLimit(at, { widest, best: mark }, least)) ?? widest;
    const gain = at.gain(limit);
    const isLoose = (lots: bigint) => at.riskAfter(lots) <= max(carried + lots * gain, defaults.loose);
    const size = at.lowest || lastWhile(at.most, isLoose);
    return { at, limit, size, lowered: risk - at.riskAfter(size) };
  });
  const lowering = reductions.filter(({ at }) => at.lowest > 0n);
  const some = lowering.length > 0 ? lowering : reductions.filter(({ size }) => size > 0n);
  let closing = account.flagged === time ? account.nonce : 0n;
  const inOrder = inTurn(some, turns, (a, b) => a.lowered - b.lowered);
  const steps = inOrder
    .filter(({ at }) => {
      const legs = at.row.legs.reduce((sum, leg, i) => (leg === 0n ? sum : sum | (1n << BigInt(i))), 0n);
      const isFree = (legs & closing) === 0n;
      if (isFree) closing |= legs;
      return isFree;
    })
    .slice(0, REDUCTIONS - Number(account.open))
    .map((it) => stepOf(INSURANCE, it));
  return { steps, first: some.length > 1 ? inOrder[0].at.slot : null };
}

/** The reduction that lowers M most a lot, or one of the others in its turn. */
function reductionOf(matcher: Matcher, index: number, stands: Standing, { time, turns }: Turn): Sold {
  const { defaults } = matcher.terms.rules.group;
  const account = matcher.accounts[index];
  const width = widthOf(account, defaults, time);
  const all = closable(matcher.terms, account, time).flatMap((at) => reductionIn(at, stands, width, defaults) ?? []);
  const [first] = inTurn(all, turns, (a, b) => a.lowered * b.size - b.lowered * a.size);
  return first ? { steps: [stepOf(index, first)], first: all.length > 1 ? first.at.slot : null } : NOTHING;
}

/**
 * At the widest limit that the lots leave, no more of them than it takes to the target. Fewer lots lower M by at least as much a lot, and
 * nearer the mark the target takes no more of them: so they are allowed at that limit too, and one is wherever any are.
 */
function reductionIn(at: Closable, { equity, risk }: Standing, width: Width, { target }: Defaults): Reduction | null {
  const { row, riskAfter, gain } = at;
  const [widest, best] = [worstOf(at, width), -row.band].map((beyond) => limitWithin(at, beyond));
  for (let lots = neededLots(at, equity, gain(widest), target); lots > 0n; lots /= 2n) {
    // Each unit of the worst loss that is left keeps as much equity: nearer the mark where it takes that.
    const allowed = (equity * (risk - riskAfter(lots))) / (risk * lots);
    const limit = widestLimit(at, { widest, best }, -allowed);
    if (limit === null) continue;
    const size = min(lots, neededLots(at, equity, gain(limit), target));
    return { at, limit, size, lowered: risk - riskAfter(size) };
  }
  return null;
}

/** The least lots after which the account is not below its target, or, where none are enough, those after which M is lowest. */
function neededLots({ lowest, riskAfter }: Closable, equity: bigint, gain: bigint, target: bigint): bigint {
  // Convex in the lots, as M is: it falls, then rises, and may be above 0 on both sides.
  const missing = (lots: bigint) => target * riskAfter(lots) - 1024n * (equity + lots * gain);
  const least = lastWhile(lowest, (lots) => missing(lots) < missing(lots - 1n));
  return missing(least) > 0n ? lowest : lastWhile(least, (lots) => missing(lots) > 0n) + 1n;
}
