/** Venues at the ends of what a genesis file may say. */
import { MAX_HELD, openAccount, viewKey, type Account } from "../../../src/protocol/account.ts";
import { standing } from "../../../src/protocol/defaults.ts";
import { publicKey, secretScalar, sharedX } from "../../../src/protocol/eddsa.ts";
import { genesisJson, parseGenesis, type GenesisFile } from "../../../src/protocol/genesis.ts";
import type { Instruments } from "../../../src/protocol/instrument.ts";
import { NO_MARKETS, type MarketRules } from "../../../src/protocol/market.ts";
import { abs, FIELD, max, min } from "../../../src/protocol/numbers.ts";
import {
  BITS,
  FEE_DENOMINATOR,
  INSTRUMENTS,
  INSURANCE,
  MARKET_STATE,
  MARKETS,
  MOST,
  RULE,
  VENUE,
} from "../../../src/protocol/parameters.ts";
import { epochAt, type Prices, type Pricing } from "../../../src/protocol/prices.ts";
import type { Defaults, Rules } from "../../../src/protocol/rules.ts";
import { FOREVER, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../../priced.ts";
import { below, type Draw } from "./draw.ts";

/** Small, so that a short log takes several proofs of each kind. Scenarios are those of profile demo, whose files are read. */
export const PROFILE = {
  depth: 2,
  scenarios: 4,
  feeds: 4,
  maxOpen: 10,
  deposit: 2,
  admit: 2,
  quote: 2,
  clear: 3,
  settle: 2,
  settleRuns: 1,
  fold: 2,
  enforce: 2,
  assume: 2,
};
export const PLACES = 4 ** PROFILE.depth;
export const LAST_TIME = below(BITS.time);

/** Of account `index`, or of the trader who will open it. */
export const secretOf = (index: number) => new Uint8Array(32).fill(index + 1);
const keys = new Map<number, { x: bigint; y: bigint }>();
export function keyOf(index: number): { x: bigint; y: bigint } {
  const key = keys.get(index) ?? publicKey(secretOf(index));
  keys.set(index, key);
  return key;
}

/** Whose secret the key of an account is of. */
export function ownerOf({ keyX }: Account): number {
  return Array.from({ length: PLACES }, (_, owner) => owner).find((owner) => keyOf(owner).x === keyX)!;
}
const OPERATOR = 99;
export const operatorSecret = secretScalar(secretOf(OPERATOR));
export const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
  viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);

/**
 * A genesis file as parseGenesis reads it, whatever the capacities, with prices as great as circuits take them, be they of a
 * REPRICE or not. Some accounts have a past: a nonce near 2^40 takes more
 * items than a test can send, and is legal all the same; so are flags of all ages, and cash near what positions need.
 */
export function drawVenue(draw: Draw): GenesisFile {
  const troubled = draw.chance(0.45);
  // With prices and fees at their ends hardly anything can be sold that lowers the worst loss.
  const mild = troubled && draw.chance(0.75);
  const { values, funding } = mild ? drawMildValues(draw) : drawValues(draw);
  const slots = Array.from({ length: MARKETS }, (_, slot) => slot);
  const count = draw.rarely(0.1, [MARKETS], draw.count(1, 5));
  while (slots.length > count) slots.splice(draw.count(0, slots.length - 1), 1);
  const ids = [below(BITS.market), ...slots.map((slot) => BigInt(1 + slot))];
  // The later one leaves room for flags of all ages.
  const usual = mild ? draw.pick([1_000_000n, LAST_TIME / 2n]) : 1_000_000n;
  const time = draw.rarely(mild ? 0.03 : 0.1, [0n, LAST_TIME, LAST_TIME - 200n, draw.ends(0n, LAST_TIME)], usual);
  const pricing = drawEpochs(draw, time);
  const defaults = drawDefaults(draw);
  const instruments = drawInstruments(draw, pricing);
  const until = instruments[1]!.contract.expiry;
  const markets = slots
    .map((_, i) => drawMarket(draw, ids[i], values[0], { time, until }))
    .map((row) => (mild ? milder(draw, row) : row));
  const { x: operatorKeyX, y: operatorKeyY } = keyOf(OPERATOR);
  const rules = rulesOfTests({
    group: { operatorKeyX, operatorKeyY, slack: draw.pick([0n, 0n, 8n, 63n, 64n]), pricing, defaults },
    instruments,
    markets: NO_MARKETS.map((free, slot) => (slots.includes(slot) ? markets[slots.indexOf(slot)] : free)),
  });
  const prices = drawPrices(draw, rules, time, { values, funding });
  const accounts = drawAccounts(draw, markets, troubled);
  const cash = troubled ? drawCash(draw, accounts, rules, prices) : accounts.map(() => 0n);
  const file: GenesisFile = {
    profile: "demo",
    domain: draw.ends(0n, FIELD - 1n),
    rules,
    prices,
    accounts: accounts.map((account) => ({ ...account, nonce: 0n, seq: 1n })),
    time,
  };
  const read = parseGenesis(genesisJson(file), { bounded: false });
  const later = () => draw.rarely(0.03, [1n, draw.ends(0n, LAST_TIME), LAST_TIME], 0n);
  const flags = troubled ? 0.8 : draw.pick([0.03, 0.03, 0.4]);
  const own = drawInsurance(draw, time);
  return {
    ...read,
    prices,
    accounts: read.accounts.map((it, i) => {
      const { nonce, seq } = accounts[i];
      const flagged = draw.chance(flags) ? drawFlag(draw, defaults, time) : 0n;
      return { ...it, nonce, seq, cash: cash[i], flagged, pushedAt: later(), ...(i === INSURANCE ? own : {}) };
    }),
  };
}

