import type { Matcher } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import {
  closes,
  closingChange,
  flagCounts,
  isBelow,
  isInLiquidation,
  standing,
  widthOf,
  type Enforcement,
  type LotChange,
  type Standing,
  type Width,
} from "../protocol/defaults.ts";
import { equities } from "../protocol/margin.ts";
import { isMarketOpen, type MarketRules } from "../protocol/market.ts";
import { abs, max, min } from "../protocol/numbers.ts";
import { INSURANCE, MARKETS, SIDE } from "../protocol/parameters.ts";
import type { MarketPrices, Prices } from "../protocol/prices.ts";
import type { Defaults } from "../protocol/rules.ts";
import { Standings } from "./standings.ts";

/** A step against an account in default. */
export type Step = Enforcement | { readonly kind: "assume"; readonly account: number };

/**
 * What decides which steps are taken, and when: an embedder may have another. Each step is held to the rules by who takes it; what
 * may not be, as another was taken before it, is left out.
 */
export interface DefaultPolicy {
  /** Reductions for the auctions of now: before they close, and before all else of their second but its prices. */
  reductions(matcher: Matcher, time: bigint): Step[];
  /** All other steps. */
  steps(matcher: Matcher, time: bigint): Step[];
  /** Whether, as it looked last, somebody is to be looked at again before there are other prices. */
  readonly watches: boolean;
}

/**
 * The policy of a venue that is told nothing else: it flags whoever is under maintenance, drops the orders of those whose grace is over,
 * or whose equity is, sells down in the auction that lowers the worst loss most a lot, at the widest limit that is open by then,
 * has the insurance account take over what must be, and sells that down as well.
 */
export class Liquidator implements DefaultPolicy {
  readonly #standings = new Standings();
  /** of accounts, which are other objects once they are written, under the prices of the last look; by index */
  #judged: ({ readonly account: Account; readonly stands: Standing } | undefined)[] = [];
  #prices: Prices | null = null;
  #watches = false;

  get watches(): boolean {
    return this.#watches;
  }

  steps(matcher: Matcher, time: bigint): Step[] {
    const { defaults } = matcher.terms.rules.group;
    const near = this.#near(matcher, time);
    this.#watches = this.#standings.isAnyBelow || matcher.accounts[INSURANCE].positions.some((lots) => lots !== 0n);
    return near.flatMap(({ index, account, stands, isFlagged }): Step[] => {
      if (!isFlagged) return isBelow(defaults.maintenance, stands) ? [{ kind: "flag", account: index }] : [];
      const isTimely = isInLiquidation(account, defaults, time) || stands.equity < 0n;
      if (account.open > 0n) return isTimely ? sweeps(matcher, index) : [];
      return mustBeAssumed(account, stands, defaults, time) ? [{ kind: "assume", account: index }] : [];
    });
  }

  reductions(matcher: Matcher, time: bigint): Step[] {
    if (!matcher.isFresh(time)) return [];
    const { defaults } = matcher.terms.rules.group;
    const own = this.#insuranceReductions(matcher, time);
    const others = this.#near(matcher, time).flatMap(({ index, account, stands, isFlagged }): Step[] => {
      const mayBe = isFlagged && account.open === 0n && stands.equity >= 0n && isInLiquidation(account, defaults, time);
      const reduction = mayBe ? reductionOf(matcher, index, stands, time) : null;
      return reduction ? [reduction] : [];
    });
    return [...own, ...others];
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

  /** Of each market that closes now, as far as its instruments are closed by none before it. */
  #insuranceReductions({ accounts, terms }: Matcher, time: bigint): Step[] {
    const { rules, prices } = terms;
    const { positions } = accounts[INSURANCE];
    const used = new Set<number>();
    const width = { parts: rules.group.defaults.insuranceLimit, of: 1n << 16n };
    return closable(terms, positions, time).flatMap(({ slot, row, quoted, side, most }) => {
      const legs = row.legs.flatMap((leg, i) => (leg === 0n ? [] : [i]));
      if (legs.some((i) => used.has(i))) return [];
      legs.forEach((i) => used.add(i));
      const limit = limitWithin(row, quoted, side, worstOf(row, quoted, side, width));
      const change = closingChange(row, { quoted, prices }, { side, limit, positions });
      const lowers = riskAfter(accounts[INSURANCE], prices, change, most) < standing(accounts[INSURANCE], prices).risk;
      return lowers ? [{ kind: "reduce", account: INSURANCE, slot, side, limit, size: most } as const] : [];
    });
  }
}

function mustBeAssumed(account: Account, stands: Standing, defaults: Defaults, time: bigint): boolean {
  const { maintenance, grace, slope } = defaults;
  return isBelow(maintenance, stands) && (stands.equity < 0n || time >= account.flagged + grace + 2n * slope);
}

