import type { Point } from "../../protocol/babyjub.ts";

/** Keys that have a table at most. */
const MOST = 256;
/** A table that was used in so many checks is not given away: where more keys take turns, some have tables and the rest none. */
const IN_USE = 4 * MOST;

interface Table {
  /** with x the whole key: of the two points with this x, one is in the subgroup */
  readonly y: bigint;
  readonly at: number;
  used: number;
}

/** Where the tables of the keys lie that sign often. A table costs as much as some checks, so the second check of a key has it made. */
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

  /** The table of a key, or undefined. */
  find({ x, y }: Point): number | undefined {
    this.#checks++;
    const table = this.#tables.get(x);
    if (table?.y !== y) return undefined;
    table.used = this.#checks;
    this.#tables.delete(x);
    this.#tables.set(x, table);
    return table.at;
  }

  /** Whether a key that has no table was looked for before. */
  isWanted({ x }: Point): boolean {
    if (this.#missed.delete(x)) return true;
    this.#missed.add(x);
    if (this.#missed.size > MOST) this.#missed.delete(this.#missed.values().next().value!);
    return false;
  }

  /** Where a table may be written that is not that of any key, or null while all are in use. */
  room(): number | null {
    if (this.#tables.size < MOST) return this.#alloc();
    const [x, { at, used }] = this.#tables.entries().next().value!;
    if (this.#checks - used < IN_USE) return null;
    this.#tables.delete(x);
    return at;
  }

  /** Enters a key of the subgroup, whose table has been written. */
  enter({ x, y }: Point, at: number): void {
    this.#tables.set(x, { y, at, used: this.#checks });
  }
}
