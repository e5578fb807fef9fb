import type { Terms } from "../protocol/rules.ts";
import type { Account } from "../protocol/account.ts";
import { isCancelled } from "../protocol/clearing.ts";
import { flagCounts, shortOf, standing, type Held, type Standing } from "../protocol/defaults.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { slotOf } from "../protocol/market.ts";
import { INSURANCE } from "../protocol/parameters.ts";
import type { AccountOpening } from "../protocol/opening.ts";
import { levelsOf, shownAuction, type AuctionReport, type Level } from "./history.ts";
import type { Market } from "./market.ts";
import type { OpenOrder, Publish } from "./options.ts";
import { roundName, SUMMARIES, summaryName, type RoundSummary } from "./proving/pipeline.ts";
import type { ChangeJson, DefaultKind, HistoryJson } from "./reports.ts";
import { Standings } from "./standings.ts";
import type { Store } from "./store/store.ts";

/** What defaults have come to. */
export interface DefaultsReport {
  /** since the venue was started, or the snapshot that it started from */
  readonly steps: Readonly<Record<DefaultKind, number>>;
  /** accounts whose flag counts */
  readonly flagged: number;
  readonly insurance: Standing;
  readonly held: Held;
  /** what haircuts have not covered of the deficit, cash units */
  readonly short: bigint;
}

/** An account, how it stands, and its flag (seconds since 1970, 0: none). */
export interface NearAccount extends Standing {
  readonly index: number;
  readonly flagged: bigint;
  readonly open: bigint;
}

/** Entries of a list where `limit` is left out. */
export const DEFAULT_LIMIT = 100;

/** What may be asked of a venue. Nothing here changes it. */
export abstract class Questions {
  readonly genesis: GenesisFile;
  readonly publish: Publish;
  readonly #market: Market;
  readonly #store: Store;
  readonly #standings = new Standings();

  constructor({ market, publish, store }: { market: Market; publish?: Partial<Publish>; store: Store }) {
    this.genesis = market.genesis;
    this.publish = { prices: true, curves: false, depth: false, defaults: false, ...publish };
    this.#market = market;
    this.#store = store;
  }

  /** Rules in force, and prices, as the log leaves them so far. */
  get terms(): Terms {
    return this.#market.matcher.terms;
  }

  /**
   * Rules and prices as the last change found them, and an entry of the log after which they were in force: what comes after it
   * gives those that are in force now.
   */
  get earlierTerms(): Terms & { readonly n: number } {
    return this.#market.reports.earlier;
  }

  /** Whether prices count for an order that is taken now. */
  isFresh(time: bigint): boolean {
    return this.#market.matcher.isFresh(time, 1n);
  }

  /**
   * Changes of prices and rules, by position in the log: the first `limit` after `after`. With the genesis they give the
   * registers `rules` and `prices` at any of its entries.
   */
  changes({ after = -1, limit = DEFAULT_LIMIT } = {}): Promise<ChangeJson[]> {
    return this.#market.reports.changes({ after, limit });
  }

  /** Numbers of the accounts of a key, the first opened first. */
  indexesOf(key: { x: bigint; y: bigint }): number[] {
    return this.#market.indexesOf(key);
  }

  /** The account of a number as the log leaves it so far, or undefined. */
  account(index: number): Account | undefined {
    return this.#market.matcher.accounts[index];
  }

  /** Open orders of an account, market by market in time order. */
  orders(index: number): OpenOrder[] {
    return this.terms.rules.markets.flatMap((row, slot) => {
      if (!row) return [];
      const cancels = this.#market.matcher.cancels(slot);
      const own = this.#market.matcher.book(slot).filter(({ account }) => account === index);
      return own.map((entry) => {
        const { nonce, side, limit, remaining, expiry, thisAuction } = entry;
        const cancelled = isCancelled(entry, cancels);
        return { market: row.id, nonce, side, limit, remaining, expiry, thisAuction, cancelled };
      });
    });
  }

