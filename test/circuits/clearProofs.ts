/** What the tests of Clear share: markets before a command, and the circuits, which accept or refuse what is made of them. */
import assert from "node:assert/strict";
import type { BookEntry, Cancel } from "../../src/protocol/book.ts";
import { publicInputNames } from "../../src/protocol/instructions.ts";
import { PHASE, RULE, SIDE } from "../../src/protocol/parameters.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import type { InstructionInputs, Ledger } from "../../src/witness/ledger.ts";
import {
  AUCTION,
  clearEvent,
  type ClearEvent,
  inputsOf,
  ledgerOf,
  MIDPOINT,
  order,
  prices,
  PROFILE,
  type Situation,
  START,
} from "./clearing.ts";
import { type Circuit, compileTemplate, expectNoWitness } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";

export type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

export const file = "circuits/instructions/clear.circom";
export const SEED = Number(process.env.SEED ?? 20_261_125);
export const EXPECTED_PUBLIC = publicInputNames("auction").length;
export const { buy, sell } = SIDE;

/** Orders of an auction at the mark, 1,000: 9 lots trade; of the long side 3 lots fill whole and 2 of 6 at the price. */
export function situation(changes: Partial<Situation> = {}): Situation {
  const book = [
    order({ account: 2, nonce: 1n, side: buy, limit: 1_010n, remaining: 4n }),
    order({ account: 3, nonce: 1n, side: sell, limit: 990n, remaining: 3n }),
    order({ account: 2, nonce: 2n, side: buy, limit: 1_000n, remaining: 3n }),
    order({ account: 4, nonce: 1n, side: buy, limit: 1_000n, remaining: 6n }),
  ];
  const admitted = [
    order({ account: 5, nonce: 1n, side: sell, limit: 1_000n, remaining: 6n }),
    order({ account: 5, nonce: 2n, side: sell, limit: 1_010n, remaining: 2n }),
  ];
  return { slot: AUCTION, command: "close", time: START, book, admitted, cancels: [], prices, ...changes };
}

/** The same with more entries than one proof walks. */
export function longSituation(changes: Partial<Situation> = {}): Situation {
  const { book, admitted } = situation();
  const more = [1n, 2n, 3n].map((nonce) => order({ account: 6, nonce, side: buy, limit: 970n, remaining: nonce }));
  return situation({ book: [...more, ...book], admitted, ...changes });
}

export const single = (account: number, nonce: bigint): Cancel => ({ account, nonce, all: false });
export const all = (account: number, nonce: bigint): Cancel => ({ account, nonce, all: true });

/** At the midpoint walk order alone counts: the first bid has the worst limit that takes part. */
export function midpointSituation(changes: Partial<Situation> = {}): Situation {
  const book = [
    order({ account: 2, nonce: 1n, side: buy, limit: 1_000n, remaining: 4n }),
    order({ account: 3, nonce: 1n, side: sell, limit: 995n, remaining: 6n }),
    order({ account: 4, nonce: 1n, side: buy, limit: 1_020n, remaining: 4n }),
  ];
  return situation({ slot: MIDPOINT, book, admitted: [], ...changes });
}

const at = (side: number, limit: bigint, remaining: bigint, changes: Partial<BookEntry> = {}) =>
  order({ account: 2, nonce: 1n, side, limit, remaining, ...changes });
export const bid = (limit: bigint, lots: bigint, changes: Partial<BookEntry> = {}) => at(buy, limit, lots, changes);
export const ask = (limit: bigint, lots: bigint, changes: Partial<BookEntry> = {}) => at(sell, limit, lots, changes);
export const market = (book: BookEntry[], admitted: BookEntry[] = [], changes: Partial<Situation> = {}) =>
  situation({ book, admitted, ...changes });

/** Declares that the circuits are compiled before the tests of a suite; what those ask of them. */
export function clearProofs() {
  remembersHashes();
  const circuits = {} as Record<"auction" | "midpoint", Circuit>;
  before(async () => {
    const compile = (rule: number) => compileTemplate({ file, template: "Clear", args: [PROFILE.clear, rule] });
    Object.assign(circuits, { auction: await compile(RULE.auction), midpoint: await compile(RULE.midpoint) });
  });
  const circuitOf = ({ name }: InstructionInputs) => circuits[name as "auction" | "midpoint"];
  const outputs = (circuit: Circuit, inputs: any) => circuit.publicValues(inputs, EXPECTED_PUBLIC);

  /** Proves every instruction: public outputs are the ledger's. */
  function accept(instructions: readonly InstructionInputs[]): void {
    for (const instruction of instructions)
      assert.deepEqual(outputs(circuitOf(instruction), instruction.inputs), [...instruction.publicInputs]);
  }

  /** Fresh instructions of a situation, and the ledger after them. */
  function build(from: Situation, event = clearEvent(from)): { instructions: InstructionInputs[]; ledger: Ledger } {
    const ledger = ledgerOf(from);
    return { instructions: clearInstructions(ledger, event), ledger };
  }

  /** The builder believes the lie; some proof of the list has no witness, or leads to another state. */
  function refuse(what: string, from: Situation, lie: (event: Mutable<ClearEvent>) => void): void {
    const event = structuredClone(clearEvent(from)) as Mutable<ClearEvent>;
    lie(event);
    const { instructions } = build(from, event as ClearEvent);
    const broken = instructions.some((instruction) => {
      try {
        const found = outputs(circuitOf(instruction), instruction.inputs);
        return found.some((value, i) => value !== instruction.publicInputs[i]);
      } catch (error) {
        assert.match((error as Error).message, /Assert Failed/);
        return true;
      }
    });
    assert.equal(broken, true, what);
  }

  /** With the changed inputs of one proof there is no witness at all. */
  function refuseInputs(what: string, instruction: InstructionInputs, change: (inputs: any) => void): void {
    const inputs = inputsOf(instruction);
    change(inputs);
    try {
      expectNoWitness(circuitOf(instruction), inputs);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }

  /** With them there may be one, but the sweep has not ended, and from there it never can: a head is unknown. */
  function neverEnds(what: string, instruction: InstructionInputs, change: (inputs: any) => void): void {
    const inputs = inputsOf(instruction);
    change(inputs);
    let phase;
    try {
      phase = outputs(circuitOf(instruction), inputs)[2];
    } catch (error) {
      assert.match((error as Error).message, /Assert Failed/);
      return;
    }
    assert.equal(phase, BigInt(PHASE.clearing(Number(inputs.slot))), what);
  }

  return { circuits, circuitOf, outputs, accept, build, refuse, refuseInputs, neverEnds };
}
