/**
 * The values that were set last, by key: at least `least` of them, at most twice as many. None is ever deleted from a Map:
 * to find its oldest takes longer the more have gone before, and for the rest see threads.ts.
 */
export class Recent<Key, Value> {
  readonly #least: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(least: number) {
    this.#least = least;
  }

  /** Values that are held: one that was set again may count twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: Key, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#least) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
