/** A venue of few accounts whose owner, operator and prices a test chooses: every step is held to the rules and the laws. */
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import type { Event } from "../../src/matcher/events.ts";
import { NO_POSITIONS, openAccount, type Account } from "../../src/protocol/account.ts";
import { standing, type Enforcement } from "../../src/protocol/defaults.ts";
import { BASE8, depositKey } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { orderItem, withdrawalItem } from "../../src/protocol/item.ts";
import { INSURANCE, MARKETS } from "../../src/protocol/parameters.ts";
import type { SignedReport } from "../../src/protocol/report.ts";
import type { Verdict } from "../../src/protocol/parameters.ts";
import { itemCommand } from "../../src/stress/traders.ts";
import { Laws } from "../../src/stress/laws.ts";
import { StressFeed } from "../../src/stress/feed.ts";
import { firstEpochOf, firstPrices, START_INDEX, stressRules, stressRulesJson } from "../../src/stress/index.ts";
import { setPlaces } from "../../src/cli/venue/setPlaces.ts";
import { commandOf, Liquidator, LOOKS, type Step } from "../../src/venue/liquidator.ts";

/** Equity in 1024ths of the worst loss, and lots of perpetual, call and put. */
export interface Owned {
  readonly lots: readonly [number, number?, number?];
  readonly equity: number;
}
const INTERVAL = 20n;

export class Desk {
  readonly matcher: Matcher;
  readonly laws: Laws;
  readonly policy = new Liquidator();
  readonly #feed: StressFeed;
  time: bigint;
  #epoch: bigint;
  #salt = 0n;

  /** @param owned  accounts 2 and on; @param insurance  its cash; @param set  places of the rules */
  constructor(owned: readonly Owned[], { insurance = 0n, set = [] as readonly string[], before = 0 } = {}) {
    const rules = stressRules(setPlaces(stressRulesJson("calm", { interval: Number(INTERVAL) }), set));
    this.#epoch = firstEpochOf("calm", before);
    const first = { index: BigInt(START_INDEX), volatility: 0.6 };
    this.#feed = new StressFeed(rules, this.#epoch, first);
    const { x: keyX, y: keyY } = BASE8;
    const empty = openAccount({ keyX, keyY, view: 0n });
    const prices = firstPrices(rules, this.#epoch, this.#feed.last);
    const accounts = owned.map(({ lots, equity }): Account => {
      const positions = NO_POSITIONS.map((_, i) => BigInt(lots[i] ?? 0));
      const { equity: worth, risk } = standing({ cash: 0n, positions }, prices);
      const own = lots.some((it) => it !== 0) ? (risk * BigInt(equity)) / 1024n : BigInt(equity);
      return { ...empty, cash: own - worth, positions };
    });
    const all = [empty, { ...empty, cash: insurance }, ...accounts];
    for (let i = 0; i < NO_POSITIONS.length; i++)
      if (all.reduce((sum, { positions }) => sum + positions[i], 0n) !== 0n)
        throw new Error("positions must sum to zero");
    this.time = this.#epoch * 60n + 5n;
    this.matcher = new Matcher({ domain: 1n, profile: PROFILES.standard, rules, prices, accounts: all, time: this.time }, { view: () => 0n }); // prettier-ignore
    this.laws = new Laws(this.matcher);
  }

  get prices() {
    return this.matcher.terms.prices;
  }
  get defaults() {
    return this.matcher.terms.rules.group.defaults;
  }
  row(slot: number) {
    return this.matcher.terms.rules.markets[slot]!;
  }
  account(index: number): Account {
    return this.matcher.accounts[index];
  }
  of(index: number) {
    return standing(this.account(index), this.prices);
  }
  get insurance() {
    return this.of(INSURANCE).equity;
  }

  apply(command: Command): Event[] {
    this.time = command.time;
    const events = this.matcher.apply(command);
    this.laws.observe(events, `second ${command.time}`);
    return events;
  }

  #prices(epoch: bigint): Command {
    const numbers = this.#feed.last;
    const report = { domain: 1n, contracts: 0n, epoch, ...numbers };
    const quorum = [0, 1, 2, 3, 4].map((feed): SignedReport => ({ feed, report, auth: { R8x: 0n, R8y: 0n, S: 0n } }));
    return { kind: "reprice", time: epoch * 60n + 5n, epoch, quorum, checked: true };
  }

  /** The prices of the next epoch. */
  reprice(index: number): void {
    this.#epoch++;
    this.#feed.numbers({ index: BigInt(Math.round(index)), volatility: 0.6 });
    this.apply(this.#prices(this.#epoch));
  }

  /** Takes a step of the operator's. @returns whether the rules allow it */
  step(step: Step, time = this.time): boolean {
    try {
      this.apply(commandOf(step, time, () => ++this.#salt));
      return true;
    } catch (error) {
      if (error instanceof TacitError && (error.code === "DEFAULT" || error.code === "OUT_OF_RANGE")) return false;
      throw error;
    }
  }

  reduce(account: number, slot: number, side: number, limit: bigint, size: bigint, time: bigint): boolean {
    return this.step({ kind: "reduce", account, slot, side, limit, size } satisfies Enforcement, time);
  }

  order(account: number, side: number, limit: bigint, size: bigint, { slot = 0, thisAuction = true } = {}): Verdict {
    const { nonce } = this.account(account);
    const item = orderItem({ market: this.row(slot).id, account: BigInt(account), nonce: nonce + 1n, side, limit, size, validUntil: this.time, expiry: this.time + 100_000n, thisAuction, salt: ++this.#salt }); // prettier-ignore
    const [event] = this.apply(itemCommand(this.time, item));
    return event.kind === "item" ? event.admission.verdict : "malformed";
  }

  /** @returns what is paid, or why nothing is */
  withdraw(account: number, amount: bigint): bigint | Verdict {
    const { nonce } = this.account(account);
    const item = withdrawalItem({ account: BigInt(account), nonce: nonce + 1n, recipient: 5n, amount, lessAccepted: true, validUntil: this.time, salt: ++this.#salt }); // prettier-ignore
    const [event] = this.apply(itemCommand(this.time, item));
    if (event.kind !== "item") return "malformed";
    return event.admission.payout === undefined ? event.admission.verdict : event.admission.payout >> 160n;
  }

  deposit(index: number, amount: bigint): void {
    const { x: keyX, y: keyY } = depositKey(BASE8);
    this.apply({ kind: "deposits", time: this.time, deposits: [{ keyX, keyY, index, amount }] });
  }

  /** The next second at which markets close. */
  get auction(): bigint {
    return (this.time / INTERVAL + 1n) * INTERVAL;
  }

  close(time = this.time): void {
    for (let slot = 0; slot < MARKETS; slot++)
      if (this.matcher.book(slot).length + this.matcher.cancels(slot).length > 0) this.apply({ kind: "close", time, slot });
  } // prettier-ignore

  /** As the venue's own policy does it: one look after prices, and reductions, closes and a look at each of an epoch's auctions. */
  minute(index: number, between: (desk: Desk) => void = () => {}): void {
    this.reprice(index);
    this.look();
    for (let i = 0; i < 3; i++) {
      const auction = this.auction;
      between(this);
      for (const step of this.policy.reductions(this.matcher, auction)) this.step(step, auction);
      this.close(auction);
      this.time = auction;
      this.look();
    }
    this.laws.whole(`epoch ${this.#epoch}`);
  }

  look(): void {
    for (let i = 0; i < LOOKS; i++) for (const step of this.policy.steps(this.matcher, this.time)) this.step(step);
    this.laws.looked(this.time, `second ${this.time}`);
  }
}
