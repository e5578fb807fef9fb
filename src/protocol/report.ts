import { type Point } from "./babyjub.ts";
import { verifyMany } from "./eddsa.ts";
import { outOfRange, TacitError } from "./errors.ts";
import type { Auth } from "./item.ts";
import { median } from "./median.ts";
import { pack, requireField, unpack, type Column } from "./numbers.ts";
import { BITS, INSTRUMENTS } from "./parameters.ts";
import { hash } from "./poseidon.ts";

/**
 * Reports: what feeds sign of an epoch, and the quorum of them from which prices follow (docs/protocol.md, section 9). A feed
 * signs with EdDSA-Poseidon, at most once for each epoch and set of contracts.
 */

/** The numbers of a report, each below 2^40; 0: none. */
export interface Numbers {
  /** cash units a lot */
  readonly index: bigint;
  /** of the index over what has elapsed of the settlement window, cash units a lot; outside of one, the index */
  readonly average: bigint;
  /** volatility of the index, 2^-24 per sqrt(year of 365 days) */
  readonly sigma: bigint;
  /** 2^39 + average over the funding period of perpetual less index, cash units a lot */
  readonly premium: bigint;
  /**
   * by instrument: the mark, cash units a lot; of an option its volatility, as `sigma`, where it has its own; of a future in
   * its settlement window the forward of what is not fixed; from an expiry on, until it is latched, 1 + the settlement average
   */
  readonly values: readonly bigint[];
}

export interface Report extends Numbers {
  readonly domain: bigint;
  /** `contractsHash` of the instruments that it is about */
  readonly contracts: bigint;
  /** ends at epoch L */
  readonly epoch: bigint;
}

/** A report, its signature, and the number of the feed that made it: 0 to 3f. */
export interface SignedReport {
  readonly feed: number;
  readonly report: Report;
  readonly auth: Auth;
}

/** A premium of 0. */
export const NO_PREMIUM = 1n << 39n;
export const NUMBERS = ["index", "average", "sigma", "premium"] as const satisfies readonly (keyof Numbers)[];
/** The numbers of a report in their words, six in each. @twins circuits/lib/report.circom */
export const REPORT_NUMBERS = NUMBERS.length + INSTRUMENTS;
export const NUMBERS_A_WORD = 6;
const COLUMNS: readonly Column[] = Array.from({ length: REPORT_NUMBERS }, (_, i) => ({
  name: i < NUMBERS.length ? NUMBERS[i] : `values[${i - NUMBERS.length}]`,
  bits: BITS.reported,
}));
const WORDS: readonly (readonly Column[])[] = Array.from(
  { length: Math.ceil(REPORT_NUMBERS / NUMBERS_A_WORD) },
  (_, w) => COLUMNS.slice(w * NUMBERS_A_WORD, (w + 1) * NUMBERS_A_WORD),
);

/** Of 3f + 1 feeds 2f + 1 are a quorum: more than half of any of them are honest, if at most f are not. */
export function quorumOf(feeds: number): number {
  if (feeds < 4 || feeds % 3 !== 1) throw outOfRange("feeds", "3 f + 1 feeds, f at least 1");
  return (2 * (feeds - 1)) / 3 + 1;
}

/** The words of a report's numbers: w_0 .. w_3. @throws OUT_OF_RANGE naming the number */
export function reportWords(numbers: Numbers): bigint[] {
  const { values } = numbers;
  if (values.length !== INSTRUMENTS) throw outOfRange("values", `${INSTRUMENTS} of them`);
  const named = { ...numbers, ...Object.fromEntries(values.map((value, i) => [`values[${i}]`, value])) };
  return WORDS.map((columns) => pack(columns, named as unknown as Record<string, bigint>));
}

/** Inverse of `reportWords`, null for words with bits beyond their numbers. */
export function reportNumbers(words: readonly bigint[]): Numbers | null {
  const columns = WORDS.map((each, w) => unpack(each, words[w] ?? 0n));
  if (words.length !== WORDS.length || columns.includes(null)) return null;
  const named = Object.assign({}, ...columns) as Record<string, bigint>;
  const { index, average, sigma, premium } = named;
  return {
    index,
    average,
    sigma,
    premium,
    values: Array.from({ length: INSTRUMENTS }, (_, i) => named[`values[${i}]`]),
  };
}

