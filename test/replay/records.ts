/** Records of replays, unproved, as they are after they were written and read. */
import assert from "node:assert/strict";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { genesisJson, type GenesisFile } from "../../src/protocol/genesis.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { MARKETS } from "../../src/protocol/parameters.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { flowOf } from "../../src/replay/flow.ts";
import type { LobsterMessage } from "../../src/replay/lobster.ts";
import type { Random } from "../../src/replay/random.ts";
import type { RecordJson } from "../../src/replay/record.ts";
import { Registers } from "../../src/replay/registers.ts";
import { Report } from "../../src/replay/report.ts";
import { makeScenario } from "../../src/replay/scenario.ts";
import { Ledger } from "../../src/witness/ledger.ts";

const profile = PROFILES.demo;

export const copy = <T>(json: T): T => JSON.parse(JSON.stringify(json)) as T;

/** Rules that change must be such that a clear fits a transaction. */
const ROOM = { capacity: 200n, cancelCapacity: 32n, listCapacity: 32n };

interface Run {
  genesis: GenesisFile;
  view: (key: { keyX: bigint; keyY: bigint }, index: number) => bigint;
  /** by round */
  rounds: Iterable<Iterable<Command>>;
  signed: boolean;
}

/** The record of a run, as it is after it was written and read. */
function recordOf({ genesis, view, rounds, signed }: Run, random: Random): RecordJson {
  const blind = () => random.bits(248);
  const matcher = new Matcher({ ...genesis, profile }, { view });
  const ledger = new Ledger({ ...genesis, profile, blind });
  const registers = new Registers(ledger, { blind });
  const report = new Report(genesis, signed);
  const rules = rulesJson(genesis.rules);
  const record: RecordJson = { genesis: genesisJson(genesis), blind: `${ledger.state.blind}`, signed, rules, rounds: [], reprices: report.reprices }; // prettier-ignore
  for (const commands of rounds) {
    const state = ledger.word;
    for (const command of commands)
      for (const event of matcher.apply(command)) {
        registers.add(event);
        report.add(event);
      }
    const stateAfter = registers.close(report.head);
    record.rounds.push(report.close({ state, stateAfter, blind: ledger.state.blind }, []));
  }
  return copy(record);
}

/** One round, of which the last commands close every market. */
export function scenario(random: Random): RecordJson {
  const { genesis, view, deposits, commands } = makeScenario({
    seed: random.integer(1, 1_000),
    domain: random.bits(248),
  });
  const all: Command[] = [];
  for (let at = 0; at < deposits.length; at += profile.deposit)
    all.push({ kind: "deposits", time: genesis.time, deposits: deposits.slice(at, at + profile.deposit) });
  // Onto an account that is there.
  all.push({ kind: "deposits", time: genesis.time, deposits: [deposits[3]] });
  const time = commands.at(-1)!.time;
  // No columns are cut off: what a kind does not use comes along.
  const cancel = commands.findLast((command) => command.kind === "item" && (command.item.A & 15n) === 2n)!;
  assert.ok(cancel.kind === "item");
  const odd: Command = { ...cancel, time, item: { ...cancel.item, B: cancel.item.B + 1n } };
  const closes = Array.from({ length: MARKETS }, (_, slot): Command => ({ kind: slot % 2 ? "purge" : "close", time: time + 1n + BigInt(slot), slot })); // prettier-ignore
  return recordOf({ genesis, view, rounds: [[...all, ...commands, odd, ...closes]], signed: true }, random);
}

/** Three rounds of unsigned orders, cancels and executions of one stock; in the third new rules, under which feeds report anew. */
export function replay(random: Random): RecordJson {
  const messages = Array.from({ length: 60 }, (_, i): LobsterMessage => ({
    line: i + 1,
    seconds: 34_240 + Math.floor(i / 2),
    type: i < 20 ? "order" : random.pick(["order", "order", "execution", "cancel", "partialCancel"]),
    id: i < 20 ? i : random.integer(0, 30),
    size: BigInt(random.integer(1, 20)),
    price: 1_000_000n + 100n * BigInt(random.integer(-4, 4)),
    side: random.integer(0, 1),
  }));
  const flow = flowOf(messages, { profile, accounts: 6, every: 10, seed: random.integer(1, 1_000), signed: false });
  const rules = { ...flow.genesis.rules, markets: flow.genesis.rules.markets.map((row) => row && { ...row, ...ROOM }) };
  const genesis = { ...flow.genesis, rules, profile: "demo" } as const;
  const rounds: Command[][] = [[]];
  for (const command of flow.commands) {
    rounds.at(-1)!.push(command);
    if (command.kind === "close") rounds.push([]);
  }
  const after = {
    ...rules,
    group: { ...rules.group, slack: 32n },
    markets: rules.markets.map((row) => row && { ...row, feeRate: 4n }),
  };
  const { time } = rounds[1].at(-1)!;
  const last = rounds.flat().findLast((command) => command.kind === "reprice" && command.time <= time)!;
  rounds[2].unshift({ kind: "rules", time, rules: after });
  // First in the second after, and of the same epoch: no other is over.
  const from = rounds[2].findIndex((command) => command.time > time);
  rounds[2].splice(from, 0, { ...last, time: time + 1n });
  return recordOf({ genesis, view: flow.options.view, rounds: rounds.slice(0, -1), signed: false }, random);
}
