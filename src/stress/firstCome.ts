import type { Event } from "../matcher/events.ts";
import type { Command, Genesis } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import { NO_POSITIONS } from "../protocol/account.ts";
import { admit } from "../protocol/admission.ts";
import type { BookEntry, Cancel } from "../protocol/book.ts";
import { credited, folded, mayMatch, settled, sweep, sweepSlots } from "../protocol/clearing.ts";
import { enforce, insured, isBelow, partFees, standing, type Held } from "../protocol/defaults.ts";
import { commandItem, decodeItem, defaultItem, foldItem, repriceItem } from "../protocol/item.ts";
import { equities } from "../protocol/margin.ts";
import { max, min } from "../protocol/numbers.ts";
import { BITS, INSURANCE, MARKETS, RANK, VENUE } from "../protocol/parameters.ts";
import { pricesFresh, reprice, type Prices } from "../protocol/prices.ts";
import { medians } from "../protocol/report.ts";
import { rulesRoot, type Rules } from "../protocol/rules.ts";
import type { Venue } from "./laws.ts";

interface Market {
  book: readonly BookEntry[];
  admitted: BookEntry[];
  cancels: Cancel[];
  lists: number;
}

/**
 * A venue with the same rules of admission, clearing and prices, but with the usual liquidation: whoever is under maintenance
 * when prices come is taken over at once, at the mark, for the penalty, by who has the margin for it; else by the insurance account,
 * which pays what the account lacks as long as it has anything. Who withdraws first is paid in full.
 */
