import type { Event } from "../matcher/events.ts";
import { toJson } from "../protocol/json.ts";
import { reportJson, type ReportJson } from "../feeds/reportJson.ts";
import { SIDE } from "../protocol/parameters.ts";
import { rootsOf, type Rules, type Terms } from "../protocol/rules.ts";
import { rulesJson } from "../protocol/rulesJson.ts";
import type { FillReport } from "../protocol/wire.ts";
import { reportClear, type AuctionReport } from "./history.ts";
import type { Store } from "./store/store.ts";

/** What is booked to an account, in JSON. */
export type HistoryJson = { readonly account: number; readonly n: number } & (
  | { readonly kind: "deposit"; readonly time: string; readonly amount: string }
  /** `recipient` is an address as a number */
  | ({ readonly kind: "withdrawal" } & { readonly [Name in "time" | "nonce" | "amount" | "recipient"]: string })
  /** `rate` a lot: longs pay it where it is above 0. No cash is written: values are net of it */
  | ({ readonly kind: "funding" } & { readonly [Name in "time" | "lots" | "rate" | "cash"]: string })
  /** positions in what is settled turned into cash, each with what it paid a lot */
  | {
      readonly kind: "settlement";
      readonly time: string;
      readonly cash: string;
      readonly positions: readonly { readonly instrument: number; readonly lots: string; readonly payoff: string }[];
    }
  /** an order of the account that the operator placed; `limit` cash units a lot */
  | ({ readonly kind: "reduce" } & {
      readonly [Name in "time" | "market" | "side" | "limit" | "size" | "salt"]: string;
    })
  | ({ readonly kind: "flag" } & { readonly [Name in "time" | "salt"]: string })
  | ({ readonly kind: "sweep" } & { readonly [Name in "time" | "market" | "salt"]: string })
  /**
   * all positions went to the insurance account, and cash but for what the account keeps: `cash` is what changed. Of the insurance
   * account itself `from` is the account that they came from
   */
  | ({
      readonly kind: "assume";
      readonly from?: number;
      readonly positions: readonly { readonly instrument: number; readonly lots: string }[];
    } & {
      readonly [Name in "time" | "cash" | "salt"]: string;
    })
  | ({ readonly kind: "fill"; readonly closed: boolean } & {
      readonly [Name in "time" | "market" | "nonce" | "lots" | "price" | "fee" | "cash" | "release"]: string;
    })
);

/** An auction in JSON: bigints are decimal strings. */
export type AuctionJson = Omit<AuctionReport, "time" | "market" | "price" | "volume" | "curves"> & {
  readonly [Name in "time" | "market" | "price" | "volume"]: string;
} & { readonly curves: { readonly bids: readonly [string, string][]; readonly asks: readonly [string, string][] } };

/** Prices or rules that changed, in JSON: what anybody recomputes the register `prices` or `rules` from. */
export type ChangeJson = { readonly n: number; readonly time: string } & (
  | { readonly kind: "reprice"; readonly epoch: string; readonly quorum: readonly ReportJson[] }
  | { readonly kind: "rules"; readonly root: string; readonly rules: unknown }
);

/** Steps of the operator against an account in default. */
export const DEFAULT_KINDS = ["flag", "sweep", "reduce", "assume"] as const;
export type DefaultKind = (typeof DEFAULT_KINDS)[number];

/** What events tell. */
export type Report =
  | {
      readonly kind: "deposit";
      readonly account: number;
      readonly n: number;
      readonly time: bigint;
      readonly amount: bigint;
    }
  | { readonly kind: "fill"; readonly fill: FillReport }
  | { readonly kind: "booked"; readonly entry: Extract<HistoryJson, { kind: "funding" | "settlement" | DefaultKind }> }
  | { readonly kind: "change"; readonly change: ChangeJson }
  | { readonly kind: "auction"; readonly auction: AuctionReport };