function drawDefaults(draw: Draw): Defaults {
  const long = below(32);
  const [most, whole] = [BigInt(MOST.maintenance), BigInt(MOST.defaults)];
  const maintenance = draw.pick([1n, 512n, most, most, draw.ends(1n, most)]);
  const penalty = draw.pick([0n, maintenance, min(51n, maintenance), draw.ends(0n, maintenance)]);
  // Such that flags of all ages fit the times of most rounds.
  const seconds = (least: bigint) => draw.pick([least, 1n, 60n, 600n, 9_000n, draw.ends(least, long), long]);
  return {
    maintenance,
    target: draw.ends(maintenance, whole),
    grace: seconds(0n),
    slope: seconds(1n),
    hold: seconds(0n),
    penalty,
    insuranceLimit: draw.rarely(0.2, [0n, draw.ends(0n, 32n * penalty)], 32n * penalty),
    loose: draw.ends(0n, below(BITS.amount)),
    insuranceShare: draw.ends(0n, 1n << 16n),
  };
}

/** The second of a flag that is as old as something takes, or a second more or less; not later than the time. */
function drawFlag(draw: Draw, { grace, slope, hold }: Defaults, time: bigint): bigint {
  const lasts = grace + 2n * slope + hold;
  const counting = [0n, grace, grace + 1n, grace + slope, grace + 2n * slope, grace + 2n * slope, lasts - 1n];
  const age = draw.chance(0.8)
    ? draw.pick(counting)
    : draw.pick([lasts, draw.ends(0n, time)]) + draw.pick([-1n, 0n, 1n]);
  return min(time, max(min(1n, time), time + draw.pick([0n, 1n]) - age));
}

/** What of the insurance account is of its reductions. */
function drawInsurance(draw: Draw, time: bigint): Pick<Account, "nonce" | "flagged" | "open" | "reserved"> {
  const open = draw.rarely(0.05, [1n, 14n, 15n, 16n], 0n);
  return {
    nonce: draw.ends(0n, below(INSTRUMENTS)),
    flagged: draw.pick([0n, time, max(0n, time - 1n), draw.ends(0n, time)]),
    open,
    reserved: open === 0n ? 0n : draw.ends(0n, open << 94n),
  };
}

/** Cash with which accounts have about as much equity as something asks for; what the venue has makes up for it. */
function drawCash(draw: Draw, accounts: readonly Pick<Account, "positions">[], rules: Rules, prices: Prices): bigint[] {
  const { maintenance, target, penalty } = rules.group.defaults;
  const most = below(98);
  const cash = accounts.map(({ positions }, i) => {
    if (i === VENUE) return 0n;
    const { equity, risk } = standing({ cash: 0n, positions }, prices);
    const asked = [0n, maintenance, maintenance, maintenance / 2n, target, penalty, 1024n, 0n - maintenance];
    const part = draw.pick([...asked, draw.ends(0n, 1024n)]);
    const near = draw.pick([0n, 0n, -1n, 1n, draw.ends(-(1n << 60n), 1n << 60n)]);
    return max(-most, min(most, (part * risk) / 1024n + near - equity));
  });
  const vault = draw.pick([0n, 1n, MAX_HELD / 2n, MAX_HELD / 2n, MAX_HELD - 1n, MAX_HELD, draw.ends(0n, MAX_HELD)]);
  const rest = vault - cash.reduce((sum, it) => sum + it, 0n);
  return abs(rest) < 1n << 99n ? cash.with(VENUE, rest) : cash.map(() => 0n);
}