/** An all-cancel in each market in which the account has orders that none names yet. */
function sweeps(matcher: Matcher, index: number): Step[] {
  const { nonce } = matcher.accounts[index];
  const isSwept = (slot: number) =>
    matcher.cancels(slot).some((it) => it.all && it.account === index && it.nonce > nonce);
  return Array.from({ length: MARKETS }, (_, slot) => slot)
    .filter((slot) => matcher.book(slot).some(({ account }) => account === index) && !isSwept(slot))
    .map((slot) => ({ kind: "sweep", account: index, slot }));
}

interface Closable {
  readonly slot: number;
  readonly row: MarketRules;
  readonly quoted: MarketPrices;
  readonly side: number;
  /** lots, at least 1 */
  readonly most: bigint;
}

/** Markets that close now in which positions can be closed, and by how many lots. */
function closable({ rules, prices }: Matcher["terms"], positions: Account["positions"], time: bigint): Closable[] {
  return rules.markets.flatMap((row, slot) => {
    const quoted = prices.markets[slot];
    if (!row || !quoted || !isMarketOpen(row, time) || time % row.interval !== 0n) return [];
    return [SIDE.buy, SIDE.sell].flatMap((side) => {
      if (!closes(row, positions, side, 1n)) return [];
      const most = row.legs.reduce(
        (lots, leg, i) => (leg === 0n ? lots : min(lots, abs(positions[i]) / abs(leg))),
        row.lotLimit,
      );
      return [{ slot, row, quoted, side, most }];
    });
  });
}

/** How far beyond the mark a limit may be. @source src/protocol/defaults.ts (limitHolds) */
function worstOf(row: MarketRules, { mark, low, high }: MarketPrices, side: number, { parts, of }: Width): bigint {
  const way = max(0n, side === SIDE.sell ? mark - low : high - mark);
  return min((3n * row.band) / 4n, (parts * way) / of);
}

/** The limit on the tick that is at most so far beyond the mark, which is on it. */
function limitWithin({ tick }: MarketRules, { mark }: MarketPrices, side: number, beyond: bigint): bigint {
  const ticks = beyond / tick;
  return mark + (side === SIDE.buy ? ticks : -ticks) * tick;
}

/** M after so many lots. */
function riskAfter(account: Account, prices: Prices, { spread }: LotChange, lots: bigint): bigint {
  const all = equities(account, prices);
  return all.map((it, k) => all[0] - it - lots * spread[k]).reduce(max);
}

/** The reduction that lowers the worst loss most a lot, no larger than it takes to the target; null where there is none. */
function reductionOf(matcher: Matcher, index: number, stands: Standing, time: bigint): Enforcement | null {
  const { rules, prices } = matcher.terms;
  const { defaults } = rules.group;
  const account = matcher.accounts[index];
  const width = widthOf(account, defaults, time);
  let best: { readonly step: Enforcement; readonly lowered: bigint; readonly size: bigint } | null = null;
  for (const { slot, row, quoted, side, most } of closable(matcher.terms, account.positions, time)) {
    const at = (limit: bigint) => closingChange(row, { quoted, prices }, { side, limit, positions: account.positions });
    let limit = limitWithin(row, quoted, side, worstOf(row, quoted, side, width));
    const size = neededLots(account, prices, at(limit), { most, target: defaults.target });
    const lowered = stands.risk - riskAfter(account, prices, at(limit), size);
    if (lowered <= 0n) continue;
    // Each unit of the worst loss that is left keeps as much equity: nearer the mark where it takes that.
    const allowed = (stands.equity * lowered) / (stands.risk * size);
    for (let missing = -at(limit).equity - allowed; missing > 0n; missing = -at(limit).equity - allowed) {
      const ticks = (missing + row.tick - 1n) / row.tick;
      limit += (side === SIDE.buy ? -ticks : ticks) * row.tick;
    }
    if (abs(limit - quoted.mark) > row.band) continue;
    if (best && lowered * best.size <= best.lowered * size) continue;
    best = { step: { kind: "reduce", account: index, slot, side, limit, size }, lowered, size };
  }
  return best && best.step;
}

/** The least lots after which the account is no more below its target, or all where it takes them. */
function neededLots(
  account: Account,
  prices: Prices,
  change: LotChange,
  { most, target }: { most: bigint; target: bigint },
): bigint {
  const all = equities(account, prices);
  const isBelowAt = (lots: bigint) => {
    const equity = all[0] + lots * change.equity;
    return isBelow(target, { equity, risk: all.map((it, k) => all[0] - it - lots * change.spread[k]).reduce(max) });
  };
  // What is missing to the target is convex in the lots: it falls before it rises, so the first lots that do are found by halves,
  // where any do by then.
  let [below, enough] = [0n, 1n];
  while (enough < most && isBelowAt(enough)) [below, enough] = [enough, min(most, 2n * enough)];
  if (isBelowAt(enough)) return most;
  while (enough - below > 1n) {
    const middle = (below + enough) / 2n;
    if (isBelowAt(middle)) below = middle;
    else enough = middle;
  }
  return enough;
}
