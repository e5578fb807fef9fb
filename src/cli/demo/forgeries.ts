import { readFile } from "node:fs/promises";
import { builtFiles, circuitFolder } from "../../setup/build.ts";
import { TacitError } from "../../protocol/errors.ts";
import { publicInputNames, type InstructionName } from "../../protocol/instructions.ts";
import type { CircuitInputs } from "../../prover/index.ts";
import { WitnessProgram } from "../../prover/witness.ts";
import type { InstructionInputs } from "../../witness/ledger.ts";

/** Something that an operator might try, as inputs of one instruction. */
export interface Forgery {
  readonly name: string;
  /** index of the instruction in its round */
  readonly at: number;
  readonly inputs: CircuitInputs;
}

type Inputs = Record<string, bigint & bigint[]>;

/** A changed price, a skipped order and a forged fill, each from the honest inputs of a round. */
export function forgeriesOf(instructions: readonly InstructionInputs[], tick: bigint): Forgery[] {
  const find = (...names: InstructionName[]) => instructions.findIndex(({ name }) => names.includes(name));
  const [auction, settle] = [find("auction"), find("settle", "settleRuns")];
  const of = (at: number) => instructions[at].inputs as Inputs;
  const { price, words, active } = of(auction);
  const forge = (name: string, at: number, changes: object): Forgery => ({
    name,
    at,
    inputs: { ...instructions[at].inputs, ...changes } as CircuitInputs,
  });
  // The second order left out, the others moved up.
  const shifted = (list: bigint[]) => [list[0], ...list.slice(2), 0n];
  const [first, ...others] = instructions[settle].inputs.words as bigint[][];
  // One lot more for the first fill: `lots` begins above account (20 bits) and closed (1 bit).
  const richer = [[first[0] + (1n << 21n), ...first.slice(1)], ...others];
  return [
    forge("price one tick higher", auction, { price: price + tick }),
    forge("price one tick lower", auction, { price: price - tick }),
    forge("an order skipped", auction, { words: shifted(words), active: shifted(active) }),
    forge("a fill one lot larger", settle, { words: richer }),
  ];
}

/**
 * What the circuit says of a forgery.
 * @returns why no witness exists; or the public inputs of the one that does, which then prove something else
 */
export async function attempt(
  instruction: InstructionInputs,
  { inputs }: Forgery,
): Promise<{ refused: string } | { publicInputs: bigint[] }> {
  const { wasm } = builtFiles(circuitFolder("demo", instruction.name));
  const program = await WitnessProgram.start(await WebAssembly.compile(new Uint8Array(await readFile(wasm))));
  try {
    const witness = program.calculate(inputs);
    const word = (i: number) =>
      BigInt(`0x${Buffer.from(witness.slice(32 * i, 32 * i + 32).reverse()).toString("hex")}`);
    return { publicInputs: publicInputNames(instruction.name).map((_, i) => word(i + 1)) };
  } catch (error) {
    if (error instanceof TacitError && error.code === "WITNESS") {
      const { template, line } = error.details as { template?: string; line?: number };
      return { refused: `no witness exists (${template}, line ${line})` };
    }
    throw error;
  }
}