/** Epochs of which one mostly begins at the time of the genesis. */
function drawEpochs(draw: Draw, time: bigint) {
  const longest = below(32);
  const epochLength = draw.rarely(0.04, [1n, 60n, below(16), draw.ends(1n, longest)], longest);
  const lag = draw.rarely(0.03, [0n, epochLength, draw.ends(0n, epochLength)], time % epochLength);
  const grid = draw.pick([epochLength, (longest / epochLength) * epochLength]);
  return { epochLength, lag, grid, window: draw.ends(1n, min(grid, BigInt(MOST.epochs) * epochLength)) };
}

/** A perpetual, and futures that expire as late as may be. */
function drawInstruments(draw: Draw, { grid }: Pick<Pricing, "grid">): Instruments {
  const expiry = FOREVER - (FOREVER % grid);
  const charge = () => draw.pick([0n, 0n, 1n, draw.ends(0n, below(BITS.charge)), below(BITS.charge)]);
  const one = draw.chance(0.7);
  return INSTRUMENTS_OF_TESTS.map((it) => {
    const contract = it!.contract.expiry > 0n ? { ...it!.contract, expiry } : it!.contract;
    const weight = one ? 1n : draw.pick([1n, 2n, draw.ends(1n, below(BITS.weight)), below(BITS.weight)]);
    return { contract, longCharge: charge(), shortCharge: charge(), weight };
  });
}

function drawPrices(draw: Draw, rules: Rules, time: bigint, of: { values: bigint[][]; funding: bigint[] }): Prices {
  const { pricing } = rules.group;
  const exact = max(0n, epochAt(pricing, time));
  const last = LAST_TIME / pricing.epochLength;
  const epoch = draw.rarely(0.02, [0n, exact - 1n, exact - 2n, exact + 1n, draw.ends(0n, last)], exact);
  const some = draw.chance(0.05);
  // One more than a lot pays; what has settled is folded at the end of the log.
  const settles = draw.chance(0.3);
  const payoff = () => draw.pick([0n, 1n, 2n, 1n << BigInt(BITS.reported), draw.ends(1n, 1n << BigInt(BITS.reported))]);
  return pricesOfTests(rules, {
    ...of,
    epoch: max(0n, min(last, epoch)),
    halted: draw.chance(0.02),
    payoffs: rules.instruments.map(() => (settles ? payoff() : 0n)),
    stale: rules.instruments.map(() => some && draw.chance(0.3)),
    ...(draw.chance(0.02) ? { rules: 0n } : {}),
  });
}

/**
 * Values by scenario. Instruments come in pairs whose marks are alike or opposite, so that marks stay in their range even
 * where legs and values are as great as they may be.
 */
function drawValues(draw: Draw): { values: bigint[][]; funding: bigint[] } {
  const [low, high] = [-(1n << BigInt(BITS.value - 1)), below(BITS.value - 1)];
  // As far from the mark, and from 0, as legs of 127 and -127 in turn can carry: all terms have one sign.
  if (draw.chance(0.2)) {
    const turn = (odd: boolean) => Array.from({ length: INSTRUMENTS }, (_, i) => ((i % 2 === 1) === odd ? high : low));
    const flat = Array<bigint>(INSTRUMENTS).fill(draw.pick([0n, low, high]));
    const odd = draw.chance(0.5);
    const calm = draw.chance(0.4);
    const other = () => (calm ? flat : draw.pick([flat, turn(odd), turn(!odd)]));
    const others = Array.from({ length: PROFILE.scenarios - 1 }, other);
    return { values: [flat, ...others], funding: draw.pick([flat, turn(odd), turn(!odd)]) };
  }
  const bound = below(BITS.price);
  const marks: bigint[] = [draw.pick([-bound, bound, draw.ends(-bound, bound)]), draw.pick([-1n, 0n, 1n])];
  while (marks.length < INSTRUMENTS) {
    const value = draw.ends(low, high);
    marks.push(value, draw.chance(0.5) ? value : value === low ? high : -value);
  }
  const within = (x: bigint) => (x < low ? low : x > high ? high : x);
  const calm = draw.chance(0.5);
  const values = Array.from({ length: PROFILE.scenarios }, (_, k) =>
    marks.map((mark) => {
      if (k === 0) return mark;
      return calm ? within(mark + draw.ends(-9n, 9n)) : draw.rarely(0.15, [mark], draw.ends(low, high));
    }),
  );
  const side = draw.pick([low, high]);
  const funding = draw.pick<() => bigint[]>([
    () => marks.map(() => 0n),
    () => marks.map(() => side),
    () => marks.map(() => draw.ends(low, high)),
    // So that legs times funding has all of one sign.
    () => marks.map((_, i) => (i % 2 ? high : low)),
  ])();
  return { values, funding };
}

