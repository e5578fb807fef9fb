// Goal: the state words of an unproved replay are those that proofs would show: at the end of each round every register
// is the one that the witness builders reach, but for the blinding value.
// Method: one random flow through both.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { LobsterMessage, LobsterType } from "../../src/replay/lobster.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { Registers } from "../../src/replay/registers.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";

const SEED = Number(process.env.SEED ?? 11);

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
});
