import type { Event } from "../matcher/events.ts";
import type { Matcher } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import { fillCash } from "../protocol/clearing.ts";
import { flagCounts, isBelow, paidFor, standing, type Held } from "../protocol/defaults.ts";
import { TacitError } from "../protocol/errors.ts";
import { equities } from "../protocol/margin.ts";
import { max } from "../protocol/numbers.ts";
import { BITS, INSTRUMENTS, INSURANCE } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";

/** What is looked at of a venue: a matcher, or what stands in its place. */
export type Venue = Pick<
  Matcher,
  "accounts" | "apply" | "book" | "cancels" | "clock" | "held" | "isFresh" | "share" | "terms"
>;

const WORDS = 1 + INSTRUMENTS;
/** Whole numbers below it are exact as doubles, and so are sums and products that stay below it. */
const EXACT = 2 ** 53;

/**
 * What must hold of every run, from accounts, books and events alone: where it does not, VIOLATION says where and what.
 *
 * 1. Lots of each instrument sum to zero.
 * 2. Cash of all accounts, with the whole units of the insurance's share of fees, is vault less relief; the vault is deposits less
 *    payouts.
 * 3. Of the insurance account, cash and positions change by its share, by fills of its own reductions, and by what it assumes:
 *    of an account with a flag, under its maintenance, whose owner keeps its equity less the penalty.
 * 4. No fill lowers E_k - reserved, in any scenario.
 * 5. A payout is floor(x vault / (vault + short)).
 * 6. Of accounts without a flag that counts none is under its maintenance when the policy has looked.
 */
export class Laws {
  readonly #venue: Venue;
  /** law 3 and 5 are of the rules; first-come liquidation has others */
  readonly #isByRules: boolean;
  #deposited: bigint;
  #paid = 0n;
  #insurance: Pick<Account, "cash" | "positions">;
  #held: Held;
  /** accounts as they were when they were read last */
  #known: (Account | undefined)[] = [];
  /** cash, then positions, an account after another */
  #numbers = new Float64Array(0);
  /** 1 of an account that was under the last part, at the last prices */
  #isUnder = new Uint8Array(0);
  #last: { readonly prices: Prices | null; readonly part: bigint } = { prices: null, part: 0n };

  constructor(venue: Venue, { isByRules = true } = {}) {
    this.#venue = venue;
    this.#isByRules = isByRules;
    this.#deposited = venue.held.vault;
    this.#insurance = venue.accounts[INSURANCE];
    this.#held = venue.held;
  }

  /** Laws 3, 4 and 5. @throws VIOLATION */
  observe(events: readonly Event[], place: string): void {
    for (const event of events) this.#observe(event, place);
    this.#held = this.#venue.held;
    if (!this.#isByRules) return;
    const { cash, positions } = this.#venue.accounts[INSURANCE];
    if (cash !== this.#insurance.cash || positions.some((lots, i) => lots !== this.#insurance.positions[i]))
      throw violation(place, "the insurance account has other cash or positions than the rules give it");
  }

  #observe(event: Event, place: string): void {
    const { prices, rules } = this.#venue.terms;
    switch (event.kind) {
      case "deposits":
        for (const { deposit } of event.credits) this.#deposited += deposit.amount;
        return;
      case "item": {
        const { payout } = event.admission;
        if (payout === undefined) return;
        const paid = payout >> BigInt(BITS.recipient);
        this.#paid += paid;
        const asked = event.account!.before!.cash - event.account!.after!.cash;
        if (this.#isByRules && (paid !== paidFor(asked, this.#held) || paid > this.#held.vault))
          throw violation(place, "a payout is not its part of what is there");
        return;
      }
      case "reprice":
        this.#insurance = { ...this.#insurance, cash: event.insurance.after.cash };
        if (event.insurance.after.cash < event.insurance.before.cash)
          throw violation(place, "prices took cash from the insurance account");
        return;
      case "assume": {
        const { before } = event.write;
        const { maintenance, penalty } = rules.group.defaults;
        const stands = standing(before, prices);
        const time = event.entry.time;
        if (!isBelow(maintenance, stands) || !flagCounts(before, rules.group.defaults, time))
          throw violation(place, `account ${event.write.index} was assumed and was not in default`);
        const kept = max(0n, stands.equity - ((penalty * stands.risk) >> 10n));
        const { cash, positions } = this.#insurance;
        this.#insurance = {
          cash: cash + before.cash - kept,
          positions: positions.map((lots, i) => lots + before.positions[i]),
        };
        return;
      }
      case "fold":
        for (const { index, before, after } of event.writes) {
          if (index === INSURANCE) this.#insurance = after;
          if (equities(before, prices)[0] !== equities(after, prices)[0])
            throw violation(place, `a fold changed the equity of account ${index}`);
        }
        return;
      case "settle":
        for (const { index, before, after, fill, trade } of event.writes) {
          if (index === INSURANCE) {
            const { legs } = rules.markets[trade.slot]!;
            this.#insurance = {
              cash: this.#insurance.cash + fillCash(fill, trade),
              positions: this.#insurance.positions.map((lots, i) => lots + legs[i] * fill.lots),
            };
          }
          const free = equities(before!, prices);
          const now = equities(after, prices);
          if (now.some((it, k) => it - after.reserved < free[k] - before!.reserved))
            throw violation(place, `a fill lowers what is free of account ${index}`);
        }
    }
  }

