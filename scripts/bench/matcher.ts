/**
 * How many messages a second the matcher takes, without proofs and with signatures checked before.
 *     npm run bench matcher [messages.csv.gz]
 * Fails below the bar; else writes the median to docs/costs.json.
 */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { table, thousands } from "../../src/setup/format.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { readLobster, type LobsterMessage } from "../../src/replay/lobster.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";

const SAMPLE = join(ROOT, "../shared/data/nasdaq-aapl-2012-06-21-0930-1000.csv.gz");
const COSTS = join(ROOT, "docs/costs.json");
const BAR = 20_000;
const EVERY = 10;
const RUNS = 5;

interface Run {
  itemMs: number;
  closeMs: number;
  fills: number;
}

async function main(path: string): Promise<number> {
  await access(path).catch(() => {
    throw new Error(`there is no ${path}: give the path of a file in LOBSTER's message format`);
  });
  const messages: LobsterMessage[] = [];
  for await (const message of readLobster(path)) messages.push(message);
  const profile = PROFILES.standard;
  await useHashKernels();
  const options = { profile, accounts: 4 ** 5 - 2, every: EVERY, seed: 1, signed: false };
  const flow = flowOf(messages, options);
  const commands = [...flow.commands];
  const trading = commands.filter(({ kind }) => kind !== "deposits");
  const opened = new Matcher(flow.genesis, flow.options);
  for (const command of commands) if (command.kind === "deposits") opened.apply(command);
  const start = opened.export();

  const runs = Array.from({ length: RUNS }, () => run(Matcher.restore(flow.genesis, flow.options, start), trading));
  const perSecond = ({ itemMs, closeMs }: Run) => messages.length / ((itemMs + closeMs) / 1000);
  const rows = runs.map((one, i) => [
    `${i + 1}`,
    thousands(Math.round(perSecond(one))),
    `${one.itemMs.toFixed(0)} ms`,
    `${one.closeMs.toFixed(0)} ms`,
    thousands(one.fills),
  ]);
  console.log(`${thousands(messages.length)} messages, an auction each ${EVERY} s\n`);
  console.log(table([["run", "messages/s", "items", "closes", "fills"], ...rows]));
  const median = runs.map(perSecond).sort((a, b) => a - b)[RUNS >> 1];
  // Rounded, so that not every run is a diff.
  const messagesPerSecond = Math.floor(median / 1000) * 1000;
  console.log(`median ${thousands(messagesPerSecond)} messages/s, at least ${thousands(BAR)} wanted`);
  if (median < BAR) return 1;
  const costs = JSON.parse(await readFile(COSTS, "utf8").catch(() => "{}")) as Record<string, unknown>;
  costs.matcher = { auctionEverySeconds: EVERY, messages: messages.length, messagesPerSecond };
  await writeWhole(COSTS, stableJson(costs));
  return 0;
}

function run(matcher: Matcher, commands: readonly Command[]): Run {
  const result = { itemMs: 0, closeMs: 0, fills: 0 };
  let started = performance.now();
  for (const command of commands) {
    if (command.kind === "item") {
      matcher.apply(command);
      continue;
    }
    result.itemMs += performance.now() - started;
    started = performance.now();
    const events = matcher.apply(command);
    result.closeMs += performance.now() - started;
    for (const event of events)
      if (event.kind === "clear")
        result.fills += event.sweeps.at(-1)!.outcome.fills.filter(({ lots }) => lots !== 0n).length;
    started = performance.now();
  }
  return result;
}

process.exitCode = await main(process.argv[2] ?? SAMPLE);
