import { coSignedHeadJson } from "../../protocol/coSigners.ts";
import { accountJson } from "../../protocol/opening.ts";
import type { Account } from "../../protocol/account.ts";
import { equity } from "../../protocol/margin.ts";
import { min } from "../../protocol/numbers.ts";
import { MARKET_STATE, RULE, SIDE, type Verdict } from "../../protocol/parameters.ts";
import { receiptJson, type ReceiptJson } from "../../protocol/wire.ts";
import { hashedJson } from "../coSigning/wire.ts";
import type { FailureStatus } from "../chain/chainFailure.ts";
import { stateAt, type Announcement } from "../announcements.ts";
import type { Prices } from "../../protocol/prices.ts";
import { rootsOf } from "../../protocol/rules.ts";
import { pricesJson } from "../../protocol/pricesJson.ts";
import { marketNames, namedRulesJson } from "../../protocol/rulesJson.ts";
import { pricesTold } from "../../protocol/pricesTold.ts";
import type { Acknowledgement, OpenOrder } from "../options.ts";
import type { Venue } from "../venue.ts";

/** What this service needs of a venue. */
export type ServedVenue = Pick<
  Venue,
  | "genesis"
  | "genesisState"
  | "signer"
  | "limits"
  | "publish"
  | "clock"
  | "proves"
  | "contract"
  | "order"
  | "quotes"
  | "cancel"
  | "withdraw"
  | "deposit"
  | "subscribe"
  | "indexesOf"
  | "account"
  | "answered"
  | "orders"
  | "history"
  | "book"
  | "lastAuction"
  | "auctions"
  | "rounds"
  | "round"
  | "opening"
  | "health"
  | "terms"
  | "earlierTerms"
  | "isFresh"
  | "changes"
  | "feeds"
  | "announcements"
  | "timelock"
  | "announce"
  | "withdrawRules"
  | "applyRules"
  | "surveys"
  | "finality"
  | "coSigning"
  | "defaults"
  | "nearest"
>;

/** From values to the JSON that schema.ts describes. */

/** What anybody may know of how the venue does: why it stopped is for the operator, and in its log. */
export function healthJson(venue: ServedVenue) {
  const { chain, reason: _, ...health } = venue.health();
  const relay = chain && {
    rounds: chain.rounds,
    unconfirmed: chain.unconfirmed,
    waiting: chain.waiting ?? null,
    stopped: Boolean(chain.stopped),
    sending: failuresJson(chain),
    deposits: failuresJson(chain.deposits),
  };
  const coSigning = venue.coSigning;
  const finality = coSigning && {
    final: coSigning.final,
    quorum: coSigning.quorum,
    signing: coSigning.coSigners.filter(({ address, fault }) => address !== null && fault === null).length,
  };
  return { ...health, chain: relay, finality };
}

/** What co-signers have made of entries. */
export function finalityJson(
  { coSigning }: ServedVenue,
  { final, entries }: Awaited<ReturnType<ServedVenue["finality"]>>,
) {
  const { addresses: coSigners, quorum } = coSigning!;
  return { coSigners, quorum, final: final && coSignedHeadJson(final), entries: entries && entries.map(hashedJson) };
}

function failuresJson({ failures, failuresTotal, lastError }: FailureStatus) {
  // What a node said is for the operator too.
  return { failures, failuresTotal, lastError: lastError ? { code: lastError.code, at: Number(lastError.at) } : null };
}

/** The file of a round, with the signatures that make its end final, where they are there. */
export async function roundFile(venue: ServedVenue, file: string): Promise<{ text: string; isWhole: boolean }> {
  if (!venue.genesis.coSigners && !venue.coSigning) return { text: file, isWhole: true };
  const round = JSON.parse(file) as { logCount: string; entries: unknown[] };
  const n = Number(round.logCount) + round.entries.length;
  // Who stands by has no signatures.
  const { final } = venue.coSigning ? await venue.finality(n) : { final: null };
  if (final?.n !== n) return { text: file, isWhole: false };
  return { text: JSON.stringify({ ...round, final: coSignedHeadJson(final) }), isWhole: true };
}

/**
 * A genesis file as anybody may see it. The view keys of its accounts are left out: with them their leaves could be guessed,
 * and with the leaves what the venue earns.
 */
export function publicGenesis(json: unknown): unknown {
  const genesis = structuredClone(json) as { accounts?: { view?: unknown }[] } | null;
  if (Array.isArray(genesis?.accounts)) for (const account of genesis.accounts) account.view = "0";
  return genesis;
}

/** Names of markets, by id: of the genesis file, of rules that came into force, and what the operator says. */
export function namesAt(
  venue: Pick<ServedVenue, "announcements">,
  { genesisJson, marketNames: own }: { genesisJson: unknown; marketNames?: Readonly<Record<string, string>> },
): Record<string, string> {
  const { rules } = (genesisJson ?? {}) as { rules?: unknown };
  return Object.assign(
    {},
    marketNames(rules),
    ...venue.announcements.map(({ state, names }) => (state === "applied" ? names : {})),
    own,
  );
}

/** Levels of a book that are shown, each side. */
const DEPTH = 100;

