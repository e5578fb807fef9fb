import { asInteger, asList, asObject, asWhole, badFormat } from "../protocol/json.ts";

/** What a venue tells the public, as numbers to draw: a venue may send anything, so each field is read with care. */

/** [limit, lots] */
export type Level = readonly [number, number];

export interface Auction {
  /** position in the log: names it */
  readonly n: number;
  /** seconds since 1970 */
  readonly time: number;
  readonly market: string;
  readonly matched: boolean;
  readonly orders: number;
  /** null where the operator does not show them */
  readonly price: number | null;
  readonly volume: number | null;
  readonly curves: { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null;
}

export interface RoundInfo {
  readonly number: number;
  readonly state: string;
  readonly stateAfter: string;
  readonly logCount: number;
  readonly entries: number;
  readonly instructions: readonly (readonly [name: string, count: number])[];
  readonly time: number;
  /** from the end of the round to its last proof */
  readonly provingMs: number;
  readonly accepted: { readonly gasUsed: number | null; readonly hash: string | null; readonly block: string } | null;
}

export interface Health {
  readonly logCount: number;
  readonly unproved: number;
  readonly roundsWaiting: number;
  /** entries of the log that a quorum of co-signers has signed; null where there are none of them */
  readonly final: number | null;
  /** how proofs keep up; null where none are made */
  readonly proofs: {
    readonly lagSeconds: number;
    readonly doneIn: number | null;
    readonly limitedBy: string | null;
    readonly busyIn: number | null;
  } | null;
}

export interface Market {
  readonly id: string;
  readonly name: string;
}

/** Prices in force, and how the feeds do. */
export interface PricesInfo {
  /** 0: none so far */
  readonly epoch: number;
  readonly fresh: boolean;
  readonly halted: boolean;
  readonly index: number;
  /** of moves, as a part of the price */
  readonly range: number;
  readonly instruments: readonly {
    readonly slot: number;
    readonly value: number;
    readonly stale: boolean;
    readonly payoff: number | null;
  }[];
  readonly feeds: readonly {
    readonly feed: number;
    readonly epoch: number | null;
    readonly off: number | null;
    readonly lacked: number | null;
    readonly missed: number;
    readonly trouble: string | null;
  }[];
  readonly madeUp: boolean;
}

/** Rules that are announced and wait. */
export interface AnnouncedRules {
  readonly n: number;
  /** seconds since 1970: good from then on */
  readonly from: number;
}

export interface VenueInfo {
  readonly profile: string;
  readonly markets: readonly Market[];
  readonly proves: boolean;
  readonly curves: boolean;
  /** null: no chain */
  readonly contract: { readonly chainId: string; readonly address: string; readonly token: string } | null;
  /** whether it gives play money */
  readonly development: boolean;
}

const text = (at: string, json: unknown): string => {
  if (typeof json !== "string" || json.length > 200) throw badFormat(at, "a text");
  return json;
};
const truth = (at: string, json: unknown): boolean => {
  if (typeof json !== "boolean") throw badFormat(at, "true or false");
  return json;
};
/** Drawn, not reckoned with: what a double cannot hold is rounded. */
const integer = (at: string, json: unknown): number => Number(asInteger(at, json));

/** @throws TacitError FORMAT naming the place; so do all that follow */
export function readVenue(json: unknown): VenueInfo {
  const row = asObject("venue", json);
  const { profile, markets, proves, publish, contract } = row;
  const rows = asList("venue.markets", markets).flatMap((row, slot) => {
    if (row === null) return [];
    const { id, name } = asObject(`venue.markets[${slot}]`, row);
    const number = String(asInteger(`venue.markets[${slot}].id`, id));
    return [{ id: number, name: name === undefined ? `market ${number}` : text("name", name) }];
  });
  return {
    profile: text("venue.profile", profile),
    markets: rows,
    proves: truth("venue.proves", proves),
    curves: asObject("venue.publish", publish).curves === true,
    contract: contract === null || contract === undefined ? null : readContract(asObject("venue.contract", contract)),
    development: row.development === true,
  };
}

function readContract(row: Record<string, unknown>): NonNullable<VenueInfo["contract"]> {
  const address = (name: "address" | "token") => {
    const value = row[name];
    if (typeof value !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(value)) throw badFormat(`venue.contract.${name}`, "an address"); // prettier-ignore
    return value;
  };
  return { chainId: String(asInteger("venue.contract.chainId", row.chainId)), address: address("address"), token: address("token") }; // prettier-ignore
}

export function readPrices(json: unknown): PricesInfo {
  const row = asObject("prices", json);
  const orNull = <T>(value: unknown, read: (value: unknown) => T) => (value === null ? null : read(value));
  return {
    epoch: integer("prices.epoch", row.epoch),
    fresh: truth("prices.fresh", row.fresh),
    halted: truth("prices.halted", row.halted),
    index: integer("prices.index", row.index),
    range: Math.expm1((24 * integer("prices.range", row.range)) / 2 ** 24),
    instruments: asList("prices.instruments", row.instruments).map((it, i) => {
      const at = `prices.instruments[${i}]`;
      const { slot, value, stale, payoff } = asObject(at, it);
      return {
        slot: asWhole(`${at}.slot`, slot),
        value: integer(`${at}.value`, value),
        stale: truth(`${at}.stale`, stale),
        payoff: orNull(payoff, (paid) => integer(`${at}.payoff`, paid)),
      };
    }),
    feeds: asList("prices.feeds", row.feeds).map((it, i) => {
      const at = `prices.feeds[${i}]`;
      const { feed, epoch, off, lacked, missed, trouble } = asObject(at, it);
      return {
        feed: asWhole(`${at}.feed`, feed),
        epoch: orNull(epoch, (last) => integer(`${at}.epoch`, last)),
        off: orNull(off, (part) => asWhole(`${at}.off`, part)),
        lacked: orNull(lacked, (numbers) => asWhole(`${at}.lacked`, numbers)),
        missed: asWhole(`${at}.missed`, missed),
        trouble: orNull(trouble, (why) => text(`${at}.trouble`, String(why).slice(0, 200))),
      };
    }),
    madeUp: truth("prices.developmentFeeds", row.developmentFeeds),
  };
}

/** Of what `/v1/rules` answers. */
export function readAnnounced(json: unknown): AnnouncedRules[] {
  return asList("rules.announced", asObject("rules", json).announced).flatMap((it, i) => {
    const at = `rules.announced[${i}]`;
    const { n, from, state } = asObject(at, it);
    return state === "waiting" ? [{ n: asWhole(`${at}.n`, n), from: integer(`${at}.from`, from) }] : [];
  });
}

export function readAuction(json: unknown): Auction {
  const { n, time, market, matched, orders, price, volume, curves } = asObject("auction", json);
  const optional = (at: string, value: unknown) => (value === undefined || value === null ? null : integer(at, value));
  const levels = (at: string, value: unknown): Level[] =>
    asList(at, value).map((level) => {
      const [limit, lots] = asList(at, level);
      return [integer(at, limit), integer(at, lots)];
    });
  const shown = curves === undefined || curves === null ? null : asObject("auction.curves", curves);
  return {
    n: asWhole("auction.n", n),
    time: integer("auction.time", time),
    market: String(asInteger("auction.market", market)),
    matched: truth("auction.matched", matched),
    orders: asWhole("auction.orders", orders),
    price: optional("auction.price", price),
    volume: optional("auction.volume", volume),
    curves: shown && {
      bids: levels("auction.curves.bids", shown.bids),
      asks: levels("auction.curves.asks", shown.asks),
    },
  };
}

export function readRound(json: unknown): RoundInfo {
  const row = asObject("round", json);
  const accepted = row.accepted === undefined || row.accepted === null ? null : asObject("accepted", row.accepted);
  const { gasUsed, hash, block } = accepted ?? {};
  return {
    number: asWhole("round.number", row.number),
    state: String(asInteger("round.state", row.state)),
    stateAfter: String(asInteger("round.stateAfter", row.stateAfter)),
    logCount: integer("round.logCount", row.logCount),
    entries: asWhole("round.entries", row.entries),
    instructions: Object.entries(asObject("round.instructions", row.instructions)).map(([name, times]) => [
      text("round.instructions", name),
      asWhole(`round.instructions.${name}`, times),
    ]),
    time: integer("round.time", row.time),
    provingMs: asWhole("round.provedAt", row.provedAt) - asWhole("round.assembledAt", row.assembledAt),
    accepted: accepted && {
      gasUsed: gasUsed === undefined || gasUsed === null ? null : integer("accepted.gasUsed", gasUsed),
      hash: hash === undefined || hash === null ? null : text("accepted.hash", hash),
      block: text("accepted.block", block),
    },
  };
}

export function readHealth(json: unknown): Health {
  const row = asObject("health", json);
  return {
    logCount: asWhole("health.logCount", row.logCount),
    unproved: asWhole("health.unproved", row.unproved),
    roundsWaiting: asWhole("health.roundsWaiting", row.roundsWaiting),
    final: row.finality ? asWhole("health.finality.final", asObject("health.finality", row.finality).final) : null,
    proofs: row.proofs === null ? null : readPace(asObject("health.proofs", row.proofs)),
  };
}

function readPace(row: Record<string, unknown>): NonNullable<Health["proofs"]> {
  const orNull = (name: "doneIn" | "busyIn") =>
    row[name] === null ? null : asWhole(`health.proofs.${name}`, row[name]);
  return { lagSeconds: asWhole("health.proofs.lagSeconds", row.lagSeconds), doneIn: orNull("doneIn"), busyIn: orNull("busyIn"), limitedBy: row.limitedBy === "prover" || row.limitedBy === "round" ? row.limitedBy : null }; // prettier-ignore
}
