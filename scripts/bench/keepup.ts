/**
 * How many proofs workloads take, counted from the matcher's events, in the profile `standard`: as instructions were cut in
 * version 0.1, and as they are cut now. Prices are made once a minute.
 *     npm run bench keepup [makers] [nasdaq] [burst] [messages.csv.gz]
 * Without words all three. Prints tables, and writes docs/costs.json.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Event } from "../../src/matcher/events.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { sweep } from "../../src/protocol/clearing.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { epochAt, type Prices } from "../../src/protocol/prices.ts";
import { quorumOf } from "../../src/protocol/report.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { readLobster, type LobsterMessage } from "../../src/replay/lobster.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { table, thousands } from "../../src/setup/format.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { nextClose } from "../../src/venue/schedule.ts";
import { admitPlan } from "../../src/witness/admit.ts";
import { instructionsOf } from "../../src/witness/count.ts";
import { settlePlan } from "../../src/witness/settle.ts";
import { Waiting } from "../../src/witness/waiting.ts";
import { makersFlow } from "./makers.ts";

const SAMPLE = join(ROOT, "../shared/data/nasdaq-aapl-2012-06-21-0930-1000.csv.gz");
const COSTS = join(ROOT, "docs/costs.json");
const PROFILE = PROFILES.standard;
/** Of version 0.1: slots of a proof, cancels of a sweep, and constraints. */
const BEFORE = { admit: 6, clear: 89, settle: 13, cancels: 16, allCancels: 2 };
const CONSTRAINTS_BEFORE = { admit: 119_767, quote: 0, clear: 131_021, settle: 124_982, settleRuns: 0, reprice: 0 };
/** Where docs/costs.json has none of a kind. */
const CONSTRAINTS = { others: 130_850, reprice: 240_000 };

type ItemEvent = Extract<Event, { kind: "item" }>;

/** Proofs of a workload. */
interface Count {
  admit: number;
  quote: number;
  clear: number;
  settle: number;
  settleRuns: number;
  /** prices of an epoch: one a minute, which version 0.1 had not */
  reprice: number;
}
const NONE: Count = { admit: 0, quote: 0, clear: 0, settle: 0, settleRuns: 0, reprice: 0 };

/** Counts as events come. */
class Counter {
  readonly before = { ...NONE };
  readonly after = { ...NONE };
  entries = 0;
  orders = 0;
  closes = 0;
  fills = 0;
  readonly #rules: Rules;
  #prices: Prices;
  #items: ItemEvent[] = [];
  readonly #waiting = new Waiting(PROFILE);

  constructor({ rules, prices }: { rules: Rules; prices: Prices }) {
    this.#rules = rules;
    this.#prices = prices;
  }

  add(event: Event): void {
    switch (event.kind) {
      case "item":
        this.#settle();
        this.entries++;
        this.#items.push(event);
        this.orders += event.admission.entries?.length ?? 0;
        return;
      case "clear":
        return this.#clear(event);
      case "reprice":
        this.end();
        this.entries++;
        this.after.reprice++;
        this.#prices = event.after;
        return;
      case "deposits":
      case "settle":
      case "rules":
      case "fold":
        return;
    }
  }

  /** Of all that waits for a proof. */
  end(): void {
    this.#admit();
    this.#settle();
  }

