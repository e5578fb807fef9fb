import type { Event } from "../matcher/events.ts";
import { depositKey } from "../protocol/eddsa.ts";
import type { Contract, Instrument } from "../protocol/instrument.ts";
import { MARKET_RULES, marketRulesWords, vectorHash, type MarketRules } from "../protocol/market.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, MARKET_STATE, RANK } from "../protocol/parameters.ts";
import { pricesRoot, type Pricing } from "../protocol/prices.ts";
import {
  groupParts,
  PRICING,
  rulesRoot,
  rulesVectors,
  scenarioWords,
  tenorsWord,
  type Rules,
} from "../protocol/rules.ts";
import { historySignals } from "./history.ts";
import type { InstructionInputs, Ledger, Signals } from "./ledger.ts";

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
  const { entry, after } = event;
  const { feeds, pricing, defaults, operatorKeyX, operatorKeyY } = after.rules.group;
  const { pricesRows, ...opening } = ledger.pricesOpening();
  const read = {
    ...opening,
    stamp: entry.time,
    old: rulesSignals(old),
    now: rulesSignals(after.rules),
    pricing: pricingSignals(pricing),
    defaults: { ...defaults },
    feeds: feeds.map(({ x, y }) => [x, y]),
    eighths: [...feeds, { x: operatorKeyX, y: operatorKeyY }].map(depositKey).map(({ x, y }) => [x, y]),
    holders: [...vectors.holders],
    counts: [...vectors.counts],
    rowsHash: vectorHash(pricesRows),
    history: historySignals(prices),
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    last: [...prices.last],
    payoffs: [...prices.payoffs],
  };
  const state = {
    ...ledger.logged(ledger.state, entry, RANK.other, head),
    rules: rulesRoot(after.rules),
    prices: pricesRoot(after.prices),
  };
  [ledger.rules, ledger.prices] = [after.rules, after.prices];
  return ledger.close("configure", state, read, [entry.time, state.logCount, state.logHead, state.rules]);
}

/** All of the rules as a bus. */
function rulesSignals(rules: Rules): Signals {
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

/** How prices are made of reports, as a bus. @twins circuits/lib/rules.circom (Pricing) */
export function pricingSignals(pricing: Pricing): Signals {
  const words = PRICING.map((name) => [name, name === "lowered" ? -pricing.lowered : pricing[name]]);
  return { ...(Object.fromEntries(words) as Signals), tenors: tenorsWord(pricing), scenarios: scenarioWords(pricing) };
}