/** Values that no scenario moves far, or some upwards, of all sizes; funding of the first instrument alone. */
function drawMildValues(draw: Draw): { values: bigint[][]; funding: bigint[] } {
  const marks = Array.from({ length: INSTRUMENTS }, () =>
    draw.pick([100_000n, draw.random.bits(20), draw.random.bits(33), draw.random.bits(38)]),
  );
  const wide = draw.chance(0.3);
  const moved = (mark: bigint) =>
    wide ? draw.pick([0n, mark, mark / 2n, 50n * mark, below(46)]) : (mark * BigInt(draw.count(800, 1_200))) / 1_000n;
  const values = Array.from({ length: PROFILE.scenarios }, (_, k) => (k === 0 ? marks : marks.map(moved)));
  const paid = draw.pick([0n, 0n, 3_000n, -3_000n, draw.ends(-below(40), below(40))]);
  return { values, funding: marks.map((_, i) => (i === 0 ? paid : 0n)) };
}

/** A market that charges little, mostly of one instrument. */
function milder(draw: Draw, row: MarketRules): MarketRules {
  const legs = Array<bigint>(INSTRUMENTS).fill(0n);
  const at = () => draw.pick([0, 0, 1, 2, draw.count(0, INSTRUMENTS - 1)]);
  const leg = () => draw.pick([1n, 1n, 1n, -1n, 127n, -128n]);
  const few = draw.pick([1, 1, 1, 2, 3]);
  for (let i = 0; i < few; i++) legs[at()] = leg();
  const feeRate = draw.pick([0n, 0n, 50n, 1_001n]);
  const feePerLot = draw.pick([0n, 0n, 2n]);
  const band = draw.pick([below(BITS.price), 20_000n, 1n << 30n]);
  const interval = draw.rarely(0.1, [row.interval], 1n);
  return {
    ...row,
    legs: draw.chance(0.9) ? legs : row.legs,
    feeRate,
    feePerLot,
    band,
    interval,
    rhoMin: draw.pick([1n, row.rhoMin]),
  };
}

/** Legs; with marks mostly such that the market's is in its range. */
function drawLegs(draw: Draw, marks: readonly bigint[]): bigint[] {
  let legs = anyLegs(draw);
  const ranged = () => abs(legs.reduce((sum, leg, i) => sum + leg * marks[i], 0n)) < 1n << BigInt(BITS.price);
  for (let tries = draw.pick([0, 4, 9]); tries > 0 && !ranged(); tries--) legs = anyLegs(draw);
  return legs;
}

function anyLegs(draw: Draw): bigint[] {
  const [low, high] = [-(1n << BigInt(BITS.leg)), below(BITS.leg)];
  const zeros = Array<bigint>(INSTRUMENTS).fill(0n);
  const weight = draw.pick([low, high, 1n, -1n]);
  const at = 2 * draw.count(1, INSTRUMENTS / 2 - 1);
  const pair = (a: bigint, b: bigint) => zeros.map((_, i) => (i === at ? a : i === at + 1 ? b : 0n));
  return draw.pick<() => bigint[]>([
    () => zeros.with(0, draw.pick([1n, -1n])),
    () => zeros.with(0, 1n),
    () => zeros.with(0, draw.pick([1n, -1n])),
    () => zeros.with(1, weight),
    () => pair(weight, weight),
    () => pair(weight, weight === low ? high : -weight),
    () => zeros.map((_, i) => (i < 2 ? 0n : weight)),
    () => zeros.map((_, i) => (i % 2 ? high : -high)),
    () => zeros.map((_, i) => (i % 2 ? -high : high)),
    () => zeros.fill(low),
    () => zeros.fill(high),
    () => zeros.map(() => draw.ends(low, high)),
    () => zeros,
  ])();
}

