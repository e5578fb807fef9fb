import { byId } from "../dom.ts";
import { count, thousands } from "../format.ts";
import type { Feed } from "./feed.ts";
import { table } from "./table.ts";
import { clock } from "./plot.ts";

let drawn = "";

/** Prices in force, what each feed has said of them, and rules that are to come. */
export function drawPrices({ prices, announced, venue }: Feed): void {
  const key = JSON.stringify([prices, announced]);
  if (!prices || key === drawn) return;
  drawn = key;
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
      prices.instruments.map(({ slot, value, stale, payoff }) => [
        String(slot),
        thousands(payoff ?? value),
        payoff !== null ? "settled" : stale ? "old price" : "",
      ]),
    ),
  );
  byId("feeds").replaceChildren(
    table(
      "Feeds",
      ["Feed", "Last report", "Off the median", "Missed", ""],
      prices.feeds.map(({ feed, epoch, off, missed, trouble }) => [
        String(feed),
        epoch === null
          ? "none"
          : epoch >= prices.epoch
            ? "of these prices"
            : count(prices.epoch - epoch, "epoch") + " ago",
        off === null ? "" : `${(off / 10_000).toFixed(2)}%`,
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