/** What a feed signs: H_report(domain, contracts, epoch, w_0 .. w_3). @throws OUT_OF_RANGE */
export function reportHash(report: Report): bigint {
  const { domain, contracts, epoch } = report;
  requireField("epoch", epoch);
  return hash("report", [domain, contracts, epoch, ...reportWords(report)]);
}

/** auth of the REPRICE that a quorum makes: c' = H_quorum(c, feed, report, H_auth), c = 0 at first, in rising order of feeds. */
export function quorumAuth(quorum: readonly SignedReport[]): bigint {
  return quorum.reduce(
    (chain, { feed, report, auth: { R8x, R8y, S } }) =>
      hash("quorum", [chain, BigInt(feed), reportHash(report), hash("auth", [R8x, R8y, S])]),
    0n,
  );
}

/**
 * The median of each number of a quorum: with f false ones among 2f + 1 it lies between two that honest feeds signed. Where one of
 * them has none (0) it is none: else f false ones, and an honest one without, could decide it.
 * @twins circuits/lib/report.circom (Quorum)
 */
export function medians(quorum: readonly { readonly report: Numbers }[]): Numbers {
  const of = (number: (numbers: Numbers) => bigint) => {
    const numbers = quorum.map(({ report }) => number(report));
    return numbers.includes(0n) ? 0n : median(numbers);
  };
  const { index, average, sigma, premium } = Object.fromEntries(
    NUMBERS.map((name) => [name, of((report) => report[name])]),
  ) as Record<(typeof NUMBERS)[number], bigint>;
  return {
    index,
    average,
    sigma,
    premium,
    values: Array.from({ length: INSTRUMENTS }, (_, i) => of(({ values }) => values[i])),
  };
}

/**
 * Which of these signed reports do not count, and why; the others do.
 * @param keys  of the feeds, by number
 */
export function reportFaults(
  signed: readonly SignedReport[],
  { keys, domain, contracts, epoch }: { keys: readonly Point[] } & Pick<Report, "domain" | "contracts" | "epoch">,
): (string | null)[] {
  const faults = signed.map(({ feed, report }) => {
    if (!Number.isInteger(feed) || feed < 0 || feed >= keys.length) return `feed: expected 0 to ${keys.length - 1}`;
    if (report.domain !== domain) return "domain: expected the venue's";
    if (report.contracts !== contracts) return "contracts: expected those of the venue's rules";
    if (report.epoch !== epoch) return `epoch: expected ${epoch}`;
    for (const name of ["index", "average", "sigma"] as const)
      if (report[name] === 0n) return `${name}: expected above 0`;
    return null;
  });
  const open = signed.flatMap((it, i) => (faults[i] ? [] : [{ ...it, i }]));
  const valid = verifyMany(
    open.map(({ feed, report, auth }) => ({ key: keys[feed], message: reportHash(report), signature: auth })),
  );
  open.forEach(({ i }, n) => {
    if (!valid[n]) faults[i] = "signature: expected the feed's";
  });
  return faults;
}

/**
 * @returns the quorum
 * @throws QUORUM  unless it is 2f + 1 of 3f + 1 feeds, in rising order, each with a valid report of the epoch
 */
export function requireQuorum(
  quorum: readonly SignedReport[],
  expected: Parameters<typeof reportFaults>[1],
): readonly SignedReport[] {
  const count = quorumOf(expected.keys.length);
  const refuse = (why: string, details = {}) => new TacitError("QUORUM", `no quorum: ${why}`, details);
  if (quorum.length !== count) throw refuse(`expected ${count} reports`, { count });
  quorum.forEach(({ feed }, i) => {
    if (i > 0 && feed <= quorum[i - 1].feed) throw refuse("expected feeds in rising order, each once", { feed });
  });
  reportFaults(quorum, expected).forEach((fault, i) => {
    if (fault) throw refuse(`report of feed ${quorum[i].feed}: ${fault}`, { feed: quorum[i].feed });
  });
  return quorum;
}
