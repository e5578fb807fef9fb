import type { Account } from "./account.ts";
import { holdsStale } from "./admission.ts";
import { shortOf, type Held } from "./defaults.ts";
import { TacitError } from "./errors.ts";
import { contractHash, isOption, isPerpetual, type Contract, type Instrument } from "./instrument.ts";
import type { Profile } from "./instructions.ts";
import { marginOf } from "./margin.ts";
import { isMarketOpen, type MarketRules } from "./market.ts";
import { max } from "./numbers.ts";
import { BITS_ID_WINDOW, INSTRUMENT_KIND, MARKETS } from "./parameters.ts";
import { pricesFresh, type Prices } from "./prices.ts";
import { requireRules, rootsOf, type InsurancePayout, type Rules } from "./rules.ts";
import { fitsTransaction, worstClear } from "./transaction.ts";

/**
 * Which rules may follow which (docs/protocol.md, section 9): what is traded under a name stays what it was as long as somebody
 * holds it, or has an order in its market.
 * @twins circuits/instructions/configure.circom
 */

/** A new id is at most this far above the greatest one that was ever used. */
export const ID_WINDOW = 1n << BigInt(BITS_ID_WINDOW);

export interface ConfigureContext {
  /** of the RULES entry */
  readonly time: bigint;
  /** entries, cancels and lists of each market slot, 0 where there are none */
  readonly counts: readonly bigint[];
  /** accounts that hold each instrument */
  readonly holders: readonly bigint[];
  readonly prices: Prices;
  readonly profile: Profile;
  /** the insurance account, and what is there to be paid; null where they are not known: of a payout only that it is not too late is judged */
  readonly insurance: { readonly account: Account; readonly held: Held } | null;
}

/** A change of the rules that may not be, now or at all: what, where, and what it would take. */
function refused(at: string, expected: string): TacitError<"RULES"> {
  return new TacitError("RULES", `${at} may not change so: expected ${expected}`, { field: at, expected });
}

/** `greatestId` that rules with these markets have after others. */
export function greatestId(before: Rules, markets: Rules["markets"]): bigint {
  return markets.reduce((greatest, row) => (row ? max(greatest, row.id) : greatest), before.group.greatestId);
}

/** Whether instrument `slot` has another contract, but for a perpetual that is given an expiry. */
export function isReplaced(before: Instrument | null, after: Instrument | null): boolean {
  return !sameContract(before, after) && !isGivenExpiry(before?.contract, after?.contract);
}

function sameContract(a: Instrument | null, b: Instrument | null): boolean {
  return (a ? contractHash(a.contract) : 0n) === (b ? contractHash(b.contract) : 0n);
}

function isGivenExpiry(before?: Contract, after?: Contract): boolean {
  return !!before && !!after && isPerpetual(before) && after.kind === BigInt(INSTRUMENT_KIND.future);
}

/**
 * @returns the prices that the rules leave: what belongs to a contract that is replaced is 0; none of them is fresh until the
 *          next REPRICE
 * @throws OUT_OF_RANGE  when `after` are no rules
 * @throws RULES         when they may not follow `before` now: details name the field, and what was expected
 */
export function configure(before: Rules, after: Rules, context: ConfigureContext): Prices {
  requireRules(after, context.profile);
  if (after.group.payout) requirePayout(before, after.group.payout, context);
  const [old, now] = [before.group, after.group];
  for (const name of ["epochLength", "grid"] as const)
    if (now.pricing[name] !== old.pricing[name])
      throw refused(`group.pricing.${name}`, "what it was: it never changes");
  if (now.greatestId !== greatestId(before, after.markets))
    throw refused("group.greatestId", "the greatest market id that was ever used");
  after.instruments.forEach((_, i) => requireInstrumentChange(i, before, after, context));
  after.markets.forEach((_, m) => requireMarketChange(m, before, after, context));
  return forget(before, after, context.prices);
}

/** `configure` as far as somebody can check it who does not know what orders and holders there are. @throws as `configure` */
export function configureTold(
  before: Rules,
  after: Rules,
  context: Pick<ConfigureContext, "time" | "prices" | "profile">,
): Prices {
  const none = Array<bigint>(MARKETS).fill(0n);
  return configure(before, after, { ...context, counts: none, holders: none, insurance: null });
}

/** Money of the insurance account: as a withdrawal, under the rules that were in force. */
function requirePayout(
  before: Rules,
  { amount, time: at }: InsurancePayout,
  { time, prices, insurance }: ConfigureContext,
): void {
  if (amount === 0n) throw refused("group.payout.amount", "at least 1 cash unit");
  if (at < time) throw refused("group.payout.time", `${time}, when the rules come into force, or later`);
  if (!insurance) return;
  if (at !== time) throw refused("group.payout.time", `${time}, when the rules come into force`);
  if (!pricesFresh(prices, before.group.pricing, rootsOf(before).root, time))
    throw refused("group.payout", "prices of the epoch of its time");
  const { account, held } = insurance;
  if (holdsStale(account, prices)) throw refused("group.payout", "no stale price of what the insurance account holds");
  if (shortOf(held) > 0n) throw refused("group.payout", "nothing short of the insurance account");
  if (amount > held.vault || !marginOf(account, prices, () => -amount).holds)
    throw refused("group.payout.amount", "what the insurance account holds beyond its margin");
}

