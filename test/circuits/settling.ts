/** What the tests of Settle share: accounts, fills of several clearings that wait, and what booking them comes to. */
import { credited, settled } from "../../src/protocol/clearing.ts";
import { accountLeaf, openAccount, type Account } from "../../src/protocol/account.ts";
import { fillWord, pushFill, tradeWord, type Fill, type Trade } from "../../src/protocol/book.ts";
import { partFees } from "../../src/protocol/defaults.ts";
import { fee, NO_MARKETS, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { abs } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS, MARKET_STATE, PHASE, RULE } from "../../src/protocol/parameters.ts";
import { type State } from "../../src/protocol/state.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { settleInstructions, type Unsettled } from "../../src/witness/settle.ts";
import { FOREVER, pricesOfTests, rulesOfTests } from "../priced.ts";

export const file = "circuits/instructions/settle.circom";
export const PROFILE = {
  depth: 2,
  scenarios: 4,
  feeds: 4,
  maxOpen: 32,
  deposit: 1,
  admit: 1,
  quote: 1,
  clear: 1,
  settle: 6,
  settleRuns: 2,
  fold: 1,
  enforce: 1,
  assume: 1,
};
export const [SLOT, OTHER_SLOT, FREE] = [2, 3, 15];
export const PRICE = 1_000n;
export const FUNDING = -25n;
export const below = (bits: number) => (1n << BigInt(bits)) - 1n;
export const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);

export const market = (id: bigint, legs: bigint[]): MarketRules => ({
  id,
  legs,
  tick: 5n,
  lotLimit: 100n,
  band: 40n,
  feeRate: 1_000n,
  feePerLot: 3n,
  rhoMin: 1n,
  rule: BigInt(RULE.auction),
  interval: 10n,
  state: BigInt(MARKET_STATE.open),
  until: FOREVER,
  capacity: 100n,
  cancelCapacity: 10n,
  listCapacity: 10n,
});
/** A spread on the first three instruments and the last, and an outright. */
export const LEGS = [...vector(1n, -25n, 127n).slice(0, 15), -127n];
export const rules = rulesOfTests({
  markets: NO_MARKETS.map((free, slot) =>
    slot === SLOT ? market(1n, LEGS) : slot === OTHER_SLOT ? market(2n, vector(0n, 1n)) : free,
  ),
});
export const prices = pricesOfTests(rules, { values: Array.from({ length: 4 }, () => vector(1_000n)) });

/** Sixteen accounts, so that the tree is full; account 0 is the venue's. */
export function someAccounts(): Account[] {
  return Array.from({ length: 16 }, (_, i) => ({
    ...openAccount({ keyX: BigInt(i), keyY: 1n, view: BigInt(100 + i) }),
    cash: BigInt(1_000 * (i - 4)),
    positions: i % 3 === 0 ? vector() : vector(BigInt(i - 6), 0n, 0n, 9n),
    nonce: 7n,
    reserved: 100_000n,
    open: 9n,
    flagged: BigInt(200 + i),
    pushedAt: BigInt(300 + i),
  }));
}
export const fill = (account: number, changes: Partial<Fill> = {}): Fill => ({
  account,
  closed: false,
  lots: 2n,
  release: 300n,
  fee: 0n,
  ...changes,
});
export const trade = (changes: Partial<Trade> = {}): Trade => ({
  slot: SLOT,
  price: PRICE,
  funding: FUNDING,
  ...changes,
});

export interface Situation {
  /** of one clearing, at the price and in the market of this file, or of several */
  fills: readonly Fill[] | readonly Unsettled[];
  accounts?: readonly Account[];
  /** booked before, of which the venue has not been credited yet */
  fees?: bigint;
  /** what of fees is the insurance account's and was not credited, 2^-16 cash units */
  share?: bigint;
}

export function waitingOf(fills: Situation["fills"]): readonly Unsettled[] {
  return fills.length > 0 && "trade" in fills[0]
    ? (fills as readonly Unsettled[])
    : [{ trade: trade(), fills: fills as readonly Fill[] }];
}

export const feeOf = ({ slot, price }: Trade, { lots }: Fill) =>
  lots ? fee(rules.markets[slot]!, price, abs(lots)) : 0n;

/** A ledger in phase settling with these fills put, and what the matcher says that they do. */
export function settling(situation: Situation, profile: Partial<typeof PROFILE> = {}) {
  const { fills, accounts = someAccounts(), fees = 0n, share = 0n } = situation;
  const waiting = waitingOf(fills);
  let blind = 1_000n;
  const genesis = { profile: { ...PROFILE, ...profile }, domain: 77n, rules, prices, accounts, time: 5n };
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  const fillsTaken = 55n;
  const fillsPut = headOf(waiting, fillsTaken);
  ledger.state = { ...ledger.state, phase: BigInt(PHASE.settling), fees, share, fillsPut, fillsTaken };
  const after = [...accounts];
  let owed = fees;
  for (const { trade, fills } of waiting)
    for (const one of fills) {
      const charged = { ...one, fee: feeOf(trade, one) };
      owed += charged.fee;
      after[one.account] = settled(after[one.account], charged, rules.markets[trade.slot]?.legs ?? vector(), trade);
    }
  const parts = partFees(owed, share, rules.group.defaults);
  after[0] = credited(after[0], parts.venue);
  const instructions = () => settleInstructions(ledger, charged(waiting), new Map(accounts.entries()));
  return { ledger, instructions, after, share: parts.share };
}

/** The fills with their fees. */
export function charged(waiting: readonly Unsettled[]): Unsettled[] {
  return waiting.map(({ trade, fills }) => ({ trade, fills: fills.map((it) => ({ ...it, fee: feeOf(trade, it) })) }));
}

export function headOf(waiting: readonly Unsettled[], from: bigint): bigint {
  return waiting.reduce(
    (head, { trade, fills }) => fills.reduce((at, it) => pushFill(at, fillWord(it), tradeWord(trade)), head),
    from,
  );
}

/** Registers after all fills are booked, from the accounts and the share alone. */
export function registersAfter(before: State, accounts: readonly Account[], share: bigint): State {
  const tree = new Tree(PROFILE.depth);
  accounts.forEach((account, index) => tree.set(index, accountLeaf(account)));
  const holders = vector().map((_, i) => BigInt(accounts.filter(({ positions }) => positions[i] !== 0n).length));
  return {
    ...before,
    phase: 0n,
    fees: 0n,
    share,
    fillsTaken: before.fillsPut,
    accounts: tree.root,
    holders: vectorHash(holders),
  };
}

export const publicOf = (witness: readonly bigint[]) => witness.slice(1, 4);

/** Signals of an instruction that an attacker may set as it likes. */
export type Attack = Record<string, any>;
