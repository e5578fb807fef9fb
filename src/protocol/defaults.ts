import { MAX_HELD, NO_POSITIONS, type Account } from "./account.ts";
import type { BookEntry, Cancel } from "./book.ts";
import { TacitError } from "./errors.ts";
import { charges, equities, reservation } from "./margin.ts";
import { fee, isMarketOpen, type MarketRules } from "./market.ts";
import { abs, max, min } from "./numbers.ts";
import {
  DEFAULT_CANCELS,
  DEFAULT_ENTRIES,
  INSURANCE,
  MAX_POSITION_SQUARES,
  REDUCTION_NONCE,
  REDUCTIONS,
  SIDE,
} from "./parameters.ts";
import { pricesFresh, type MarketPrices, type Prices } from "./prices.ts";
import type { Defaults, Rules } from "./rules.ts";

/**
 * Defaults (docs/protocol.md, section 10): which accounts the operator may sell down, how far, and at which limits; what the insurance
 * account takes over, and what is paid out where it has nothing left. The operator chooses when it acts and on whom; each of its
 * commands has a proof only where what stands here holds.
 */

/** What an account is judged by. */
export interface Standing {
  /** E_0: equity at the mark, cash units, signed */
  readonly equity: bigint;
  /** M: the loss of the worst scenario, charges included, cash units, at least 0 */
  readonly risk: bigint;
}

/** E_0 and M = max_k (E_0 - E_k). A stale instrument counts as its last number values it. */
export function standing(owned: Pick<Account, "cash" | "positions">, prices: Prices): Standing {
  const all = equities(owned, prices);
  return { equity: all[0], risk: all[0] - all.reduce(min) };
}

/** Whether equity carries less than `part` 1024ths of the worst loss: E_0 + part / 1024 (E_k - E_0) < 0 for some k. */
export function isBelow(part: bigint, { equity, risk }: Standing): boolean {
  return 1024n * equity < part * risk;
}

/** Whether a flag counts: from its time on, until limits have been at their widest for `slope` and `hold` seconds. */
export function flagCounts({ flagged }: Pick<Account, "flagged">, defaults: Defaults, time: bigint): boolean {
  const { grace, slope, hold } = defaults;
  return flagged !== 0n && time < flagged + grace + 2n * slope + hold;
}

/** Whether an account that is flagged trades no more, but with full margin. */
export function isInLiquidation(account: Pick<Account, "flagged">, defaults: Defaults, time: bigint): boolean {
  return flagCounts(account, defaults, time) && time >= account.flagged + defaults.grace;
}

/** What one lot of a reduction changes: of E_0, and of E_k - E_0 in each scenario, cash units. */
export interface LotChange {
  readonly equity: bigint;
  readonly spread: readonly bigint[];
}

/**
 * What a lot at `limit` changes, which closes: its legs cost of charges what is closed of them.
 * @param positions  of which it closes a part
 */
export function closingChange(
  row: MarketRules,
  { quoted, prices }: { readonly quoted: MarketPrices; readonly prices: Prices },
  {
    side,
    limit,
    positions,
  }: { readonly side: number; readonly limit: bigint; readonly positions: Account["positions"] },
): LotChange {
  const sign = side === SIDE.buy ? 1n : -1n;
  const released = charges(
    { positions: positions.map((lots, i) => (lots < 0n ? -1n : 1n) * abs(row.legs[i])) },
    prices,
  );
  return {
    equity: sign * (quoted.values[0] - (limit - quoted.funding)) - fee(row, limit, 1n),
    spread: quoted.values.map((value, k) => (k === 0 ? 0n : sign * (value - quoted.values[0]) + released)),
  };
}

/** Whether `size` lots close: each position that a leg moves then lies between 0 and what it was. */
export function closes({ legs }: MarketRules, positions: Account["positions"], side: number, size: bigint): boolean {
  const sign = side === SIDE.buy ? 1n : -1n;
  return legs.every((leg, i) => {
    const moved = sign * leg * size;
    return leg === 0n || (moved < 0n === positions[i] > 0n && positions[i] !== 0n && abs(moved) <= abs(positions[i]));
  });
}

