import type { Api } from "../../client/api.ts";
import { asInteger, asList, asObject, badFormat } from "../../protocol/json.ts";

/** Markets as they stand, as a venue tells anybody: to show, and to step prices by. */
export interface MarketInfo {
  readonly id: string;
  readonly name: string;
  readonly isOpen: boolean;
  readonly tick: bigint;
  readonly lotLimit: bigint;
  readonly band: bigint;
  /** null: it has no price */
  readonly mark: bigint | null;
  /** seconds since 1970, by the venue's clock: when it closes next, if there is something to clear */
  readonly nextClose: number;
  readonly interval: number;
  readonly last: { readonly price: bigint; readonly volume: bigint | null } | null;
  /** [limit, lots], null where depth is not shown */
  readonly book: { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null;
}
export type Level = readonly [limit: bigint, lots: bigint];

export interface Markets {
  /** seconds since 1970 of the venue's clock, and milliseconds of the own when it was told */
  readonly time: number;
  readonly at: number;
  readonly markets: readonly MarketInfo[];
}

/** @throws FORMAT naming the place; as `Api.get` */
export async function fetchMarkets(api: Api): Promise<Markets> {
  const at = Date.now();
  const { time, markets } = asObject("markets", await api.get("/markets"));
  return {
    time: Number(asInteger("markets.time", time)),
    at,
    markets: asList("markets.markets", markets).map((row, i) => readMarket(`markets[${i}]`, row)),
  };
}

function readMarket(at: string, json: unknown): MarketInfo {
  const row = asObject(at, json);
  const number = (name: string) => asInteger(`${at}.${name}`, row[name]);
  const id = String(number("id"));
  const tick = number("tick");
  // Steps by it end.
  if (tick <= 0n) throw badFormat(`${at}.tick`, "at least 1");
  const levels = (name: string, value: unknown): Level[] =>
    asList(name, value).map((level) => {
      const [limit, lots] = asList(name, level);
      return [asInteger(name, limit), asInteger(name, lots)];
    });
  const book = row.book === null || row.book === undefined ? null : asObject(`${at}.book`, row.book);
  const last = row.lastAuction === null ? null : asObject(`${at}.lastAuction`, row.lastAuction);
  return {
    id,
    name: typeof row.name === "string" ? row.name.slice(0, 60) : `market ${id}`,
    isOpen: row.state === "open",
    tick,
    lotLimit: number("lotLimit"),
    band: number("band"),
    mark: row.mark === null ? null : number("mark"),
    nextClose: Number(number("nextClose")),
    interval: Number(number("interval")),
    last:
      last === null || last.price === undefined
        ? null
        : {
            price: asInteger(`${at}.lastAuction.price`, last.price),
            volume: last.volume === undefined ? null : asInteger(`${at}.lastAuction.volume`, last.volume),
          },
    book: book && { bids: levels(`${at}.book.bids`, book.bids), asks: levels(`${at}.book.asks`, book.asks) },
  };
}

/** The last or first limit within the band: a market order of this auction. */
export function bandEdge({ mark, band, tick }: MarketInfo, side: "buy" | "sell"): bigint | null {
  if (mark === null) return null;
  if (side === "buy") return floorTo(mark + band, tick);
  return -floorTo(-(mark - band), tick);
}

/** The nearest limit of a tick, at or below. */
export function floorTo(value: bigint, tick: bigint): bigint {
  const rest = value % tick;
  return value - (rest < 0n ? rest + tick : rest);
}
