import { byId } from "../dom.ts";
import { count, thousands } from "../format.ts";
import type { Feed } from "../feed.ts";
import { table } from "../table.ts";
import { clock } from "../plot.ts";
import type { CheckPrices, PricesCheck } from "./pricesMessages.ts";

let drawn = "";
let worker: Worker | null = null;
let sent: unknown = null;
let check: PricesCheck | null = null;

/** Has what the venue told last be checked, in a thread. @param changed  called when something came of it */
export function checkPrices({ pricesTold, prices, api }: Feed, changed: () => void): void {
  if (pricesTold === null || pricesTold === sent || !prices || prices.epoch === 0) return;
  sent = pricesTold;
  if (!worker) {
    worker = new Worker(new URL("../thread.ts", import.meta.url), { type: "module", name: "prices" });
    worker.addEventListener("message", ({ data }: MessageEvent<PricesCheck>) => {
      check = data;
      changed();
    });
  }
  worker.postMessage({ url: api.url, ...pricesTold } satisfies CheckPrices);
}

const MARKS = { good: "✓ ", bad: "✗ ", wait: "" } as const;

/** What came of the check of the prices that are told; null where these were not checked so far. */
export function checkedPrices({ prices }: Feed): PricesCheck | null {
  return check && prices && Number(check.epoch) === prices.epoch ? check : null;
}

/** Prices in force, what each feed has said of them, and rules that are to come. */
export function drawPrices(feed: Feed): void {
  const { prices, announced, venue } = feed;
  const key = JSON.stringify([prices, announced, check]);
  if (!prices || key === drawn) return;
  drawn = key;
  const checked = checkedPrices(feed);
  const said = byId("prices-check");
  said.hidden = prices.epoch === 0;
  said.className = checked?.verdict ?? "wait";
  said.textContent = checked ? `${MARKS[checked.verdict]}${checked.sentence}` : "The reports that made these prices are being checked …"; // prettier-ignore
  /** What the signed reports give instead, in words: of the venue's own numbers, or of an instrument's. */
  const given = (place: string) =>
    (checked?.otherwise ?? [])
      .filter(({ at }) => (place === "" ? !at.startsWith("instruments[") : at.startsWith(`${place}.`)))
      .map(
        ({ at, told, given }) =>
          `${at.slice(place.length).replace(/^\./, "")} is told as ${told}: the signed reports give ${given}`,
      ) // prettier-ignore
      .join("; ");
  const wrong = byId("prices-wrong");
  wrong.textContent = given("");
  wrong.hidden = wrong.textContent === "";
  byId("prices-made-up").hidden = !prices.madeUp;
  byId("prices-note").textContent =
    prices.epoch === 0
      ? "There are no prices so far: orders are refused until a quorum of the feeds has reported."
      : `Index ${thousands(prices.index)}, range of moves ${(100 * prices.range).toFixed(1)}%.` +
        (prices.halted
          ? " The index moved too far: nothing is taken until the next prices."
          : prices.fresh
            ? ""
            : " They are too old: orders are refused until the next ones come.");
  byId("instruments").replaceChildren(
    table(
      "Instruments",
      ["Instrument", "Value", ""],
      prices.instruments.map(({ slot, value, stale, payoff }, i) => {
        const otherwise = given(`instruments[${i}]`);
        const state = payoff !== null ? "settled" : stale ? "old price" : "";
        const cells = [String(slot), thousands(payoff ?? value), otherwise || state];
        return otherwise ? { cells, mark: "bad" } : cells;
      }),
    ),
  );
  byId("feeds").replaceChildren(
    table(
      "Feeds",
      ["Feed", "Last report", "In the quorum", "Off the median", "Numbers lacked", "Missed", ""],
      prices.feeds.map(({ feed, epoch, off, lacked, missed, trouble }) => [
        String(feed),
        epoch === null
          ? "none"
          : epoch >= prices.epoch
            ? "of these prices"
            : count(prices.epoch - epoch, "epoch") + " ago",
        checked && checked.quorum.length > 0 ? (checked.quorum.includes(feed) ? "yes" : "no") : "",
        off === null ? "" : `${(off / 10_000).toFixed(2)}%`,
        lacked === null ? "" : String(lacked),
        thousands(missed),
        trouble ?? "",
      ]),
    ),
  );
  byId("rules-note").textContent =
    announced.length === 0 || !venue
      ? ""
      : announced
          .map(({ n, from }) => `Rules of announcement ${n} may come into force from ${clock(from)} on.`)
          .join(" ");
}
