import { makeScenario } from "../src/replay/scenario.ts";
import type { LobsterMessage } from "../src/replay/lobster.ts";
import { Random } from "../src/replay/random.ts";
import { flowOf } from "../src/replay/flow.ts";
import { Matcher, type Command } from "../src/matcher/matcher.ts";
import { PROFILES, type InstructionName, type Profile } from "../src/protocol/instructions.ts";
import type { CircuitInputs } from "../src/prover/index.ts";
import { Ledger, type InstructionInputs } from "../src/witness/ledger.ts";
import { RoundBuilder } from "../src/witness/round.ts";

const SEED = 7;
const ORDERS = 88;

/** Inputs of one instruction of a busy round: of the demonstration's, or of one of 400 accounts with a full book. */
export function inputsOf(name: InstructionName, profile: Profile): CircuitInputs {
  const found = busyRound(profile).filter((step) => step.name === name);
  return found[Math.floor(found.length / 2)].inputs as CircuitInputs;
}

/** The instructions of such a round. */
export function busyRound(profile: Profile): InstructionInputs[] {
  return profile.depth === PROFILES.standard.depth ? fullBook(profile) : demonstration(profile);
}

function demonstration(profile: Profile) {
  const { genesis, commands, deposits, view, operatorSecret } = makeScenario({ seed: SEED, domain: 12_345n });
  const credits: Command[] = [];
  for (let at = 0; at < deposits.length; at += profile.deposit) {
    const some = deposits.slice(at, at + profile.deposit);
    credits.push({ kind: "deposits", time: genesis.time + 1n, deposits: some });
  }
  return stepsOf(profile, genesis, { view }, [...credits, ...commands], operatorSecret);
}

function fullBook(profile: Profile) {
  const random = new Random(SEED);
  const messages = Array.from({ length: ORDERS }, (_, i): LobsterMessage => {
    const side = (i % 2) as 0 | 1;
    const better = BigInt(random.integer(-5, 12)) * 100n;
    return {
      line: i + 1,
      seconds: 36_000 + Math.floor(i / 4),
      type: "order",
      id: 1000 + i,
      size: BigInt(random.integer(1, 900)),
      price: 1_000_000n + (side === 0 ? better : -better),
      side,
    } as LobsterMessage;
  });
  const flow = flowOf(messages, { profile, accounts: 400, every: 300, seed: SEED, signed: true });
  return stepsOf(profile, flow.genesis, flow.options, flow.commands, flow.operatorSecret);
}

type Genesis = ConstructorParameters<typeof Matcher>[0];

function stepsOf(
  profile: Profile,
  genesis: Omit<Genesis, "profile">,
  options: ConstructorParameters<typeof Matcher>[1],
  commands: Iterable<Command>,
  operatorSecret: bigint,
) {
  const random = new Random(SEED);
  const matcher = new Matcher({ ...genesis, profile }, options);
  const ledger = new Ledger({ ...genesis, profile, blind: () => random.bits(248) });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret });
  for (const command of commands) for (const event of matcher.apply(command)) builder.add(event);
  return builder.close();
}
