import uPlot from "uplot";
import { byId } from "../dom.ts";
import { count, thousands } from "../format.ts";
import { curvesOf } from "../curves.ts";
import type { Feed } from "../feed.ts";
import type { Auction, Health, RoundInfo } from "../model.ts";
import { clock, Plot, shown, type Theme } from "../plot.ts";

const { bars, stepped } = uPlot.paths;
/** From zero, with room above for what is written there. */
const fromZero = (room = 1.1): uPlot.Scales => ({ y: { range: (_, _low, high) => [0, Math.max(1, high * room)] } });
const barOf = (label: string, colour: keyof Theme) => (theme: Theme) => [
  {
    label,
    stroke: theme[colour],
    fill: theme[colour],
    paths: bars!({ size: [0.6, 30] }),
    points: { show: false },
    value: shown,
  },
];

let price: number | null = null;

const plots = {
  price: new Plot({
    figure: byId("price-plot"),
    time: true,
    series: (theme) => [
      { label: "price", stroke: theme.accent, width: 2, points: { show: true, size: 5 }, value: shown },
    ],
  }),
  volume: new Plot({ figure: byId("volume-plot"), time: true, scales: fromZero(), series: barOf("lots", "accent") }),
  curve: new Plot({
    figure: byId("curve-plot"),
    time: false,
    xLabel: "price",
    scales: fromZero(1.3),
    series: (theme) => [
      {
        label: "demand, lots",
        stroke: theme.demand,
        width: 2,
        paths: stepped!({ align: -1 }),
        points: { show: false },
        value: shown,
      },
      {
        label: "supply, lots",
        stroke: theme.supply,
        width: 2,
        dash: [7, 4],
        paths: stepped!({ align: 1 }),
        points: { show: false },
        value: shown,
      },
    ],
    draw: markPrice,
  }),
  lag: new Plot({
    figure: byId("lag-plot"),
    time: true,
    scales: fromZero(),
    series: (theme) => [
      {
        label: "entries",
        stroke: theme.wait,
        width: 2,
        paths: stepped!({ align: 1 }),
        points: { show: false },
        value: shown,
      },
    ],
  }),
  gas: new Plot({
    figure: byId("gas-plot"),
    time: false,
    xLabel: "round",
    scales: fromZero(),
    series: barOf("gas", "accent"),
  }),
};

/** A line at the price that cleared. */
function markPrice(plot: uPlot, theme: Theme): void {
  if (price === null) return;
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(price, "x", true));
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  const text = thousands(price);
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = theme.accent;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${13 * devicePixelRatio}px system-ui, sans-serif`;
  const fits = x + 8 * devicePixelRatio + ctx.measureText(text).width < bbox.left + bbox.width;
  ctx.textAlign = fits ? "left" : "right";
  ctx.fillText(text, x + (fits ? 6 : -6) * devicePixelRatio, bbox.top + 14 * devicePixelRatio);
  ctx.restore();
}

/** Draws the series of a market, and those of the venue. */
export function drawPlots(feed: Feed, market: string): void {
  const auctions = feed.auctions(market);
  drawPrices(auctions);
  drawCurves(auctions, feed.venue?.curves === true);
  const { lag } = feed;
  plots.lag.set(
    [lag.map(({ time }) => time), lag.map(({ unproved }) => unproved)],
    lag.length === 0
      ? "Not known yet."
      : `${count(lag[lag.length - 1].unproved, "entry", "entries")} of the log now.${paceInWords(feed.health?.proofs)}`,
  );
  drawGas(feed.rounds);
}

/** How proofs keep up. */
function paceInWords(proofs: Health["proofs"] | undefined): string {
  if (!proofs || proofs.lagSeconds === 0) return "";
  const { lagSeconds, doneIn, busyIn, limitedBy } = proofs;
  const lag = ` Proofs are ${count(lagSeconds, "second")} behind`;
  if (busyIn !== null)
    return `${lag} and do not keep up: as things go, orders are turned away in ${count(busyIn, "second")}.`;
  if (limitedBy === "round") return `${lag}, as the round is still being filled.`;
  return doneIn === null ? `${lag}.` : `${lag}; what waits takes about ${count(doneIn, "second")}.`;
}

function drawPrices(auctions: readonly Auction[]): void {
  const traded = auctions.filter((it) => it.matched && it.price !== null && it.volume !== null);
  const times = traded.map(({ time }) => time);
  const last = traded.at(-1);
  const none = auctions.some((it) => it.matched) ? "The operator shows no prices." : "Nothing has traded yet.";
  plots.price.set(
    [times, traded.map((it) => it.price)],
    last ? `${thousands(last.price!)} at ${clock(last.time)}, the last of ${count(traded.length, "auction")}.` : none,
  );
  plots.volume.set(
    [times, traded.map((it) => it.volume)],
    last ? `${count(last.volume!, "lot")} at ${clock(last.time)}.` : none,
  );
}

function drawCurves(auctions: readonly Auction[], published: boolean): void {
  const last = auctions.findLast(({ curves }) => curves && curves.bids.length + curves.asks.length > 0);
  if (!last?.curves) {
    price = null;
    const why = published ? "No auction with orders yet." : "The operator does not show the curves of its auctions.";
    return plots.curve.set([[], [], []], why);
  }
  const { prices, demand, supply } = curvesOf(last.curves);
  price = last.matched ? last.price : null;
  const crossing =
    price === null ? "nothing matched" : `cleared at ${thousands(price)}, ${count(last.volume ?? 0, "lot")}`;
  plots.curve.set(
    [prices, demand, supply],
    `Auction at ${clock(last.time)}: ${thousands(Math.max(...demand))} lots wanted, ${thousands(Math.max(...supply))} offered, ${crossing}.`,
  );
}

function drawGas(rounds: readonly RoundInfo[]): void {
  const paid = rounds.flatMap(({ number, accepted }) =>
    accepted?.gasUsed == null ? [] : [[number, accepted.gasUsed] as const],
  );
  byId("gas-plot").hidden = paid.length === 0;
  const last = paid.at(-1);
  if (!last) return;
  plots.gas.set(
    [paid.map(([number]) => number), paid.map(([, gas]) => gas)],
    `${thousands(last[1])} for round ${last[0]}.`,
  );
}