/** How far beyond the mark a limit may be, as a part of the width of the scenarios: `parts` / `of`. */
export interface Width {
  readonly parts: bigint;
  readonly of: bigint;
}

/** From `grace` seconds after a flag on it widens, and after `slope` more it is the whole width. */
export function widthOf({ flagged }: Pick<Account, "flagged">, { grace, slope }: Defaults, time: bigint): Width {
  return { parts: max(0n, min(time - flagged - grace, slope)), of: slope };
}

/** From the mark to the worst of the scenarios, which leave funding out: cash units a lot, at least 0. */
export function wayOf({ mark, funding, low, high }: MarketPrices, side: number): bigint {
  const net = mark - funding;
  return max(0n, side === SIDE.sell ? net - low : high - net);
}

/**
 * Whether a reduction may have a limit: on the tick, within the band, and worse than the mark by at most three quarters of the band,
 * and the part that is open to it of the way to the worst of the scenarios: an option that is worth next to nothing is sold for nothing,
 * and nobody is paid to take it.
 */
export function limitHolds(
  row: MarketRules,
  quoted: MarketPrices,
  { side, limit }: { readonly side: number; readonly limit: bigint },
  { parts, of }: Width,
): boolean {
  const worse = side === SIDE.sell ? quoted.mark - limit : limit - quoted.mark;
  const isOpen = worse * of <= parts * wayOf(quoted, side);
  return limit % row.tick === 0n && worse >= -row.band && 4n * worse <= 3n * row.band && isOpen;
}

/** Entries that a market may have with those of reductions, which traders' do not count beyond its capacity. */
export function roomFor({ capacity }: Pick<MarketRules, "capacity">): bigint {
  return capacity + (capacity + 3n) / 4n + BigInt(DEFAULT_ENTRIES);
}

export type Enforcement =
  | { readonly kind: "flag"; readonly account: number }
  | { readonly kind: "sweep"; readonly account: number; readonly slot: number }
  | {
      readonly kind: "reduce";
      readonly account: number;
      readonly slot: number;
      /** SIDE */
      readonly side: number;
      readonly limit: bigint;
      readonly size: bigint;
    };

/** All that defaults are judged by, but for the accounts. */
export interface DefaultTerms {
  readonly rules: Rules;
  /** root of `rules` */
  readonly rulesInForce: bigint;
  readonly prices: Prices;
  /** what haircuts kept, cash units: stands in for the insurance account where it reduces */
  readonly relief: bigint;
  /** of the entry */
  readonly time: bigint;
}

export interface EnforcementContext extends DefaultTerms {
  readonly account: Account;
  /** of the market that is named: entries in book and admitted; cancels pending, those of lists of quotes left out */
  readonly entries: number;
  readonly cancels: number;
}

export interface Enforced {
  readonly account: Account;
  /** of a sweep */
  readonly cancel?: Cancel;
  /** of a reduction */
  readonly entry?: BookEntry;
}

function refuse(expected: string, details: Readonly<Record<string, string>> = {}): TacitError<"DEFAULT"> {
  return new TacitError("DEFAULT", `no such step may be taken: expected ${expected}`, { expected, ...details });
}

function requireFresh({ rules, rulesInForce, prices, time }: DefaultTerms): void {
  if (!pricesFresh(prices, rules.group.pricing, rulesInForce, time)) throw refuse("prices of the epoch of its time");
}

/**
 * What FLAG, SWEEP and REDUCE do.
 * @throws DEFAULT where a condition does not hold: details say which
 * @twins circuits/instructions/enforce.circom
 */
