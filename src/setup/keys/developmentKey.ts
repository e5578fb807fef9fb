/**
 * Development keys: Groth16 keys whose secrets everybody can compute. They cost seconds instead of a ceremony, prove
 * nothing to anybody, and say so inside. All circuits share tau, alpha and beta; each has its own delta; gamma is 1.
 */
import { createHash } from "node:crypto";
import { readR1cs, type R1cs } from "../../prover/r1cs.ts";
import { dataView, writeSections } from "../../prover/sections.ts";
import { fixedBase, type FixedBase } from "./fixedBase.ts";
import { domainPower, oddLagrangeAtTau, qapAtTau } from "./qap.ts";
import {
  BASE_FIELD,
  SCALAR_FIELD,
  inverse,
  mod,
  putField,
  singleThreaded,
  startWasmCurve,
  toMont,
  writeField,
  type WasmCurve,
} from "./wasmCurve.ts";

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
  /** a whole .zkey file, for snarkjs */
  zkey: Uint8Array;
  /** the verification key in snarkjs's form */
  verificationKey: object;
  domainPower: number;
}

/**
 * The development key of a circuit.
 * @param file        a .r1cs file
 * @param onProgress  called with the share that is done, 0 to 1
 */
export async function developmentKey(
  file: Uint8Array,
  onProgress: (fraction: number) => void = () => {},
): Promise<DevelopmentKey> {
  const r1csHash = createHash("sha256").update(file).digest("hex");
  const r1cs = readR1cs(file);
  const zkey = writeKey(await startWasmCurve(), r1cs, r1csHash, onProgress);
  const { zKey } = await singleThreaded();
  const verificationKey = (await zKey.exportVerificationKey(zkey)) as object;
  return { zkey, verificationKey, domainPower: domainPower(r1cs) };
}

function writeKey(curve: WasmCurve, r1cs: R1cs, r1csHash: string, onProgress: (fraction: number) => void): Uint8Array {
  const { wires } = r1cs;
  const publics = r1cs.outputs + r1cs.publicInputs;
  const domain = domainPower(r1cs);
  const size = 1 << domain;
  const secrets = developmentSecrets(r1csHash);
  const { tau, delta } = secrets;
  const columns = qapAtTau(curve, r1cs, tau);
  const combined = combine(curve, columns, wires, publics, secrets);
  const odd = oddLagrangeAtTau(curve, domain, tau, inverse(delta));
  onProgress(0.1);

  // An addition in G2 costs about three in G1.
  const inG1 = nonZero(curve, columns.a, wires) + nonZero(curve, columns.b, wires) + wires + size;
  const inG2 = nonZero(curve, columns.b, wires);
  const whole = inG1 + 3 * inG2 + 1;
  let done = 0;
  const step = (weight: number) => {
    const before = done;
    done += weight;
    return (share: number) => onProgress(0.1 + (0.85 * (before + share * weight)) / whole);
  };
  const points = (base: FixedBase, scalars: number, count: number, weight: number) => {
    const progress = step(weight);
    return base.multiply(scalars, count, (finished) => progress(count === 0 ? 1 : finished / count));
  };

  const g1 = fixedBase(curve, "G1", inG1);
  const header1 = points(g1, putScalars(curve, [secrets.alpha, secrets.beta, delta]), 3, 0);
  const [alpha1, beta1, delta1] = [0, 1, 2].map((i) => header1.subarray(64 * i, 64 * (i + 1)));
  const pointsIc = points(g1, combined, publics + 1, publics + 1);
  const pointsC = points(g1, combined + 32 * (publics + 1), wires - publics - 1, wires - publics - 1);
  const pointsA = points(g1, columns.a, wires, nonZero(curve, columns.a, wires));
  const pointsB1 = points(g1, columns.b, wires, inG2);
  const pointsH = points(g1, odd, size, size);
  const g2 = fixedBase(curve, "G2", inG2);
  const header2 = points(g2, putScalars(curve, [secrets.beta, secrets.gamma, delta]), 3, 0);
  const [beta2, gamma2, delta2] = [0, 1, 2].map((i) => header2.subarray(128 * i, 128 * (i + 1)));
  const pointsB2 = points(g2, columns.b, wires, 3 * inG2);

  const header = new Uint8Array(84);
  const view = dataView(header);
  view.setUint32(0, 32, true);
  header.set(littleEndian(BASE_FIELD), 4);
  view.setUint32(36, 32, true);
  header.set(littleEndian(SCALAR_FIELD), 40);
  [wires, publics, size].forEach((value, index) => view.setUint32(72 + 4 * index, value, true));

  const file = writeSections("zkey", 1, [
    [1, Uint8Array.of(1, 0, 0, 0)],
    [2, concat([header, alpha1, beta1, beta2, gamma2, delta1, delta2])],
    [3, pointsIc],
    [4, coefficients(curve, r1cs, publics)],
    [5, pointsA],
    [6, pointsB1],
    [7, pointsB2],
    [8, pointsC],
    [9, pointsH],
    [10, contributions(r1csHash, delta1, delta2, g1.multiply(putScalars(curve, [1n]), 1))],
  ]);
  onProgress(1);
  return file;
}

