/// <reference types="vite/client" />
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { thousands } from "./format.ts";

/** Colours of the page, for what is drawn. */
export interface Theme {
  readonly ink: string;
  readonly line: string;
  readonly accent: string;
  readonly demand: string;
  readonly supply: string;
  readonly wait: string;
}

function themeNow(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [ink, line, accent] = ["muted", "line", "accent"].map(colour);
  const [demand, supply, wait] = ["demand", "supply", "wait"].map(colour);
  return { ink, line, accent, demand, supply, wait };
}

export interface PlotOptions {
  /** figure with a caption, whose paragraph says the same in words */
  readonly figure: HTMLElement;
  /** whether x is time, in seconds since 1970 */
  readonly time: boolean;
  /** of x in the legend, where it is no time, and how its values are written */
  readonly xLabel?: string;
  readonly xValue?: (x: number) => string;
  readonly series: (theme: Theme) => uPlot.Series[];
  readonly scales?: uPlot.Scales;
  /** draws over the plot */
  readonly draw?: (plot: uPlot, theme: Theme) => void;
}

const HEIGHT = 230;
/** Between two labels of time: whole seconds, minutes, hours, days. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800];

/** A plot in a figure, which follows the width and the colours of the page, and which words stand beside. */
export class Plot {
  readonly #options: PlotOptions;
  readonly #place: HTMLElement;
  readonly #words: HTMLElement;
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];
  #text = "";
  readonly #ended = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.#resize());

  constructor(options: PlotOptions) {
    this.#options = options;
    this.#words = options.figure.querySelector("figcaption p")!;
    this.#place = options.figure.appendChild(document.createElement("div"));
    const { signal } = this.#ended;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(), { signal });
    this.#sizes.observe(this.#place);
  }

  /** @param text  what the plot shows, above all the newest values */
  set(data: uPlot.AlignedData, text: string): void {
    this.#data = data;
    if (this.#text !== text) this.#words.textContent = this.#text = text;
    if (this.#plot) {
      this.#plot.setData(data);
      this.#label();
    } else this.#draw();
  }

  /** It is gone with what it listens to. */
  destroy(): void {
    this.#ended.abort();
    this.#sizes.disconnect();
    this.#plot?.destroy();
    this.#place.remove();
  }

  #label(): void {
    const { canvas } = this.#plot!.ctx;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${this.#options.figure.querySelector("h3")!.textContent}. ${this.#text}`);
  }

  #resize(): void {
    const width = this.#place.clientWidth;
    if (width === 0 || width === this.#plot?.width) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#draw();
  }

  #draw(): void {
    const width = this.#place.clientWidth;
    // A figure that is not shown has no width: it is drawn when it gets one.
    if (width === 0) return;
    this.#plot?.destroy();
    const theme = themeNow();
    const { time, xLabel, xValue = thousands, series, scales, draw } = this.#options;
    const axis = { stroke: theme.ink, grid: { stroke: theme.line, width: 1 }, ticks: { stroke: theme.line, width: 1 } };
    this.#plot = new uPlot(
      {
        width,
        height: HEIGHT,
        // Room for half of the last label.
        padding: [null, 28, null, null],
        scales: { x: { time }, ...scales },
        axes: [
          {
            ...axis,
            space: 70,
            ...(time ? { incrs: SECONDS } : {}),
            values: (_, at) => at.map(time ? clock : (x) => xValue(x)),
          },
          {
            ...axis,
            size: (_, labels) => Math.max(66, 18 + 8 * Math.max(0, ...(labels ?? []).map((it) => it.length))),
            values: (_, at) => at.map((value) => (Number.isInteger(value) ? thousands(value) : "")),
          },
        ],
        series: [
          {
            label: time ? "time" : (xLabel ?? ""),
            value: (_, x) => (x === null ? "–" : time ? clock(x) : xValue(x)),
          },
          ...series(theme),
        ],
        hooks: draw ? { draw: [(plot) => draw(plot, theme)] } : {},
      },
      this.#data,
      this.#place,
    );
    this.#label();
  }
}

/** A value in the legend, below the pointer. */
export const shown: uPlot.Series["value"] = (_, value) =>
  value === null || value === undefined ? "–" : thousands(value);

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Seconds since 1970 as the time of day here. */
export function clock(seconds: number): string {
  return CLOCK.format(seconds * 1000);
}
