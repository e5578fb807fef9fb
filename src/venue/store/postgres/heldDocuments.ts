import type { Store } from "../store.ts";

type Listed = { name: string; text: string }[];

/** Documents held at once beyond those that stayed when it was last looked which are written. */
const ROOM = 1_000;
/** Documents of one write. */
const PIECE = 500;

/** Documents of a store that stands by: null where one is deleted. */
export class HeldDocuments {
  readonly #held = new Map<string, string | null>();
  #stayed = 0;

  put(changes: readonly (readonly [name: string, text: string | null])[]): void {
    for (const [name, text] of changes) this.#held.set(name, text);
  }

  get(name: string): string | null | undefined {
    return this.#held.get(name);
  }

  /** What a list of the store is with those that are held. */
  async amend([prefix, options = {}]: Parameters<Store["list"]>, list: Store["list"]): Promise<Listed> {
    const { after = "", before, limit = Infinity, reverse = false } = options;
    const own = [...this.#held].filter(([name]) => name.startsWith(prefix) && name > after && (before === undefined || name < before)); // prettier-ignore
    if (own.length === 0) return list(prefix, options);
    const there = await list(prefix, { ...options, ...(limit === Infinity ? {} : { limit: limit + own.length }) });
    const all = new Map([...there.map(({ name, text }) => [name, text] as const), ...own]);
    const sorted = [...all].flatMap(([name, text]) => (text === null ? [] : [{ name, text }])).sort((a, b) => (a.name < b.name ? -1 : 1)); // prettier-ignore
    return (reverse ? sorted.reverse() : sorted).slice(0, limit);
  }

  /** Lets go of what is written by now, where many are held. @param written  those of some names that are there */
  async drop(written: (names: readonly string[]) => Promise<readonly string[]>): Promise<void> {
    if (this.#held.size < 2 * this.#stayed + ROOM) return;
    for (const name of await written([...this.#held.keys()]))
      if (this.#held.get(name) !== null) this.#held.delete(name);
    this.#stayed = this.#held.size;
  }

  /** All of them, in pieces. */
  pieces(): Record<string, string | null>[] {
    const all = [...this.#held];
    return Array.from({ length: Math.ceil(all.length / PIECE) }, (_, i) => Object.fromEntries(all.slice(i * PIECE, (i + 1) * PIECE))); // prettier-ignore
  }

  /** Lets go of those that are written. */
  written(names: readonly string[]): void {
    for (const name of names) this.#held.delete(name);
  }
}