  /** Laws 1 and 2. @throws VIOLATION */
  whole(place: string): void {
    const { accounts, held, share } = this.#venue;
    let cash = share >> 16n;
    const lots = Array<bigint>(INSTRUMENTS).fill(0n);
    for (const account of accounts) {
      cash += account.cash;
      const { positions } = account;
      for (let i = 0; i < INSTRUMENTS; i++) if (positions[i] !== 0n) lots[i] += positions[i];
    }
    const unequal = lots.findIndex((sum) => sum !== 0n);
    if (unequal >= 0) throw violation(place, `lots of instrument ${unequal} do not sum to zero`);
    if (cash !== held.vault - held.relief) throw violation(place, "cash of all accounts is not vault less relief");
    if (held.vault !== this.#deposited - this.#paid) throw violation(place, "the vault is not deposits less payouts");
  }

  /** Law 6, after the policy has taken its steps. @throws VIOLATION */
  looked(time: bigint, place: string): void {
    if (!this.#venue.isFresh(time)) return;
    const { defaults } = this.#venue.terms.rules.group;
    const { accounts } = this.#venue;
    for (const index of this.under(defaults.maintenance))
      if (!flagCounts(accounts[index], defaults, time))
        throw violation(place, `account ${index} is under its maintenance and has no flag`);
  }

  /** Indexes, in rising order, of accounts with less than `part` 1024ths of their worst loss; that of the insurance left out. */
  under(part: bigint): number[] {
    const { accounts, terms } = this.#venue;
    const changed = this.#read(accounts);
    const isUnder = this.#judge(accounts, terms.prices, part);
    const isSame = this.#last.prices === terms.prices && this.#last.part === part;
    this.#last = { prices: terms.prices, part };
    if (isSame) for (const index of changed) this.#isUnder[index] = isUnder(index);
    else for (let index = 0; index < accounts.length; index++) this.#isUnder[index] = isUnder(index);
    const found: number[] = [];
    for (let index = 0; index < accounts.length; index++)
      if (this.#isUnder[index] === 1 && index !== INSURANCE) found.push(index);
    return found;
  }

  /** In doubles, as long as these are exact. */
  #judge(accounts: readonly Account[], prices: Prices, part: bigint): (index: number) => 0 | 1 {
    const scenarios = prices.values.length;
    const values = Float64Array.from(prices.values.flat(), Number);
    const [long, short] = [prices.longCharges, prices.shortCharges].map((it) => Float64Array.from(it, Number));
    const worth = new Float64Array(scenarios);
    return (index) => {
      const at = index * WORDS;
      const cash = this.#numbers[at];
      worth.fill(0);
      let [cost, size] = [0, Math.abs(cash)];
      for (let i = 0; i < INSTRUMENTS; i++) {
        const lots = this.#numbers[at + 1 + i];
        if (lots === 0) continue;
        cost += Math.abs(lots) * (lots > 0 ? long : short)[i];
        let most = 0;
        for (let k = 0; k < scenarios; k++) {
          const value = lots * values[k * INSTRUMENTS + i];
          worth[k] += value;
          most = Math.max(most, Math.abs(value));
        }
        size += most;
      }
      if (2048 * (size + cost) > EXACT) return isBelow(part, standing(accounts[index], prices)) ? 1 : 0;
      let least = worth[0];
      for (let k = 1; k < scenarios; k++) least = Math.min(least, worth[k] - cost);
      return 1024 * (cash + worth[0]) < Number(part) * (worth[0] - least) ? 1 : 0;
    };
  }

  /** @returns indexes of the accounts that are others than the last time */
  #read(accounts: readonly Account[]): number[] {
    if (this.#isUnder.length < accounts.length) {
      this.#numbers = new Float64Array(2 * accounts.length * WORDS);
      this.#isUnder = new Uint8Array(2 * accounts.length);
      this.#known = [];
      this.#last = { prices: null, part: 0n };
    }
    const changed: number[] = [];
    for (let index = 0; index < accounts.length; index++) {
      const account = accounts[index];
      if (this.#known[index] === account) continue;
      changed.push(index);
      this.#known[index] = account;
      this.#numbers[index * WORDS] = Number(account.cash);
      for (let i = 0; i < INSTRUMENTS; i++) this.#numbers[index * WORDS + 1 + i] = Number(account.positions[i]);
    }
    return changed;
  }
}

/** Equity below nothing, summed over all accounts: what nobody can be paid of, cash units; and how many there are. */
export function negative(accounts: readonly Account[], prices: Prices): bigint {
  return accounts.reduce((sum, account) => {
    if (account.cash >= 0n && account.positions.every((lots) => lots === 0n)) return sum;
    return sum + max(0n, -equities(account, prices)[0]);
  }, 0n);
}

export function violation(place: string, what: string): TacitError<"VIOLATION"> {
  return new TacitError("VIOLATION", `${place}: ${what}`, { place, what });
}
