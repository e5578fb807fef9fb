import { BASE8, ORDER, type Point, type Signed } from "../../protocol/babyjub.ts";
import { FIELD } from "../../protocol/numbers.ts";
import { mod } from "../curve.ts";
import { ENTRY, RECORD_BYTES, WINDOW_BITS } from "./layout.ts";
import { ROOT, TWICE_D } from "./curve.ts";
import { KeyTables } from "./keyTables.ts";
import type { LaneKernels } from "./lanes.ts";
import type { Poseidon } from "./poseidon.ts";

const MULTIPLES = 1 << (WINDOW_BITS - 1);
const BASE_BITS = 6;
const BASE_MULTIPLES = 1 << (BASE_BITS - 1);
const AFFINE_BYTES = ENTRY.z;
/** Digits of scalars below 2^28, below l, and below 8 l. */
const SMALL = 8;
const SHORT = 63;
const LONG = 64;
const BASE_DIGITS = 42;
const INPUTS = 5;
/** A table of a key: 0, and of each digit of a scalar below l the multiples that `table` makes. */
const DIGIT_BYTES = MULTIPLES * ENTRY.bytes;
const KEY_BYTES = ENTRY.bytes + SHORT * DIGIT_BYTES;

/** Multiplication and the check of signatures, as many at once as the kernels have lanes. */
export class Signatures {
  readonly #kernels: LaneKernels;
  readonly #poseidon: Poseidon;
  /** four blocks each: the running sum, and a point that is read */
  readonly #sum: number;
  readonly #point: number;
  /** blocks of Rx, Ry, Ax, Ay; and two more */
  readonly #inputs: number;
  readonly #entries: number;
  /** where the lanes' entries lie, from the table on; records that name entry 1 */
  readonly #places: number;
  readonly #one: number;
  readonly #keys: KeyTables;
  /** places of the lanes' tables of keys; the records for the digit that is written; and where lanes write that need none */
  readonly #keyPlaces: number;
  readonly #keyRecords: number;
  #unused = 0;
  readonly #digits: number;
  readonly #baseDigits: number;
  /** entries of the multiples of BASE8, made when first asked for */
  #base = 0;
  readonly #baseEntries: () => readonly bigint[];

