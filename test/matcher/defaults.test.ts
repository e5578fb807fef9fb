// Goal: over price paths, with defaults, reductions, assumptions and haircuts, nothing is made and nothing lost, the insurance draws only
// as the rules say, and nobody is stuck.
// Method: a venue without proofs (seed in the name; TACIT_EPOCHS sets its length): traders with leverage, makers around the mark,
// withdrawals that take less, an index that jumps; the operator's policy after each REPRICE and before each close. All laws from
// accounts and books alone.
import assert from "node:assert/strict";
import type { Event } from "../../src/matcher/events.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { depositKey, publicKey } from "../../src/protocol/eddsa.ts";
import { flagCounts, isBelow, standing } from "../../src/protocol/defaults.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { orderItem, withdrawalItem, type Item } from "../../src/protocol/item.ts";
import { equities } from "../../src/protocol/margin.ts";
import { INSTRUMENTS, SIDE } from "../../src/protocol/parameters.ts";
import { noPrices } from "../../src/protocol/prices.ts";
import { NO_PREMIUM, type SignedReport } from "../../src/protocol/report.ts";
import { Random } from "../../src/replay/random.ts";
import { commandOf, Liquidator, type Step } from "../../src/venue/liquidator.ts";
import { accountOf, vector, withDefaults } from "../defaulting.ts";

const EPOCHS = Number(process.env.TACIT_EPOCHS ?? 120);
const SEED = Number(process.env.SEED ?? 21);
const START = 1_000n;
const AUTH = { R8x: 0n, R8y: 0n, S: 0n };
const TRADERS = 24;

const rules = withDefaults({ grace: 60n, slope: 120n, hold: 600n, insuranceLimit: 32_768n });
const profile = { ...PROFILES.demo, depth: 4, clear: 400, settle: 60, deposit: 100 };

class Simulation {
  readonly matcher: Matcher;
  readonly policy = new Liquidator();
  readonly random: Random;
  readonly seen: Record<string, number> = {};
  index = 100_000n;
  deposited = 0n;
  paid = 0n;
  #salt = 0n;

  constructor(seed: number) {
    this.random = new Random(seed);
    const accounts = [accountOf({ seq: 1n, nonce: 0n }), accountOf({ seq: 1n, nonce: 0n })];
    const genesis = { domain: 77n, profile, rules, prices: noPrices({ ...rules, ...rules.group }), accounts, time: START * 60n };
    this.matcher = new Matcher(genesis, { view: (_, index) => BigInt(index) });
  } // prettier-ignore

  apply(command: Command): Event[] {
    const before = this.matcher.held;
    const events = this.matcher.apply(command);
    for (const event of events) {
      this.#count(event);
      if (event.kind === "deposits") for (const { deposit } of event.credits) this.deposited += deposit.amount;
      if (event.kind === "item" && event.admission.payout !== undefined) {
        const paid = event.admission.payout >> 160n;
        this.paid += paid;
        const asked = event.account!.before!.cash - event.admission.account!.cash;
        const short = before.deficit > before.relief ? before.deficit - before.relief : 0n;
        assert.equal(paid, (asked * before.vault) / (before.vault + short), "in proportion");
        assert.ok(paid <= before.vault);
        if (paid < asked) this.#seen("haircuts");
      }
      if (event.kind === "settle")
        for (const { before: was, after } of event.writes) {
          const { prices } = this.matcher.terms;
          const [free, now] = [was!, after].map((it) => equities(it, prices).map((equity) => equity - it.reserved));
          now.forEach((it, k) => assert.ok(it >= free[k], "a fill lowers what is free"));
        }
    }
    return events;
  }

