import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { FIELD } from "../protocol/numbers.ts";
import { BITS, INSTRUMENTS } from "../protocol/parameters.ts";
import { NUMBERS, type Numbers, type SignedReport } from "../protocol/report.ts";

/** A signed report as feeds, venues and clients say it to each other: every number a decimal string (docs/feeds.md). */
export interface ReportJson {
  readonly feed: string;
  readonly report: Readonly<Record<(typeof WORDS)[number] | (typeof NUMBERS)[number], string>> & {
    readonly values: readonly string[];
  };
  readonly auth: Readonly<Record<(typeof AUTH)[number], string>>;
}

const WORDS = ["domain", "contracts", "epoch"] as const;
const AUTH = ["R8x", "R8y", "S"] as const;
/** Feeds of a group at most, far more than any has. */
const MOST_FEEDS = 256n;

export function reportJson({ feed, report, auth }: SignedReport): ReportJson {
  const texts = <Name extends string>(of: Readonly<Record<Name, bigint>>, names: readonly Name[]) =>
    Object.fromEntries(names.map((name) => [name, String(of[name])])) as Record<Name, string>;
  return {
    feed: String(feed),
    report: { ...texts(report, [...WORDS, ...NUMBERS]), values: report.values.map(String) },
    auth: texts(auth, AUTH),
  };
}

/**
 * Inverse of `reportJson`. Whether the signature is one, `reportFaults` says.
 * @throws TacitError FORMAT naming the field
 */
export function parseReport(json: unknown): SignedReport {
  const root = asObject("report", json);
  const element = (at: string, value: unknown) => below(FIELD, at, value, "a field element");
  const words = asObject("report.report", root.report);
  const auth = asObject("report.auth", root.auth);
  return {
    feed: parseFeed("report.feed", root.feed),
    report: {
      domain: element("report.report.domain", words.domain),
      contracts: element("report.report.contracts", words.contracts),
      epoch: bits(BITS.time, "report.report.epoch", words.epoch),
      ...parseNumbers("report.report", words),
    },
    auth: {
      R8x: element("report.auth.R8x", auth.R8x),
      R8y: element("report.auth.R8y", auth.R8y),
      S: element("report.auth.S", auth.S),
    },
  };
}

/** The number of a feed in its group. @throws TacitError FORMAT */
export function parseFeed(at: string, json: unknown): number {
  return Number(below(MOST_FEEDS, at, json, `below ${MOST_FEEDS}`));
}

/** What a feed reported. @throws TacitError FORMAT naming the field, below `at` */
export function parseNumbers(at: string, words: Readonly<Record<string, unknown>>): Numbers {
  const values = asList(`${at}.values`, words.values);
  if (values.length !== INSTRUMENTS) throw badFormat(`${at}.values`, `${INSTRUMENTS} numbers`);
  const [index, average, sigma, premium] = NUMBERS.map((name) => bits(BITS.reported, `${at}.${name}`, words[name]));
  return {
    index,
    average,
    sigma,
    premium,
    values: values.map((value, i) => bits(BITS.reported, `${at}.values[${i}]`, value)),
  };
}

function below(bound: bigint, at: string, value: unknown, expected: string): bigint {
  const x = asInteger(at, value);
  if (x < 0n || x >= bound) throw badFormat(at, expected);
  return x;
}

function bits(count: number, at: string, value: unknown): bigint {
  return below(1n << BigInt(count), at, value, `below 2^${count}`);
}
