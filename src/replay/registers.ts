import type { Event, Write } from "../matcher/events.ts";
import { accountLeaves, type Account } from "../protocol/account.ts";
import { entryWord, fillWord, pushEntry, pushFill, pushPayout, tradeWord, type BookEntry } from "../protocol/book.ts";
import type { LogEntry } from "../protocol/item.ts";
import { vectorHash } from "../protocol/market.ts";
import { INSTRUMENTS, MARKETS, RANK } from "../protocol/parameters.ts";
import { pricesRoot } from "../protocol/prices.ts";
import { rulesRoot } from "../protocol/rules.ts";
import { pushDeposit } from "../witness/deposit.ts";
import type { Ledger } from "../witness/ledger.ts";
import { writtenBy } from "./reprices.ts";

/**
 * Keeps the registers of a ledger up with the matcher's events where nobody proves: the same registers as those that
 * the witness builders leave at the end of a round, at a fraction of the hashes, since no state within a round is named.
 */
export class Registers {
  readonly #ledger: Ledger;
  readonly #blind: () => bigint;
  /** Accounts written and books changed since the last word. */
  readonly #accounts = new Map<number, Account>();
  readonly #books = new Map<number, readonly BookEntry[]>();

  constructor(ledger: Ledger, { blind }: { blind: () => bigint }) {
    this.#ledger = ledger;
    this.#blind = blind;
  }

  add(event: Event): void {
    const ledger = this.#ledger;
    for (const { index, after } of writtenBy(event)) this.#accounts.set(index, after);
    switch (event.kind) {
      case "deposits": {
        const vault = event.credits.reduce((sum, { deposit }) => sum + deposit.amount, ledger.state.vault);
        const opened = event.credits.filter(({ before }) => !before).length;
        const deposits = event.credits.reduce((head, { deposit }) => pushDeposit(head, deposit), ledger.state.deposits);
        const accountCount = ledger.state.accountCount + BigInt(opened);
        this.#logged(event.entry, RANK.other);
        ledger.state = { ...ledger.state, deposits, accountCount, vault };
        return;
      }
      case "item": {
        const { admission, held } = event;
        this.#logged(event.entry, RANK.other);
        if (admission.payout === undefined) return;
        const payoutsPut = pushPayout(ledger.state.payoutsPut, admission.payout);
        ledger.state = { ...ledger.state, payoutsPut, ...held };
        return;
      }
      case "clear": {
        const { slot, command, entry, sweeps } = event;
        this.#logged(entry, command === "close" ? RANK.close(slot) : RANK.other);
        this.#books.set(slot, sweeps.at(-1)!.outcome.book);
        return;
      }
      case "settle": {
        const fillsPut = event.writes.reduce(
          (head, { fill, trade }) => pushFill(head, fillWord(fill), tradeWord(trade)),
          ledger.state.fillsPut,
        );
        ledger.state = { ...ledger.state, fillsPut, fillsTaken: fillsPut, share: event.share };
        this.#hold(event.writes);
        return;
      }
      case "reprice":
        this.#logged(event.entry, RANK.reprice);
        ledger.prices = event.after;
        ledger.state = { ...ledger.state, prices: pricesRoot(event.after), ...event.held, share: event.share };
        return;
      case "rules": {
        const { rules, prices } = event.after;
        this.#logged(event.entry, RANK.other);
        [ledger.rules, ledger.prices] = [rules, prices];
        const payoutsPut = event.payout
          ? pushPayout(ledger.state.payoutsPut, event.payout.word)
          : ledger.state.payoutsPut;
        ledger.state = {
          ...ledger.state,
          rules: rulesRoot(rules),
          prices: pricesRoot(prices),
          payoutsPut,
          ...event.held,
        };
        return;
      }
      case "enforce": {
        const { entry, step } = event;
        this.#logged(entry, step.kind === "reduce" ? RANK.reduce : RANK.other);
        return;
      }
      case "assume":
        this.#logged(event.entry, RANK.other);
        ledger.state = { ...ledger.state, ...event.held };
        this.#hold([event.write, event.insurance]);
        return;
      case "fold":
        this.#logged(event.entry, RANK.other);
        this.#hold(event.writes);
        return;
    }
  }

  /** Who holds what after these. */
  #hold(writes: readonly Write[]): void {
    const { holders } = this.#ledger.vectors;
    for (const { before, after } of writes)
      for (let i = 0; i < INSTRUMENTS; i++)
        holders[i] += (after.positions[i] ? 1n : 0n) - (before?.positions[i] ? 1n : 0n);
  }

  /** One entry more; the head of the log is told at the end of the round. */
  #logged(entry: LogEntry, rank: number): void {
    const ledger = this.#ledger;
    ledger.state = ledger.logged(ledger.state, entry, rank, ledger.state.logHead);
  }

  /**
   * The state word at the end of a round, right after a clear and its settlement: then nothing is admitted and not cleared.
   * @param logHead  of the log there
   */
  close(logHead: bigint): bigint {
    const ledger = this.#ledger;
    const { vectors, tree, state } = ledger;
    const leaves = accountLeaves([...this.#accounts.values()]);
    [...this.#accounts.keys()].forEach((index, i) => tree.set(index, leaves[i]));
    for (const [slot, book] of this.#books) {
      vectors.books[slot] = book.reduce((head, entry) => pushEntry(head, entryWord(entry)), 0n);
      vectors.counts[slot] = BigInt(book.length);
    }
    this.#accounts.clear();
    this.#books.clear();
    const none = vectorHash(Array<bigint>(MARKETS).fill(0n));
    ledger.state = {
      ...state,
      logHead,
      accounts: tree.root,
      books: vectorHash(vectors.books),
      counts: vectorHash(vectors.counts),
      holders: vectorHash(vectors.holders),
      admitted: none,
      cancels: none,
      payoutsTaken: state.payoutsPut,
      blind: this.#blind(),
    };
    return ledger.word;
  }
}
