import type { Point } from "../../protocol/babyjub.ts";

/** Keys that have a table at most. */
const MOST = 256;
/** Checks after which a table that was not used may be given to another key: where more keys sign, some have tables and the rest none. */
const UNUSED = 64 * MOST;

interface Table {
  /** of the key: the other point of the curve with its x is another key, and has no table, as it is outside the subgroup */
  readonly y: bigint;
  readonly at: number;
  used: number;
  /** only then is it found: zeros would let any signature pass */
  isWritten: boolean;
}

/** Where the tables of the keys lie that sign often. A table costs as much as some ten checks: the second check of a key has it made. */
export class KeyTables {
  readonly #alloc: () => number;
  /** by x, the one that was not used for the longest time first */
  readonly #tables = new Map<bigint, Table>();
  /** x of keys without a table that were looked for of late */
  readonly #missed = new Set<bigint>();
  #checks = 0;

  /** @param alloc  memory for one table more */
  constructor(alloc: () => number) {
    this.#alloc = alloc;
  }

  has(key: Point): boolean {
    return this.#of(key) !== undefined;
  }

  #of({ x, y }: Point): Table | undefined {
    const table = this.#tables.get(x);
    return table?.y === y && table.isWritten ? table : undefined;
  }

  /** The table of a key, for a check, or undefined. */
  find(key: Point): number | undefined {
    this.#checks++;
    const { x } = key;
    const table = this.#of(key);
    if (!table) return undefined;
    table.used = this.#checks;
    this.#tables.delete(x);
    this.#tables.set(x, table);
    return table.at;
  }

  /**
   * Where the table of a key that has none is to be written: if it was looked for before, and there is room.
   * @param inSubgroup  asked last
   */
  enter({ x, y }: Point, inSubgroup: () => boolean): number | undefined {
    if (this.#tables.has(x)) return undefined;
    if (!this.#missed.delete(x)) {
      this.#missed.add(x);
      if (this.#missed.size > MOST) this.#missed.delete(this.#missed.values().next().value!);
      return undefined;
    }
    const [oldest] = this.#tables.size < MOST ? [] : this.#tables;
    if ((oldest && this.#checks - oldest[1].used < UNUSED) || !inSubgroup()) return undefined;
    if (oldest) this.#tables.delete(oldest[0]);
    const at = oldest ? oldest[1].at : this.#alloc();
    this.#tables.set(x, { y, at, used: this.#checks, isWritten: false });
    return at;
  }

  /** Says that the table of a key that was entered is written. */
  complete({ x }: Point): void {
    this.#tables.get(x)!.isWritten = true;
  }
}
