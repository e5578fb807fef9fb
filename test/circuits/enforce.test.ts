// Goal: Enforce and Assume come to what src/protocol/defaults.ts comes to, for whatever accounts, prices and steps there are; what that
// refuses leaves no witness.
// Method: random accounts near their maintenance, and random steps (seed in the name of the test; TACIT_ROUNDS sets the number of
// rounds): those that are taken against matcher and ledger, those that are refused claimed as if they had been taken.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { accountLeaf, NO_POSITIONS, type Account } from "../../src/protocol/account.ts";
import { standing, type Enforced, type Enforcement } from "../../src/protocol/defaults.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { defaultItem } from "../../src/protocol/item.ts";
import { reservation } from "../../src/protocol/margin.ts";
import { REDUCTION_NONCE } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { assumeInputs, type AssumeEvent } from "../../src/witness/assume.ts";
import { enforceInputs, type EnforceEvent } from "../../src/witness/enforce.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { EPOCH, pricesOf, randomAccounts, TIME, withDefaults } from "../defaulting.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";

const file = "circuits/instructions/enforce.circom";
const assuming = "circuits/instructions/assume.circom";
const profile: Profile = { ...PROFILES.demo, depth: 2, enforce: 2, assume: 2 };
const compiled = () => compileTemplate({ file, template: "Enforce", args: [2, profile.scenarios, profile.enforce] });
const compiledAssume = () => compileTemplate({ file: assuming, template: "Assume", args: [2, profile.scenarios, profile.assume] }); // prettier-ignore

class Venue {
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  constructor(accounts: readonly Account[], of: Rules = withDefaults(), index?: bigint) {
    const genesis = { domain: 77n, profile, rules: of, prices: pricesOf(of, index), accounts, time: EPOCH * 60n };
    this.matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    this.ledger = new Ledger({ ...genesis, blind: () => ++blind });
  }

  enforce(step: Enforcement, salt: bigint, time: bigint): EnforceEvent {
    return this.matcher.apply({ kind: "enforce", time, step, salt })[0] as EnforceEvent;
  }
  assume(account: number, salt: bigint, time: bigint): AssumeEvent {
    return this.matcher.apply({ kind: "assume", time, account, salt })[0] as AssumeEvent;
  }

  /** A step as it would be, whatever the rules say. */
  claim(step: Enforcement, time: bigint): EnforceEvent {
    const before = this.matcher.accounts[step.account];
    const { rules, prices } = this.matcher.terms;
    const write = (after: Account) => ({ index: step.account, before, after });
    const entry = { item: defaultItem(step, 9n), time };
    const of = (account: Account, effects: Partial<Enforced> = {}): EnforceEvent =>
      ({ kind: "enforce", entry, step, enforced: { account, ...effects }, write: write(account) });
    if (step.kind === "flag") return of({ ...before, flagged: time });
    if (step.kind === "sweep") return of(before, { cancel: { account: step.account, nonce: before.nonce + 1n, all: true } });
    const { slot, side, limit, size } = step;
    const rho = reservation(rules.markets[slot]!, prices.markets[slot]!, rules.group.slack, side, limit);
    const own = step.account === 1 ? { flagged: time, nonce: rules.markets[slot]!.legs.reduce((sum, leg, i) => (leg === 0n ? sum : sum | (1n << BigInt(i))), before.flagged === time ? before.nonce : 0n) } : {};
    const put = { account: step.account, nonce: REDUCTION_NONCE, side, limit, remaining: size, rho, expiry: time, thisAuction: true };
    return of({ ...before, ...own, reserved: before.reserved + rho * size, open: before.open + 1n }, { entry: put });
  } // prettier-ignore

  claimAssume(index: number, time: bigint): AssumeEvent {
    const [account, insurance] = [this.matcher.accounts[index], this.matcher.accounts[1]];
    const { rules, prices } = this.matcher.terms;
    const { equity, risk } = standing(account, prices);
    const left = equity - ((rules.group.defaults.penalty * risk) >> 10n);
    const kept = left > 0n ? left : 0n;
    const after = { ...account, seq: account.seq + 1n, cash: kept, positions: NO_POSITIONS, flagged: 0n };
    const positions = insurance.positions.map((lots, i) => lots + account.positions[i]);
    const insured = { ...insurance, seq: insurance.seq + 1n, cash: insurance.cash + account.cash - kept, positions };
    const deficit = -standing(insured, prices).equity;
    const held = { ...this.matcher.held, deficit: deficit > 0n ? deficit : 0n };
    return { kind: "assume", entry: { item: defaultItem({ kind: "assume", account: index }, 9n), time }, write: { index, before: account, after }, insurance: { index: 1, before: insurance, after: insured }, held };
  } // prettier-ignore