type Document = readonly [name: string, content: object];

/** Documents of one piece at least, milliseconds between pieces, and pieces in which all is written that there is. */
const PIECE = 16;
const PAUSE = 100;
const PIECES = 32;

/**
 * What the log means to traders, kept as documents that can be looked up. All of it follows from the journal: what was not
 * written when a process ended is written again by the replay.
 */
export class Reports {
  /** that were told of */
  readonly steps: Record<DefaultKind, number> = { flag: 0, sweep: 0, reduce: 0, assume: 0 };
  /** in force where the events are that it was told of last */
  #terms: Terms;
  #earlier: Terms & { readonly n: number };
  readonly #store: Store;
  /** the oldest first; not in a Map, for the reason that is told in threads.ts */
  #unwritten: Document[] = [];
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();
  /** kinds that the next write takes along */
  #asked: { readonly kinds: Set<string>; readonly done: Promise<void> } | null = null;
  readonly #last = new Map<number, AuctionReport>();

  /** @param start  in force after so many entries of the log */
  constructor({ terms, logCount }: { terms: Terms; logCount: number }, store: Store) {
    this.#terms = terms;
    this.#earlier = { n: logCount - 1, ...terms };
    this.#store = store;
  }

  /** Rules and prices as the last change found them, and an entry of the log after which they were in force. */
  get earlier(): Terms & { readonly n: number } {
    return this.#earlier;
  }

  /** @param n  position of the event's entry in the log */
  add(event: Event, n: number): Report[] {
    if (event.kind === "deposits") {
      const deposits = event.credits.map(({ index: account, deposit: { amount } }) => {
        return { kind: "deposit", account, n, time: event.entry.time, amount } as const;
      });
      this.#addHistory(n, deposits);
      return deposits;
    }
    if (event.kind === "item") {
      const { decoded, verdict } = event.admission;
      if (decoded?.kind !== "withdrawal" || verdict !== "admitted") return [];
      const { head, body } = decoded;
      const words = { nonce: head.nonce, amount: body.amount, recipient: body.recipient };
      const entry = { kind: "withdrawal", account: event.account!.index, n, time: event.entry.time, ...words };
      this.#addHistory(n, [entry]);
      return [];
    }
    if (event.kind === "reprice" || event.kind === "rules" || event.kind === "fold") return this.#addTerms(event, n);
    if (event.kind === "enforce" || event.kind === "assume") {
      this.steps[event.kind === "assume" ? "assume" : event.step.kind]++;
      const entry = defaultJson(this.#terms.rules, event, n);
      const others = entry.kind === "assume" && event.kind === "assume" ? [takenOverJson(entry, event)] : [];
      this.#addHistory(n, [entry, ...others]);
      return [{ kind: "booked", entry }];
    }
    if (event.kind !== "clear") return [];
    const { auction, fills } = reportClear(this.#terms.rules, event, n);
    this.#addHistory(
      n,
      fills.map((fill) => ({ kind: "fill", ...fill })),
    );
    const told = fills.map((fill) => ({ kind: "fill", fill }) as const);
    // A purge is no auction: it takes out what may not stay.
    if (event.command === "purge") return told;
    for (const group of ["auction", `auctionOf/${auction.market}`])
      this.#unwritten.push([`${group}/${pad(n, 12)}`, auction]);
    if (auction.volume > 0n) this.#last.set(auction.slot, auction);
    return [...told, { kind: "auction", auction }];
  }

  #addTerms(event: Extract<Event, { kind: "reprice" | "rules" | "fold" }>, n: number): Report[] {
    const time = `${event.entry.time}`;
    if (event.kind === "fold") {
      const settled = event.writes.flatMap(({ index, before, after }) => {
        if (before === after) return [];
        const positions = before.positions.flatMap((lots, instrument) => {
          const payoff = `${event.payoffs[instrument] - 1n}`;
          return lots === after.positions[instrument] ? [] : [{ instrument, lots: `${lots}`, payoff }];
        });
        const cash = `${after.cash - before.cash}`;
        return [{ kind: "settlement", account: index, n, time, cash, positions } as const];
      });
      this.#addHistory(n, settled);
      return settled.map((entry) => ({ kind: "booked", entry }));
    }
    this.#earlier = { n: n - 1, ...this.#terms };
    let booked: Extract<HistoryJson, { kind: "funding" }>[] = [];
    let change: ChangeJson;
    if (event.kind === "rules") {
      const { rules } = (this.#terms = event.after);
      change = { kind: "rules", n, time, root: `${rootsOf(rules).root}`, rules: rulesJson(rules) };
    } else {
      this.#terms = { rules: this.#terms.rules, prices: event.after };
      const rate = event.after.funding - event.before.funding;
      booked = event.funded.map(({ account, lots }) => {
        return { kind: "funding", account, n, time, lots: `${lots}`, rate: `${rate}`, cash: `${-lots * rate}` };
      });
      this.#addHistory(n, booked);
      change = { kind: "reprice", n, time, epoch: `${event.epoch}`, quorum: event.entry.quorum.map(reportJson) };
    }
    this.#unwritten.push([`change/${pad(n, 12)}`, change]);
    return [{ kind: "change", change }, ...booked.map((entry) => ({ kind: "booked", entry }) as const)];
  }

  /** Changes of prices and rules, by position in the log: the first `limit` after `after`. */
  async changes({ after, limit }: { after: number; limit: number }): Promise<ChangeJson[]> {
    await this.#flushKind("change");
    const found = await this.#store.list("change/", { after: `change/${pad(after, 12)}~`, limit });
    return found.map(({ text }) => JSON.parse(text) as ChangeJson);
  }

  /** What one entry of the log books to an account is one document. */
  #addHistory(n: number, entries: readonly { account: number }[]): void {
    const documents = new Map<string, object[]>();
    for (const entry of entries) {
      const name = historyName(entry.account, n);
      const others = documents.get(name);
      if (others) others.push(entry);
      else documents.set(name, [entry]);
    }
    for (const document of documents) this.#unwritten.push(document);
  }