export function enforce(context: EnforcementContext, step: Enforcement): Enforced {
  const { rules, prices, account, time } = context;
  const { defaults } = rules.group;
  requireFresh(context);
  const isInsurance = step.account === INSURANCE;
  if (isInsurance && step.kind !== "reduce") throw refuse("another account than that of the insurance");
  if (step.kind === "flag") {
    if (flagCounts(account, defaults, time)) throw refuse("an account without a flag that counts");
    if (!isBelow(defaults.maintenance, standing(account, prices))) throw refuse("an account under its maintenance");
    return { account: { ...account, flagged: time } };
  }
  const row = rules.markets[step.slot];
  if (!row) throw refuse("a slot that has a market");
  if (step.kind === "sweep") {
    const { equity } = requireFlagged(context);
    if (time < account.flagged + defaults.grace && equity >= 0n)
      throw refuse("a flag that is older than its grace, or no equity");
    if (BigInt(context.cancels) >= row.cancelCapacity + BigInt(DEFAULT_CANCELS)) throw refuse("room for a cancel");
    return { account, cancel: { account: step.account, nonce: account.nonce + 1n, all: true } };
  }
  const { side, limit, size } = step;
  const quoted = prices.markets[step.slot];
  if (!isMarketOpen(row, time)) throw refuse("an open market");
  if (time % row.interval !== 0n) throw refuse("a time at which the market closes");
  if (!quoted) throw refuse("a market that has prices");
  if (size < 1n || size > row.lotLimit) throw refuse("1 lot to the market's limit");
  if (BigInt(context.entries) >= roomFor(row)) throw refuse("room for an entry");
  if (!closes(row, account.positions, side, size)) throw refuse("lots that close positions");
  const width = isInsurance ? { parts: defaults.insuranceLimit, of: 1n << 16n } : widthOf(account, defaults, time);
  if (!limitHolds(row, quoted, { side, limit }, width)) throw refuse("a limit within what is open by now");
  const change = closingChange(row, { quoted, prices }, { side, limit, positions: account.positions });
  const reduced = isInsurance
    ? requireInsuranceReduces(context, row, change, size)
    : requireReduces(context, change, size);
  const rho = reservation(row, quoted, rules.group.slack, side, limit);
  const entry = { account: step.account, nonce: REDUCTION_NONCE, side, limit, remaining: size, rho, expiry: time, thisAuction: true }; // prettier-ignore
  return { account: { ...reduced, reserved: account.reserved + rho * size, open: account.open + 1n }, entry };
}

function requireFlagged({ rules, prices, account, time }: EnforcementContext): Standing {
  if (!flagCounts(account, rules.group.defaults, time)) throw refuse("an account with a flag that counts");
  const stands = standing(account, prices);
  if (!isBelow(rules.group.defaults.target, stands)) throw refuse("an account below its target");
  return stands;
}

/** E_0 and M after lots that close. */
function standingAfter(
  owned: Pick<Account, "cash" | "positions">,
  prices: Prices,
  { equity, spread }: LotChange,
  lots: bigint,
): Standing {
  const all = equities(owned, prices);
  return {
    equity: all[0] + lots * equity,
    risk: all.map((it, k) => all[0] - it - lots * spread[k]).reduce(max),
  };
}

/** Of a trader: needed to the last lot, lowers M, and E_0 / M does not fall, however many of the lots fill. */
function requireReduces(context: EnforcementContext, change: LotChange, size: bigint): Account {
  const { rules, prices, account } = context;
  const { equity, risk } = requireFlagged(context);
  if (account.open !== 0n) throw refuse("an account without open orders");
  const at = (lots: bigint) => standingAfter(account, prices, change, lots);
  if (!isBelow(rules.group.defaults.target, at(size - 1n))) throw refuse("no more lots than it takes to the target");
  const after = at(size).risk;
  if (after >= risk) throw refuse("lots that lower the worst loss");
  if (equity < 0n) throw refuse("equity that is not negative");
  if (equity * (risk - after) < risk * size * max(0n, -change.equity))
    throw refuse("a limit that leaves as much equity for each unit of the worst loss");
  return account;
}

/**
 * Of the insurance account: lowers M, or leaves it within its equity or what is loose. Of one second no two reductions share an
 * instrument: its `flagged` is the second of its last ones, and its `nonce` has a bit for each instrument that they close.
 */
