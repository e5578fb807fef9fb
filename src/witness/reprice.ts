import type { Event } from "../matcher/events.ts";
import { MARKET_RULES, marketRulesWords, vectorHash } from "../protocol/market.ts";
import { accountLeaf } from "../protocol/account.ts";
import { INSURANCE, RANK } from "../protocol/parameters.ts";
import { pricesRoot } from "../protocol/prices.ts";
import { reportWords } from "../protocol/report.ts";
import { rulesVectors } from "../protocol/rules.ts";
import { pricingSignals } from "./configure.ts";
import { historySignals } from "./history.ts";
import { accountSignals, type InstructionInputs, type Ledger } from "./ledger.ts";

/** Stand in free slots: any words of which there is a witness. */
const NO_MARKET = { ...Object.fromEntries(MARKET_RULES.map((name) => [name, 0n])), tick: 1n };
const NO_INSTRUMENT = {
  contract: { kind: 0n, expiry: 0n, strike: 0n, forward: 0n, volatility: 0n },
  longCharge: 0n,
  shortCharge: 0n,
  weight: 0n,
};

/**
 * Inputs of one `reprice`. Advances the ledger. @twins circuits/instructions/reprice.circom
 * @param head  of the log after its entry, where it is known
 */
export function repriceInputs(
  ledger: Ledger,
  event: Extract<Event, { kind: "reprice" }>,
  head?: bigint,
): InstructionInputs {
  const { rules, prices } = ledger;
  const { entry, epoch, after, insurance, held, share } = event;
  const { group, idsHash, rulesRows } = ledger.rulesOpening();
  const { meta, scenarios, pricesRows } = ledger.pricesOpening();
  const read = {
    group,
    idsHash,
    rulesRows,
    rows: rules.markets.map((row) => {
      if (!row) return NO_MARKET;
      const words = marketRulesWords(row);
      return Object.fromEntries(MARKET_RULES.map((name, i) => [name, words[i]]));
    }),
    instrumentRows: rulesVectors(rules).instruments,
    instruments: rules.instruments.map((it) => {
      const { contract, ...rest } = it ?? NO_INSTRUMENT;
      return { contract: { ...contract }, ...rest };
    }),
    pricing: pricingSignals(rules.group.pricing),
    keys: rules.group.feeds.map(({ x, y }) => [x, y]),
    meta,
    scenarios,
    rowsBefore: vectorHash(pricesRows),
    history: historySignals(prices),
    last: [...prices.last],
    payoffs: [...prices.payoffs],
    insurance: accountSignals(insurance.before),
    siblings: ledger.tree.path(INSURANCE),
    stamp: entry.time,
    epoch,
    feed: entry.quorum.map(({ feed }) => BigInt(feed)),
    words: entry.quorum.map(({ report }) => reportWords(report)),
    R8x: entry.quorum.map(({ auth }) => auth.R8x),
    R8y: entry.quorum.map(({ auth }) => auth.R8y),
    signature: entry.quorum.map(({ auth }) => auth.S),
  };
  ledger.tree.set(INSURANCE, accountLeaf(insurance.after));
  const logged = ledger.logged(ledger.state, entry, RANK.reprice, head);
  const state = { ...logged, prices: pricesRoot(after), accounts: ledger.tree.root, ...held, share };
  ledger.prices = after;
  return ledger.close("reprice", state, read, [entry.time, state.logCount, state.logHead]);
}