  #seen(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  #count(event: Event): void {
    if (event.kind === "enforce")
      this.#seen(`${event.step.kind}${event.step.account === 1 ? " of the insurance" : ""}`);
    else if (event.kind === "item") this.#seen(event.admission.verdict);
    else this.#seen(event.kind);
  }

  /** Who is where, and that nothing was made or lost. */
  check(at: string): void {
    const { accounts, held, terms } = this.matcher;
    for (let i = 0; i < INSTRUMENTS; i++)
      assert.equal(accounts.reduce((sum, { positions }) => sum + positions[i], 0n), 0n, `${at}: lots of ${i}`);
    assert.equal(held.vault, this.deposited - this.paid, `${at}: the vault`);
    const cash = accounts.reduce((sum, account) => sum + account.cash, 0n);
    assert.equal(cash + (this.matcher.share >> 16n), held.vault - held.relief, `${at}: cash`);
    assert.ok(held.relief <= held.deficit + 1n || held.deficit === 0n || held.relief >= 0n);
    // Of those that have no flag nobody is under maintenance when the policy has looked.
    if (!this.matcher.isFresh(this.matcher.clock >> 5n)) return;
    for (const [index, account] of accounts.entries())
      if (index !== 1 && !flagCounts(account, terms.rules.group.defaults, this.matcher.clock >> 5n))
        assert.ok(!isBelow(terms.rules.group.defaults.maintenance, standing(account, terms.prices)), `${at}: account ${index}`);
  } // prettier-ignore

  reprice(epoch: bigint): void {
    const volatility = 1n << 23n;
    const values = vector(this.index, this.index, volatility, 0n, volatility);
    const report = { domain: 77n, contracts: contractsHash(rules.instruments), epoch, index: this.index, average: this.index, sigma: volatility / 2n, premium: NO_PREMIUM, values };
    const quorum = [0, 1, 2].map((feed): SignedReport => ({ feed, report, auth: AUTH }));
    this.apply({ kind: "reprice", time: epoch * 60n + 5n, epoch, quorum, checked: true });
  } // prettier-ignore

  take(time: bigint, steps: readonly Step[]): void {
    for (const step of steps) this.apply(commandOf(step, time, () => ++this.#salt));
  }

  item(time: bigint, item: Item): void {
    this.apply({ kind: "item", time, item, auth: AUTH, signed: true });
  }

  trade(time: bigint): void {
    const { random, matcher } = this;
    for (let i = 0; i < 10; i++) {
      const account = random.integer(2, 1 + TRADERS);
      const slot = random.integer(0, 4);
      const quoted = matcher.terms.prices.markets[slot];
      const { nonce, cash } = matcher.accounts[account];
      if (!quoted) continue;
      const isMaker = account < 6;
      if (!isMaker && random.unit() < 0.05) {
        const amount = cash > 10n ? cash / BigInt(random.integer(2, 9)) : 1n;
        this.item(time, withdrawalItem({ account: BigInt(account), nonce: nonce + 1n, recipient: 5n, amount, lessAccepted: random.unit() < 0.9, validUntil: time, salt: 1n })); // prettier-ignore
        continue;
      }
      const side = random.pick([SIDE.buy, SIDE.sell]);
      const away = BigInt(random.integer(-10, isMaker ? 60 : 10)) * 10n;
      const limit = quoted.mark + (isMaker === (side === SIDE.buy) ? -away : away);
      const size = BigInt(random.integer(1, isMaker ? 40 : 12));
      this.item(time, orderItem({ market: rules.markets[slot]!.id, account: BigInt(account), nonce: nonce + 1n, side, limit, size, validUntil: time, expiry: time + 30n, salt: 1n })); // prettier-ignore
    }
  }
}

describe("matcher: defaults", () => {
  it(`keep all laws over ${EPOCHS} epochs with jumps (seed ${SEED})`, () => {
    const it = new Simulation(SEED);
    const keys = Array.from({ length: TRADERS }, (_, i) => depositKey(publicKey(new Uint8Array(32).fill(i + 1))));
    const amount = (i: number) => (i < 4 ? 20_000_000n : 400_000n);
    const deposits = keys.map(({ x, y }, i) => ({ keyX: x, keyY: y, index: 2 + i, amount: amount(i) }));
    it.apply({ kind: "deposits", time: START * 60n, deposits });
    for (let e = 1n; e <= BigInt(EPOCHS); e++) {
      const epoch = START + e;
      const jump = e % 17n === 0n ? it.random.pick([-70, 80]) : it.random.integer(-12, 12);
      it.index += (it.index * BigInt(jump)) / 1_000n;
      it.reprice(epoch);
      it.take(epoch * 60n + 5n, it.policy.steps(it.matcher, epoch * 60n + 5n));
      it.check(`epoch ${e}, after prices`);
      for (let second = 10n; second < 65n; second += 10n) {
        const time = epoch * 60n + second;
        it.take(time, it.policy.reductions(it.matcher, time));
        for (let slot = 0; slot < 5; slot++) it.apply({ kind: "close", time, slot });
        it.take(time, it.policy.steps(it.matcher, time));
        it.trade(time + 3n);
        it.check(`epoch ${e}, second ${second}`);
      }
      // Broke traders come back with new money.
      if (e % 10n === 0n) {
        const poor = deposits.filter(({ index }) => it.matcher.accounts[index].cash < 100_000n);
        const time = epoch * 60n + 64n;
        if (poor.length > 0) it.apply({ kind: "deposits", time, deposits: poor.map((d) => ({ ...d, amount: 300_000n })) });
      }
    }
    console.log(it.seen, it.matcher.held, it.matcher.accounts[1].cash);
  });
}); // prettier-ignore
