// Goal: each verdict is given for its own reason, in the order of VERDICTS, and has exactly the effects of its kind.
// Method: one fresh good order, cancel or withdrawal, one rule broken; then each pair of rules broken at once: the one
// checked first is the verdict.
import assert from "node:assert/strict";
import type { Account } from "../../src/protocol/account.ts";
import { admit, type Admission, type AdmissionContext } from "../../src/protocol/admission.ts";
import {
  A_COLUMNS,
  cancelItem,
  decodeItem,
  listHash,
  orderItem,
  quotesItem,
  requireItem,
  withdrawalItem,
  type Item,
} from "../../src/protocol/item.ts";
import { fee, NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { pack } from "../../src/protocol/numbers.ts";
import {
  FLAG,
  INSURANCE,
  REDUCTION_NONCE,
  VENUE,
  MARKET_STATE,
  NONCE_WINDOW,
  RULE,
  SIDE,
  VERDICT,
  VERDICTS,
} from "../../src/protocol/parameters.ts";
import type { Verdict } from "../../src/protocol/parameters.ts";
import { FOREVER, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../priced.ts";

/** The last second of an epoch: of 60 seconds, and 5 later. */
const EPOCH = 83n;
const NOW = 60n * (EPOCH + 1n) + 5n - 1n;
const SLOT = 2;
const MARKET = 44n;
const MARK = 1_000n;
const vector = (...values: bigint[]) => Array.from({ length: 16 }, (_, i) => values[i] ?? 0n);

/** All that a verdict depends on, good and easy to break. */
function fixture() {
  const row: MarketRules = {
    id: MARKET,
    legs: vector(1n),
    tick: 5n,
    lotLimit: 100n,
    band: 200n,
    feeRate: 1_000n,
    feePerLot: 1n,
    rhoMin: 1n,
    rule: BigInt(RULE.auction),
    interval: 10n,
    state: BigInt(MARKET_STATE.open),
    until: NOW + 1n,
    capacity: 8n,
    cancelCapacity: 3n,
    listCapacity: 3n,
  };
  const account: Account = {
    keyX: 1n,
    keyY: 2n,
    view: 3n,
    seq: 4n,
    cash: 100_000n,
    positions: vector(),
    nonce: 6n,
    reserved: 500n,
    open: 1n,
    flagged: 0n,
    pushedAt: 0n,
  };
  return {
    row,
    account: { ...account } as Account | undefined,
    signed: true,
    /** of the prices, and what else decides whether they count */
    epoch: EPOCH,
    halted: false,
    stale: [] as number[],
    sameRules: true,
    quoted: true,
    /** cash units that a lot of the first two instruments costs */
    charges: { long: 0n, short: 0n },
    /** of the second instrument */
    weight: 1n,
    slack: 0n,
    vault: 1n << 90n,
    relief: 0n,
    deficit: 0n,
    /** of the second instrument, in each scenario */
    other: [0n, 0n, 0n],
    entries: 7,
    cancels: 2,
    lists: 2,
    order: {
      market: MARKET,
      account: 9n,
      nonce: 7n,
      side: SIDE.buy as number,
      limit: MARK,
      size: 10n,
      validUntil: NOW,
      expiry: NOW,
      replaces: 0n,
      maxFee: fee(row, MARK + 200n, 1n),
      salt: 1n,
    },
    /** of a list of quotes, beside the order above */
    others: [
      { side: SIDE.sell as number, limit: MARK + 50n, size: 4n },
      { side: SIDE.buy as number, limit: MARK - 5n, size: 1n },
    ],
    amount: 300n,
    flags: 0n,
    /** added to the word A */
    beyond: 0n,
  };
}
type Fixture = ReturnType<typeof fixture>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const change = <T>(value: T): Mutable<T> => value as Mutable<T>;

function judge(
  kind: "order" | "quotes" | "cancel" | "all" | "withdrawal",
  f: Fixture,
): { admission: Admission; item: Item } {
  const rules = rulesOfTests({
    group: { scenarios: 3, slack: f.slack },
    instruments: INSTRUMENTS_OF_TESTS.map((it, i) => {
      if (i > 1) return it;
      return { ...it!, longCharge: f.charges.long, shortCharge: f.charges.short, weight: i === 1 ? f.weight : 1n };
    }),
    markets: NO_MARKETS.map((free, slot) => (slot === SLOT ? f.row : free)),
  });
  const values = [MARK + 2n, MARK + 100n, MARK - 100n].map((value, k) => vector(value, f.other[k]));
  const stale = vector().map((_, i) => f.stale.includes(i));
  const prices = pricesOfTests(rules, { values, epoch: f.epoch, halted: f.halted, stale });
  const context: AdmissionContext = {
    rules,
    rulesInForce: f.sameRules ? prices.rules : 7n,
    prices: f.quoted ? prices : { ...prices, markets: NO_MARKETS },
    held: { vault: f.vault, relief: f.relief, deficit: f.deficit },
    entries: NO_MARKETS.map((_, slot) => (slot === SLOT ? f.entries : 0)),
    cancels: NO_MARKETS.map((_, slot) => (slot === SLOT ? f.cancels : 0)),
    lists: NO_MARKETS.map((_, slot) => (slot === SLOT ? f.lists : 0)),
    maxOpen: 4,
    account: f.account,
    signed: f.signed,
    time: NOW,
  };
  const item = build(kind, f);
  const flags = pack(A_COLUMNS, { ...NO_HEAD, flags: f.flags });
  const bent = { ...item, A: (item.A | flags) + f.beyond };
  return { admission: admit(context, decodeItem(bent)), item: bent };
}

const NO_HEAD = Object.fromEntries(A_COLUMNS.map(({ name }) => [name, 0n]));

function build(kind: Parameters<typeof judge>[0], { order, others, amount }: Fixture): Item {
  if (kind === "order") return orderItem(order);
  if (kind === "quotes") return quotesItem({ ...order, orders: [order, ...others] });
  if (kind === "withdrawal") return withdrawalItem({ ...order, recipient: 0xabcn, amount });
  return cancelItem({ ...order, target: kind === "cancel" ? order.replaces || 3n : undefined });
}

/** How to break the rule of each verdict, and only that. */
const BREAK: Record<Exclude<Verdict, "admitted">, (f: Fixture) => void> = {
  malformed: (f) => (f.beyond = 1n << 189n),
  unsigned: (f) => (f.signed = false),
  nonce: (f) => (f.order.nonce = f.account!.nonce),
  tooLate: (f) => (f.order.validUntil = NOW - 1n),
  unknownMarket: (f) => (f.order.market = MARKET + 1n),
  badTarget: (f) => (f.order.replaces = f.order.nonce),
  tooManyCancels: (f) => {
    f.order.replaces ||= 3n;
    f.cancels = 3;
  },
  marketNotOpen: (f) => (change(f.row).state = BigInt(MARKET_STATE.halted)),
  offTick: (f) => (f.order.limit += 1n),
  size: (f) => (f.order.size = 101n),
  band: (f) => (f.order.limit += 205n),
  maxFee: (f) => (f.order.maxFee = 0n),
  flags: (f) => (f.flags = 4n),
  marketFull: (f) => (f.entries = 8),
  tooManyOpen: (f) => (change(f.account!).open = 4n),
  positionLimit: (f) => (change(f.account!).positions = vector(0n, (1n << 46n) + 1n)),
  pricesNotFresh: (f) => (f.epoch = EPOCH - 2n),
  margin: (f) => (change(f.account!).cash = 500n),
  // 20 lots more, which gain most where it may lose least: E_k - reserved is below 0 in the last scenario, where a sale gains.
  inLiquidation: (f) => {
    f.order.side = SIDE.sell;
    const { cash, positions } = f.account!;
    Object.assign(f.account!, {
      cash: cash - 117_600n,
      positions: positions.with(0, positions[0] + 20n),
      flagged: NOW - 60n,
    });
  },
};
const BREAKS = Object.entries(BREAK) as [Exclude<Verdict, "admitted">, (f: Fixture) => void][];
const ORDER_OF_CHECKS = VERDICTS.filter((verdict) => verdict !== "admitted");

const FOUR = Array<bigint>(4).fill(1n << 45n);
function charged(f: Fixture, cash: bigint, held = 0n): void {
  f.charges = { long: 7n, short: 11n };
  Object.assign(f.account!, { cash, positions: vector(0n, held) });
}

describe("admission of an order", () => {
  it("admits the good one, with its margin reserved", () => {
    const f = fixture();
    const { admission } = judge("order", f);
    // rho = limit - low + fee(limit, 1) = 1000 - 900 + 2
    const rho = 102n;
    assert.equal(admission.verdict, "admitted");
    assert.deepEqual(admission.account, { ...f.account, nonce: 7n, reserved: 500n + 10n * rho, open: 2n });
    const [account, nonce, limit] = [9, 7n, MARK];
    const rest = { side: SIDE.buy, remaining: 10n, rho, expiry: NOW, thisAuction: false };
    assert.deepEqual(admission.entries, [{ account, nonce, limit, ...rest }]);
    assert.equal(admission.cancel, undefined);
  });

  it("reserves slack of the width of the scenarios, rounded down, and the greater charge", () => {
    const f = fixture();
    f.slack = 5n;
    f.charges = { long: 7n, short: 11n };
    // The scenarios from 900 - 11 to 1100 + 11: 222 wide, of which 5/64 are 17.
    const rho = 102n + 11n + 17n;
    assert.equal(judge("order", f).admission.entries![0].rho, rho);
    assert.equal(judge("order", f).admission.account!.reserved, 500n + 10n * rho);
  });

  it("breaks each rule once", () => {
    assert.deepEqual(Object.keys(BREAK), ORDER_OF_CHECKS);
  });

  for (const [verdict, breakRule] of BREAKS)
    it(verdict, () => {
      const f = fixture();
      breakRule(f);
      const { admission } = judge("order", f);
      assert.equal(admission.verdict, verdict);
      assert.equal(admission.entries, undefined);
      if (VERDICT[verdict] < VERDICT.tooLate) {
        assert.equal(admission.account, undefined, "nothing changes");
        assert.equal(admission.cancel, undefined);
      } else assert.deepEqual(admission.account, { ...f.account, nonce: 7n }, "only the nonce rises");
    });

  for (const [i, [verdict, breakRule]] of BREAKS.entries())
    it(`${verdict} is said before all that come after it`, () => {
      for (const [later, breakLater] of BREAKS.slice(i + 1)) {
        const f = fixture();
        breakRule(f);
        breakLater(f);
        assert.equal(judge("order", f).admission.verdict, verdict, `together with ${later}`);
      }
    });

  for (const verdict of ORDER_OF_CHECKS) {
    const cancels = VERDICT[verdict] >= VERDICT.marketNotOpen;
    it(`${verdict}: the order it replaces is ${cancels ? "cancelled all the same" : "left alone"}`, () => {
      const f = fixture();
      f.order.replaces = 5n;
      BREAK[verdict](f);
      const expected = cancels ? { account: 9, nonce: 5n, all: false } : undefined;
      assert.deepEqual(judge("order", f).admission.cancel, expected);
    });
  }

  const edges: [why: string, verdict: Verdict, change: (f: Fixture) => void][] = [
    ["a kind that is none", "malformed", (f) => (f.beyond = 15n)],
    ["no account at the index", "unsigned", (f) => (f.account = undefined)],
    ["the last nonce of the window", "admitted", (f) => (f.order.nonce = 6n + NONCE_WINDOW)],
    ["a nonce beyond the window", "nonce", (f) => (f.order.nonce = 7n + NONCE_WINDOW)],
    ["a replacement of an earlier order", "admitted", (f) => (f.order.replaces = 6n)],
    ["a market that is over since now", "marketNotOpen", (f) => (change(f.row).until = NOW)],
    ["a market without end", "admitted", (f) => (change(f.row).until = FOREVER)],
    ["no lots", "size", (f) => (f.order.size = 0n)],
    ["as many lots as one may", "admitted", (f) => (f.order.size = 100n)],
    ["the edge of the band", "admitted", (f) => (f.order.limit = MARK + 200n)],
    ["the lower edge of the band", "admitted", (f) => (f.order.limit = MARK - 200n)],
    ["a fee as high as one may", "admitted", (f) => (f.order.maxFee = fee(f.row, MARK, 1n))],
    ["a fee one too high", "maxFee", (f) => (f.order.maxFee = fee(f.row, MARK, 1n) - 1n)],
    ["the flag of cancels", "flags", (f) => (f.flags = BigInt(FLAG.all))],
    ["both flags", "flags", (f) => (f.flags = BigInt(FLAG.all | FLAG.thisAuction))],
    ["the flag of one auction", "admitted", (f) => (f.flags = BigInt(FLAG.thisAuction))],
    ["positions as great as may be", "admitted", (f) => (change(f.account!).positions = vector(0n, 1n << 46n))],
    ["positions in several", "admitted", (f) => (change(f.account!).positions = vector(0n, ...FOUR))],
    ["positions in several, one lot more", "positionLimit", (f) => (change(f.account!).positions = vector(0n, ...FOUR, 1n))],
    ["a position that weighs 4", "admitted", (f) => ((f.weight = 4n), (change(f.account!).positions = vector(0n, -(1n << 45n))))],
    ["a position that weighs 5", "positionLimit", (f) => ((f.weight = 5n), (change(f.account!).positions = vector(0n, -(1n << 45n))))],
    ["prices of the epoch before", "admitted", (f) => (f.epoch = EPOCH - 1n)],
    ["prices of the epoch to come", "pricesNotFresh", (f) => (f.epoch = EPOCH + 1n)],
    ["prices that halt", "pricesNotFresh", (f) => (f.halted = true)],
    ["prices under other rules", "pricesNotFresh", (f) => (f.sameRules = false)],
    ["a position in what is stale", "pricesNotFresh", (f) => ((f.stale = [1]), (change(f.account!).positions = vector(0n, -1n)))],
    ["a position beside what is stale", "admitted", (f) => ((f.stale = [0, 2]), (change(f.account!).positions = vector(0n, 1n)))],
    ["a market without prices", "pricesNotFresh", (f) => (f.quoted = false)],
    // E_k - reserved + d_k in the worst scenario: cash - 500 + 10 (900 - 1000 - 2)
    ["margin to the last unit", "admitted", (f) => (change(f.account!).cash = 1_520n)],
    ["margin one unit short", "margin", (f) => (change(f.account!).cash = 1_519n)],
    // The slack is reserved, not needed; of charges the greater one, of 10 lots.
    ["margin with slack to the last unit", "admitted", (f) => ((f.slack = 64n), (change(f.account!).cash = 1_520n))],
    ["margin with charges to the last unit", "admitted", (f) => charged(f, 1_520n + 10n * 11n)],
    ["margin with charges one unit short", "margin", (f) => charged(f, 1_519n + 10n * 11n)],
    ["charges of what is held long", "admitted", (f) => charged(f, 1_520n + 110n + 3n * 7n, 3n)],
    ["charges of what is held long, one unit short", "margin", (f) => charged(f, 1_519n + 110n + 3n * 7n, 3n)],
    ["charges of what is held short", "admitted", (f) => charged(f, 1_520n + 110n + 3n * 11n, -3n)],
    ["charges of what is held short, one unit short", "margin", (f) => charged(f, 1_519n + 110n + 3n * 11n, -3n)],
    ["the insurance account", "unsigned", (f) => (f.order.account = BigInt(INSURANCE))],
    ["the nonce of reductions", "nonce", (f) => ((change(f.account!).nonce = REDUCTION_NONCE - 1n), (f.order.nonce = REDUCTION_NONCE))],
    ["the nonce before it", "admitted", (f) => ((change(f.account!).nonce = REDUCTION_NONCE - 2n), (f.order.nonce = REDUCTION_NONCE - 1n))],
    ["a flag within its grace", "admitted", (f) => (BREAK.inLiquidation(f), (change(f.account!).flagged = NOW - 59n))],
    ["a flag that still counts", "inLiquidation", (f) => (BREAK.inLiquidation(f), (change(f.account!).flagged = NOW - 1_859n))],
    ["a flag that counts no more", "admitted", (f) => (BREAK.inLiquidation(f), (change(f.account!).flagged = NOW - 1_860n))],
    ["a flag, and full margin to the last unit", "admitted", (f) => (BREAK.inLiquidation(f), (change(f.account!).cash += 100n))],
    ["a flag, and full margin one unit short", "inLiquidation", (f) => (BREAK.inLiquidation(f), (change(f.account!).cash += 99n))],
    ["the venue's own, while something is short", "margin", (f) => ((f.order.account = BigInt(VENUE)), (f.deficit = 1n))],
    ["the venue's own, while haircuts cover what is short", "admitted", (f) => ((f.order.account = BigInt(VENUE)), (f.deficit = 5n), (f.relief = 5n))],
    ["another one, while something is short", "admitted", (f) => (f.deficit = 1n)],
    // In the mark 10 (1002 - 1000 - 2) = 0 is no loss, however little there is; elsewhere 3 lots are worth 3,000 more.
    ["no charges in the mark", "admitted", (f) => ((f.other = [0n, 1_000n, 1_000n]), charged(f, -1_000n, 3n))],
  ]; // prettier-ignore
  for (const [why, verdict, alter] of edges)
    it(`${why}: ${verdict}`, () => {
      const f = fixture();
      alter(f);
      assert.equal(judge("order", f).admission.verdict, verdict);
    });
});

describe("a flag", () => {
  for (const [why, flagged, left] of [
    ["goes with an order under full margin", 0n, 100n],
    ["stays with one whose margin is not full", NOW - 50n, 99n],
  ] as const)
    it(why, () => {
      const f = fixture();
      BREAK.inLiquidation(f);
      Object.assign(f.account!, { flagged: NOW - 50n, cash: f.account!.cash + left });
      const { admission } = judge("order", f);
      assert.deepEqual([admission.verdict, admission.account!.flagged], ["admitted", flagged]);
    });

  it("stays with a cancel, and with what is not admitted", () => {
    const f = fixture();
    Object.assign(f.account!, { flagged: NOW - 50n });
    assert.equal(judge("cancel", f).admission.account!.flagged, NOW - 50n);
    f.order.limit += 1n;
    assert.equal(judge("order", f).admission.account!.flagged, NOW - 50n);
  });

  it("goes with a list of quotes, and a withdrawal, which have full margin", () => {
    for (const kind of ["quotes", "withdrawal"] as const) {
      const f = fixture();
      f.entries = 5;
      Object.assign(f.account!, { flagged: NOW - 500n });
      const { admission } = judge(kind, f);
      assert.deepEqual([admission.verdict, admission.account!.flagged], ["admitted", 0n], kind);
    }
  });
});

describe("admission of a cancel", () => {
  /** Rules that bind a cancel; all others are broken, and it is admitted all the same. */
  const binding: Verdict[] = [
    "malformed",
    "unsigned",
    "nonce",
    "tooLate",
    "unknownMarket",
    "badTarget",
    "tooManyCancels",
  ];

  it("is bound by signature, nonce, time, market, target and number of cancels alone", () => {
    const f = fixture();
    for (const [verdict, breakRule] of BREAKS) if (!binding.includes(verdict) && verdict !== "flags") breakRule(f);
    const { admission } = judge("cancel", f);
    assert.equal(admission.verdict, "admitted");
    assert.deepEqual(admission.cancel, { account: 9, nonce: 3n, all: false });
    assert.deepEqual(admission.account, { ...f.account, nonce: 7n });
  });

  it("of all orders names its own nonce", () => {
    assert.deepEqual(judge("all", fixture()).admission.cancel, { account: 9, nonce: 7n, all: true });
  });

  for (const verdict of binding)
    it(`${verdict}`, () => {
      const f = fixture();
      BREAK[verdict as keyof typeof BREAK](f);
      const { admission } = judge("cancel", f);
      assert.equal(admission.verdict, verdict);
      assert.equal(admission.cancel, undefined);
    });

  const targets: [why: string, kind: "cancel" | "all", alter: (f: Fixture) => void][] = [
    ["its own nonce", "cancel", (f) => (f.order.replaces = 7n)],
    ["all, and one", "cancel", (f) => (f.flags = BigInt(FLAG.all))],
    ["neither one nor all", "all", (f) => (f.beyond = -pack(A_COLUMNS, { ...NO_HEAD, flags: BigInt(FLAG.all) }))],
    ["the flag of orders", "cancel", (f) => (f.flags = BigInt(FLAG.thisAuction))],
    ["an unknown flag", "all", (f) => (f.flags = 4n)],
  ];
  for (const [why, kind, alter] of targets)
    it(`badTarget: ${why}`, () => {
      const f = fixture();
      alter(f);
      assert.equal(judge(kind, f).admission.verdict, "badTarget");
    });
});

describe("admission of a withdrawal", () => {
  it("pays, and lowers cash", () => {
    const f = fixture();
    const { admission, item } = judge("withdrawal", f);
    assert.equal(admission.verdict, "admitted");
    assert.equal(admission.payout, item.B);
    assert.deepEqual(admission.account, { ...f.account, nonce: 7n, seq: 5n, cash: 99_700n });
  });

  const cases: [verdict: Verdict, alter: (f: Fixture) => void][] = [
    ["malformed", BREAK.malformed],
    ["unsigned", BREAK.unsigned],
    ["nonce", BREAK.nonce],
    ["tooLate", BREAK.tooLate],
    ["size", (f) => (f.amount = 0n)],
    ["pricesNotFresh", BREAK.pricesNotFresh],
    ["margin", (f) => (change(f.account!).cash = 799n)],
  ];
  for (const [verdict, alter] of cases)
    it(verdict, () => {
      const f = fixture();
      alter(f);
      const { admission } = judge("withdrawal", f);
      assert.equal(admission.verdict, verdict);
      assert.equal(admission.payout, undefined);
      assert.deepEqual(admission.account, VERDICT[verdict] < VERDICT.tooLate ? undefined : { ...f.account, nonce: 7n });
    });

  const less = (f: Fixture, vault: bigint, deficit: bigint, relief = 0n) =>
    Object.assign(f, { vault, deficit, relief, flags: BigInt(FLAG.lessAccepted) });
  it("pays in proportion where something is short, and takes all of the amount from the account", () => {
    // 300 x 700 / (700 + 350 - 50)
    const f = less(fixture(), 700n, 350n, 50n);
    const { admission } = judge("withdrawal", f);
    assert.equal(admission.verdict, "admitted");
    assert.equal(admission.payout, 0xabcn | (210n << 160n));
    assert.equal(admission.account!.cash, 99_700n);
  });

  /** Nothing but cash. */
  const cashAlone = (f: Fixture) => Object.assign(f.account!, { cash: 300n, reserved: 0n, open: 0n });
  const edges: [why: string, verdict: Verdict, alter: (f: Fixture) => void][] = [
    ["all but what is reserved", "admitted", (f) => (change(f.account!).cash = 800n)],
    ["as much as is held", "admitted", (f) => (f.vault = 300n)],
    ["more than is held", "margin", (f) => (f.vault = 299n)],
    ["less than was asked for, which is not accepted", "margin", (f) => (less(f, 1_000n, 1n), (f.flags = 0n))],
    ["another flag than the one that accepts it", "margin", (f) => (less(f, 1_000n, 1n), (f.flags = 254n))],
    ["less than was asked for, which is accepted", "admitted", (f) => less(f, 1_000n, 1n)],
    ["nothing of it, as nothing is held", "margin", (f) => less(f, 0n, 500n)],
    ["nothing of it, as too little is held", "margin", (f) => less(f, 1n, 300n)],
    ["a unit of it", "admitted", (f) => less(f, 1n, 299n)],
    ["all of it, as haircuts cover what is short", "admitted", (f) => (less(f, 300n, 500n, 500n), (f.flags = 0n))],
    ["more than is held, as nothing is short", "margin", (f) => less(f, 299n, 500n, 500n)],
    ["nothing held and nothing short", "margin", (f) => less(f, 0n, 0n)],
    ["the venue's own, while something is short", "margin", (f) => (less(f, 1n << 80n, 1n), (f.order.account = BigInt(VENUE)))],
    ["prices of the epoch before", "pricesNotFresh", (f) => (f.epoch = EPOCH - 1n)],
    ["prices of the epoch to come", "pricesNotFresh", (f) => (f.epoch = EPOCH + 1n)],
    ["prices that halt", "pricesNotFresh", (f) => (f.halted = true)],
    ["prices under other rules", "pricesNotFresh", (f) => (f.sameRules = false)],
    ["a position in what is stale", "pricesNotFresh", (f) => ((f.stale = [1]), (change(f.account!).positions = vector(0n, 1n)))],
    ["no fresh prices, of who has cash alone", "admitted", (f) => (cashAlone(f), (f.epoch = 1n), (f.halted = true))],
    ["more than the cash, of who has cash alone", "margin", (f) => (cashAlone(f), (f.epoch = 1n), (f.amount = 301n))],
    ["no fresh prices, and something reserved", "pricesNotFresh", (f) => (cashAlone(f), (f.epoch = 1n), (change(f.account!).reserved = 1n))],
    ["no fresh prices, and an open order", "pricesNotFresh", (f) => (cashAlone(f), (f.epoch = 1n), (change(f.account!).open = 1n))],
    ["no fresh prices, and a position", "pricesNotFresh", (f) => (cashAlone(f), (f.epoch = 1n), (change(f.account!).positions = vector(0n, -1n)))],
    ["charges of what is held long", "admitted", (f) => charged(f, 800n + 3n * 7n, 3n)],
    ["charges of what is held long, one unit short", "margin", (f) => charged(f, 799n + 3n * 7n, 3n)],
    ["charges of what is held short", "admitted", (f) => charged(f, 800n + 3n * 11n, -3n)],
    ["charges of what is held short, one unit short", "margin", (f) => charged(f, 799n + 3n * 11n, -3n)],
    ["no charges in the mark", "admitted", (f) => ((f.other = [0n, 100n, 100n]), charged(f, 800n, 3n))],
  ]; // prettier-ignore
  for (const [why, verdict, alter] of edges)
    it(`${why}: ${verdict}`, () => {
      const f = fixture();
      alter(f);
      assert.equal(judge("withdrawal", f).admission.verdict, verdict);
    });

  it("is said in the order of the checks", () => {
    for (const [i, [verdict, alter]] of cases.entries())
      for (const [later, alterLater] of cases.slice(i + 1)) {
        const f = fixture();
        alter(f);
        alterLater(f);
        assert.equal(judge("withdrawal", f).admission.verdict, verdict, `together with ${later}`);
      }
  });
});

describe("admission of a list of quotes", () => {
  /** What breaks a rule by the third order of the list alone; the others are those of an order. */
  const byOrder: Partial<Record<Verdict, (f: Fixture) => void>> = {
    offTick: (f) => (f.others[1].limit += 1n),
    size: (f) => (f.others[1].size = 101n),
    band: (f) => (f.others[0].limit = MARK + 205n),
    maxFee: (f) => {
      f.order.limit = MARK + 200n;
      f.order.maxFee = fee(f.row, MARK + 200n, 1n) - 1n;
    },
  };
  // A list that margin covers holds full margin: so it is never in liquidation.
  const never = ["badTarget", "flags", "inLiquidation"];
  const breaks = BREAKS.filter(([verdict]) => !never.includes(verdict)).map(
    ([verdict, breakRule]) => [verdict, byOrder[verdict] ?? breakRule] as const,
  );
  const room = (f: Fixture): Fixture => {
    f.entries = 5;
    f.lists = 2;
    f.cancels = 3;
    return f;
  };
  const overfull: Partial<Record<Verdict, (f: Fixture) => void>> = {
    tooManyCancels: (f) => (f.lists = 3),
    marketFull: (f) => (f.entries = 6),
    tooManyOpen: (f) => (change(f.account!).open = 2n),
  };
  const broken = breaks.map(([verdict, breakRule]) => [verdict, overfull[verdict] ?? breakRule] as const);

  it("admits the good one, with the margin of all reserved, and cancels what came before", () => {
    const f = room(fixture());
    const { admission } = judge("quotes", f);
    assert.equal(admission.verdict, "admitted");
    // fee(limit, 1) is 2 or 3 (rounded up, and 1 a lot); sold at 1050 in the scenario of 1100
    const rhos = [1_000n - 900n + 2n, 1_100n - 1_050n + 3n, 995n - 900n + 2n];
    const reserved = 500n + 10n * rhos[0] + 4n * rhos[1] + rhos[2];
    assert.deepEqual(admission.account, { ...f.account, nonce: 14n, reserved, open: 4n });
    const orders = [{ side: SIDE.buy, limit: MARK, size: 10n }, ...f.others];
    const expected = orders.map(({ side, limit, size }, j) => {
      return {
        account: 9,
        nonce: 7n + BigInt(j),
        side,
        limit,
        remaining: size,
        rho: rhos[j],
        expiry: NOW,
        thisAuction: false,
      };
    });
    assert.deepEqual(admission.entries, expected);
    assert.deepEqual(admission.cancel, { account: 9, nonce: 7n, all: true });
  });

  for (const [verdict, breakRule] of broken)
    it(`${verdict}, by one of its orders: none is admitted`, () => {
      const f = room(fixture());
      breakRule(f);
      const { admission } = judge("quotes", f);
      assert.equal(admission.verdict, verdict);
      assert.equal(admission.entries, undefined);
      const code = VERDICT[verdict];
      assert.deepEqual(admission.account, code < VERDICT.tooLate ? undefined : { ...f.account, nonce: 14n });
      const cancels = code >= VERDICT.marketNotOpen;
      assert.deepEqual(admission.cancel, cancels ? { account: 9, nonce: 7n, all: true } : undefined);
    });

  for (const [i, [verdict, breakRule]] of broken.entries())
    it(`${verdict} is said before all that come after it`, () => {
      for (const [later, breakLater] of broken.slice(i + 1)) {
        const f = room(fixture());
        breakRule(f);
        breakLater(f);
        assert.equal(judge("quotes", f).admission.verdict, verdict, `together with ${later}`);
      }
    });

  const edges: [why: string, verdict: Verdict, change: (f: Fixture) => void][] = [
    ["an earlier rule by a later order", "offTick", (f) => ((f.order.size = 0n), (f.others[1].limit += 1n))],
    ["the last nonces there are", "admitted", (f) => at(f, REDUCTION_NONCE - 8n)],
    ["one nonce too many", "nonce", (f) => at(f, REDUCTION_NONCE - 7n)],
    ["eight orders", "admitted", (f) => (f.entries = 0, change(f.account!).open = -4n, f.others.push(...Array(5).fill(f.others[1])))], // prettier-ignore
    ["margin to the last unit", "admitted", (f) => (change(f.account!).cash = 500n + 1_020n + 212n + 97n)],
    ["margin one unit short", "margin", (f) => (change(f.account!).cash = 500n + 1_020n + 212n + 96n)],
    ["orders that gain in each scenario, of who has nothing", "margin", (f) => {
      change(f.account!).cash = 499n;
      f.order.limit = MARK - 150n;
      f.others = [];
    }], // prettier-ignore
    [
      "margin with slack to the last unit",
      "admitted",
      (f) => ((f.slack = 5n), (change(f.account!).cash = 500n + 1_329n + 15n * 15n)),
    ],
    [
      "margin with slack one unit short",
      "margin",
      (f) => ((f.slack = 5n), (change(f.account!).cash = 499n + 1_329n + 15n * 15n)),
    ],
    ["margin with charges to the last unit", "admitted", (f) => charged(f, 500n + 1_329n + 15n * 11n)],
    ["margin with charges one unit short", "margin", (f) => charged(f, 499n + 1_329n + 15n * 11n)],
    ["prices of the epoch before", "admitted", (f) => (f.epoch = EPOCH - 1n)],
    [
      "a position in what is stale",
      "pricesNotFresh",
      (f) => ((f.stale = [1]), (change(f.account!).positions = vector(0n, 1n))),
    ],
    ["strangers' cancels", "admitted", (f) => (f.cancels = 1_000)],
    ["no orders", "malformed", (f) => (f.beyond = -3n * FLAGS_AT)],
    ["nine orders", "malformed", (f) => (f.beyond = 6n * FLAGS_AT)],
    ["sixteen more orders", "malformed", (f) => (f.beyond = 16n * FLAGS_AT)],
    ["an order of the list beyond their number", "malformed", (f) => (f.beyond = -FLAGS_AT)],
    ["a market without prices", "pricesNotFresh", (f) => (f.quoted = false)],
  ];
  const FLAGS_AT = pack(A_COLUMNS, { ...NO_HEAD, flags: 1n });
  /** A list with this nonce, and an account for which it is the next. */
  const at = (f: Fixture, nonce: bigint) => {
    f.order.nonce = nonce;
    change(f.account!).nonce = nonce - 1n;
  };
  for (const [why, verdict, alter] of edges)
    it(`${why}: ${verdict}`, () => {
      const f = room(fixture());
      alter(f);
      assert.equal(judge("quotes", f).admission.verdict, verdict);
    });

  const bad: [why: string, alter: (item: Item) => Item][] = [
    ["no list", ({ A, B, salt }) => ({ A, B, salt })],
    ["a list of two words", (item) => ({ ...item, list: item.list!.slice(1) })],
    ["a list of which B is not the hash", (item) => ({ ...item, B: item.B + 1n })],
    ["a word beyond its columns", (item) => listed(item, [item.list![0], 1n << 222n, item.list![2]])],
    ["a last word beyond its columns", (item) => listed(item, [...item.list!.slice(0, 2), 1n << 209n])],
    ["a list with an order", (item) => ({ ...orderItem(fixture().order), list: item.list! })],
  ];
  const listed = (item: Item, list: bigint[]): Item => ({ ...item, list, B: listHash(list) });
  for (const [why, alter] of bad)
    it(`${why} is for no log`, () => {
      const item = build("quotes", fixture());
      requireItem(item);
      assert.throws(() => requireItem(alter(item)), { code: "OUT_OF_RANGE", message: /item\.list/ });
    });
});
