/** Changes of small rules that may be, and beside each the circumstance under which it may not: of TypeScript, and of circuits. */
import { greatestId, ID_WINDOW, type ConfigureContext } from "../../src/protocol/configure.ts";
import { openAccount } from "../../src/protocol/account.ts";
import type { Held } from "../../src/protocol/defaults.ts";
import { BASE8 } from "../../src/protocol/eddsa.ts";
import type { Instrument } from "../../src/protocol/instrument.ts";
import type { MarketRules } from "../../src/protocol/market.ts";
import { INSTRUMENTS, MARKET_STATE, MARKETS, RULE } from "../../src/protocol/parameters.ts";
import { noPrices, type Prices } from "../../src/protocol/prices.ts";
import { rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { contract, EXPIRY, GRID, instrument, market, pricing, PROFILE, rules } from "./pricedRules.ts";

export const NOW = 50n * GRID;
export const ones = (length: number, at: readonly number[]) =>
  Array.from({ length }, (_, i) => (at.includes(i) ? 1n : 0n));

function prices(change: Partial<Prices> = {}): Prices {
  const all = Array<bigint>(INSTRUMENTS).fill(9n);
  return { ...noPrices({ pricing: pricing(), markets: rules().markets }), rules: 3n, epoch: 3_000n, index: 7n, range: 30_000n, funding: 5n, fundingRest: 4n, last: all, longCharges: all, shortCharges: all, ...change }; // prettier-ignore
}
/** @param busy market slots that are not empty @param held instruments that somebody holds */
export function context(busy: readonly number[] = [], held: readonly number[] = [], change: Partial<Prices> = {}): ConfigureContext {
  return { time: NOW, counts: ones(MARKETS, busy), holders: ones(INSTRUMENTS, held), prices: prices(change), profile: PROFILE, insurance: null };
} // prettier-ignore

const put = <T>(all: readonly T[], at: number, one: T) => all.map((it, i) => (i === at ? one : it));
export function changed({ markets = [], instruments = [] }: { markets?: [number, Partial<MarketRules> | null][]; instruments?: [number, Instrument | null][] }): Rules {
  const before = rules();
  const after = {
    ...before,
    markets: markets.reduce<Rules["markets"]>((all, [m, it]) => put(all, m, it && { ...(all[m] ?? market(200n, { 0: 1n })), ...it }), before.markets),
    instruments: instruments.reduce<Rules["instruments"]>((all, [i, it]) => put(all, i, it), before.instruments),
  };
  return { ...after, group: { ...after.group, greatestId: greatestId(before, after.markets) } };
} // prettier-ignore

const NEXT = EXPIRY + 24n * GRID;
const nextFuture = instrument(contract("future", { expiry: NEXT }));
/** The options on the future go, and it rolls. */
export const ROLLED = changed({
  instruments: [[1, nextFuture], [4, null]],
  markets: [[1, market(106n, { 1: 1n }, { until: NEXT })]],
}); // prettier-ignore
export const PERPETUAL_ENDS = changed({
  instruments: [[0, instrument(contract("future", { expiry: EXPIRY }))]],
  markets: [[0, market(106n, { 0: 1n })]],
}); // prettier-ignore

/** Of a market: few entries and many cancels, or many lists. With the entries of `market` either is too much for one transaction. */
const CANCELS = { capacity: 20n, cancelCapacity: 500n };
const LISTS = { capacity: 20n, listCapacity: 500n };
/** Fits a transaction, and with one of its capacities three times as great does not. */
const GREAT = changed({ markets: [[0, { capacity: 30n, cancelCapacity: 300n, listCapacity: 300n }]] });
const MIDPOINT = changed({ markets: [[0, { rule: BigInt(RULE.midpoint) }]] });
/** Of the future in slot 0 and what is on it. */
const FUTURE_ROLLS = changed({
  instruments: [[0, nextFuture], [2, null], [3, null]],
  markets: [[0, market(107n, { 0: 1n }, { until: NEXT })], [2, null], [3, null], [4, null]],
}); // prettier-ignore

/** Each slot has an instrument. */
const FULL = changed({
  instruments: rules().instruments.flatMap((it, i): [number, Instrument][] => (it ? [] : [[i, instrument(contract("future"))]])),
}); // prettier-ignore
/** The future's market goes, and one comes whose word of legs is half of that market's. */
function halved(change: Partial<MarketRules>): Rules {
  const legs = Object.fromEntries(FULL.instruments.map((_, i) => [i, i === 0 ? 64n : -64n]));
  const { group, markets } = changed({
    markets: [[1, null], [5, market(106n, legs, change)]],
  }); // prettier-ignore
  return { ...FULL, group, markets };
}

export const allowed: [what: string, after: Rules, when: ConfigureContext, before?: Rules][] = [
  ["nothing changes, whatever is held", rules(), context([0, 1, 2, 3, 4], [0, 1, 2, 3])],
  ["a fee falls while there are orders", changed({ markets: [[0, { feeRate: 0n }]] }), context([0])],
  ["a fee rises in an empty market", changed({ markets: [[0, { feeRate: 51n }]] }), context([1])],
  ["a market is halted with orders and holders", changed({ markets: [[4, { state: BigInt(MARKET_STATE.halted) }]] }), context([4], [2, 3])],
  ["a market ends sooner", changed({ markets: [[4, { until: NOW }]] }), context([4])],
  ["an empty market goes", changed({ markets: [[4, null]] }), context([0])],
  ["an empty market is replaced", changed({ markets: [[4, market(106n, { 2: 1n })]] }), context()],
  ["a market is listed", changed({ markets: [[5, market(105n + ID_WINDOW, { 2: -1n })]] }), context([0, 1, 2, 3, 4])],
  ["a future rolls that nobody holds", ROLLED, context([0, 2, 3, 4], [0, 2, 3])],
  ["a perpetual that is held is given an expiry", PERPETUAL_ENDS, context([1, 2, 3, 4], [0])],
  ["charges change while held", changed({ instruments: [[1, { ...instrument(contract("future")), longCharge: 99n }]] }), context([1], [1])],
  ["what has settled needs no market", changed({ markets: [[2, null]] }), context([], [2], { payoffs: ones(INSTRUMENTS, [2]) })],
  ["what has expired needs no market", changed({ markets: [[2, null]] }), { ...context([], [2]), time: EXPIRY }],
  ["the insurance account pays", paying({}).after, paying({}).when],
  ["it pays while it holds nothing of what is stale", paying({}).after, paying({ cash: 1n << 60n, positions: [3n, 0n], prices: { stale: staleAt(9, 15) } }).when],
  ["it pays with what was short covered", paying({}).after, paying({ held: { relief: 5n, deficit: 5n } }).when],
  ["it pays one cash unit", paying({ amount: 1n }).after, paying({ amount: 1n }).when],
  ["nothing is paid while the insurance account is short of margin", rules(), paying({ cash: 0n }).when],
  ["a market of midpoints stays", MIDPOINT, context([0]), MIDPOINT],
  ["an empty market is replaced by one of another rule", changed({ markets: [[4, market(106n, { 2: 1n }, { rule: BigInt(RULE.midpoint) })]] }), context([0])],
  ["what has settled is replaced", ROLLED, context([], [], { payoffs: ones(INSTRUMENTS, [1, 4]) })],
  ["great capacities stay while there are orders", GREAT, context([0]), GREAT],
  ["capacities of empty markets that do not fit with those before", changed({ markets: [[0, CANCELS]] }), context([3]), changed({ markets: [[1, CANCELS], [2, LISTS]] })],
  ["capacities grow within a transaction", changed({ markets: [[0, { capacity: 110n }]] }), context([0])],
]; // prettier-ignore

function staleAt(...slots: readonly number[]): boolean[] {
  return Array.from({ length: INSTRUMENTS }, (_, i) => slots.includes(i));
}

/** Seven cash units of the insurance account, which has no more beyond what is reserved. */
export function paying({
  amount = 7n,
  time = NOW,
  cash = 1_007n,
  positions = [],
  held = {},
  prices: change = {},
}: {
  amount?: bigint;
  time?: bigint;
  cash?: bigint;
  /** of the slots from 8 on, which have no price */
  positions?: readonly bigint[];
  held?: Partial<Held>;
  prices?: Partial<Prices>;
}): { after: Rules; when: ConfigureContext } {
  const after = { ...rules(), group: { ...rules().group, payout: { recipient: 5n, amount, time } } };
  const { x: keyX, y: keyY } = BASE8;
  const account = { ...openAccount({ keyX, keyY, view: 5n }), seq: 3n, cash, reserved: 1_000n, open: 1n, positions: Array.from({ length: INSTRUMENTS }, (_, i) => positions[i - 8] ?? 0n) }; // prettier-ignore
  const { epochLength, lag } = pricing();
  const fresh = { rules: rulesRoot(rules()), epoch: (NOW - lag) / epochLength, ...change };
  return {
    after,
    when: { ...context([], [], fresh), insurance: { account, held: { vault: 7n, relief: 0n, deficit: 0n, ...held } } },
  };
}

export const refused: [why: string, message: RegExp, after: Rules, when: ConfigureContext, before?: Rules][] = [
  ["other epochs", /epochLength/, { ...rules(), group: { ...rules().group, pricing: { ...pricing(), epochLength: 30n } } }, context()],
  ["another grid", /grid/, { ...rules(), group: { ...rules().group, pricing: { ...pricing(), grid: GRID / 2n } } }, context()],
  ["a greatest id that forgets one", /greatestId/, { ...ROLLED, group: { ...ROLLED.group, greatestId: 107n } }, context()],
  ["a fee that rises while there are orders", /markets\[0\]\.feePerLot/, changed({ markets: [[0, { feePerLot: 3n }]] }), context([0])],
  ["a market with orders that goes", /markets\[4\]/, changed({ markets: [[4, null]] }), context([4])],
  ["a market with orders that is replaced", /markets\[4\]\.id/, changed({ markets: [[4, market(106n, { 2: 1n })]] }), context([4])],
  ["an id that comes back", /markets\[4\]\.id/, changed({ markets: [[4, market(105n - 5n, { 2: 1n })]] }), context()],
  ["an id that was listed before", /markets\[5\]\.id/, changed({ markets: [[5, market(100n, { 2: 1n })]] }), context()],
  ["an id too far ahead", /markets\[5\]\.id/, changed({ markets: [[5, market(106n + ID_WINDOW, { 2: 1n })]] }), context()],
  ["other legs under an old id", /markets\[4\]\.legs/, changed({ markets: [[4, market(105n, { 2: 1n, 3: 2n })]] }), context()],
  ["another tick under an old id", /markets\[0\]\.tick/, changed({ markets: [[0, { tick: 5n }]] }), context()],
  ["another rule under an old id", /markets\[0\]\.rule/, changed({ markets: [[0, { rule: 1n }]] }), context()],
  ["a market that ends later", /markets\[1\]\.until/, rules(), context(), changed({ markets: [[1, { until: EXPIRY - 1n }]] })],
  ["a market that has ended before", /markets\[4\]\.until/, changed({ markets: [[4, { until: NOW - 1n }]] }), context()],
  ["a future that rolls while held", /instruments\[1\].*nobody holds/, ROLLED, context([], [1])],
  ["a future in the perpetual's slot that rolls while held", /instruments\[0\].*nobody holds/, FUTURE_ROLLS, context([], [0]), PERPETUAL_ENDS],
  ["a future that rolls while its market has orders", /instruments\[1\].*market slot 1/, ROLLED, context([1])],
  ["an option that goes while held", /instruments\[4\].*nobody holds/, ROLLED, context([], [4])],
  ["another option whose volatility a live one shares", /instruments\[2\].*instrument 3/, changed({ instruments: [[2, instrument(contract("call", { strike: 110_000n, volatility: 2n }))]], markets: [[2, null], [4, null]] }), context()],
  ["a new contract under an old id", /markets\[0\]\.id.*instrument 0/, changed({ instruments: [[0, instrument(contract("future"))]], markets: [[0, { until: EXPIRY }]] }), context()],
  ["a perpetual given an expiry while its market has orders", /markets\[0\]\.id/, PERPETUAL_ENDS, context([0])],
  ["an expiry within a window from now", /instruments\[1\]\.expiry/, ROLLED, { ...context(), time: NEXT - pricing().window + 1n }],
  ["what is held without a market of it alone", /instruments\[2\].*open market/, changed({ markets: [[2, null]] }), context([], [2])],
  ["what is held with its market halted", /instruments\[2\].*open market/, changed({ markets: [[2, { state: BigInt(MARKET_STATE.halted) }]] }), context([], [2])],
  ["what is held with no market but one halted of half its legs", /instruments\[1\].*open market/, halved({ state: BigInt(MARKET_STATE.halted) }), context([], [1]), FULL],
  ["what is held with no market but one at an end of half its legs", /instruments\[1\].*open market/, halved({ until: NOW }), context([], [1]), FULL],
  ["what is held a second before it expires, without a market", /instruments\[2\].*open market/, changed({ markets: [[2, null]] }), { ...context([], [2]), time: EXPIRY - 1n }],
  ["what is held with its market at an end", /instruments\[2\].*open market/, changed({ markets: [[2, { until: NOW }]] }), context([], [2])],
  ...([
    ["a payout under prices that do not count", /prices of the epoch/, { prices: { halted: true } }],
    ["a payout under prices of which one that it holds is stale", /no stale price/, { cash: 1n << 60n, positions: [0n, -1n], prices: { stale: staleAt(9) } }],
    ["a payout under stale prices of a position and its opposite", /no stale price/, { cash: 1n << 60n, positions: [1n, -1n], prices: { stale: staleAt(8, 9) } }],
    ["a payout of another second", /group\.payout\.time/, { time: NOW + 1n }],
    ["a payout of nothing", /at least 1/, { amount: 0n }],
    ["a payout while something is short", /nothing short/, { held: { relief: 4n, deficit: 5n } }],
    ["a payout of more than is held", /beyond its margin/, { held: { vault: 6n } }],
    ["a payout beyond the margin of the insurance account", /beyond its margin/, { cash: 1_006n }],
  ] as const).map(([why, message, change]): (typeof refused)[number] => {
    const { after, when } = paying(change);
    return [why, message, after, when];
  }),
  ["capacities that orders did not come under", /markets\[0\]/, changed({ markets: [[0, CANCELS]] }), context([0])],
  ["a capacity that does not fit with the cancels before", /markets\[0\]/, rules(), context([0]), changed({ markets: [[0, CANCELS]] })],
  ["a capacity that does not fit with the lists before", /markets\[0\]/, rules(), context([0]), changed({ markets: [[0, LISTS]] })],
]; // prettier-ignore
