import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { curvesOf } from "../curves.ts";
import { thousands } from "../format.ts";
import type { Auction } from "../model.ts";
import { Plot, shown, type PlotOptions, type Theme } from "../plot.ts";
import { floorTo, type MarketInfo } from "./markets.ts";
import type { OwnOpenOrder } from "./messages.ts";
import { money } from "./parts.tsx";
import { TEXTS } from "./texts.ts";

const { stepped } = uPlot.paths;

/** A plot in a figure, with the same in words. */
export function Figure({
  id,
  title,
  options,
  data,
  words,
}: {
  id: string;
  title: string;
  options: Omit<PlotOptions, "figure">;
  data: uPlot.AlignedData;
  words: string;
}) {
  // prettier-ignore
  const figure = useRef<HTMLElement>(null);
  const plot = useRef<Plot | null>(null);
  useEffect(() => {
    plot.current = new Plot({ ...options, figure: figure.current! });
    return () => plot.current?.destroy();
  }, []);
  useEffect(() => plot.current!.set(data, words));
  return (
    <figure class="plot" id={id} ref={figure}>
      <figcaption>
        <h3>{title}</h3>
        <p></p>
      </figcaption>
    </figure>
  );
}

interface Own {
  readonly orders: readonly OwnOpenOrder[];
  readonly market: MarketInfo;
  /** average price of what is held; null for nothing */
  readonly average: number | null;
  readonly onMove: (order: OwnOpenOrder, limit: bigint) => void;
}

/** Prices of auctions, the mark, and what is one's own: orders as lines that can be moved, and the average price of a position. */
export function PriceChart({ auctions, ...own }: Own & { auctions: readonly Auction[] }) {
  // What is drawn over the plot is read when it is drawn.
  const latest = useRef(own);
  latest.current = own;
  const options = useRef<Omit<PlotOptions, "figure"> | null>(null);
  options.current ??= {
    time: true,
    series: (theme) => [{ label: TEXTS.price, stroke: theme.accent, width: 2, points: { show: true, size: 5 }, value: shown }], // prettier-ignore
    scales: {
      x: { time: true, range: (_, low, high) => (low === null ? [Date.now() / 1000 - 60, Date.now() / 1000] : low === high ? [low - 30, high + 30] : [low, high]) }, // prettier-ignore
      y: { range: (_, low, high) => rangeOf(latest.current, low, high) },
    },
    draw: (plot, theme) => drawOwn(plot, theme, latest.current),
  };
  const matched = auctions.filter(({ price }) => price !== null);
  const last = matched.at(-1);
  return (
    <Figure
      id="price-plot"
      title={TEXTS.price}
      options={options.current}
      data={[matched.map(({ time }) => time), matched.map(({ price }) => price!)]}
      words={last ? TEXTS.priceWords(thousands(last.price!), thousands(last.volume ?? 0)) : TEXTS.priceNone}
    />
  );
}

/** Of prices, and of all that is drawn over them: never of one point alone. */
function rangeOf({ orders, market, average }: Own, low: number | null, high: number | null): [number, number] {
  const others = [...orders.map(({ limit }) => limit), ...(market.mark === null ? [] : [market.mark])].map(Number);
  if (average !== null) others.push(average);
  const all = [...others, ...(low === null ? [] : [low]), ...(high === null ? [] : [high])];
  if (all.length === 0) return [0, 1];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = Math.max((most - least) * 0.12, 3 * Number(market.tick));
  return [least - room, most + room];
}

function drawOwn(plot: uPlot, theme: Theme, own: Own): void {
  const { ctx, bbox } = plot;
  const line = (price: number, colour: string, text: string, dash: number[]) => {
    const y = Math.round(plot.valToPos(price, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(dash.map((it) => it * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.fillText(text, bbox.left + 4 * devicePixelRatio, y - 4 * devicePixelRatio);
    ctx.restore();
  };
  if (own.market.mark !== null) line(Number(own.market.mark), theme.ink, TEXTS.mark, [2, 3]);
  if (own.average !== null) line(own.average, theme.wait, TEXTS.positionHeads[2], [6, 3]);
  const place = plot.over.querySelector(".own-orders") ?? plot.over.appendChild(Object.assign(document.createElement("div"), { className: "own-orders" })); // prettier-ignore
  render(
    own.orders.map((order) => <Handle key={String(order.nonce)} plot={plot} order={order} own={own} />),
    place,
  );
}

/** An open order at its limit: dragged, or moved by arrow keys and Enter, it goes to the ticket. */
function Handle({ plot, order, own: { market, onMove } }: { plot: uPlot; order: OwnOpenOrder; own: Own }) {
  const button = useRef<HTMLButtonElement>(null);
  const pending = useRef<bigint | null>(null);
  const show = (limit: bigint | null) => {
    pending.current = limit;
    const at = button.current!;
    const side = order.side === "buy" ? TEXTS.buy : TEXTS.sell;
    at.style.top = `${plot.valToPos(Number(limit ?? order.limit), "y")}px`;
    at.textContent = TEXTS.ownOrder(side, money(order.remaining), money(limit ?? order.limit));
    at.ariaLabel = TEXTS.moveOrder(at.textContent);
  };
  const done = () => {
    const limit = pending.current;
    if (limit !== null && limit !== order.limit) onMove(order, limit);
  };
  useEffect(() => show(pending.current));
  return (
    <button
      ref={button}
      type="button"
      class={`own-order ${order.side}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.stopPropagation();
        show(order.limit);
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const y = event.clientY - plot.over.getBoundingClientRect().top;
        show(floorTo(BigInt(Math.round(plot.posToVal(y, "y"))), market.tick));
      }}
      onPointerUp={(event) => {
        event.currentTarget.releasePointerCapture(event.pointerId);
        done();
        show(null);
      }}
      onKeyDown={(event) => {
        const by = { ArrowUp: market.tick, ArrowDown: -market.tick }[event.key];
        if (by !== undefined) show((pending.current ?? order.limit) + by);
        else if (event.key === "Enter") done();
        else if (event.key === "Escape") show(null);
        else return;
        event.preventDefault();
      }}
      onBlur={() => show(null)}
    />
  );
}

/** Demand and supply of the last auction that shows them. */
export function CurveChart({ auctions }: { auctions: readonly Auction[] }) {
  const last = auctions.findLast(({ curves }) => curves !== null);
  if (!last) return null;
  const { prices, demand, supply } = curvesOf(last.curves!);
  return (
    <Figure
      id="curve-plot"
      title={TEXTS.curves}
      options={CURVES}
      data={[prices, demand, supply]}
      words={TEXTS.priceWords(last.price === null ? TEXTS.noMatch : thousands(last.price), thousands(last.volume ?? 0))} // prettier-ignore
    />
  );
}

const CURVES: Omit<PlotOptions, "figure"> = {
  time: false,
  xLabel: TEXTS.price,
  scales: { y: { range: (_, _low, high) => [0, Math.max(1, high * 1.2)] } },
  series: (theme) => [
    { label: TEXTS.depthHeads[0], stroke: theme.demand, width: 2, paths: stepped!({ align: -1 }), points: { show: false }, value: shown }, // prettier-ignore
    { label: TEXTS.depthHeads[2], stroke: theme.supply, width: 2, dash: [7, 4], paths: stepped!({ align: 1 }), points: { show: false }, value: shown }, // prettier-ignore
  ],
};
