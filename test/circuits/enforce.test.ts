// Goal: Enforce and Assume come to what src/protocol/defaults.ts comes to, for whatever accounts, prices and steps there are; what that
// refuses leaves no witness.
// Method: random accounts near their maintenance, and random steps (seed in the name of the test; TACIT_ROUNDS sets the number of
// rounds): those that are taken against matcher and ledger, those that are refused claimed as if they had been taken.
import assert from "node:assert/strict";
import type { Enforcement } from "../../src/protocol/defaults.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { Random } from "../../src/replay/random.ts";
import { assumeInputs } from "../../src/witness/assume.ts";
import { enforceInputs } from "../../src/witness/enforce.ts";
import type { InstructionInputs } from "../../src/witness/ledger.ts";
import { pricesOf, randomAccounts, TIME, withDefaults } from "../defaulting.ts";
import { assuming, enforcing, Venue } from "./enforcing.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";

/** As others compile them too. */
const plain = { optimise: false, attributed: false };
const compiled = () => compileTemplate({ file: enforcing, template: "Enforce", args: [2, 4, 2], ...plain });
const compiledAssume = () => compileTemplate({ file: assuming, template: "Assume", args: [2, 4, 2], ...plain });

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
  const { mark, funding, low, high } = prices.markets[slot]!;
  const { flagged, positions } = matcher.accounts[account];
  const held = positions[[0, 1, 2, 3, 2][slot]];
  const side = random.unit() < 0.9 ? (held > 0n ? 1 : 0) : random.integer(0, 1);
  const open = time - flagged > 60n ? time - flagged - 60n : 0n;
  const way = side === 0 ? high - mark + funding : mark - funding - low;
  const width = (way * (open > 600n ? 600n : open)) / 600n;
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
      const of = withDefaults({ insuranceLimit: random.pick([0n, 1_632n, 32_768n, 65_535n]), loose: random.pick([0n, 1_000n, 1_000_000n]) });
      const counts: Record<string, number> = {};
      const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);
      for (let i = 0; i < 12; i++) {
        const venue = new Venue(randomAccounts(random, pricesOf(of), 8, TIME), of, pricesOf(of, random.pick([100_000n, 92_000n, 107_000n]), {}, random.pick([0n, 0n, 3_000n, -2_500n])));
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
