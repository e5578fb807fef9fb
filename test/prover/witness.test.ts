// Goal: the wires that the prover gets are those that circom's program computes, and they satisfy the constraints.
// Method: every instruction of the demonstration's round and of a change of its rules, first and last of its kind, in the profile that it runs in; an
// independent loader of witness programs, and a reference on bigint that says which constraint a change breaks (seed in
// the name of the test).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { buildAll, type BuiltCircuit } from "../../src/setup/build.ts";
import { makeScenario } from "../../src/replay/scenario.ts";
import { Random } from "../../src/replay/random.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { INSTRUCTION_NAMES, PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { emitRows } from "../../src/prover/kernels/rows.ts";
import { readRows, RowCheck } from "../../src/prover/rows.ts";
import { WitnessProgram, type CircuitInputs } from "../../src/prover/witness.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import { firstBroken, parseR1cs } from "../circuits/r1cs.ts";
import { loadWitnessProgram, type InputValue } from "../circuits/witnessProgram.ts";

const SEED = 7;
const CHANGES = 8;

/** Rules that list a market of what the house holds, as they must, and differ in words that may change while markets have orders. */
function changed({ group, instruments, markets }: Rules, by: bigint): Rules {
  const held = instruments.length - 1;
  const id = group.greatestId + 1n;
  const legs = instruments.map((_, i) => (i === held ? 1n : 0n));
  const until = instruments[held]!.contract.expiry;
  const free = markets.indexOf(null);
  return {
    group: { ...group, greatestId: id, slack: group.slack + by },
    instruments: instruments.map((it) => it && { ...it, longCharge: it.longCharge + by }),
    markets: markets.map((row, slot) => {
      if (slot === free) return { ...markets[0]!, id, legs, until };
      return row && { ...row, band: row.band + by, rhoMin: row.rhoMin + by };
    }),
  };
}

/** The instructions of the demonstration's round, in program order, and two changes of its rules at the end. */
function round(profile: Profile = PROFILES.demo): InstructionInputs[] {
  const { genesis, deposits, commands, view, operatorSecret } = makeScenario({ seed: SEED, domain: 1n });
  const { deposit: depositSlots } = profile;
  const matcher = new Matcher({ ...genesis, profile }, { view });
  let blind = 0n;
  const ledger = new Ledger({ ...genesis, profile, blind: () => ++blind });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret });
  const credits = Array.from({ length: Math.ceil(deposits.length / depositSlots) }, (_, i) => ({
    kind: "deposits" as const,
    time: genesis.time + 1n,
    deposits: deposits.slice(i * depositSlots, (i + 1) * depositSlots),
  }));
  const { time } = commands.at(-1)!;
  // Where nothing but runs settles, no clear fits a transaction, and rules may not change.
  const changes = (profile.settle === 0 ? [] : [1n, 2n]).map((by) => ({
    kind: "rules" as const,
    time,
    rules: changed(genesis.rules, by),
  }));
  for (const command of [...credits, ...commands, ...changes])
    for (const event of matcher.apply(command)) builder.add(event);
  return builder.close();
}

function valuesOf(witness: Uint8Array): bigint[] {
  const view = new DataView(witness.buffer, witness.byteOffset, witness.length);
  return Array.from({ length: witness.length / 32 }, (_, wire) =>
    [3, 2, 1, 0].reduce((sum, word) => (sum << 64n) | view.getBigUint64(32 * wire + 8 * word, true), 0n),
  );
}

describe("witness", () => {
  // Its fills lie too far apart for runs, unless nothing else books them.
  const runs = round({ ...PROFILES.demo, settle: 0 }).filter(({ name }) => name === "settleRuns");
  const steps = [...round(), ...runs];
  let built: BuiltCircuit[];
  before(async () => {
    built = await buildAll({ profile: "demo", publish: false });
  });

  for (const name of INSTRUCTION_NAMES)
    it(`of ${name} is what circom computes, and a change of one wire fails where it should (seed ${SEED})`, async () => {
      const { files } = built.find((circuit) => circuit.name === name)!;
      const [wasm, r1cs] = await Promise.all([readFile(files.wasm), readFile(files.r1cs)]);
      const program = await WitnessProgram.start(await WebAssembly.compile(wasm));
      const reference = await loadWitnessProgram(wasm);
      const check = await RowCheck.start(new WebAssembly.Module(Uint8Array.from(emitRows())), readRows(r1cs));
      const parsed = parseR1cs(r1cs);
      const same = steps.filter((step) => step.name === name);
      for (const { inputs, publicInputs } of new Set([same[0], same.at(-1)!])) {
        const witness = program.calculate(inputs as CircuitInputs);
        const values = valuesOf(witness);
        assert.deepEqual(values, reference(inputs as Record<string, InputValue>));
        assert.deepEqual(values.slice(1, 1 + publicInputs.length), publicInputs);
        check.check(witness);
        const random = new Random(SEED);
        for (let i = 0; i < CHANGES; i++) {
          const wire = random.integer(1, program.size - 1);
          const changed = Uint8Array.from(witness);
          new DataView(changed.buffer).setUint32(32 * wire, random.integer(2, 2 ** 20), true);
          const constraint = firstBroken(parsed, valuesOf(changed));
          assert.ok(constraint >= 0);
          assert.throws(
            () => check.check(changed),
            ({ code, details }: { code: string; details: { constraint?: number } }) =>
              code === "WITNESS" && details.constraint === constraint,
          );
        }
      }
    });
});