  /** The ledger is left as it is. */
  tried(work: () => InstructionInputs): InstructionInputs {
    const kept = this.ledger.export();
    const inputs = work();
    this.ledger.resume(kept);
    return inputs;
  }

  sameLeaves(): void {
    this.matcher.accounts.forEach((it, i) => assert.equal(this.ledger.tree.get(i), accountLeaf(it), `leaf ${i}`));
  }
}

function agrees(circuit: Circuit, { inputs, publicInputs }: InstructionInputs): void {
  assert.deepEqual(circuit.publicValues(inputs as Inputs, publicInputs.length), publicInputs);
}

function isRefusal(error: unknown): boolean {
  return error instanceof TacitError && error.code === "DEFAULT";
}

/** A step that is near what may be; one that may be, if that was asked for and one of some is found. */
function randomStep(random: Random, venue: Venue, time: bigint, mayBe: boolean): Enforcement {
  for (let tries = 0; mayBe && tries < 60; tries++) {
    const step = randomStep(random, venue, time, false);
    try {
      venue.matcher.fork().apply({ kind: "enforce", time, step, salt: 0n });
      return step;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  const { matcher } = venue;
  const account = random.integer(0, matcher.accounts.length - 1);
  const kind = random.pick(["flag", "sweep", "reduce", "reduce", "reduce"] as const);
  if (kind === "flag") return { kind, account };
  const slot = random.integer(0, 4);
  if (kind === "sweep") return { kind, account, slot };
  const { rules, prices } = matcher.terms;
  const { mark, low, high } = prices.markets[slot]!;
  const { flagged, positions } = matcher.accounts[account];
  const held = positions[[0, 1, 2, 3, 2][slot]];
  const side = random.unit() < 0.9 ? (held > 0n ? 1 : 0) : random.integer(0, 1);
  const open = time - flagged > 60n ? time - flagged - 60n : 0n;
  const width = ((high - low) * (open > 600n ? 600n : open)) / 600n;
  const away = random.pick([0n, width, width / 2n, width + 10n, -30n, 15_000n]);
  const tick = rules.markets[slot]!.tick;
  const limit = ((mark + (side === 0 ? away : -away)) / tick) * tick;
  const size = random.pick([1n, 2n, held < 0n ? -held : held, BigInt(random.integer(1, 40))]) || 1n;
  return { kind, account, slot, side, limit, size };
}

describe("circuits/instructions/enforce and assume: agreement", () => {
  remembersHashes();
  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 4); seed++)
    it(`with the rules in plain numbers, of random accounts, TACIT_SEED=${seed}`, async () => {
      const [circuit, other] = [await compiled(), await compiledAssume()];
      const random = new Random(seed);
      const of = withDefaults({ insuranceLimit: random.pick([0n, 32_768n, 65_536n]), loose: random.pick([0n, 1_000n, 1_000_000n]) });
      const counts: Record<string, number> = {};
      const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);
      for (let i = 0; i < 12; i++) {
        const venue = new Venue(randomAccounts(random, pricesOf(of), 8, TIME), of, random.pick([100_000n, 92_000n, 107_000n]));
        for (let j = 0; j < 5; j++) {
          const time = TIME + 10n * BigInt(j);
          const step = randomStep(random, venue, time, random.unit() < 0.6);
          const salt = random.bits(250);
          try {
            const claimed = venue.claim(step, time);
            const event = venue.enforce(step, salt, time);
            assert.deepEqual(claimed.write.after, event.write.after);
            agrees(circuit, enforceInputs(venue.ledger, [event]));
            count(step.account === 1 ? `${step.kind} of the insurance` : step.kind);
          } catch (error) {
            if (!isRefusal(error)) throw error;
            const claimed = venue.tried(() => enforceInputs(venue.ledger, [venue.claim(step, time)]));
            expectNoWitness(circuit, claimed.inputs as Inputs);
            count("refused");
          }
          venue.sameLeaves();
        }
        const account = random.integer(0, 8);
        try {
          agrees(other, assumeInputs(venue.ledger, [venue.assume(account, 5n, TIME + 45n)]));
          count("assume");
        } catch (error) {
          if (!isRefusal(error)) throw error;
          const claimed = venue.tried(() => assumeInputs(venue.ledger, [venue.claimAssume(account, TIME + 45n)]));
          expectNoWitness(other, claimed.inputs as Inputs);
          count("not assumed");
        }
        venue.sameLeaves();
      }
      console.log(counts);
    }); // prettier-ignore
});
