import type { Event, Write } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import type { MarketPrices, Prices } from "../protocol/prices.ts";
import { pricesJson } from "../protocol/pricesJson.ts";
import { NUMBERS, type SignedReport } from "../protocol/report.ts";

/**
 * Prices and accounts as a record tells them (docs/formats.md): with the rules, all that it takes to compute marks, scenarios,
 * margins and settlements with a calculator of one's own. Every number is a decimal string.
 */

/** What a feed reported. */
export type QuoteJson = { feed: string; values: string[] } & Record<(typeof NUMBERS)[number], string>;

/** Prices that reports made: in the order in which they follow from the quotes, and from the prices before. */
export interface RepriceJson {
  /** of its entry in the log */
  n: string;
  time: string;
  epoch: string;
  /** of the quorum */
  quotes: QuoteJson[];
  index: string;
  halted: boolean;
  /** a 24th of it, 2^-24 */
  range: string;
  /** cumulative, and what was too little to be paid so far */
  funding: string;
  fundingRest: string;
  /** by instrument: 1 + what it settled at, 0 before */
  payoffs: string[];
  /** by instrument: the number reported last before its expiry; whether it is one of this epoch, and all that it is valued by */
  last: string[];
  stale: boolean[];
  /** U by scenario and instrument; scenario 0 is the mark */
  values: string[][];
  /** by market slot, null of one that is free, or has no prices */
  rows: (RowJson | null)[];
}

/** A market's row; values are sums of legs times U, by scenario. */
export type RowJson = Record<Exclude<keyof MarketPrices, "values">, string> & { values: string[] };

export interface AccountJson {
  index: string;
  seq: string;
  cash: string;
  positions: string[];
  nonce: string;
  reserved: string;
  open: string;
  /** second of its flag, "0": none; of the insurance account of its last reductions */
  flagged: string;
}

type Reprice = Extract<Event, { kind: "reprice" }>;

/** @param n  position of the event's entry in the log */
export function repriceJson({ entry, epoch, after }: Reprice, n: number): RepriceJson {
  return {
    n: `${n}`,
    time: `${entry.time}`,
    epoch: `${epoch}`,
    quotes: entry.quorum.map(quoteJson),
    ...toldOf(after),
  };
}

/** Of all events since the genesis. */
export function repricesOf(events: Iterable<Event>): RepriceJson[] {
  const found: RepriceJson[] = [];
  let n = 0;
  for (const event of events) {
    if (event.kind === "reprice") found.push(repriceJson(event, n));
    if (event.kind !== "settle") n++;
  }
  return found;
}

export function quoteJson({ feed, report }: SignedReport): QuoteJson {
  const { index, average, sigma, premium, values } = report;
  const numbers = { index: `${index}`, average: `${average}`, sigma: `${sigma}`, premium: `${premium}` };
  return { feed: `${feed}`, ...numbers, values: values.map(String) };
}

function toldOf(prices: Prices): Omit<RepriceJson, "n" | "time" | "epoch" | "quotes"> {
  const {
    index,
    halted,
    range,
    funding,
    fundingRest,
    payoffs,
    last,
    stale,
    values,
    markets: rows,
  } = pricesJson(prices);
  return { index, halted, range, funding, fundingRest, payoffs, last, stale, values, rows };
}

/** The accounts that an event wrote, as it left them. */
export function writtenBy(event: Event): readonly Pick<Write, "index" | "after">[] {
  switch (event.kind) {
    case "deposits":
      return event.credits;
    case "item":
      return event.account && event.admission.account
        ? [{ index: event.account.index, after: event.admission.account }]
        : [];
    case "settle":
      return event.credit ? [...event.writes, event.credit] : event.writes;
    case "fold":
      return event.writes.filter(({ before, after }) => before !== after);
    case "reprice":
      return event.insurance.after.cash === event.insurance.before.cash ? [] : [event.insurance];
    case "rules":
      return event.payout ? [event.payout.write] : [];
    case "enforce":
      return [event.write];
    case "assume":
      return [event.write, event.insurance];
    case "clear":
      return [];
  }
}

/** The accounts that events wrote, as the last of them left each, in the order of their numbers. */
export function accountsAfter(events: Iterable<Event>): AccountJson[] {
  const accounts = new Map<number, Account>();
  for (const event of events) for (const { index, after } of writtenBy(event)) accounts.set(index, after);
  return accountsJson(accounts);
}

export function accountsJson(accounts: Iterable<readonly [index: number, account: Account]>): AccountJson[] {
  return [...accounts].sort(([a], [b]) => a - b).map(([index, account]) => accountJson(index, account));
}

function accountJson(index: number, { seq, cash, positions, nonce, reserved, open, flagged }: Account): AccountJson {
  const [held, rest] = [
    positions.map(String),
    { nonce: `${nonce}`, reserved: `${reserved}`, open: `${open}`, flagged: `${flagged}` },
  ];
  return { index: `${index}`, seq: `${seq}`, cash: `${cash}`, positions: held, ...rest };
}
