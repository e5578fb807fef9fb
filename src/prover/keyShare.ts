import type { Point } from "./curve.ts";
import type { Engine } from "./engine/engine.ts";
import {
  cosetLength,
  evaluateRows,
  freeDomain,
  makeDomain,
  multiplyValues,
  packedLength,
  quotientNumbers,
  takeWitness,
  toCoset,
  type Domain,
} from "./engine/quotient.ts";
import { RowsBuilder, freeRows, type Rows } from "./engine/rows.ts";
import { SmallQuotient } from "./engine/smallQuotient.ts";
import { loadBases, sumOfProducts, type Bases } from "./engine/sum.ts";
import { COEFFICIENT_BYTES, checkCoefficients, openKeySections, type KeySections } from "./files/zkeySections.ts";
import type { Matrix, Polynomial, Share, SharedSource } from "./messages.ts";
import { SMALLEST_DOMAIN, type LoadPlan } from "./plan.ts";
import { badFile } from "./sections.ts";
import { pick, runs, sizeOf } from "./share.ts";

/** Records are read so many bytes at a time. */
const PIECE_BYTES = 1 << 21;
const SECTIONS = {
  b2: { group: "G2", bytes: 128, number: 7 },
  a: { group: "G1", bytes: 64, number: 5 },
  c: { group: "G1", bytes: 64, number: 8 },
  h: { group: "G1", bytes: 64, number: 9 },
} as const;
type PointSection = keyof typeof SECTIONS;

/** What one thread holds of a key, in its engine's memory. */
export interface KeyShare {
  readonly engine: Engine;
  readonly wires: number;
  readonly publicInputs: number;
  readonly share: Share;
  readonly bases: Record<PointSection, Bases>;
  readonly rows: Partial<Record<Matrix, Rows>>;
  readonly domain?: Domain;
  /** instead of rows and domain, where the domain is small and this thread has the matrices */
  readonly small?: SmallQuotient;
}

/** @throws TacitError FILE_FORMAT, SOURCE, OUT_OF_MEMORY */
export async function loadKeyShare(
  engine: Engine,
  source: SharedSource,
  { share, matrices, transforms }: LoadPlan,
): Promise<KeyShare> {
  const file = await openKeySections(source);
  const bases: Partial<Record<PointSection, Bases>> = {};
  const rows: Partial<Record<Matrix, Rows>> = {};
  let domain: Domain | undefined;
  try {
    for (const name of Object.keys(SECTIONS) as PointSection[])
      bases[name] = await loadPoints(engine, file, name, share);
    const small = matrices.length > 0 ? await loadMatrices(engine, file, matrices, rows) : undefined;
    if (transforms) domain = makeDomain(engine, file.power);
    const { wires, publicInputs } = file;
    return { engine, wires, publicInputs, share, bases: bases as Record<PointSection, Bases>, rows, domain, small };
  } catch (error) {
    free(engine, { bases, rows, domain });
    throw error;
  } finally {
    await file.close();
  }
}

export function freeKeyShare(share: KeyShare): void {
  free(share.engine, share);
}

type Held = Partial<Pick<KeyShare, "rows" | "domain">> & { bases: Partial<KeyShare["bases"]> };

function free(engine: Engine, { bases, rows = {}, domain }: Held): void {
  for (const { at } of Object.values(bases)) engine.heap.free(at);
  for (const matrix of Object.values(rows)) freeRows(engine, matrix);
  if (domain) freeDomain(engine, domain);
}

async function loadPoints(engine: Engine, file: KeySections, name: PointSection, share: Share): Promise<Bases> {
  const { group, bytes, number } = SECTIONS[name];
  const { count } = file.section(name);
  const bases = await loadBases(engine, group, sizeOf(count, share), async (to) => {
    const perPiece = PIECE_BYTES / bytes;
    const whole = new Uint8Array(PIECE_BYTES);
    let at = 0;
    for (let from = 0; from < count; from += perPiece) {
      const piece = whole.subarray(0, (Math.min(from + perPiece, count) - from) * bytes);
      await file.readInto(name, from, piece);
      for (const { start, end } of runs(count, share, from, from + perPiece)) {
        to.set(piece.subarray((start - from) * bytes, (end - from) * bytes), at);
        at += (end - start) * bytes;
      }
    }
  });
  if ("bad" in bases) throw badFile("zkey", "holds a point that is not on the curve, or not canonical", number);
  return bases;
}