function requireInstrumentChange(i: number, before: Rules, after: Rules, context: ConfigureContext): void {
  const { time, counts, holders, prices } = context;
  const [old, now] = [before.instruments[i], after.instruments[i]];
  const at = `instruments[${i}]`;
  const isLive = (slot: number) => prices.payoffs[slot] === 0n;
  if (!sameContract(old, now)) {
    if (now && now.contract.expiry !== 0n && now.contract.expiry < time + after.group.pricing.window)
      throw refused(`${at}.expiry`, "at least one settlement window after the change");
    if (isReplaced(old, now)) {
      if (holders[i] !== 0n) throw refused(at, "a contract that nobody holds");
      const market = before.markets.findIndex((row, m) => !!row && row.legs[i] !== 0n && counts[m] !== 0n);
      if (market >= 0) throw refused(at, `market slot ${market}, which has it as a leg, empty`);
      const option = before.instruments.findIndex((it, slot) => {
        if (!it || !isOption(it.contract) || !isLive(slot) || isReplaced(it, after.instruments[slot])) return false;
        return [it.contract.forward, it.contract.volatility].includes(BigInt(i));
      });
      if (option >= 0) throw refused(at, `no live option that is valued by it, as instrument ${option} is`);
    }
  }
  const mustTrade = now && holders[i] !== 0n && isLive(i) && (now.contract.expiry === 0n || now.contract.expiry > time);
  const isUnit = (row: MarketRules) => row.legs.every((leg, j) => leg === (i === j ? 1n : 0n));
  if (mustTrade && !after.markets.some((row) => row && isUnit(row) && isMarketOpen(row, time)))
    throw refused(at, "an open market of it alone, as somebody holds it");
}

function requireMarketChange(
  m: number,
  before: Rules,
  after: Rules,
  { time, counts, profile }: ConfigureContext,
): void {
  const [old, now] = [before.markets[m], after.markets[m]];
  const at = `markets[${m}]`;
  const isEmpty = counts[m] === 0n;
  const greatest = before.group.greatestId;
  if (!now) {
    if (old && !isEmpty) throw refused(at, "no order, cancel or list of quotes in a market that goes");
    return;
  }
  if (!old || old.id !== now.id) {
    if (!isEmpty) throw refused(`${at}.id`, "no order, cancel or list of quotes in a market that is replaced");
    if (now.id <= greatest || now.id > greatest + ID_WINDOW)
      throw refused(`${at}.id`, `an id from ${greatest + 1n} to ${greatest + ID_WINDOW}`);
    return;
  }
  const same = (name: "rule" | "tick") => now[name] === old[name];
  if (!same("rule")) throw refused(`${at}.rule`, "a new id with another rule");
  if (!same("tick")) throw refused(`${at}.tick`, "a new id with another tick");
  now.legs.forEach((leg, i) => {
    if (leg !== old.legs[i]) throw refused(`${at}.legs`, "a new id with other legs");
    if (leg !== 0n && !sameContract(before.instruments[i], after.instruments[i]))
      throw refused(`${at}.id`, `a new id, as instrument ${i} has another contract`);
  });
  for (const name of ["feeRate", "feePerLot"] as const)
    if (now[name] > old[name] && !isEmpty) throw refused(`${at}.${name}`, "no rise while the market has orders");
  if (now.until !== old.until && (now.until > old.until || now.until < time))
    throw refused(`${at}.until`, `what it was, or a time from ${time} on before it`);
  const greater = (name: "capacity" | "cancelCapacity" | "listCapacity") => max(old[name], now[name]);
  const both = { ...now, capacity: greater("capacity"), cancelCapacity: greater("cancelCapacity"), listCapacity: greater("listCapacity") }; // prettier-ignore
  if (!isEmpty && !fitsTransaction(worstClear(both, profile)))
    throw refused(at, "capacities whose clear fits one transaction with those that its orders came under");
}

/** What belonged to a contract that is replaced counts no more. */
function forget(before: Rules, after: Rules, prices: Prices): Prices {
  const gone = after.instruments.map((now, i) => isReplaced(before.instruments[i], now));
  const kept = (words: readonly bigint[]) => words.map((word, i) => (gone[i] ? 0n : word));
  return {
    ...prices,
    rules: 0n,
    ...(gone[0] ? { funding: 0n, fundingRest: 0n } : {}),
    longCharges: kept(prices.longCharges),
    shortCharges: kept(prices.shortCharges),
    last: kept(prices.last),
    payoffs: kept(prices.payoffs),
  };
}
