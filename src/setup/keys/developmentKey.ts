/**
 * Development keys: Groth16 keys whose secrets everybody can compute. They cost seconds instead of a ceremony, prove
 * nothing to anybody, and say so inside. All circuits share tau, alpha and beta; each has its own delta; gamma is 1.
 */
import { createHash } from "node:crypto";
import { readKernel } from "#prover-runtime";
import { BASE_FIELD, SCALAR_FIELD, inverse } from "../../prover/curve.ts";
import { detectBackend, enableRelaxedSimd } from "../../prover/engine/backend.ts";
import { Engine, type Backend } from "../../prover/engine/engine.ts";
import { openKey, type VerificationKeyJson } from "../../prover/files/zkey.ts";
import { COEFFICIENT_BYTES } from "../../prover/files/zkeySections.ts";
import { readR1cs, type R1cs } from "../../prover/r1cs.ts";
import { dataView, writeSections } from "../../prover/sections.ts";
import { fixedBase, type FixedBase } from "./fixedBase.ts";
import { addMultiple, constant, LANES, toNumbers } from "./lists.ts";
import { littleEndian, wordsOf } from "./littleEndian.ts";
import { domainPower, oddLagrangeAtTau, ONE, qapAtTau, withKeyCoefficients, type QapAtTau } from "./qap.ts";

/** Raise it when the same circuit gets another key: cached keys of another version are made anew. */
export const DEVELOPMENT_KEY_VERSION = 1;
/** Stands in the key as the name of its only contribution. */
export const DEVELOPMENT_MARK = "tacit development key, forgeable by anyone";

const LABEL = "tacit development tau: everyone knows it";

export interface Secrets {
  tau: bigint;
  alpha: bigint;
  beta: bigint;
  gamma: bigint;
  delta: bigint;
}

/** @param r1csHash  sha256 of the circuit's .r1cs, in hex */
export function developmentSecrets(r1csHash: string): Secrets {
  const [tau, alpha, beta] = ["tau", "alpha", "beta"].map((name) => secret(`${LABEL} / ${name}`));
  return { tau, alpha, beta, gamma: 1n, delta: secret(`${LABEL} / delta / ${r1csHash}`) };
}

/** 512 bits reduced, so without bias; 0 and 1 are left out, as a delta of 1 would equal gamma. */
function secret(label: string): bigint {
  const hash = createHash("sha512").update(label).digest("hex");
  return 2n + (BigInt(`0x${hash}`) % (SCALAR_FIELD - 2n));
}

export interface DevelopmentKey {
  /** a whole .zkey file */
  zkey: Uint8Array;
  verificationKey: VerificationKeyJson;
  domainPower: number;
}

/**
 * The development key of a circuit.
 * @param file        a .r1cs file
 * @param onProgress  called with the share that is done, 0 to 1
 * @param backend     of the kernels; what this engine runs best, if not given
 * @throws TacitError FILE_FORMAT, OUT_OF_MEMORY; NOT_BUILT when the kernels are not
 */
export async function developmentKey(
  file: Uint8Array,
  onProgress: (fraction: number) => void = () => {},
  backend?: Backend,
): Promise<DevelopmentKey> {
  const r1csHash = createHash("sha256").update(file).digest("hex");
  const r1cs = readR1cs(file);
  const zkey = writeKey(await startEngine(backend), r1cs, r1csHash, onProgress);
  const { verificationKey, power } = await openKey(zkey);
  onProgress(1);
  return { zkey, verificationKey, domainPower: power };
}

const modules: Partial<Record<Backend, WebAssembly.Module>> = {};

/** The prover's kernels on memory of their own; compiled once, as code gets faster while it is kept. */
async function startEngine(wanted?: Backend): Promise<Engine> {
  if (wanted !== "scalar") enableRelaxedSimd();
  const backend = wanted ?? detectBackend();
  const module = (modules[backend] ??= await WebAssembly.compile((await readKernel(backend)) as BufferSource));
  return Engine.start(module, backend);
}

