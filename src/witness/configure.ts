import type { Event } from "../matcher/events.ts";
import { depositKey, type Point } from "../protocol/eddsa.ts";
import type { Contract, Instrument } from "../protocol/instrument.ts";
import { MARKET_RULES, marketRulesWords, vectorHash, type MarketRules } from "../protocol/market.ts";
import { accountLeaf } from "../protocol/account.ts";
import { pushPayout } from "../protocol/book.ts";
import { toField } from "../protocol/numbers.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, INSURANCE, MARKET_STATE, RANK } from "../protocol/parameters.ts";
import { pricesRoot, type Pricing } from "../protocol/prices.ts";
import {
  groupParts,
  PRICING,
  rulesRoot,
  rulesVectors,
  scenarioWords,
  tenorsWord,
  type Group,
  type Rules,
} from "../protocol/rules.ts";
import { historySignals } from "./history.ts";
import { accountSignals, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

/**
 * Inputs of one `configure`. Advances the ledger. @twins circuits/instructions/configure.circom
 * @param head  of the log after its entry, where it is known
 */
export function configureInputs(
  ledger: Ledger,
  event: Extract<Event, { kind: "rules" }>,
  head?: bigint,
): InstructionInputs {
  const { rules: old, prices, vectors } = ledger;
  const { entry, after, payout, insurance, held } = event;
  const { pricesRows, meta } = ledger.pricesOpening();
  const { recipient, amount, time: at } = after.rules.group.payout ?? { recipient: 0n, amount: 0n, time: 0n };
  const read = {
    meta,
    values: prices.values.map((scenario) => scenario.map(toField)),
    insurance: accountSignals(insurance),
    siblings: ledger.tree.path(INSURANCE),
    recipient,
    amount,
    at,
    stamp: entry.time,
    old: rulesSignals(old),
    now: rulesSignals(after.rules),
    ...groupSignals(after.rules.group),
    holders: [...vectors.holders],
    counts: [...vectors.counts],
    rowsHash: vectorHash(pricesRows),
    history: historySignals(prices),
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    last: [...prices.last],
    payoffs: [...prices.payoffs],
  };
  if (payout) ledger.tree.set(INSURANCE, accountLeaf(payout.write.after));
  const { payoutsPut } = ledger.state;
  const state = {
    ...ledger.logged(ledger.state, entry, RANK.other, head),
    ...held,
    accounts: ledger.tree.root,
    payoutsPut: payout ? pushPayout(payoutsPut, payout.word) : payoutsPut,
    rules: rulesRoot(after.rules),
    prices: pricesRoot(after.prices),
  };
  [ledger.rules, ledger.prices] = [after.rules, after.prices];
  return ledger.close("configure", state, read, [entry.time, state.logCount, state.logHead, state.rules]);
}

/** All of the rules as a bus. */
export function rulesSignals(rules: Rules) {
  const { ids, markets, instruments } = rulesVectors(rules);
  const { grid } = rules.group.pricing;
  return {
    group: groupParts(rules.group),
    ids,
    marketRows: markets,
    markets: rules.markets.map((row) => {
      const words = marketRulesWords(row ?? NO_MARKET);
      return Object.fromEntries(MARKET_RULES.map((name, i) => [name, words[i]]));
    }),
    instrumentRows: instruments,
    instruments: rules.instruments.map((it) => {
      const { contract, ...rest } = it ?? noInstrument(grid);
      return { contract: { ...contract }, ...rest };
    }),
  };
}

/** Stand in free slots: words in their ranges. */
const NO_MARKET: MarketRules = {
  id: 1n,
  legs: Array<bigint>(INSTRUMENTS).fill(0n),
  tick: 1n,
  lotLimit: 1n,
  band: 0n,
  feeRate: 0n,
  feePerLot: 0n,
  rhoMin: 1n,
  rule: 0n,
  interval: 1n,
  state: BigInt(MARKET_STATE.halted),
  until: 0n,
  capacity: 1n,
  cancelCapacity: 1n,
  listCapacity: 1n,
};
function noInstrument(grid: bigint): Instrument {
  const contract: Contract = {
    kind: BigInt(INSTRUMENT_KIND.future),
    expiry: grid,
    strike: 0n,
    forward: 0n,
    volatility: 0n,
  };
  return { contract, longCharge: 0n, shortCharge: 0n, weight: 1n };
}

/** What the hashes of a group are of, and its keys' eighths. @twins circuits/lib/ruleRanges.circom (GroupRules) */
export function groupSignals({ feeds, pricing, defaults, operatorKeyX, operatorKeyY }: Group) {
  const coordinates = (keys: readonly Point[]) => keys.map(({ x, y }) => [x, y]);
  return {
    pricing: pricingSignals(pricing),
    defaults: { ...defaults },
    feeds: coordinates(feeds),
    eighths: coordinates([...feeds, { x: operatorKeyX, y: operatorKeyY }].map(depositKey)),
  };
}

/** How prices are made of reports, as a bus. @twins circuits/lib/rules.circom (Pricing) */
export function pricingSignals(pricing: Pricing): { [name: string]: bigint | Signals } {
  const words = PRICING.map((name) => [name, name === "lowered" ? -pricing.lowered : pricing[name]]);
  return {
    ...(Object.fromEntries(words) as Record<string, bigint>),
    tenors: tenorsWord(pricing),
    scenarios: scenarioWords(pricing),
  };
}
