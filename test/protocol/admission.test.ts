// Goal: each verdict is given for its own reason, in the order of VERDICTS, and has exactly the effects of its kind.
// Method: one fresh good order, cancel or withdrawal, one rule broken; then each pair of rules broken at once: the one
// checked first is the verdict.
import assert from "node:assert/strict";
import type { Account } from "../../src/protocol/account.ts";
import { admit, type Admission, type AdmissionContext } from "../../src/protocol/admission.ts";
import { A_COLUMNS, cancelItem, decodeItem, orderItem, withdrawalItem, type Item } from "../../src/protocol/item.ts";
import { computePrices, fee, NO_MARKETS, rulesRoot, type MarketRules } from "../../src/protocol/market.ts";
import { pack } from "../../src/protocol/numbers.ts";
import { FLAG, MARKET_STATE, NONCE_WINDOW, RULE, SIDE, VERDICT, VERDICTS } from "../../src/protocol/parameters.ts";
import type { Verdict } from "../../src/protocol/parameters.ts";

const NOW = 5_000n;
const MAX_AGE = 60n;
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
    capacity: 8n,
    cancelCapacity: 3n,
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
  };
  return {
    row,
    account: { ...account } as Account | undefined,
    signed: true,
    priceTime: NOW - MAX_AGE,
    quoted: true,
    entries: 7,
    cancels: 2,
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
    amount: 300n,
    flags: 0n,
    /** added to the word A */
    beyond: 0n,
  };
}
type Fixture = ReturnType<typeof fixture>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const change = <T>(value: T): Mutable<T> => value as Mutable<T>;

function judge(kind: "order" | "cancel" | "all" | "withdrawal", f: Fixture): { admission: Admission; item: Item } {
  const rules = {
    group: { operatorKeyX: 1n, operatorKeyY: 2n, maxAge: MAX_AGE },
    markets: NO_MARKETS.map((free, slot) => (slot === SLOT ? f.row : free)),
  };
  const values = [vector(MARK + 2n), vector(MARK + 100n), vector(MARK - 100n)];
  const prices = computePrices(rules, { values, funding: vector(), epoch: 1n, time: f.priceTime });
  const context: AdmissionContext = {
    rules,
    rulesInForce: rulesRoot(rules),
    prices: f.quoted ? prices : { ...prices, markets: NO_MARKETS },
    entries: NO_MARKETS.map((_, slot) => (slot === SLOT ? f.entries : 0)),
    cancels: NO_MARKETS.map((_, slot) => (slot === SLOT ? f.cancels : 0)),
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

function build(kind: "order" | "cancel" | "all" | "withdrawal", { order, amount }: Fixture): Item {
  if (kind === "order") return orderItem(order);
  if (kind === "withdrawal") return withdrawalItem({ ...order, recipient: 0xabcn, amount });
  return cancelItem({ ...order, target: kind === "cancel" ? order.replaces || 3n : undefined });
}

/** How to break the rule of each verdict, and only that. */
const BREAK: Record<Exclude<Verdict, "admitted">, (f: Fixture) => void> = {
  malformed: (f) => (f.beyond = 1n << 185n),
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
  pricesNotFresh: (f) => (f.priceTime = NOW - MAX_AGE - 1n),
  margin: (f) => (change(f.account!).cash = 500n),
};
const BREAKS = Object.entries(BREAK) as [Exclude<Verdict, "admitted">, (f: Fixture) => void][];
const ORDER_OF_CHECKS = VERDICTS.filter((verdict) => verdict !== "admitted");

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
    assert.deepEqual(admission.entry, { account, nonce, limit, ...rest });
    assert.equal(admission.cancel, undefined);
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
      assert.equal(admission.entry, undefined);
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
    ["an expired market", "marketNotOpen", (f) => (change(f.row).state = BigInt(MARKET_STATE.expired))],
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
    ["prices of the future", "pricesNotFresh", (f) => (f.priceTime = NOW + 1n)],
    ["a market without prices", "pricesNotFresh", (f) => (f.quoted = false)],
    // E_k - reserved + d_k in the worst scenario: cash - 500 + 10 (900 - 1000 - 2)
    ["margin to the last unit", "admitted", (f) => (change(f.account!).cash = 1_520n)],
    ["margin one unit short", "margin", (f) => (change(f.account!).cash = 1_519n)],
  ];
  for (const [why, verdict, alter] of edges)
    it(`${why}: ${verdict}`, () => {
      const f = fixture();
      alter(f);
      assert.equal(judge("order", f).admission.verdict, verdict);
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

  it("takes all but what is reserved", () => {
    const f = fixture();
    change(f.account!).cash = 800n;
    assert.equal(judge("withdrawal", f).admission.verdict, "admitted");
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