function writeKey(engine: Engine, plain: R1cs, r1csHash: string, onProgress: (fraction: number) => void): Uint8Array {
  const r1cs = withKeyCoefficients(engine, plain);
  const { wires } = r1cs;
  const publics = r1cs.outputs + r1cs.publicInputs;
  const domain = domainPower(r1cs);
  const size = 1 << domain;
  const secrets = developmentSecrets(r1csHash);
  const { tau, gamma, delta } = secrets;
  const columns = qapAtTau(engine, r1cs, tau);
  const ic = combine(engine, columns, publics + 1, secrets, gamma);
  const combined = combine(engine, columns, wires, secrets, delta);
  const odd = oddLagrangeAtTau(engine, domain, tau, inverse(delta, SCALAR_FIELD));
  for (const [list, count] of [
    [columns.a, wires],
    [columns.b, wires],
    [odd, size],
  ])
    toNumbers(engine, list, Math.ceil(count / LANES));
  onProgress(0.1);

  // An addition in G2 costs about three in G1.
  const inA = nonZero(engine, columns.a, wires);
  const inB = nonZero(engine, columns.b, wires);
  const inG1 = inA + inB + wires + size;
  const whole = inG1 + 3 * inB;
  let done = 0;
  const points = (base: FixedBase, scalars: number, count: number, weight: number) => {
    const before = done;
    done += weight;
    return base.multiply(scalars, count, (finished) =>
      onProgress(0.1 + (0.85 * (before + (finished / count) * weight)) / whole),
    );
  };
  const few = (base: FixedBase, values: bigint[]): Uint8Array[] => {
    const { heap } = engine;
    const all = heap.scoped((alloc) => {
      const scalars = alloc(32 * values.length);
      values.forEach((value, i) => heap.writeInteger(scalars + 32 * i, value));
      return base.multiply(scalars, values.length);
    });
    const bytes = all.length / values.length;
    return values.map((_, i) => all.subarray(bytes * i, bytes * (i + 1)));
  };

  const g1 = fixedBase(engine, "G1", inG1);
  const [one, alpha1, beta1, delta1] = few(g1, [1n, secrets.alpha, secrets.beta, delta]);
  const pointsIc = points(g1, ic, publics + 1, publics + 1);
  const pointsC = points(g1, combined + 32 * (publics + 1), wires - publics - 1, wires - publics - 1);
  const pointsA = points(g1, columns.a, wires, inA);
  const pointsB1 = points(g1, columns.b, wires, inB);
  const pointsH = points(g1, odd, size, size);
  const g2 = fixedBase(engine, "G2", inB);
  const [beta2, gamma2, delta2] = few(g2, [secrets.beta, gamma, delta]);
  const pointsB2 = points(g2, columns.b, wires, 3 * inB);

  const header = new Uint8Array(84);
  const view = dataView(header);
  view.setUint32(0, 32, true);
  header.set(littleEndian(BASE_FIELD), 4);
  view.setUint32(36, 32, true);
  header.set(littleEndian(SCALAR_FIELD), 40);
  [wires, publics, size].forEach((value, index) => view.setUint32(72 + 4 * index, value, true));

  return writeSections("zkey", 1, [
    [1, Uint8Array.of(1, 0, 0, 0)],
    [2, concat([header, alpha1, beta1, beta2, gamma2, delta1, delta2])],
    [3, pointsIc],
    [4, coefficients(r1cs, publics)],
    [5, pointsA],
    [6, pointsB1],
    [7, pointsB2],
    [8, pointsC],
    [9, pointsH],
    [10, contributions(r1csHash, { delta1, delta2, one })],
  ]);
}

/** By wire, for the first `count` of them: (beta u_j + alpha v_j + w_j) / divisor, as numbers. */
function combine(
  engine: Engine,
  { a, b, c }: QapAtTau,
  count: number,
  { alpha, beta }: Secrets,
  divisor: bigint,
): number {
  const blocks = Math.ceil(count / LANES);
  const over = inverse(divisor, SCALAR_FIELD);
  const list = constant(engine, 0n, blocks);
  addMultiple(engine, list, a, beta * over, blocks);
  addMultiple(engine, list, b, alpha * over, blocks);
  addMultiple(engine, list, c, over, blocks);
  toNumbers(engine, list, blocks);
  return list;
}

/** Entries of A and B, from which the prover computes the rows: matrix, row, wire, coefficient. */
function coefficients({ a, b, constraints }: R1cs, publics: number): Uint8Array {
  const count = a.wires.length + b.wires.length + publics + 1;
  const section = new Uint32Array(1 + (count * COEFFICIENT_BYTES) / 4);
  section[0] = count;
  let at = 1;
  const put = (matrix: number, row: number, wire: number, words: Uint32Array, from: number) => {
    section[at++] = matrix;
    section[at++] = row;
    section[at++] = wire;
    for (let i = 0; i < 8; i++) section[at++] = words[from + i];
  };
  const matrices = [a, b].map((matrix) => ({ ...matrix, words: wordsOf(matrix.coefficients) }));
  for (let row = 0; row < constraints; row++)
    matrices.forEach(({ starts, wires, words }, matrix) => {
      for (let i = starts[row]; i < starts[row + 1]; i++) put(matrix, row, wires[i], words, 8 * i);
    });
  for (let wire = 0; wire <= publics; wire++) put(0, constraints + wire, wire, ONE, 0);
  return new Uint8Array(section.buffer);
}

/**
 * The record of contributions that snarkjs shows: one, whose name is the mark. Its proof of knowledge is filled with
 * the points at hand, so snarkjs's own verification of the key refuses it, as it should.
 */
function contributions(
  r1csHash: string,
  { delta1, delta2, one }: Record<"delta1" | "delta2" | "one", Uint8Array>,
): Uint8Array {
  const circuit = createHash("sha512").update(`${DEVELOPMENT_MARK} / ${r1csHash}`).digest();
  const transcript = createHash("sha512").update(DEVELOPMENT_MARK).digest();
  const mark = new TextEncoder().encode(DEVELOPMENT_MARK);
  const name = concat([Uint8Array.of(1, mark.length), mark]);
  return concat([circuit, u32(1), delta1, one, delta1, delta2, transcript, u32(0), u32(name.length), name]);
}

function nonZero({ heap }: Engine, numbers: number, count: number): number {
  const words = heap.words(numbers, 8 * count);
  let found = 0;
  for (let at = 0; at < words.length; at += 8) if (words.subarray(at, at + 8).some((word) => word !== 0)) found++;
  return found;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  dataView(bytes).setUint32(0, value, true);
  return bytes;
}

function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
