// Goal: the state words of an unproved replay are those that proofs would show: at the end of each round every register
// is the one that the witness builders reach, but for the blinding value.
// Method: one random flow through both; and one of all kinds of commands, where contracts expire and rules change.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { LobsterMessage, LobsterType } from "../../src/replay/lobster.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { Registers } from "../../src/replay/registers.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { MARKETS } from "../../src/protocol/parameters.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import { genesis as venue, options, randomCommands } from "../matcher/venue.ts";

const SEED = Number(process.env.SEED ?? 11);
/** Commands of a round in which all markets are cleared. */
const ROUND = 400;

function messages(random: Random): LobsterMessage[] {
  const types: LobsterType[] = ["order", "order", "order", "execution", "cancel", "partialCancel"];
  return Array.from({ length: 60 }, (_, i) => ({
    line: i + 1,
    seconds: 34_200 + Math.floor(i / 2),
    type: i < 20 ? "order" : random.pick(types),
    id: i < 20 ? i : random.integer(0, 30),
    size: BigInt(random.integer(1, 20)),
    price: 1_000_000n + 100n * BigInt(random.integer(-4, 4)),
    side: random.integer(0, 1),
  }));
}

describe("registers of a replay", () => {
  before(() => useHashKernels());

  it(`are those of the witness builders (seed ${SEED})`, () => {
    const profile = PROFILES.demo;
    const flow = flowOf(messages(new Random(SEED)), { profile, accounts: 6, every: 10, seed: 1, signed: false });
    const { genesis, operatorSecret } = flow;
    const blind = () => 1n;
    const [proved, stated] = [0, 1].map(() => new Ledger({ ...genesis, profile, blind }));
    const builder = new RoundBuilder(proved, { accounts: genesis.accounts, operatorSecret });
    const registers = new Registers(stated, { blind });
    const matcher = new Matcher(genesis, flow.options);
    let rounds = 0;
    for (const command of flow.commands) {
      for (const event of matcher.apply(command)) {
        builder.add(event);
        registers.add(event);
      }
      if (command.kind !== "close") continue;
      rounds++;
      builder.close();
      assert.equal(registers.close(proved.state.logHead), proved.word);
      assert.deepEqual(stated.state, proved.state);
    }
    assert.ok(rounds >= 3);
    assert.ok(proved.state.fillsPut !== 0n, "orders traded");
  });

  it(`are so where prices move, rules change and positions are folded (seed ${SEED})`, () => {
    const blind = () => 1n;
    const { accounts } = venue;
    const [proved, stated] = [0, 1].map(() => new Ledger({ ...venue, blind }));
    const builder = new RoundBuilder(proved, { accounts, operatorSecret: 1n });
    const registers = new Registers(stated, { blind });
    const matcher = new Matcher(venue, options);
    const seen: Record<string, number> = {};
    const KINDS = ["reprice", "rules", "fold", "settle"];
    const apply = (command: Command) => {
      for (const event of matcher.apply(command)) {
        builder.add(event);
        registers.add(event);
        seen[event.kind] = (seen[event.kind] ?? 0) + 1;
      }
    };
    let count = 0;
    for (const command of randomCommands(new Random(SEED))) {
      apply(command);
      const isDone = KINDS.every((kind) => seen[kind] > 0);
      if (++count % ROUND !== 0 && !isDone) continue;
      // A round of a replay ends when nothing is admitted that was not cleared.
      for (let slot = 0; slot < MARKETS; slot++) apply({ kind: "purge", time: command.time, slot });
      builder.close();
      assert.equal(registers.close(proved.state.logHead), proved.word);
      assert.deepEqual(stated.state, proved.state);
      if (isDone) break;
    }
    for (const kind of KINDS) assert.ok(seen[kind] > 0, kind);
  });
});
