import { createHash } from "node:crypto";
import {
  CIRCUIT_NAMES,
  publicInputNames,
  type CircuitName,
  type InstructionName,
} from "../../src/protocol/instructions.ts";
import type { Proof } from "../../src/protocol/proof.ts";
import { prepareKeys, type VerifyingKeys } from "../../src/verifier/keys.ts";
import { FIELD, G1, G2, type PointG1, type PointG2 } from "../../src/verifier/points.ts";
import type { ProvenInstruction, Round } from "../../src/verifier/round.ts";

/**
 * Keys whose secrets we keep: whoever knows alpha, beta, gamma and delta of a setup proves any public inputs, without a
 * circuit. All instructions share alpha, beta and gamma (the generator, as snarkjs leaves it), as in a real venue.
 */
export class Simulator {
  readonly files: Record<CircuitName, KeyFile>;
  readonly keys: VerifyingKeys;
  readonly #alpha: bigint;
  readonly #beta: bigint;
  readonly #secrets: Record<CircuitName, { delta: bigint; ic: bigint[] }>;
  readonly #seed: string;
  #drawn = 0;

  constructor(seed: string) {
    this.#seed = seed;
    this.#alpha = this.random();
    this.#beta = this.random();
    this.#secrets = byName((name) => ({
      delta: this.random(),
      ic: Array.from({ length: publicInputNames(name).length + 1 }, () => this.random()),
    }));
    this.files = byName((name) => {
      const { delta, ic } = this.#secrets[name];
      return {
        protocol: "groth16",
        curve: "bn128",
        nPublic: ic.length - 1,
        vk_alpha_1: jsonG1(G1.BASE.multiply(this.#alpha)),
        vk_beta_2: jsonG2(G2.BASE.multiply(this.#beta)),
        vk_gamma_2: jsonG2(G2.BASE),
        vk_delta_2: jsonG2(G2.BASE.multiply(delta)),
        IC: ic.map((secret) => jsonG1(G1.BASE.multiply(secret))),
      };
    });
    this.keys = prepareKeys(this.files);
  }

  /** A scalar in [1, FIELD), the same for every run of a seed. */
  random(): bigint {
    const text = `${this.#seed} ${this.#drawn++}`;
    return (BigInt("0x" + createHash("sha512").update(text).digest("hex")) % (FIELD - 1n)) + 1n;
  }

  prove(name: CircuitName, publicInputs: readonly bigint[]): Proof {
    const { delta, ic } = this.#secrets[name];
    const a = this.random();
    const b = this.random();
    const inputs = [1n, ...publicInputs].reduce((sum, x, i) => sum + x * ic[i], 0n);
    const c = mod((a * b - this.#alpha * this.#beta - inputs) * inverse(delta));
    return { a: pairG1(G1.BASE.multiply(a)), b: pairG2(G2.BASE.multiply(b)), c: pairG1(G1.BASE.multiply(c)) };
  }

  proven(name: InstructionName, publicInputs: readonly bigint[]): ProvenInstruction {
    return { name, publicInputs, proof: this.prove(name, publicInputs) };
  }

  /**
   * A valid round that starts at `state`. Each step names an instruction and the public inputs that matter; states are
   * random, a phase left out is 0, and other extras left out are random.
   */
  round(state: bigint, steps: readonly Step[]): Round {
    const instructions = steps.map((step) => {
      const values: Record<string, bigint> = { phaseAfter: 0n, ...step.inputs, state };
      const inputs = publicInputNames(step.name).map((name) => (values[name] ??= this.random()));
      state = values.stateAfter;
      return this.proven(step.name, inputs);
    });
    return { instructions };
  }
}

export interface Step {
  name: InstructionName;
  inputs?: Record<string, bigint>;
}

export interface KeyFile {
  protocol: string;
  curve: string;
  nPublic: number;
  vk_alpha_1: string[];
  vk_beta_2: string[][];
  vk_gamma_2: string[][];
  vk_delta_2: string[][];
  IC: string[][];
}

export function pairG1(point: PointG1): [bigint, bigint] {
  const { x, y } = point.toAffine();
  return [x, y];
}

export function pairG2(point: PointG2): [[bigint, bigint], [bigint, bigint]] {
  const { x, y } = point.toAffine();
  return [
    [x.c0, x.c1],
    [y.c0, y.c1],
  ];
}

export function jsonG1(point: PointG1): string[] {
  return [...pairG1(point).map(String), "1"];
}

export function jsonG2(point: PointG2): string[][] {
  return [...pairG2(point).map((pair) => pair.map(String)), ["1", "0"]];
}

export function mod(x: bigint): bigint {
  return ((x % FIELD) + FIELD) % FIELD;
}

export function inverse(x: bigint): bigint {
  let [base, power, result] = [mod(x), FIELD - 2n, 1n];
  for (; power > 0n; power >>= 1n, base = (base * base) % FIELD) if (power & 1n) result = (result * base) % FIELD;
  return result;
}

function byName<T>(make: (name: CircuitName) => T): Record<CircuitName, T> {
  return Object.fromEntries(CIRCUIT_NAMES.map((name) => [name, make(name)])) as Record<CircuitName, T>;
}