/** By wire: beta u_j + alpha v_j + w_j, over gamma for the public values and over delta for the others. */
function combine(
  curve: WasmCurve,
  { a, b, c }: { a: number; b: number; c: number },
  wires: number,
  publics: number,
  { alpha, beta, gamma, delta }: Secrets,
): number {
  const { frm_mul: multiply, frm_add: add } = curve.call;
  const [alphaAt, betaAt] = [alpha, beta].map((value) => putField(curve, toMont(value)));
  const [overGamma, overDelta] = [gamma, delta].map((value) => putField(curve, toMont(inverse(value))));
  const term = curve.alloc(32);
  const combined = curve.alloc(wires * 32);
  for (let wire = 0; wire < wires; wire++) {
    const [at, out] = [wire * 32, combined + wire * 32];
    multiply(a + at, betaAt, out);
    multiply(b + at, alphaAt, term);
    add(out, term, out);
    add(out, c + at, out);
    multiply(out, wire <= publics ? overGamma : overDelta, out);
  }
  return combined;
}

/** Entries of A and B, from which the prover computes the rows: matrix, row, wire, coefficient times R^2. */
function coefficients(curve: WasmCurve, r1cs: R1cs, publics: number): Uint8Array {
  const ENTRY = 12 + 32;
  const mark = curve.mark();
  const count = r1cs.a.wires.length + r1cs.b.wires.length + publics + 1;
  const [inA, inB] = [r1cs.a, r1cs.b].map((matrix) => {
    const address = curve.alloc(matrix.coefficients.length);
    curve.bytes.set(matrix.coefficients, address);
    return address;
  });
  const one = putField(curve, 1n);
  // A Montgomery product divides by R: with R^3 a plain coefficient becomes itself times R^2.
  const cube = putField(curve, toMont(mod(1n << 512n)));
  const out = curve.alloc(count * ENTRY);
  const view = new DataView(curve.memory.buffer, out, count * ENTRY);
  let at = 0;
  const put = (matrix: number, row: number, wire: number, coefficient: number) => {
    view.setUint32(at, matrix, true);
    view.setUint32(at + 4, row, true);
    view.setUint32(at + 8, wire, true);
    curve.call.frm_mul(coefficient, cube, out + at + 12);
    at += ENTRY;
  };
  for (let row = 0; row < r1cs.constraints; row++) {
    for (let i = r1cs.a.starts[row]; i < r1cs.a.starts[row + 1]; i++) put(0, row, r1cs.a.wires[i], inA + 32 * i);
    for (let i = r1cs.b.starts[row]; i < r1cs.b.starts[row + 1]; i++) put(1, row, r1cs.b.wires[i], inB + 32 * i);
  }
  for (let wire = 0; wire <= publics; wire++) put(0, r1cs.constraints + wire, wire, one);
  const section = new Uint8Array(4 + count * ENTRY);
  dataView(section).setUint32(0, count, true);
  section.set(curve.bytes.subarray(out, out + count * ENTRY), 4);
  curve.free(mark);
  return section;
}

/**
 * The record of contributions that snarkjs shows: one, whose name is the mark. Its proof of knowledge is filled with
 * the points at hand, so snarkjs's own verification of the key refuses it, as it should.
 */
function contributions(r1csHash: string, delta1: Uint8Array, delta2: Uint8Array, one: Uint8Array): Uint8Array {
  const circuit = createHash("sha512").update(`${DEVELOPMENT_MARK} / ${r1csHash}`).digest();
  const transcript = createHash("sha512").update(DEVELOPMENT_MARK).digest();
  const mark = new TextEncoder().encode(DEVELOPMENT_MARK);
  const name = concat([Uint8Array.of(1, mark.length), mark]);
  return concat([circuit, u32(1), delta1, one, delta1, delta2, transcript, u32(0), u32(name.length), name]);
}

function nonZero(curve: WasmCurve, scalars: number, count: number): number {
  const { words } = curve;
  let found = 0;
  for (let at = scalars / 4; at < scalars / 4 + count * 8; at += 8)
    if (
      words[at] |
      words[at + 1] |
      words[at + 2] |
      words[at + 3] |
      words[at + 4] |
      words[at + 5] |
      words[at + 6] |
      words[at + 7]
    )
      found++;
  return found;
}

function putScalars(curve: WasmCurve, values: bigint[]): number {
  const address = curve.alloc(32 * values.length);
  values.forEach((value, index) => writeField(curve, address + 32 * index, value));
  return address;
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
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