export function marketsJson(venue: ServedVenue, names: Readonly<Record<string, string>>) {
  const { rules, prices } = venue.terms;
  const stamped = venue.health().time;
  const now = venue.clock.now();
  const time = now > stamped ? now : stamped;
  const markets = rules.markets.flatMap((row, slot) => {
    if (!row) return [];
    const { id, rule, state, tick, lotLimit, band, feeRate, feePerLot, interval, until } = row;
    const last = venue.lastAuction(id);
    const book = venue.book(id);
    return {
      slot,
      id,
      ...nameOf(names, id),
      rule: nameIn(RULE, rule),
      state: nameIn(MARKET_STATE, state),
      tick,
      lotLimit,
      band,
      feeRate,
      feePerLot,
      interval,
      until,
      mark: prices.markets[slot]?.mark ?? null,
      nextClose: (time / interval + 1n) * interval,
      lastAuction: last && {
        n: last.n,
        time: last.time,
        ...(venue.publish.prices ? { price: last.price, volume: last.volume } : {}),
      },
      book: book && { bids: book.bids.slice(0, DEPTH), asks: book.asks.slice(0, DEPTH) },
    };
  });
  return { time, markets };
}

/** Markets of the genesis by slot, as numbers and names. */
export function genesisMarkets(venue: ServedVenue, names: Readonly<Record<string, string>>) {
  return venue.genesis.rules.markets.map((row, slot) => {
    if (!row) return null;
    const { rule, state } = row;
    return { slot, ...nameOf(names, row.id), ...row, rule: nameIn(RULE, rule), state: nameIn(MARKET_STATE, state) };
  });
}

export function accountAnswer(index: number, account: Account, prices: Prices) {
  const equities = prices.values.map((_, k) => equity(account, prices, k));
  const worst = equities.reduce(min);
  return { index, ...accountJson(account), equity: equities[0], worst, free: worst - account.reserved };
}

/** What defaults have come to. */
export function defaultsJson(venue: ServedVenue) {
  const { steps, flagged, insurance, held, short } = venue.defaults();
  const { vault, relief, deficit } = held;
  return {
    steps,
    flagged,
    insurance: { equity: `${insurance.equity}`, risk: `${insurance.risk}` },
    vault: `${vault}`,
    relief: `${relief}`,
    deficit: `${deficit}`,
    short: `${short}`,
  };
}

/** Accounts that are nearest to their maintenance. */
export function nearestJson(venue: ServedVenue, limit: number) {
  const { maintenance, target } = venue.terms.rules.group.defaults;
  const accounts = venue.nearest(limit).map(({ index, equity, risk, flagged, open }) => {
    return { index, equity: `${equity}`, risk: `${risk}`, flagged: `${flagged}`, open: Number(open) };
  });
  return { maintenance: Number(maintenance), target: Number(target), accounts };
}

export function rulesAnswer(venue: ServedVenue, names: Readonly<Record<string, string>>) {
  const { rules } = venue.terms;
  return {
    domain: venue.genesis.domain,
    profile: venue.genesis.profile,
    timelock: venue.timelock,
    inForce: { root: rootsOf(rules).root, rules: namedRulesJson(rules, names) },
    announced: venue.announcements.map((it) => {
      return { ...announcementJson(it), state: stateAt(it, venue.clock.now()) };
    }),
  };
}

export function termsAnswer(venue: ServedVenue, names: Readonly<Record<string, string>>) {
  const { n, rules, prices } = venue.earlierTerms;
  return { n, rules: namedRulesJson(rules, names), prices: pricesJson(prices) };
}

export function announcementJson({ rules, names, ...announcement }: Announcement) {
  return { ...announcement, rules: namedRulesJson(rules, names) };
}

export function pricesAnswer(venue: ServedVenue) {
  const stamped = venue.health().time;
  const now = venue.clock.now();
  return {
    ...pricesTold(venue.terms),
    fresh: venue.isFresh(now > stamped ? now : stamped),
    feeds: venue.feeds.status,
    developmentFeeds: venue.feeds.isDevelopment,
  };
}

export interface AcknowledgementJson {
  readonly receipt: ReceiptJson;
  readonly verdict: Verdict | null;
}

export function acknowledgementJson({ receipt, verdict }: Acknowledgement): AcknowledgementJson {
  return { receipt: receiptJson(receipt), verdict };
}

export function orderJson({ side, ...order }: OpenOrder) {
  return { ...order, side: nameIn(SIDE, BigInt(side)) };
}

/**
 * The first of some entries that make a page: at least `limit` of them, and all of the position of the last, so that the
 * next page begins behind it.
 * @param entries  all of the positions that they are of
 */
export function pageOf<Entry extends { readonly n: number }>(entries: readonly Entry[], limit: number): Entry[] {
  const last = entries[limit - 1];
  return last === undefined ? [...entries] : entries.filter(({ n }) => n <= last.n);
}

function nameOf(names: Readonly<Record<string, string>>, id: bigint) {
  const name = Object.hasOwn(names, String(id)) ? names[String(id)] : undefined;
  return name === undefined ? {} : { name };
}

function nameIn<Name extends string>(table: Readonly<Record<Name, number>>, code: bigint): Name {
  return (Object.keys(table) as Name[]).find((name) => BigInt(table[name]) === code)!;
}
