/**
 * Totality at the ends: whatever a legal genesis file and a legal log hold, each instruction of the round has a witness, and
 * shows what the ledger says. A round is a venue and a log, both drawn from one seed; matcher and witness builder decide.
 */
import { inspect } from "node:util";
import { Random } from "../../src/replay/random.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import type { GenesisFile } from "../../src/protocol/genesis.ts";
import { INSTRUCTIONS, publicInputNames, templateArguments } from "../../src/protocol/instructions.ts";
import { decodeItem } from "../../src/protocol/item.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import { Draw } from "./extremes/draw.ts";
import { Log } from "./extremes/log.ts";
import { Seen } from "./extremes/seen.ts";
import { drawVenue, operatorSecret, PROFILE, view } from "./extremes/venue.ts";
import { compileTemplate, type Circuit } from "./harness.ts";

export { EXTREMES, Seen } from "./extremes/seen.ts";

export type Circuits = ReadonlyMap<string, Circuit>;

export async function compileCircuits(): Promise<Circuits> {
  const circuits = new Map<string, Circuit>();
  for (const { name, template } of INSTRUCTIONS) {
    // No log that is drawn has their commands: reprice.test.ts and configureRanges.test.ts draw at the ends of their ranges.
    if (name === "reprice" || name === "configure") continue;
    const file = `circuits/instructions/${template.toLowerCase()}.circom`;
    circuits.set(name, await compileTemplate({ file, template, args: templateArguments(name, PROFILE) }));
  }
  return circuits;
}

/** An instruction without a witness, or with another one than the ledger's; or a step before it that threw. */
export interface Failure {
  /** index of the instruction in the round, and of how many; null: matcher or builder threw */
  readonly at: { readonly index: number; readonly count: number } | null;
  /** of the instruction, or of the step */
  readonly name: string;
  readonly message: string;
  readonly genesis: GenesisFile;
  /** as many as were taken */
  readonly commands: readonly Command[];
}

export interface Outcome {
  readonly failure: Failure | null;
  readonly instructions: number;
}

/** The round of a seed. */
export function playRound(circuits: Circuits, seed: number, seen = new Seen()): Outcome {
  const draw = new Draw(new Random(seed));
  const genesis = drawVenue(draw);
  seen.genesis(genesis);
  const matcher = open(genesis);
  const log = new Log(draw, genesis, matcher);
  return play(circuits, genesis, matcher, log.commands(), seen);
}

/** The same failure with as few commands as can be found by leaving out some. */
export function shrink(circuits: Circuits, failure: Failure): Failure {
  let least = failure;
  for (let size = least.commands.length >> 1; size >= 1; size >>= 1)
    for (let start = 0; start < least.commands.length;) {
      const commands = least.commands.toSpliced(start, size);
      const found = play(circuits, failure.genesis, open(failure.genesis), commands).failure;
      if (found && found.name === failure.name && place(found) === place(failure)) least = found;
      else start += size;
    }
  return least;
}

/** What a developer needs to see of a failure. */
export function described({ at, name, message, genesis, commands }: Failure): string {
  const show = (value: unknown) => inspect(value, { depth: 6, breakLength: 120, maxArrayLength: null });
  const { markets } = genesis.rules;
  const used = (slot: number) => markets[slot] && { slot, rules: markets[slot], prices: genesis.prices.markets[slot] };
  return [
    `${name}${at ? `, instruction ${at.index + 1} of ${at.count}` : ""}: ${message}`,
    "commands:",
    ...commands.map((command) => show(readable(command))),
    "markets:",
    ...markets.flatMap((_, slot) => used(slot) ?? []).map(show),
    `group, time: ${show({ ...genesis.rules.group, epoch: genesis.prices.epoch, time: genesis.time })}`,
    `accounts at genesis: ${show(genesis.accounts.map(({ nonce, cash, open, flagged, positions }) => ({ nonce, cash, open, flagged, positions })))}`,
  ].join("\n");
}

function readable(command: Command): unknown {
  if (command.kind !== "item") return command;
  const decoded = decodeItem(command.item);
  return decoded ? { time: command.time, ...decoded, auth: command.auth } : command;
}

/** Where a circuit or a step failed, without values. */
function place({ message }: Failure): string {
  return message.replaceAll(/\d{5,}/g, "");
}

function open(genesis: GenesisFile): Matcher {
  return new Matcher({ ...genesis, profile: PROFILE }, { view });
}

function play(
  circuits: Circuits,
  genesis: GenesisFile,
  matcher: Matcher,
  commands: Iterable<Command>,
  seen?: Seen,
): Outcome {
  let blind = 0n;
  const ledger = new Ledger({ ...genesis, profile: PROFILE, blind: () => ++blind });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret });
  const taken: Command[] = [];
  let step = "log";
  let instructions: InstructionInputs[] = [];
  const failed = (at: Failure["at"], name: string, message: string): Outcome => ({
    failure: { at, name, message, genesis, commands: taken },
    instructions: instructions.length,
  });
  try {
    for (const command of commands) {
      taken.push(command);
      step = "matcher";
      const events = matcher.apply(command);
      step = "witness builder";
      for (const event of events) {
        builder.add(event);
        seen?.event(event, genesis);
      }
      step = "log";
    }
    step = "witness builder";
    instructions = builder.close();
  } catch (error) {
    return failed(null, step, String((error as Error).stack));
  }
  for (const [index, { name, inputs, publicInputs }] of instructions.entries()) {
    const at = { index, count: instructions.length };
    let shown: bigint[];
    try {
      shown = circuits.get(name)!.publicValues(inputs, publicInputs.length);
    } catch (error) {
      return failed(at, name, (error as Error).message.trim());
    }
    const wrong = publicInputNames(name).filter((_, i) => shown[i] !== publicInputs[i]);
    if (wrong.length > 0) return failed(at, name, `${wrong.join(", ")} differ from the ledger's`);
  }
  return { failure: null, instructions: instructions.length };
}
