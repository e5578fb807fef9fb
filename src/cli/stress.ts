import { readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { TacitError } from "../protocol/errors.ts";
import { toJson } from "../protocol/json.ts";
import { readLobster } from "../replay/lobster.ts";
import { ROOT } from "../setup/folders.ts";
import { table, thousands } from "../setup/format.ts";
import { startProgress } from "../setup/progress.ts";
import { requireOutputs } from "../setup/writeWhole.ts";
import {
  firstEpochOf,
  LEAST_EVERY,
  madePath,
  MOST_EVERY,
  PATH_NAMES,
  PATH_SAYS,
  readPath,
  requireEpochs,
  runStress,
  SHAPE_NAMES,
  stressRules,
  stressRulesJson,
  tradesPath,
  type How,
  type Moment,
  type Outcome,
  type ShapeName,
} from "../stress/index.ts";
import { setPlaces } from "./venue/setPlaces.ts";

export interface StressOptions {
  accounts: number;
  /** a name, "all", or a file */
  path: string;
  seed: number;
  /** default: 240, or as many as the file has */
  epochs?: number;
  /** seconds between auctions, 2 to 60 */
  every: number;
  /** trades in LOBSTER's format, of which the path "trades" is made */
  trades?: string;
  /** "group.defaults.grace=30" */
  set?: readonly string[];
  /** leave first-come liquidation out */
  alone?: boolean;
  /** true: to standard output */
  json?: string | true;
}

/** Both runs of one path; `firstCome` is null where it was left out. */
interface Compared {
  readonly path: string;
  readonly rules: Outcome;
  readonly firstCome: Outcome | null;
}

const EPOCHS = 240;
/** Where the trades of tests and benchmarks lie, beside a checkout. */
const TRADES = join(ROOT, "../shared/data/nasdaq-aapl-2012-06-21-0930-1000.csv.gz");

/** `tacit stress`. @returns the exit code @throws PATH, FILE, USAGE, OUT_OF_RANGE, LOBSTER; VIOLATION where a law does not hold */
export async function stress(options: StressOptions): Promise<number> {
  const { json, path: named, alone = false } = options;
  if (options.every < LEAST_EVERY || options.every > MOST_EVERY)
    throw new TacitError("USAGE", `--every is wrong: expected ${LEAST_EVERY} to ${MOST_EVERY} seconds, the length of an epoch`); // prettier-ignore
  if (typeof json === "string") await requireOutputs(resolve(json));
  const paths: { name: string; moments: Moment[] }[] = [];
  for (const name of named === "all" ? PATH_NAMES : [named]) {
    const moments = await momentsOf(name, options);
    if (moments) paths.push({ name, moments });
  }
  // Rules are read before the first run, so that what is wrong is said at once.
  const runs = paths.map(({ name, moments }) => ({ name, moments, rules: rulesOf(name, options) }));
  const compared: Compared[] = [];
  const progress = startProgress("stress");
  const total = runs.reduce((sum, { moments }) => sum + moments.length * (alone ? 1 : 2), 0);
  let done = 0;
  try {
    for (const { name, moments, rules } of runs) {
      const run = (how: How) =>
        runStress({
          rules,
          firstEpoch: firstEpochOf(name, moments.length),
          accounts: options.accounts,
          path: moments,
          seed: options.seed,
          how,
          progress: () =>
            progress.update(++done / total, `${name}, ${how === "rules" ? "by the rules" : "first come"}`),
        });
      compared.push({ path: name, rules: await run("rules"), firstCome: alone ? null : await run("firstCome") });
    }
    progress.done(`${thousands(done)} epochs`);
  } finally {
    progress.stop();
  }
  const { accounts, seed, every, set = [] } = options;
  if (json !== undefined) {
    const text = toJson({ accounts, seed, every, set, runs: compared }, 2) + "\n";
    if (json === true) process.stdout.write(text);
    else await writeFile(json, text);
  }
  if (json !== true) process.stdout.write(compared.length === 1 && named !== "all" ? described(compared[0]) : summary(compared)); // prettier-ignore
  return 0;
}

/** @returns null where there are no trades to make it of, which is said */
async function momentsOf(name: string, { seed, epochs, trades, path }: StressOptions): Promise<Moment[] | null> {
  if (SHAPE_NAMES.includes(name as ShapeName))
    return madePath(name as ShapeName, { seed, epochs: requireEpochs(epochs ?? EPOCHS) });
  if (name === "trades") {
    const file = trades ?? TRADES;
    if (trades === undefined && !existsSync(file)) {
      const missing = `there is no ${file}: give a file of trades to --trades`;
      if (path !== "all") throw new TacitError("FILE", missing, { path: file });
      process.stderr.write(`stress: trades is left out: ${missing}\n`);
      return null;
    }
    const prices: number[] = [];
    for await (const { type, price } of readLobster(file))
      if (type === "execution" || type === "hiddenExecution") prices.push(Number(price));
    return tradesPath(prices, requireEpochs(epochs ?? EPOCHS));
  }
  const text = await readFile(name, "utf8").catch(() => undefined);
  if (text === undefined)
    throw new TacitError("PATH", `${name} is no path: expected ${PATH_NAMES.join(", ")}, all, or a file that can be read`); // prettier-ignore
  const moments = readPath(text);
  if (epochs === undefined) return moments;
  if (epochs > moments.length) throw new TacitError("PATH", `the file has ${moments.length} epochs: expected at least ${epochs}`); // prettier-ignore
  return moments.slice(0, requireEpochs(epochs));
}

function rulesOf(path: string, { every, set = [] }: StressOptions) {
  return stressRules(setPlaces(stressRulesJson(path, { interval: every }), set));
}

/** Cash units as whole units of a hundred: cents as dollars. */
const money = (x: bigint | number) => thousands(Math.round(Number(x) / 100));
const part = (x: number) => (x === 0 ? "0" : `${(100 * x).toFixed(x < 0.001 ? 3 : 1)}%`);
const share = (x: bigint, of: bigint) => part(of === 0n ? 0 : Number(x) / Number(of));

function summary(compared: readonly Compared[]): string {
  const heading = ["path", "", "defaults", "taken over", "insurance paid", "deficit", "haircut", "unpaid", "median s", "95% s", "without equity"]; // prettier-ignore
  const row = (path: string, how: string, it: Outcome) => [
    path,
    how,
    thousands(it.defaults),
    thousands(it.assumed),
    share(it.insurancePaid, it.deposits),
    share(it.deficit, it.deposits),
    part(it.haircut),
    part(it.unpaid),
    thousands(it.underMaintenance[0]),
    thousands(it.underMaintenance[1]),
    thousands(it.underWater),
  ];
  const rows = compared.flatMap(({ path, rules, firstCome }) => [
    row(path, "rules", rules),
    ...(firstCome ? [row("", "first come", firstCome)] : []),
  ]);
  return table([heading, ...rows]);
}

function described({ path, rules, firstCome }: Compared): string {
  const says = Object.hasOwn(PATH_SAYS, path) ? `: ${PATH_SAYS[path as keyof typeof PATH_SAYS]}` : "";
  const both = [rules, ...(firstCome ? [firstCome] : [])];
  const line = (name: string, of: (it: Outcome) => string) => [name, ...both.map(of)];
  const seconds = ([median, most, longest]: Outcome["underMaintenance"]) => `${thousands(median)}, ${thousands(most)}, ${thousands(longest)}`; // prettier-ignore
  const rows = [
    ["", "rules", ...(firstCome ? ["first come"] : [])],
    line("accounts in default", (it) => thousands(it.defaults)),
    line("taken over", (it) => thousands(it.assumed)),
    line("cured", (it) => thousands(it.cured)),
    line("lots sold of owners", (it) => thousands(it.lotsSold)),
    line("lots sold of the insurance", (it) => thousands(it.insuranceSold)),
    line("lost by owners in default", (it) => money(it.ownersLost)),
    line("lacked by those taken over", (it) => money(it.insurancePaid)),
    line("insurance at first", (it) => money(it.insuranceAtFirst)),
    line("insurance, least", (it) => money(it.insuranceLeast)),
    line("insurance, at the end", (it) => money(it.insuranceAtEnd)),
    line("deficit, greatest", (it) => money(it.deficit)),
    line("short at the end", (it) => money(it.shortAtEnd)),
    line("withdrawals", (it) => thousands(it.withdrawals)),
    line("paid less", (it) => thousands(it.haircuts)),
    line("greatest haircut", (it) => part(it.haircut)),
    line("unpaid if all left", (it) => part(it.unpaid)),
    line("s in default: 50%, 95%, most", (it) => seconds(it.underMaintenance)),
    line("accounts without equity", (it) => thousands(it.underWater)),
    line("longest without, s", (it) => thousands(it.longestUnderWater)),
    line("epochs halted", (it) => thousands(it.halts)),
  ];
  const curves = ["index", "flagged", "underWater", "short", "insurance"] as const;
  const plots = both.flatMap((it) => [
    `${it.how === "rules" ? "by the rules" : "first come"}, ${thousands(it.epochs)} epochs:`,
    ...curves.map((name) => plot(NAMES[name], it.points.map((point) => point[name]), name === "index" || name === "short" || name === "insurance")), // prettier-ignore
  ]);
  const head = `${path}${says}\n${thousands(rules.accounts)} traders, deposits ${money(rules.deposits)}\n`;
  return `${head}\n${table(rows)}\n${plots.join("\n")}\n`;
}

const NAMES = { index: "index", flagged: "in default", underWater: "without equity", short: "short", insurance: "insurance" }; // prettier-ignore
const WIDTH = 64;
const BLOCKS = "▁▂▃▄▅▆▇█";

/** A curve in one line, from its least to its greatest value; of neighbouring epochs that share a column the greatest is shown. */
function plot(name: string, values: readonly number[], isMoney: boolean): string {
  const width = Math.min(WIDTH, values.length);
  const shown = Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    return Math.max(...values.slice(from, Math.max(from + 1, Math.floor(((i + 1) * values.length) / width))));
  });
  const [least, most] = [Math.min(...shown), Math.max(...shown)];
  const block = (x: number) => BLOCKS[most === least ? 0 : Math.round(((x - least) / (most - least)) * (BLOCKS.length - 1))]; // prettier-ignore
  const told = (x: number) => (isMoney ? money(x) : thousands(x));
  return `${name.padEnd(14)} ${shown.map(block).join("")} ${told(least)} to ${told(most)}`;
}
