/** What the tests of instructions share: a register that an instruction leaves alone is the same after it. */
import assert from "node:assert/strict";
import type { Register } from "../../src/protocol/state.ts";
import type { InstructionInputs, Ledger } from "../../src/witness/ledger.ts";
import { REGISTER_SIGNALS } from "../../src/witness/state.ts";
import type { Circuit } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";

const WRITES = {
  deposit: ["phase", "blind", "logHead", "logCount", "clock", "accounts", "accountCount", "deposits", "vault"],
  admit: [
    "phase",
    "blind",
    "logHead",
    "logCount",
    "clock",
    "accounts",
    "admitted",
    "cancels",
    "counts",
    "payoutsPut",
    "vault",
    "relief",
  ],
  clear: ["phase", "blind", "logHead", "logCount", "clock", "books", "admitted", "cancels", "counts", "sweep", "fillsPut"], // prettier-ignore
  settle: ["phase", "blind", "accounts", "holders", "fees", "share", "fillsTaken"],
  configure: ["phase", "blind", "logHead", "logCount", "clock", "rules", "prices", "accounts", "vault", "payoutsPut"],
  enforce: ["phase", "blind", "logHead", "logCount", "clock", "accounts", "admitted", "cancels", "counts"],
  assume: ["phase", "blind", "logHead", "logCount", "clock", "accounts", "holders", "deficit"],
  fold: ["phase", "blind", "logHead", "logCount", "clock", "accounts", "holders"],
  withdraw: ["phase", "blind", "payoutsTaken"],
} as const satisfies Record<string, readonly Register[]>;
/** An instruction opens or signs these, so they stay as they are; each has a value of its own anyway. */
const OPENED: readonly Register[] = ["domain", "rules", "prices"];

const ALL = Object.keys(REGISTER_SIGNALS) as Register[];

interface Setting {
  /** compiled with `optimise: false` */
  circuit: Circuit;
  ledger: Ledger;
  make: () => InstructionInputs;
  /** more that are opened */
  opened?: readonly Register[];
}

/** Declares tests that only those registers change which the instruction is there to change. */
export function leavesOthersAlone(name: keyof typeof WRITES, setting: () => Promise<Setting> | Setting): void {
  const written: readonly Register[] = WRITES[name];
  const kept = ALL.filter((register) => !written.includes(register));
  remembersHashes();
  /** Each register left alone has a value of its own, so that none can stand for another. */
  const made = async () => {
    const { circuit, ledger, make, opened = [] } = await setting();
    for (const [i, register] of ALL.entries())
      if (kept.includes(register) && ![...OPENED, ...opened].includes(register))
        ledger.state[register] = BigInt(7_000 + i);
    const before = { ...ledger.state };
    const { inputs, publicInputs } = make();
    return { circuit, before, after: ledger.state, inputs, publicInputs };
  };

  it("agrees, each register being another number", async () => {
    const { circuit, before, after, inputs, publicInputs } = await made();
    for (const register of kept) {
      assert.equal(ALL.filter((other) => before[other] === before[register]).length, 1, register);
      assert.equal(after[register], before[register], register);
    }
    const witness = circuit.witness(inputs);
    assert.deepEqual(witness.slice(1, 1 + publicInputs.length), publicInputs);
    const signals = [...circuit.signals.keys()].filter((signal) => signal.startsWith("after."));
    assert.deepEqual(signals.sort(), ALL.map((register) => `after.${REGISTER_SIGNALS[register]}`).sort());
    for (const register of ALL)
      assert.equal(circuit.read(`after.${REGISTER_SIGNALS[register]}`, witness), after[register], register);
  });

  for (const register of kept)
    it(`no proof that changes ${register}`, async () => {
      const { circuit, before, inputs, publicInputs } = await made();
      const forged = circuit.refuses(inputs, { [`after.${REGISTER_SIGNALS[register]}`]: before[register] + 1n });
      assert.notEqual(circuit.read("stateAfter", forged), publicInputs[1], "the cheat reaches the public inputs");
    });
}
