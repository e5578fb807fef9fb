/**
 * How long the policy of defaults looks at all accounts (src/venue/liquidator.ts): a population of the laboratory, whose index
 * falls by 6% in two epochs.
 *     npm run bench liquidator [accounts]
 * Fails above the bar; else writes the longest look, rounded up, to docs/costs.json.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Matcher } from "../../src/matcher/matcher.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import type { SignedReport } from "../../src/protocol/report.ts";
import { Random } from "../../src/replay/random.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { table, thousands } from "../../src/setup/format.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { StressFeed } from "../../src/stress/feed.ts";
import { firstEpochOf, populationOf, START_INDEX, stressRules, stressRulesJson } from "../../src/stress/index.ts";
import { commandOf, Liquidator, type Step } from "../../src/venue/liquidator.ts";

const COSTS = join(ROOT, "docs/costs.json");
const BAR_MS = 1_000;
const INTERVAL = 20n;
/** Of the index at the start. */
const FALLS = [0.97, 0.94];

async function main(count: number): Promise<number> {
  const rules = stressRules(stressRulesJson("calm", { interval: Number(INTERVAL) }));
  const { pricing, defaults, feeds } = rules.group;
  let epoch = firstEpochOf("calm", 0);
  const feed = new StressFeed(rules, epoch, { index: BigInt(START_INDEX), volatility: 0.6 });
  const { genesis } = populationOf(rules, { count, random: new Random(1), epoch, numbers: feed.last });
  const matcher = new Matcher(genesis, { view: () => 0n });
  const policy = new Liquidator();
  const looks: { what: string; steps: number; ms: number }[] = [];
  const look = (what: string, ask: () => Step[]): Step[] => {
    const started = performance.now();
    const steps = ask();
    looks.push({ what, steps: steps.length, ms: performance.now() - started });
    return steps;
  };
  const reprice = (part: number): bigint => {
    const numbers = feed.numbers({ index: BigInt(Math.round(START_INDEX * part)), volatility: 0.6 });
    const time = ++epoch * pricing.epochLength + pricing.lag;
    const report = { domain: 1n, contracts: 0n, epoch, ...numbers };
    const auth = { R8x: 0n, R8y: 0n, S: 0n };
    const quorum = Array.from({ length: (2 * feeds.length + 1) / 3 }, (_, i): SignedReport => ({
      feed: i,
      report,
      auth,
    }));
    matcher.apply({ kind: "reprice", time, epoch, quorum, checked: true });
    return time;
  };
  let salt = 0n;
  const take = (steps: readonly Step[], time: bigint): void => {
    for (const step of steps)
      try {
        matcher.apply(commandOf(step, time, () => ++salt));
      } catch (error) {
        if (!(error instanceof TacitError && error.code === "DEFAULT")) throw error;
      }
  };

  let time = 0n;
  for (const part of FALLS) {
    time = reprice(part);
    take(
      look(`prices, the index at ${part}: whom to flag`, () => policy.steps(matcher, time)),
      time,
    );
    look("the same again, where all are flagged", () => policy.steps(matcher, time));
  }
  // Beyond the grace prices are the next ones.
  const due = time + defaults.grace;
  while (time < due) time = reprice(FALLS.at(-1)!);
  take(
    look("prices once more: whom to take over", () => policy.steps(matcher, time)),
    time,
  );
  const auction = (time / INTERVAL + 1n) * INTERVAL;
  take(
    look("an auction: what to sell", () => policy.reductions(matcher, auction)),
    auction,
  );
  look("after it: what has changed alone", () => policy.steps(matcher, auction));

  console.log(`${thousands(count)} traders\n`);
  console.log(table([["look", "steps", "time"], ...looks.map(({ what, steps, ms }) => [what, thousands(steps), `${ms.toFixed(1)} ms`])])); // prettier-ignore
  const longest = Math.max(...looks.map(({ ms }) => ms));
  console.log(`the longest ${longest.toFixed(0)} ms, at most ${thousands(BAR_MS)} ms wanted of 10,000`);
  if (count !== 10_000) return 0;
  if (longest > BAR_MS) return 1;
  const costs = JSON.parse(await readFile(COSTS, "utf8").catch(() => "{}")) as Record<string, unknown>;
  // Rounded, so that not every run is a diff.
  costs.liquidator = { accounts: count, longestLookMs: Math.ceil(longest / 100) * 100 };
  await writeWhole(COSTS, stableJson(costs));
  return 0;
}

process.exitCode = await main(Number(process.argv[2] ?? 10_000));