/** Matrices go to `rows`, or all entries to what is returned where the domain is small. */
async function loadMatrices(
  engine: Engine,
  file: KeySections,
  matrices: readonly Matrix[],
  rows: Partial<Record<Matrix, Rows>>,
): Promise<SmallQuotient | undefined> {
  const { count } = file.section("coefficients");
  const small = file.domain < SMALLEST_DOMAIN ? new SmallQuotient(file.power) : undefined;
  const builders = matrices.map((matrix) => ({ matrix, builder: new RowsBuilder(matrix, count, file) }));
  const perPiece = Math.floor(PIECE_BYTES / COEFFICIENT_BYTES);
  const piece = new Uint8Array(perPiece * COEFFICIENT_BYTES);
  for (let from = 0; from < count; from += perPiece) {
    const entries = piece.subarray(0, (Math.min(from + perPiece, count) - from) * COEFFICIENT_BYTES);
    await file.readInto("coefficients", from, entries);
    const sound = small ? false : builders.every(({ builder }) => builder.add(entries));
    if (!sound) checkCoefficients(entries, file, from);
    small?.add(entries);
  }
  if (small) return small;
  for (const { matrix, builder } of builders) rows[matrix] = builder.build(engine, file.domain, file.wires);
  return undefined;
}

/** One proof in the making, as far as this thread has to do with it. */
export class ShareJob {
  readonly #key: KeyShare;
  readonly #witness: Uint8Array;
  /** address of the witness as rows take it */
  #packed: number | undefined;
  /** addresses of values on the domain, and on the coset */
  readonly #values: Partial<Record<Polynomial, number>> = {};
  readonly #extended: Partial<Record<Polynomial, number>> = {};

  constructor(key: KeyShare, witness: Uint8Array) {
    this.#key = key;
    this.#witness = witness;
  }

  /** Values of a matrix times the witness, on the domain. @returns them, where another thread wants them */
  rows(of: Matrix, copy: boolean): Uint8Array | undefined {
    const { engine, rows, domain } = this.#key;
    this.#packed ??= takeWitness(engine, this.#witness);
    const at = evaluateRows(engine, domain!, rows[of]!, this.#packed);
    this.#values[of] = at;
    return copy ? engine.heap.bytes(at, packedLength(domain!)).slice() : undefined;
  }

  /** Takes in what another thread computed. */
  put(of: Polynomial, where: "domain" | "coset", values: Uint8Array): void {
    const { heap } = this.#key.engine;
    const at = heap.alloc(values.length);
    heap.bytes(at, values.length).set(values);
    (where === "domain" ? this.#values : this.#extended)[of] = at;
  }

  /** c = a b, on the domain: what C w is if the witness is right. */
  multiply(): void {
    const { engine, domain } = this.#key;
    const { a, b } = this.#values;
    this.#values.c = multiplyValues(engine, domain!, a!, b!);
  }

  /** Values on the coset. @returns them, where another thread wants them */
  coset(of: Polynomial, copy: boolean): Uint8Array | undefined {
    const { engine, domain } = this.#key;
    const at = toCoset(engine, domain!, this.#values[of]!);
    this.#extended[of] = at;
    return copy ? engine.heap.bytes(at, cosetLength(domain!)).slice() : undefined;
  }

  /** (a b - c) on the coset, as numbers of 32 bytes. */
  quotient(): Uint8Array {
    const { engine, domain, small } = this.#key;
    if (small) return small.evaluate(this.#witness);
    const { a, b, c } = this.#extended;
    const numbers = quotientNumbers(engine, domain!, a!, b!, c!);
    this.#free();
    return numbers;
  }

  /** This thread's part of a sum over wires. For c: over private wires, and over the rows of the domain. */
  sum(of: "a" | "b" | "c", numbers?: Uint8Array): Point {
    const { engine, bases, share, wires, publicInputs } = this.#key;
    if (of !== "c") {
      const points = of === "a" ? bases.a : bases.b2;
      return sumOfProducts(engine, [{ bases: points, scalars: pick(this.#witness, wires, 32, share) }]);
    }
    const own = publicInputs + 1;
    return sumOfProducts(engine, [
      { bases: bases.c, scalars: pick(this.#witness.subarray(32 * own), wires - own, 32, share) },
      { bases: bases.h, scalars: numbers! },
    ]);
  }

  end(): void {
    this.#free();
  }

  #free(): void {
    const { heap } = this.#key.engine;
    for (const held of [this.#values, this.#extended])
      for (const of of Object.keys(held) as Polynomial[]) {
        heap.free(held[of]!);
        delete held[of];
      }
    if (this.#packed !== undefined) heap.free(this.#packed);
    this.#packed = undefined;
  }
}
