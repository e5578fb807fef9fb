import { byId, element } from "../dom.ts";
import { count, reason, thousands } from "../format.ts";
import { Feed } from "../feed.ts";
import type { Auction } from "../model.ts";
import { drawPlots } from "./plots.ts";
import { checkPrices, drawPrices } from "./prices.ts";
import { drawRounds } from "./rounds.ts";

const select = byId<HTMLSelectElement>("market");
const link = byId("link");
const addressInput = byId<HTMLInputElement>("address");
const here = /^https?:$/.test(location.protocol) ? location.origin : "";
addressInput.value = new URLSearchParams(location.search).get("venue") ?? here;

byId("address-form").addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = `?venue=${encodeURIComponent(addressInput.value)}`;
});

function nameOf(market: string): string {
  return feed?.venue?.markets.find(({ id }) => id === market)?.name ?? market;
}

/** Tiles keep their places: only the numbers change. */
const tiles = Object.fromEntries(
  ["Last price", "Log entries", "Not proved yet", "Rounds proved"].map((name) => {
    const value = element("dd", {}, "–");
    const tile = element("dl", { class: "tile" }, element("dt", {}, name), value);
    byId("tiles").append(tile);
    return [name, value];
  }),
);

let planned = false;

/** Draws once for all changes of one frame. */
function draw(): void {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    if (feed) show(feed);
  });
}

function show(shown: Feed): void {
  const { venue, health, trouble, live } = shown;
  link.className = `pill ${trouble ? "bad" : live ? "good" : "wait"}`;
  setText(link, trouble ? "trouble" : live ? "live" : venue ? "asking every two seconds" : "connecting");
  setText(byId("about"), trouble ?? (venue ? `Keys: ${venue.profile}. ${count(venue.markets.length, "market")}.` : ""));
  if (!venue) return;
  if (select.options.length === 0 && venue.markets.length > 0) {
    select.append(...venue.markets.map(({ id, name }) => element("option", { value: id }, name)));
    shown.choose(select.value);
  }
  const market = select.value;
  const last = shown.auctions(market).findLast((it) => it.matched && it.price !== null);
  setText(tiles["Last price"], last ? thousands(last.price!) : "–");
  setText(tiles["Log entries"], health ? thousands(health.logCount) : "–");
  setText(tiles["Not proved yet"], health ? thousands(health.unproved) : "–");
  setText(tiles["Rounds proved"], thousands(shown.rounds.at(-1)?.number ?? 0));
  drawPlots(shown, market);
  checkPrices(shown, draw);
  drawPrices(shown);
  drawRounds(shown);
}

function setText(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

/** Said aloud to who does not see the plots. */
function announce(auction: Auction): void {
  if (auction.market !== select.value) return;
  const { matched, price, volume } = auction;
  const came = !matched
    ? "nothing matched"
    : price === null
      ? "orders matched"
      : `${count(volume ?? 0, "lot")} at ${thousands(price)}`;
  setText(byId("news"), `Auction in ${nameOf(auction.market)}: ${came}.`);
}

let feed: Feed | null = null;
try {
  feed = new Feed(addressInput.value, { change: draw, auction: announce });
  feed.start();
} catch (error) {
  setText(link, "no venue");
  setText(byId("about"), reason(error));
}
select.addEventListener("change", () => {
  feed?.choose(select.value);
  draw();
});