function drawMarket(
  draw: Draw,
  id: bigint,
  marks: readonly bigint[],
  { time, until }: { time: bigint; until: bigint },
): MarketRules {
  const { open, halted } = MARKET_STATE;
  const wide = (bits: number) => draw.rarely(0.3, [draw.ends(1n, below(bits))], below(bits));
  return {
    id,
    legs: drawLegs(draw, marks),
    tick: draw.rarely(0.1, [7n, below(BITS.tick), draw.ends(1n, below(BITS.tick))], 1n),
    lotLimit: wide(BITS.size),
    band: draw.rarely(0.1, [0n], wide(BITS.price)),
    feeRate: draw.pick([0n, 1_001n, draw.ends(0n, FEE_DENOMINATOR), FEE_DENOMINATOR, FEE_DENOMINATOR]),
    feePerLot: draw.pick([0n, 1n, draw.ends(0n, below(BITS.feePerLot)), below(BITS.feePerLot)]),
    rhoMin: draw.pick([1n, 1n, draw.ends(1n, 1n << 40n), below(BITS.rhoMin)]),
    rule: BigInt(draw.pick([RULE.auction, RULE.auction, RULE.midpoint])),
    interval: draw.rarely(0.08, [60n, below(BITS.market), draw.ends(1n, below(BITS.market))], 1n),
    state: BigInt(draw.rarely(0.06, [halted], open)),
    until: min(until, draw.rarely(0.02, [0n, time, time + 1n, time + 2n, draw.ends(0n, until)], until)),
    capacity: draw.rarely(0.06, [1n, draw.ends(1n, 6n)], BigInt(MOST.capacity)),
    // A sweep of a default may fill 8 places more.
    cancelCapacity: draw.rarely(0.06, [1n, draw.ends(1n, 6n)], below(BITS.count) - 8n),
    listCapacity: draw.rarely(0.06, [1n, draw.ends(1n, 6n)], below(BITS.count)),
  };
}

/** Positions of many accounts, whose opposite the last one has. */
function spread(draw: Draw, positions: bigint[][], likely: number): void {
  const most = draw.pick([5n, 1n << 20n, 1n << 32n, 1n << 41n]);
  const last = positions.length - 1;
  for (const i of new Set([Math.max(0, likely), 0, 1, 2, draw.count(0, INSTRUMENTS - 1)])) {
    if (positions.some((held) => held[i] !== 0n) || draw.chance(0.5)) continue;
    for (const held of positions.slice(0, last)) if (draw.chance(0.7)) held[i] = draw.ends(-most, most);
    positions[last][i] = -positions.reduce((sum, held) => sum + held[i], 0n);
  }
}

/** The venue, the insurance and up to twelve traders; positions of each instrument sum to zero. */
function drawAccounts(draw: Draw, markets: readonly MarketRules[], troubled: boolean) {
  const count = draw.count(4, PLACES - 1);
  const positions = Array.from({ length: count }, () => Array<bigint>(INSTRUMENTS).fill(0n));
  const [limit, high] = [1n << BigInt(BITS.position - 2), below(BITS.position - 1)];
  const least = -(1n << BigInt(BITS.position - 1));
  // What is traded is held.
  const likely = draw.pick(markets).legs.findIndex((leg) => leg !== 0n);
  const rest = troubled ? draw.pick([0.08, 0.5, 1]) : 0.08;
  const small = troubled ? draw.pick([0, 0.9]) : 0;
  for (let i = 0; i < INSTRUMENTS; i++) {
    if (positions.some((held) => held[i] !== 0n)) continue;
    if (!draw.chance(i === 0 || i === likely ? 0.75 : rest)) continue;
    const at = () => draw.count(0, count - 1);
    const [a, b, c] = [at(), at(), at()];
    if (new Set([a, b, c]).size < 3) continue;
    const few = 1n << BigInt(draw.count(0, 44));
    const held = draw.chance(small)
      ? draw.pick([few, -few])
      : draw.pick([
          limit,
          limit,
          limit,
          limit,
          -limit,
          -limit,
          -limit,
          limit - 1n,
          limit + 1n,
          high,
          least,
          1n,
          draw.ends(1n, limit),
        ]);
    positions[a][i] = held;
    // The least position has no opposite: two accounts hold it.
    positions[b][i] = held === least ? min(-held - 1n, high) : -held;
    positions[c][i] = -held - positions[b][i];
    // With another lot it holds more than lets it place an order.
    if (i === 0 && draw.chance(0.5)) [positions[a][1], positions[c][1]] = [1n, -1n];
  }
  if (troubled) spread(draw, positions, likely);
  const past = () => ({ nonce: below(BITS.nonce) - draw.pick([1n, 2n, 5n, 9n]), seq: below(BITS.nonce) });
  return positions.map((held, index) => {
    const { x: keyX, y: keyY } = keyOf(index);
    const opened = openAccount({ keyX, keyY, view: draw.ends(0n, FIELD - 1n) });
    return { ...opened, positions: held, ...(draw.chance(0.2) ? past() : {}) };
  });
}