  /** @param baseEntries  what `baseEntries` of an instance with one lane gives */
  constructor(kernels: LaneKernels, poseidon: Poseidon, baseEntries: () => readonly bigint[]) {
    this.#kernels = kernels;
    this.#poseidon = poseidon;
    this.#baseEntries = baseEntries;
    const { heap, form } = kernels;
    const { lanes, blockBytes } = form;
    [this.#sum, this.#point] = [0, 1].map(() => heap.alloc(4 * blockBytes));
    this.#inputs = heap.alloc(INPUTS * blockBytes);
    const tableBytes = (MULTIPLES + 1) * ENTRY.bytes;
    this.#entries = heap.alloc(lanes * tableBytes);
    this.#places = heap.alloc(4 * lanes);
    this.#one = heap.alloc(RECORD_BYTES * lanes);
    this.#keys = new KeyTables(() => heap.alloc(KEY_BYTES));
    this.#keyPlaces = heap.alloc(4 * lanes);
    this.#keyRecords = heap.alloc(RECORD_BYTES * lanes);
    this.#digits = heap.alloc(LONG * RECORD_BYTES * lanes);
    this.#baseDigits = heap.alloc(BASE_DIGITS * RECORD_BYTES * lanes);
    for (let lane = 0; lane < lanes; lane++) {
      heap.words(this.#places, lanes)[lane] = lane * tableBytes;
      const entry = this.#entries + lane * tableBytes;
      this.#record(this.#one, lane, entry + ENTRY.bytes, 0);
      kernels.packed(entry, [1n, 1n, 0n, 2n]);
    }
  }

  /** Checks S BASE8 = R8 + h 8 A, A in the subgroup and not 0, for points of the curve and 0 <= S < l. */
  verify(some: readonly Signed[]): boolean[] {
    const kernels = this.#kernels;
    const { lanes, blockBytes } = kernels.form;
    this.#base ||= this.#writeBase();
    const at = (lane: number) => some[Math.min(lane, some.length - 1)];
    const state = this.#poseidon.load(INPUTS, () => {
      for (let lane = 0; lane < lanes; lane++) {
        const { key, message, signature } = at(lane);
        [0n, signature.R8x, signature.R8y, key.x, key.y, message].forEach((x, i) => kernels.put(i, lane, x));
      }
    });
    const inputs = this.#inputs;
    kernels.heap.bytes(inputs, 4 * blockBytes).set(kernels.heap.bytes(state + blockBytes, 4 * blockBytes));
    const [Rx, Ry, Ax, Ay] = [0, 1, 2, 3].map((i) => inputs + blockBytes * i);
    kernels.write(this.#poseidon.run(INPUTS));
    const tables = this.#tablesOf(some, Ax, Ay);
    for (let lane = 0; lane < lanes; lane++) {
      const table = tables?.[Math.min(lane, some.length - 1)];
      this.#recode((8n * kernels.get(lane)) % ORDER, SHORT, lane, true, table);
      this.#recodeBase(at(lane).signature.S, lane);
    }
    let valid = ~0;
    if (tables) {
      kernels.kernel("zero")(this.#sum);
      kernels.kernel("sum")(this.#sum, this.#digits, SHORT);
    } else {
      valid = kernels.kernel("inSubgroup")(Ax, Ay);
      kernels.kernel("point")(this.#point, Ax, Ay);
      this.#walk(SHORT);
    }
    kernels.kernel("sumAffine")(this.#sum, this.#baseDigits, BASE_DIGITS);
    const equal = kernels.kernel("equals")(this.#sum, Rx, Ry) & valid;
    return some.map((_, lane) => ((equal >> lane) & 1) === 1);
  }

  /** Whether the key is checked from a table. */
  hasTable(key: Point): boolean {
    return this.#keys.has(key);
  }

  /** The tables of the keys, or null where one has none: each key of the subgroup gets one when it is met again. */
  #tablesOf(some: readonly Signed[], x: number, y: number): number[] | null {
    const find = () => some.map(({ key }) => this.#keys.find(key));
    let tables = find();
    let valid: number | undefined;
    const entered = some.flatMap(({ key }, lane) => {
      const inSubgroup = () => (((valid ??= this.#kernels.kernel("inSubgroup")(x, y)) >> lane) & 1) === 1;
      const at = tables[lane] === undefined ? this.#keys.enter(key, inSubgroup) : undefined;
      return at === undefined ? [] : [{ lane, at }];
    });
    if (entered.length > 0) {
      this.#writeTables(entered, x, y);
      for (const { lane } of entered) this.#keys.complete(some[lane].key);
      tables = find();
    }
    return tables.every((table) => table !== undefined) ? tables : null;
  }

  /** Writes the tables of the keys of these lanes. */
  #writeTables(entered: readonly { lane: number; at: number }[], x: number, y: number): void {
    const { heap, form } = this.#kernels;
    this.#unused ||= heap.alloc(KEY_BYTES);
    const places = Array<number>(form.lanes).fill(this.#unused);
    for (const { lane, at } of entered) places[lane] = at;
    heap.words(this.#keyPlaces, form.lanes).set(places);
    for (const at of places) this.#kernels.packed(at, [1n, 1n, 0n, 2n]);
    const record = (entry: number) =>
      places.forEach((table, lane) => this.#record(this.#keyRecords, lane, table + entry, 0));
    this.#kernels.kernel("point")(this.#point, x, y);
    for (let digit = 0; digit < SHORT; digit++) {
      const before = digit * DIGIT_BYTES;
      record(before + ENTRY.bytes);
      this.#kernels.kernel("table")(this.#point, before, this.#keyPlaces, this.#keyRecords);
      // The point has become 8 times itself, and becomes 16 times what it was.
      record(before + DIGIT_BYTES);
      this.#kernels.kernel("sum")(this.#point, this.#keyRecords, 1);
    }
  }

  /** Whether points of the curve are in the subgroup and not 0. */
  inSubgroup(points: readonly Point[]): boolean[] {
    const kernels = this.#kernels;
    this.#readPoints(points);
    const mask = kernels.kernel("inSubgroup")(this.#inputs, this.#inputs + kernels.form.blockBytes);
    return points.map((_, lane) => ((mask >> lane) & 1) === 1);
  }

  /** scalar * point, of one point of the curve; the kernels have one lane. */
  multiply(scalar: bigint, point: Point): Point {
    const kernels = this.#kernels;
    const sum = this.#sum;
    const isBase = point.x === BASE8.x && point.y === BASE8.y;
    if (isBase) {
      this.#base ||= this.#writeBase();
      this.#recodeBase(scalar % ORDER, 0);
      kernels.kernel("zero")(sum);
      kernels.kernel("sumAffine")(sum, this.#baseDigits, BASE_DIGITS);
    } else {
      this.#readPoints([point]);
      kernels.kernel("point")(this.#point, this.#inputs, this.#inputs + kernels.form.blockBytes);
      const short = scalar < 1n << 28n;
      this.#recode(scalar % (8n * ORDER), short ? SMALL : LONG, 0, false);
      this.#walk(short ? SMALL : LONG);
    }
    return this.#affine();
  }

  /** The numbers of all entries of BASE8: for each digit of 6 bits of a scalar, its multiples 0 to 32. One lane. */
  baseEntries(): bigint[] {
    const numbers: bigint[] = [];
    const enter = ({ x, y }: Point) => {
      const scaled = (x * ROOT) % FIELD;
      numbers.push(mod(y - scaled, FIELD), (y + scaled) % FIELD, (((TWICE_D * scaled) % FIELD) * y) % FIELD);
    };
    const step = (): Point => {
      this.#kernels.kernel("walk")(this.#sum, this.#one, 1);
      return this.#affine();
    };
    const start = (point: Point) => {
      this.#readPoints([point]);
      this.#kernels.kernel("point")(this.#point, this.#inputs, this.#inputs + this.#kernels.form.blockBytes);
      this.#kernels.kernel("table")(this.#point, this.#entries, this.#places, this.#one);
      this.#kernels.kernel("zero")(this.#sum);
    };
    let point: Point = BASE8;
    for (let digit = 0; digit < BASE_DIGITS; digit++) {
      start(point);
      enter({ x: 0n, y: 1n });
      for (let i = 1; i <= BASE_MULTIPLES; i++) enter((point = step()));
      start(point);
      step();
      point = step();
    }
    return numbers;
  }

  #writeBase(): number {
    const numbers = this.#baseEntries();
    const at = this.#kernels.heap.alloc(32 * numbers.length);
    this.#kernels.packed(at, numbers);
    return at;
  }

  /** Of the sum; one lane. */
  #affine(): Point {
    const kernels = this.#kernels;
    const { blockBytes } = kernels.form;
    const at = this.#inputs;
    kernels.heap.bytes(at, 3 * blockBytes).set(kernels.heap.bytes(this.#sum, 3 * blockBytes));
    kernels.kernel("affine")(at);
    kernels.write(at);
    const x = kernels.get(0);
    kernels.write(at + blockBytes);
    return { x, y: kernels.get(0) };
  }

  #readPoints(points: readonly Point[]): void {
    const kernels = this.#kernels;
    for (let lane = 0; lane < kernels.form.lanes; lane++) {
      const { x, y } = points[Math.min(lane, points.length - 1)];
      kernels.put(0, lane, x);
      kernels.put(1, lane, y);
    }
    kernels.read(this.#inputs, 2);
  }

  /** The sum becomes the point times what was recoded. */
  #walk(digits: number): void {
    const kernels = this.#kernels;
    kernels.kernel("table")(this.#point, this.#entries, this.#places, this.#one);
    kernels.kernel("zero")(this.#sum);
    kernels.kernel("walk")(this.#sum, this.#digits, digits);
  }

  /**
   * Digits of 4 bits from -7 to 8, the highest first, of a scalar or of minus it.
   * @param keyTable  takes each digit from a table of a key, not from that of the lane
   */
  #recode(scalar: bigint, digits: number, lane: number, negate: boolean, keyTable?: number): void {
    const { lanes } = this.#kernels.form;
    const table = keyTable ?? this.#entries + lane * (MULTIPLES + 1) * ENTRY.bytes;
    const digitBytes = keyTable === undefined ? 0 : DIGIT_BYTES;
    const bytes = this.#kernels.bytesOf(scalar);
    let carry = 0;
    for (let i = 0; i < digits; i++) {
      let digit = ((bytes[i >> 1] >> (4 * (i & 1))) & 15) + carry;
      carry = digit > MULTIPLES ? 1 : 0;
      digit -= carry << WINDOW_BITS;
      const negative = digit < 0 !== negate ? 1 : 0;
      const entry = digit === 0 ? table : table + i * digitBytes + Math.abs(digit) * ENTRY.bytes;
      this.#record(this.#digits, (digits - 1 - i) * lanes + lane, entry, negative);
    }
  }

  /** Digits of 6 bits from -31 to 32. */
  #recodeBase(scalar: bigint, lane: number): void {
    const { lanes } = this.#kernels.form;
    const bytes = this.#kernels.bytesOf(scalar);
    let carry = 0;
    for (let i = 0; i < BASE_DIGITS; i++) {
      const bit = BASE_BITS * i;
      const pair = bytes[bit >> 3] | (bytes[(bit >> 3) + 1] << 8);
      let digit = ((pair >> (bit & 7)) & (2 * BASE_MULTIPLES - 1)) + carry;
      carry = digit > BASE_MULTIPLES ? 1 : 0;
      digit -= carry << BASE_BITS;
      const entry = this.#base + (i * (BASE_MULTIPLES + 1) + Math.abs(digit)) * AFFINE_BYTES;
      this.#record(this.#baseDigits, i * lanes + lane, entry, digit < 0 ? 1 : 0);
    }
  }

  #record(list: number, index: number, entry: number, negative: number): void {
    const at = (list + RECORD_BYTES * index) >> 2;
    const words = this.#kernels.words32;
    words[at] = entry + (negative ? ENTRY.sum : 0);
    words[at + 1] = entry + (negative ? 0 : ENTRY.sum);
    words[at + 2] = entry | negative;
  }
}