function requireInsuranceReduces(
  context: EnforcementContext,
  row: MarketRules,
  change: LotChange,
  size: bigint,
): Account {
  const { rules, prices, account, relief, time } = context;
  const legs = row.legs.reduce((sum, leg, i) => (leg === 0n ? sum : sum | (1n << BigInt(i))), 0n);
  const closing = account.flagged === time ? account.nonce : 0n;
  if ((legs & closing) !== 0n) throw refuse("instruments that no other reduction of its second closes");
  if (account.open >= BigInt(REDUCTIONS)) throw refuse(`at most ${REDUCTIONS} open reductions`);
  const { risk } = standing(account, prices);
  const after = standingAfter(account, prices, change, size);
  if (after.risk >= risk && after.risk > max(after.equity + relief, rules.group.defaults.loose))
    throw refuse("lots that lower the worst loss, or leave it within equity, or loose");
  return { ...account, flagged: time, nonce: legs | closing };
}

/**
 * The insurance account takes over what an account owns, but for what is left of its equity after the penalty.
 * @throws DEFAULT where a condition does not hold: details say which
 * @twins circuits/instructions/assume.circom
 */
export function assume(
  terms: DefaultTerms,
  index: number,
  account: Account,
  insurance: Account,
): { account: Account; insurance: Account } {
  const { rules, prices, time } = terms;
  const { maintenance, grace, slope, penalty } = rules.group.defaults;
  requireFresh(terms);
  if (index === INSURANCE) throw refuse("another account than that of the insurance");
  if (!flagCounts(account, rules.group.defaults, time)) throw refuse("an account with a flag that counts");
  const stands = standing(account, prices);
  if (!isBelow(maintenance, stands)) throw refuse("an account under its maintenance");
  if (account.open !== 0n || insurance.open !== 0n) throw refuse("no open order of either account");
  if (stands.equity >= 0n && time < account.flagged + grace + 2n * slope)
    throw refuse("no equity, or a flag for which limits were at their widest as long as they widened");
  const positions = insurance.positions.map((lots, i) => lots + account.positions[i]);
  if (positions.reduce((sum, lots) => sum + lots * lots, 0n) > MAX_POSITION_SQUARES)
    throw refuse("positions of the insurance account within the limit");
  const kept = max(0n, stands.equity - ((penalty * stands.risk) >> 10n));
  return {
    account: { ...account, seq: account.seq + 1n, cash: kept, positions: NO_POSITIONS, flagged: 0n },
    insurance: { ...insurance, seq: insurance.seq + 1n, cash: insurance.cash + account.cash - kept, positions },
  };
}

/** Registers that say what is there to be paid, cash units. */
export interface Held {
  /** deposits less payouts */
  readonly vault: bigint;
  /** what haircuts kept: cash of all accounts is vault less relief */
  readonly relief: bigint;
  /** what the insurance account lacked when it was looked at last: at a REPRICE or an ASSUME */
  readonly deficit: bigint;
}

/** Where what is held is not known: nothing is short. */
export const ENOUGH: Held = { vault: MAX_HELD, relief: 0n, deficit: 0n };

/** max(0, -E_0) of the insurance account. */
export function deficitOf(insurance: Pick<Account, "cash" | "positions">, prices: Prices): bigint {
  return max(0n, -equities(insurance, prices)[0]);
}

/** What of the deficit haircuts have not covered. */
export function shortOf({ relief, deficit }: Pick<Held, "relief" | "deficit">): bigint {
  return max(0n, deficit - relief);
}

/** What is paid for x cash units: floor(x vault / (vault + short)); x where nothing is short. */
export function paidFor(amount: bigint, held: Held): bigint {
  const { vault } = held;
  return (amount * vault) / max(1n, vault + shortOf(held));
}

/**
 * Fees in their parts: what the venue's account is credited with now, and `share` after it: what of all fees so far is the insurance
 * account's and was not credited, 2^-16 cash units. However fees are booked, the parts add up to the same.
 */
export function partFees(
  fees: bigint,
  share: bigint,
  { insuranceShare }: Pick<Defaults, "insuranceShare">,
): { venue: bigint; share: bigint } {
  const after = share + insuranceShare * fees;
  return { venue: fees - ((after >> 16n) - (share >> 16n)), share: after };
}

/** The insurance account at a REPRICE: credited with the whole units of its share. */
export function insured(before: Account, share: bigint): { insurance: Account; share: bigint } {
  return { insurance: { ...before, cash: before.cash + (share >> 16n) }, share: share & 0xffffn };
}
