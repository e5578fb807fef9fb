import { marginOf, type MarginReport } from "../../client/margin.ts";
import { marginCallInWords, type Client } from "../../client/index.ts";
import { toJson } from "../../protocol/json.ts";
import { max, min } from "../../protocol/numbers.ts";
import { isoTime, table, thousands } from "../../setup/format.ts";
import { withClient, type TraderOptions } from "./withClient.ts";

/**
 * `tacit margin`: equity in each scenario, what drives it, and a plot of it over the move of the underlying: recomputed from the
 * account as the venue reports it and prices as their quorum signed them. @returns the exit code
 */
export async function margin(options: TraderOptions): Promise<number> {
  return withClient(options, async (client) => {
    const account = await client.account();
    const terms = await client.terms.update();
    const report = marginOf(account, terms, client.terms.average);
    const call = await client.marginCall(account);
    const { quorum, told, toldInWords, isPriceless } = client.terms;
    if (options.json) {
      const feeds = quorum?.reports.map(({ feed }) => feed) ?? [];
      const shown = { epoch: terms.prices.epoch, feeds, told: told !== null, ...report, call };
      process.stdout.write(toJson(shown, 2) + "\n");
      return 0;
    }
    const lines = quorum
      ? [
          `prices of ${isoTime(quorum.epoch * terms.rules.group.pricing.epochLength)}, signed by feeds ` +
            `${quorum.reports.map(({ feed }) => feed).join(", ")}: index ${thousands(terms.prices.index)}`,
        ]
      : [isPriceless ? "the venue shows no reports that made its prices" : "the venue has no prices so far"];
    if (toldInWords !== null) lines.push(toldInWords);
    const warned = call && !isPriceless ? `${marginCallInWords(call)}\n` : "";
    process.stdout.write(lines.join("\n") + "\n" + (isPriceless ? "" : described(client, report)) + warned);
    return 0;
  });
}

function described(client: Client, { scenarios, worst, charges, reserved, drivers, curve }: MarginReport): string {
  const rows = scenarios.map(({ factor, level, weight, equity, free }, k) => [
    String(k),
    percent(factor),
    level === "asItIs" ? "" : level,
    weight === 64n ? "" : `${weight}/64`,
    thousands(equity),
    thousands(free),
    k === worst ? "worst" : "",
  ]);
  const driving = drivers.map(({ instrument, lots, value, change, charge, stale }) => [
    client.instrumentName(instrument),
    thousands(lots),
    thousands(value),
    thousands(change),
    charge === 0n ? "" : thousands(-charge),
    stale ? "old price" : "",
  ]);
  return [
    table([["scenario", "move", "volatility", "counts", "equity", "free", ""], ...rows]),
    `charges of positions ${thousands(charges)}, held by open orders ${thousands(reserved)}`,
    ...(driving.length > 0
      ? [
          `what changes in scenario ${worst}:`,
          table([["position", "lots", "value", "change", "charge", ""], ...driving]),
        ]
      : []),
    "equity over the move of the underlying:",
    plot(curve),
    "",
  ].join("\n");
}

const percent = (factor: number) => `${factor >= 1 ? "+" : ""}${((factor - 1) * 100).toFixed(1)}%`;
const WIDTH = 48;

/** A bar a point, from 0 or the least equity on. */
function plot(curve: MarginReport["curve"]): string {
  const shown = curve.filter((_, i) => i % 3 === 0);
  const least = shown.map(({ equity }) => equity).reduce(min, 0n);
  const most = shown.map(({ equity }) => equity).reduce(max, 0n);
  const width = most > least ? most - least : 1n;
  const at = (x: bigint) => Number(((x - least) * BigInt(WIDTH)) / width);
  const zero = at(0n);
  return shown
    .map(({ factor, equity }) => {
      const [from, to] = [Math.min(zero, at(equity)), Math.max(zero, at(equity))];
      const bar = " ".repeat(from) + (equity < 0n ? "-" : "=").repeat(to - from);
      return `${percent(factor).padStart(8)} ${bar.padEnd(WIDTH)} ${thousands(equity)}`;
    })
    .join("\n");
}