  /** Writes all that is not written so far. @throws as the store */
  flush(): Promise<void> {
    return this.#write(() => this.#unwritten);
  }

  /** Writes what is not written of a kind, together with what others ask for until its turn. @throws as the store */
  async #flushKind(kind: string): Promise<void> {
    this.#asked ??= { kinds: new Set(), done: this.#write(() => this.#takeAsked()) };
    this.#asked.kinds.add(kind);
    return this.#asked.done;
  }

  #takeAsked(): Document[] {
    const { kinds } = this.#asked!;
    this.#asked = null;
    return this.#unwritten.filter(([name]) => kinds.has(kindOf(name)));
  }

  /** Writes all that is not written so far, in pieces, between which items are written. @throws as the store */
  async flushGently(): Promise<void> {
    const wanted = new Set(this.#unwritten);
    const left = () => this.#unwritten.filter((document) => wanted.has(document));
    while (left().length > 0) await this.#write(() => pieceOf(left()));
  }

  /** Writes it in pieces with pauses: an auction has many documents, and must not keep items waiting. */
  writeSoon(failed: (error: Error) => void): void {
    if (this.#timer || this.#unwritten.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write(() => pieceOf(this.#unwritten)).then(() => this.writeSoon(failed), failed);
    }, PAUSE);
  }

  /** Writes no more by itself. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #write(choose: () => readonly Document[]): Promise<void> {
    // One after the other: who waits for a flush waits for all that was there before it.
    const write = async () => {
      const some = choose();
      if (some.length === 0) return;
      // Others may come while these are written.
      const written = new Set(some);
      await this.#store.put(Object.fromEntries(some.map(([name, document]) => [name, toJson(document)])));
      this.#unwritten = this.#unwritten.filter((document) => !written.has(document));
    };
    const done = this.#flushing.then(write);
    this.#flushing = done.catch(() => {});
    return done;
  }

  /** The last auction of a slot in which something traded, since the start or its snapshot. */
  last(slot: number): AuctionReport | null {
    return this.#last.get(slot) ?? null;
  }

  /** What was booked to an account, by position in the log: that of the first `limit` positions after `after`. */
  async history(account: number, { after, limit }: { after: number; limit: number }): Promise<HistoryJson[]> {
    const kind = `history/${pad(account, 7)}`;
    const prefix = `${kind}/`;
    await this.#flushKind(kind);
    const found = await this.#store.list(prefix, { after: `${prefix}${pad(after, 12)}~`, limit });
    return found.flatMap(({ text }) => JSON.parse(text) as HistoryJson[]);
  }

  /** The newest first, before the position `before`. */
  async auctions({
    market,
    before,
    limit,
  }: {
    market?: bigint;
    before?: number;
    limit: number;
  }): Promise<AuctionJson[]> {
    const kind = market === undefined ? "auction" : `auctionOf/${market}`;
    const prefix = `${kind}/`;
    await this.#flushKind(kind);
    const options = before === undefined ? {} : { before: `${prefix}${pad(before, 12)}` };
    const found = await this.#store.list(prefix, { ...options, limit, reverse: true });
    return found.map(({ text }) => JSON.parse(text));
  }
}