export class FirstComeVenue implements Venue {
  readonly #genesis: Genesis;
  readonly #root: bigint;
  readonly #accounts: Account[];
  readonly #markets: Market[];
  #prices: Prices;
  #vault: bigint;
  #share = 0n;
  #clock: bigint;
  /** cash that accounts were given and nobody had, cash units */
  #made = 0n;
  /** log entries */
  #count = 0;

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
    this.#root = rulesRoot(genesis.rules);
    this.#accounts = [...genesis.accounts];
    this.#markets = Array.from({ length: MARKETS }, () => ({ book: [], admitted: [], cancels: [], lists: 0 }));
    this.#prices = genesis.prices;
    this.#vault = genesis.accounts.reduce((sum, { cash }) => sum + cash, 0n);
    this.#clock = 32n * genesis.time;
  }

  get #rules(): Rules {
    return this.#genesis.rules;
  }
  get accounts(): readonly Account[] {
    return this.#accounts;
  }
  get terms() {
    return { rules: this.#rules, prices: this.#prices };
  }
  get clock(): bigint {
    return this.#clock;
  }
  get share(): bigint {
    return this.#share;
  }
  /** `relief` is below 0 by what was made, so that cash is vault less relief here as well. */
  get held(): Held {
    return { vault: this.#vault, relief: -this.#made, deficit: 0n };
  }

  isFresh(time: bigint, late = 0n): boolean {
    return pricesFresh(this.#prices, this.#rules.group.pricing, this.#root, time, late);
  }
  book(slot: number): readonly BookEntry[] {
    const { book, admitted } = this.#markets[slot];
    return [...book, ...admitted];
  }
  cancels(slot: number): readonly Cancel[] {
    return this.#markets[slot].cancels;
  }

  /** Deposits, flags, sweeps, other rules: there are none here. */
  apply(command: Command): Event[] {
    const rank = command.kind === "reprice" || command.kind === "enforce" ? RANK.reprice : RANK.other;
    this.#clock = 32n * command.time + BigInt(command.kind === "close" ? RANK.close(command.slot) : rank);
    switch (command.kind) {
      case "item":
        return [this.#item(command)];
      case "close":
        return this.#close(command);
      case "reprice":
        return [this.#reprice(command)];
      case "fold":
        return [this.#fold(command)];
      case "enforce":
        return [this.#reduce(command)];
      default:
        throw new Error(`unreachable: no ${command.kind} with first-come liquidation`);
    }
  }

  /** Takes over whoever is under maintenance. @param taker  who has capital to do so @returns what was paid of the insurance */
  liquidate(indexes: readonly number[], taker: number): { taken: number; lost: bigint; paid: bigint; made: bigint } {
    const { maintenance, penalty } = this.#rules.group.defaults;
    const came = { taken: 0, lost: 0n, paid: 0n, made: 0n };
    for (const index of indexes) {
      const account = this.#accounts[index];
      const stands = standing(account, this.#prices);
      if (index === taker || index === VENUE || !isBelow(maintenance, stands)) continue;
      this.#drop(index);
      const kept = max(0n, stands.equity - ((penalty * stands.risk) >> 10n));
      const lacks = max(0n, -stands.equity);
      const withAll = (of: Account): Account => ({
        ...of,
        seq: of.seq + 1n,
        cash: of.cash + account.cash - kept + lacks,
        positions: of.positions.map((lots, i) => lots + account.positions[i]),
      });
      const [has, insurance] = [this.#accounts[taker], this.#accounts[INSURANCE]];
      const after = withAll(has);
      const isTaken = equities(after, this.#prices).every((it) => it >= after.reserved);
      // The insurance pays as long as its equity goes; beyond it money is made.
      const paid = min(lacks, max(0n, standing(insurance, this.#prices).equity));
      this.#accounts[INSURANCE] = { ...insurance, cash: insurance.cash - paid };
      const to = isTaken ? taker : INSURANCE;
      this.#accounts[to] = withAll(this.#accounts[to]);
      this.#accounts[index] = { ...account, seq: account.seq + 1n, cash: kept, positions: NO_POSITIONS, reserved: 0n, open: 0n }; // prettier-ignore
      this.#made += lacks - paid;
      came.taken++;
      came.lost += max(0n, stands.equity) - kept;
      came.paid += paid;
      came.made += lacks - paid;
    }
    return came;
  }

  /** Of all markets, all orders of an account. */
  #drop(index: number): void {
    if (this.#accounts[index].open === 0n) return;
    for (const market of this.#markets) {
      market.book = market.book.filter(({ account }) => account !== index);
      market.admitted = market.admitted.filter(({ account }) => account !== index);
    }
  }

  #item({ time, item, auth, signed = false }: Extract<Command, { kind: "item" }>): Event {
    const decoded = decodeItem(item);
    const index = decoded ? Number(decoded.head.account) : -1;
    const before = this.#accounts[index];
    const admission = admit(
      {
        ...this.terms,
        rulesInForce: this.#root,
        held: { vault: this.#vault, relief: 0n, deficit: 0n },
        entries: this.#markets.map(({ book, admitted }) => book.length + admitted.length),
        cancels: this.#markets.map(({ cancels, lists }) => cancels.length - lists),
        lists: this.#markets.map(({ lists }) => lists),
        maxOpen: this.#genesis.profile.maxOpen,
        account: before,
        signed,
        time,
      },
      decoded,
    );
    const after = admission.account ?? before;
    if (after) this.#accounts[index] = after;
    if (admission.payout !== undefined) this.#vault -= admission.payout >> BigInt(BITS.recipient);
    const market = this.#markets[admission.slot];
    if (admission.entries) market.admitted.push(...admission.entries);
    if (admission.cancel) market.cancels.push(admission.cancel);
    if (admission.cancel && decoded?.kind === "quotes") market.lists++;
    const account = before ? { index, before, after } : null;
    return { kind: "item", entry: { item, auth, time }, sequence: this.#count++, admission, account, held: this.held };
  }

  #close({ time, slot }: { time: bigint; slot: number }): Event[] {
    const market = this.#markets[slot];
    const [rules, prices] = [this.#rules.markets[slot], this.#prices.markets[slot]];
    const may = mayMatch(rules, prices, this.isFresh(time), time);
    const sweeps = [];
    let pending = market.cancels;
    do {
      const cancels = pending.slice(0, sweepSlots(pending).length);
      pending = pending.slice(cancels.length);
      const match = may && pending.length === 0;
      const { book, admitted } = market;
      const outcome = sweep({ rules, prices, match, cancels, time, entries: [...book, ...admitted] });
      sweeps.push({ match, cancels, book, admitted, outcome, trade: { slot, price: outcome.price, funding: match ? prices!.funding : 0n } }); // prettier-ignore
      [market.book, market.admitted] = [outcome.book, []];
    } while (pending.length > 0);
    [market.cancels, market.lists] = [[], 0];
    const cleared: Event = { kind: "clear", entry: { item: commandItem("close", slot), time }, command: "close", slot, sweeps }; // prettier-ignore
    const fills = sweeps.flatMap(({ outcome, trade }) => outcome.fills.map((fill) => ({ fill, trade })));
    if (fills.length === 0) return [cleared];
    const writes = fills.map(({ fill, trade }) => {
      const before = this.#accounts[fill.account];
      const after = settled(before, fill, rules?.legs ?? NO_POSITIONS, trade);
      this.#accounts[fill.account] = after;
      return { index: fill.account, before, after, fill, trade };
    });
    const parts = partFees(sweeps.at(-1)!.outcome.fees, this.#share, this.#rules.group.defaults);
    this.#share = parts.share;
    const before = this.#accounts[VENUE];
    const after = credited(before, parts.venue);
    this.#accounts[VENUE] = after;
    return [cleared, { kind: "settle", writes, credit: { index: VENUE, before, after }, share: this.#share }];
  }

  #reprice({ time, epoch, quorum }: Extract<Command, { kind: "reprice" }>): Event {
    const { instruments, markets, group } = this.#rules;
    const before = this.#prices;
    const after = reprice({ root: this.#root, pricing: group.pricing, instruments, markets }, before, epoch, medians(quorum)); // prettier-ignore
    const account = this.#accounts[INSURANCE];
    const { insurance, share } = insured(account, this.#share);
    [this.#prices, this.#share, this.#accounts[INSURANCE]] = [after, share, insurance];
    const write = { index: INSURANCE, before: account, after: insurance };
    const entry = { item: repriceItem(epoch), quorum, time };
    return { kind: "reprice", entry, epoch, before, after, insurance: write, held: this.held, share, funded: [] };
  }

  #fold({ time, from, count }: Extract<Command, { kind: "fold" }>): Event {
    const writes = Array.from({ length: count }, (_, j) => {
      const before = this.#accounts[from + j];
      const after = folded(before, this.#prices);
      this.#accounts[from + j] = after;
      return { index: from + j, before, after };
    });
    return { kind: "fold", entry: { item: foldItem(from, count), time }, payoffs: this.#prices.payoffs, writes };
  }

  /** Of the insurance account alone, which sells down what it took over, as the rules have it. */
  #reduce({ time, step, salt }: Extract<Command, { kind: "enforce" }>): Event {
    if (step.kind !== "reduce" || step.account !== INSURANCE) throw new Error("unreachable: nobody has a flag");
    const market = this.#markets[step.slot];
    const before = this.#accounts[INSURANCE];
    const entries = market.book.length + market.admitted.length;
    const enforced = enforce(
      { ...this.terms, rulesInForce: this.#root, relief: 0n, time, account: before, entries, cancels: 0 },
      step,
    );
    market.admitted.push(enforced.entry!);
    this.#accounts[INSURANCE] = enforced.account;
    const write = { index: INSURANCE, before, after: enforced.account };
    return { kind: "enforce", entry: { item: defaultItem(step, salt), time }, step, enforced, write };
  }
}