  /**
   * What was booked to an account, by position in the log: all that was booked at the first `limit` positions after `after`.
   * Of kind "fill" (FillReport), "deposit" or "withdrawal" with its `amount`, "funding" or "settlement"; bigints are decimal strings.
   */
  history(index: number, { after = -1, limit = DEFAULT_LIMIT } = {}): Promise<HistoryJson[]> {
    return this.#market.reports.history(index, { after, limit });
  }

  /** Lots by limit of the open orders of a market, best first: null where the operator does not show it. */
  book(market: bigint): { bids: Level[]; asks: Level[] } | null {
    const slot = this.#slotOf(market);
    if (!this.publish.depth) return null;
    const { bids, asks } = levelsOf(this.#market.matcher.book(slot));
    return { bids: bids.reverse(), asks };
  }

  /** What came of the last clear of a market in which something traded, if there was one since the start or the snapshot. */
  lastAuction(market: bigint): AuctionReport | null {
    return this.#market.reports.last(this.#slotOf(market));
  }

  /**
   * Auctions without what the operator does not show: the newest first, those before `before` (position in the log), of one
   * market or all.
   * @throws UNKNOWN_MARKET
   */
  async auctions({ market, before, limit = DEFAULT_LIMIT }: { market?: bigint; before?: number; limit?: number } = {}) {
    if (market !== undefined) this.#slotOf(market);
    const auctions = await this.#market.reports.auctions({ market, before, limit });
    return auctions.map((auction) => shownAuction(auction, this.publish));
  }

  /** Summaries of rounds that are proved, the newest first, those before `before`. */
  async rounds({ before, limit = DEFAULT_LIMIT }: { before?: number; limit?: number } = {}): Promise<RoundSummary[]> {
    const options = before === undefined ? {} : { before: summaryName(before) };
    const found = await this.#store.list(SUMMARIES, { ...options, limit, reverse: true });
    return found.map(({ text }) => JSON.parse(text));
  }

  /** The file of a proved round (docs/formats.md), or undefined. */
  round(number: number): Promise<string | undefined> {
    return this.#store.get(roundName(number));
  }

  /** What shows an account in the state of the last proved round: for its owner. */
  opening(index: number): { round: number; opening: AccountOpening } | null {
    return this.#market.pipeline?.opening(index) ?? null;
  }

  /** What defaults have come to; equity of the insurance account in cash units. */
  defaults(): DefaultsReport {
    const { accounts, held, terms, clock } = this.#market.matcher;
    const { defaults } = terms.rules.group;
    const flagged = accounts.filter((it, index) => index !== INSURANCE && flagCounts(it, defaults, clock >> 5n));
    const insurance = standing(accounts[INSURANCE], terms.prices);
    return { steps: { ...this.#market.reports.steps }, flagged: flagged.length, insurance, held, short: shortOf(held) };
  }

  /** Accounts that are nearest to their maintenance, the nearest first: of those that could lose anything. */
  nearest(limit: number): NearAccount[] {
    const { accounts, terms } = this.#market.matcher;
    return this.#standings.nearest(accounts, terms.prices, limit).flatMap((index) => {
      const { flagged, open } = accounts[index];
      const stands = standing(accounts[index], terms.prices);
      return stands.risk > 0n ? [{ index, ...stands, flagged, open }] : [];
    });
  }

  /** Whether rounds are proved here. */
  get proves(): boolean {
    return this.#market.pipeline !== null;
  }

  /** Writes a copy of the store to a new file. @throws STORAGE, UNSUPPORTED */
  backup(path: string): Promise<void> {
    return this.#store.backup(path);
  }

  #slotOf(market: bigint): number {
    const slot = slotOf(this.terms.rules, market);
    if (slot < 0) throw new TacitError("UNKNOWN_MARKET", "no market has this number");
    return slot;
  }
}