/** A step against an account, as its owner is told of it. */
function defaultJson(
  rules: Rules,
  event: Extract<Event, { kind: "enforce" | "assume" }>,
  n: number,
): Extract<HistoryJson, { kind: DefaultKind }> {
  const { entry, write } = event;
  const told = { account: write.index, n, time: `${entry.time}`, salt: `${entry.item.salt}` };
  if (event.kind === "assume") {
    const positions = write.before.positions.flatMap((lots, instrument) => (lots === 0n ? [] : [{ instrument, lots: `${lots}` }])); // prettier-ignore
    return { kind: "assume", ...told, cash: `${write.after.cash - write.before.cash}`, positions };
  }
  const { step } = event;
  if (step.kind === "flag") return { kind: "flag", ...told };
  const market = `${rules.markets[step.slot]!.id}`;
  if (step.kind === "sweep") return { kind: "sweep", ...told, market };
  const { side, limit, size } = step;
  return {
    kind: "reduce",
    ...told,
    market,
    side: side === SIDE.buy ? "buy" : "sell",
    limit: `${limit}`,
    size: `${size}`,
  };
}

/** The same as it is booked to the insurance account. */
function takenOverJson(
  { account: from, ...entry }: Extract<HistoryJson, { kind: "assume" }>,
  { insurance: { index: account, before, after } }: Extract<Event, { kind: "assume" }>,
): HistoryJson {
  return { ...entry, account, from, cash: `${after.cash - before.cash}` };
}

/**
 * The documents that have waited longest, each with all of its kind, such as those of its account: they lie beside each other
 * in the store, and change few of its pages.
 */
function pieceOf(documents: readonly Document[]): Document[] {
  const kinds = new Map<string, Document[]>();
  for (const document of documents) {
    const kind = kindOf(document[0]);
    const others = kinds.get(kind);
    if (others) others.push(document);
    else kinds.set(kind, [document]);
  }
  const enough = Math.max(PIECE, Math.ceil(documents.length / PIECES));
  const piece: Document[] = [];
  for (const some of kinds.values()) {
    if (piece.length >= enough) break;
    for (const document of some) piece.push(document);
  }
  return piece;
}

/** What documents of an account, or auctions of a market, have in common. */
function kindOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/"));
}

/** Sorts by account, then by position in the log. */
function historyName(account: number, n: number): string {
  return `history/${pad(account, 7)}/${pad(n, 12)}`;
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}