  #admit(): void {
    this.before.admit += Math.ceil(this.#items.length / BEFORE.admit);
    for (const { name } of admitPlan(this.#items, PROFILE)) this.after[name]++;
    this.#items = [];
  }

  #clear(event: Extract<Event, { kind: "clear" }>): void {
    this.#admit();
    this.entries++;
    this.closes++;
    const fills = event.sweeps.flatMap(({ outcome }) => outcome.fills);
    this.fills += fills.length;
    const own = event.sweeps.at(-1)!.outcome.fees > 0n ? 1 : 0;
    this.before.clear += this.#clearBefore(event);
    this.before.settle += Math.ceil((fills.length + own) / BEFORE.settle);

    if (!this.#waiting.hasRoomFor(event)) this.#settle();
    this.after.clear += instructionsOf(event, PROFILE);
    this.#waiting.add(event);
  }

  /** Sweeps of 16 cancels, 2 of them all-cancels, each of which walks the book again. */
  #clearBefore({ slot, sweeps, entry }: Extract<Event, { kind: "clear" }>): number {
    const [rules, prices] = [this.#rules.markets[slot], this.#prices.markets[slot]];
    let pending = sweeps.flatMap(({ cancels }) => cancels);
    let entries = [...sweeps[0].book, ...sweeps[0].admitted];
    let proofs = 0;
    do {
      let alls = 0;
      const end = pending.findIndex(({ all }, i) => i === BEFORE.cancels || (all && ++alls > BEFORE.allCancels));
      const cancels = end < 0 ? pending : pending.slice(0, end);
      pending = end < 0 ? [] : pending.slice(end);
      proofs += Math.max(1, Math.ceil(entries.length / BEFORE.clear));
      if (pending.length > 0)
        entries = [...sweep({ rules, prices, match: false, cancels, time: entry.time, entries }).book];
    } while (pending.length > 0);
    return proofs;
  }

  #settle(): void {
    const plan = settlePlan(this.#waiting.take(), PROFILE);
    for (const { name } of plan) this.after[name]++;
    // Fees are credited in the last slot of the last one, if that is not in use.
    const last = plan.at(-1);
    if (last?.runs.length === PROFILE[last?.name ?? "settle"]) this.after.settle++;
  }
}

/** @param lists  whether quotes are put by lists, or each by an order that replaces the one before it */
function makers(levels: number, lists: boolean): Counter {
  // No order is refused for want of room, nor for the number of those that are open.
  const row = { capacity: "1000", cancelCapacity: "1000", listCapacity: "1000" };
  const [every, seconds] = [10, 600];
  const { genesis, deposits, items, reports } = makersFlow({
    levels,
    lists,
    every,
    takersEvery: 1,
    seconds,
    signed: false,
    row,
  });
  const matcher = new Matcher({ ...genesis, profile: { ...PROFILE, maxOpen: 1_000 } }, { view: (_, i) => BigInt(i) });
  const counter = new Counter(genesis);
  const apply = (command: Command) => {
    for (const event of matcher.apply(command)) counter.add(event);
  };
  const { pricing, feeds } = genesis.rules.group;
  let repriced = genesis.time + 1n;
  const doDue = (now: bigint) => {
    for (;;) {
      const matches = (slot: number, time: bigint) => matcher.matchesAt(slot, time);
      const { clock } = matcher;
      const next = nextClose(genesis.rules, (slot) => matcher.pending(slot), { clock, now, matches });
      if (repriced <= now && repriced <= (next?.time ?? now)) {
        const epoch = epochAt(pricing, repriced);
        const quorum = reports(epoch).slice(0, quorumOf(feeds.length));
        apply({ kind: "reprice", time: repriced, epoch, quorum, checked: true });
        repriced = (epoch + 1n) * pricing.epochLength + pricing.lag;
      } else if (next && next.time <= now) apply({ kind: "close", ...next });
      else return;
    }
  };
  for (let at = 0; at < deposits.length; at += PROFILE.deposit)
    apply({ kind: "deposits", time: genesis.time, deposits: deposits.slice(at, at + PROFILE.deposit) });
  for (const item of items) {
    doDue(item.time);
    apply(item);
  }
  doDue(genesis.time + BigInt(seconds + every));
  counter.end();
  return counter;
}

/** @param makers  percent of the orders that are put by lists of quotes */
function nasdaq(messages: readonly LobsterMessage[], makers = 0): Counter {
  const flow = flowOf(messages, { profile: PROFILE, accounts: 4 ** 5 - 2, every: 10, seed: 1, signed: false, makers });
  const matcher = new Matcher(flow.genesis, flow.options);
  const counter = new Counter(flow.genesis);
  for (const command of flow.commands) for (const event of matcher.apply(command)) counter.add(event);
  counter.end();
  return counter;
}

/** The first orders of the flow within one auction. */
function burst(messages: readonly LobsterMessage[], orders: number): Counter {
  const flow = flowOf(messages, { profile: PROFILE, accounts: 4 ** 5 - 2, every: 86_400, seed: 1, signed: false });
  const matcher = new Matcher(flow.genesis, flow.options);
  const counter = new Counter(flow.genesis);
  const apply = (command: Command) => {
    for (const event of matcher.apply(command)) counter.add(event);
  };
  /** Of the rest of the day the last prices count, those of the auction. */
  let prices: Command | null = null;
  for (const command of flow.commands) {
    const isOver = counter.orders === orders;
    if (isOver && command.kind === "reprice") prices = command;
    if (isOver && (command.kind === "item" || command.kind === "reprice")) continue;
    if (prices) apply(prices);
    prices = null;
    apply(command);
  }
  counter.end();
  return counter;
}

async function main(words: readonly string[]): Promise<void> {
  await useHashKernels();
  const path = words.find((word) => word.includes(".csv")) ?? SAMPLE;
  const named = words.filter((word) => !word.includes(".csv"));
  const wants = (name: string) => named.length === 0 || named.includes(name);
  const costs = JSON.parse(await readFile(COSTS, "utf8")) as Record<string, any>;
  /** Core seconds of a constraint, of loaded proofs of the profile but those of prices, witness included. */
  const { cores, circuits } = costs.prover;
  const measured = Object.entries(circuits as Record<string, Record<string, number>>).filter(([name]) => name.endsWith("standard") && !name.startsWith("reprice")); // prettier-ignore
  const rate =
    measured.reduce((sum, [, it]) => sum + (cores * it.loadedSeconds + it.witnessSeconds) / it.constraints, 0) /
    measured.length;
  const now = costs.constraints.standard as Record<string, { constraints: number }>;
  const constraintsAfter = (name: keyof Count) =>
    now[name === "clear" ? "auction" : name]?.constraints ?? CONSTRAINTS[name === "reprice" ? name : "others"];
  const reprice = (circuits as Record<string, Record<string, number>>)["reprice, standard"];
  /** Core seconds of a proof: those of new prices as they were measured, where they were. */
  const secondsAfter = (name: keyof Count) =>
    name === "reprice" && reprice
      ? cores * reprice.loadedSeconds + reprice.witnessSeconds
      : constraintsAfter(name) * rate;

  const workloads: [name: string, counter: Counter, single?: Counter][] = [];
  if (wants("makers"))
    for (const levels of [1, 4]) {
      const name = `makers, ${levels === 1 ? "one level" : `${levels} levels`}`;
      const single = makers(levels, false);
      workloads.push([name, single], [`${name}, by lists`, makers(levels, true), single]);
    }
  if (wants("nasdaq") || wants("burst")) {
    const messages: LobsterMessage[] = [];
    for await (const message of readLobster(path)) messages.push(message);
    if (wants("nasdaq")) {
      const single = nasdaq(messages);
      workloads.push(["nasdaq", single], ["nasdaq, half of it by lists", nasdaq(messages, 50), single]);
    }
    if (wants("burst")) workloads.push(["burst", burst(messages, 5_000)]);
  }
  const rows: string[][] = [];
  const keepup = { ...(costs.keepup as object) } as Record<string, unknown>;
  const gas = (costs.gas as { perInstruction: number }).perInstruction;
  for (const [name, { before: own, after, entries, orders, closes, fills }, single] of workloads) {
    // Of lists what 0.1 took is that of the same quotes put one by one.
    const { before, entries: entriesBefore, orders: ordersBefore } = single ?? { before: own, entries, orders };
    const total = (count: Count, of: (name: keyof Count) => number) =>
      (Object.keys(count) as (keyof Count)[]).reduce((sum, it) => sum + count[it] * of(it), 0);
    const arm = (count: Count, secondsOf: (name: keyof Count) => number, of: { entries: number; orders: number }) => {
      const seconds = total(count, secondsOf);
      const proofs = total(count, () => 1);
      return { count, proofs, seconds, gasPerOrder: Math.round((proofs * gas) / of.orders), entries: of.entries };
    };
    const was = arm(before, (it) => CONSTRAINTS_BEFORE[it] * rate, { entries: entriesBefore, orders: ordersBefore });
    const is = arm(after, secondsAfter, { entries, orders });
    const ratio = Number((was.seconds / is.seconds).toFixed(2));
    for (const [when, { count, proofs, seconds, gasPerOrder, entries }] of [
      ["0.1", was],
      ["now", is],
    ] as const) {
      if (when === "0.1" && single) continue;
      const { admit, quote, clear, settle, settleRuns, reprice } = count;
      rows.push([
        name,
        when,
        ...[admit, quote, clear, settle, settleRuns, reprice, proofs, Math.round(seconds), gasPerOrder].map(thousands),
        (entries / seconds).toFixed(2),
        when === "now" ? `${ratio.toFixed(2)} x` : "",
      ]);
    }
    const gasPerOrder = { before: was.gasPerOrder, after: is.gasPerOrder };
    const entriesPerCoreSecond = Number((entries / is.seconds).toFixed(2));
    keepup[name] = { entries, orders, closes, fills, before, after, ratio, entriesPerCoreSecond, gasPerOrder };
  }
  const proofs = ["admit", "quote", "clear", "settle", "settleRuns", "reprice", "proofs"];
  const head = ["workload", "", ...proofs, "core s", "gas an order", "entries/s a core", ""];
  console.log(table([head, ...rows]));
  costs.keepup = keepup;
  await writeWhole(COSTS, stableJson(costs));
}

await main(process.argv.slice(2));
