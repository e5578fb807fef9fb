import { outOfRange } from "./errors.ts";
import { hash, hashMany } from "./poseidon.ts";

/** Nodes that have changed, by level: 0 the leaves. */
export type TreeChanges = readonly ReadonlyMap<number, bigint>[];

/**
 * A sparse 4-ary Merkle tree of 4^depth leaves. A node is hash("node", four children); an empty leaf is 0, and an empty
 * node is the hash of four empty children. Hashes are computed only when `root` or `path` is asked for.
 * @twins circuits/lib/tree.circom
 */
export class Tree {
  readonly depth: number;
  /** Nodes that are not empty, by level: 0 the leaves, depth the root. */
  readonly #levels: Map<number, bigint>[];
  /** Value of an empty node of each level. */
  readonly #empty: bigint[];
  /** Leaves whose ancestors are stale. */
  readonly #stale = new Set<number>();
  /** nodes that were set since `changes` was asked last, once it was */
  #changed: Map<number, bigint>[] | null = null;

  /** @param entries  leaves that are not empty, as `entries()` gives them */
  constructor(depth: number, entries: Iterable<readonly [index: number, leaf: bigint]> = []) {
    if (!Number.isInteger(depth) || depth < 1 || depth > 24) throw outOfRange("depth", "an integer from 1 to 24");
    this.depth = depth;
    this.#levels = Array.from({ length: depth + 1 }, () => new Map());
    this.#empty = emptyNodes(depth);
    for (const [index, leaf] of entries) this.set(index, leaf);
  }

  get(index: number): bigint {
    return this.#node(0, this.#checked(index));
  }

  set(index: number, leaf: bigint): void {
    if (this.get(index) === leaf) return;
    this.#put(0, index, leaf);
    this.#stale.add(index);
  }

  get root(): bigint {
    this.#refresh();
    return this.#node(this.depth, 0);
  }

  /** The three siblings of each level from the leaf upwards, in the order of their places. */
  path(index: number): bigint[][] {
    this.#checked(index);
    this.#refresh();
    return Array.from({ length: this.depth }, (_, level) => {
      const at = Math.floor(index / 4 ** level);
      return this.#children(level, Math.floor(at / 4)).filter((_, place) => place !== at % 4);
    });
  }

  /** Leaves that are not empty, by rising index: a snapshot, from which `new Tree(depth, entries)` is the same tree. */
  entries(): [index: number, leaf: bigint][] {
    return [...this.#levels[0]].sort(([a], [b]) => a - b);
  }

  /** An independent copy, at no hash. */
  clone(): Tree {
    const copy = new Tree(this.depth);
    this.#levels.forEach((nodes, level) => nodes.forEach((value, at) => copy.#levels[level].set(at, value)));
    this.#stale.forEach((index) => copy.#stale.add(index));
    return copy;
  }

  /** What has changed since this was asked last, hashes included; the first time it only begins to count. */
  changes(): TreeChanges {
    this.#refresh();
    const changed = this.#changed ?? [];
    this.#changed = this.#levels.map(() => new Map());
    return changed;
  }

  /** Takes over what has changed in a tree that was as this one is: at no hash. */
  update(changes: TreeChanges): void {
    changes.forEach((nodes, level) => nodes.forEach((value, at) => this.#put(level, at, value)));
  }

  #put(level: number, at: number, value: bigint): void {
    if (value === this.#empty[level]) this.#levels[level].delete(at);
    else this.#levels[level].set(at, value);
    this.#changed?.[level].set(at, value);
  }

  #checked(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= 4 ** this.depth)
      throw outOfRange("index", `an integer from 0 to 4^${this.depth} - 1`);
    return index;
  }

  #node(level: number, at: number): bigint {
    return this.#levels[level].get(at) ?? this.#empty[level];
  }

  #children(level: number, parent: number): bigint[] {
    return [0, 1, 2, 3].map((place) => this.#node(level, 4 * parent + place));
  }

  #refresh(): void {
    let stale = new Set(this.#stale);
    for (let level = 0; level < this.depth && stale.size > 0; level++) {
      stale = new Set([...stale].map((at) => Math.floor(at / 4)));
      const full: { parent: number; children: bigint[] }[] = [];
      for (const parent of stale) {
        const children = this.#children(level, parent);
        if (children.every((child) => child === this.#empty[level]))
          this.#put(level + 1, parent, this.#empty[level + 1]);
        else full.push({ parent, children });
      }
      const hashes = hashMany(
        "node",
        full.map(({ children }) => children),
      );
      full.forEach(({ parent }, i) => this.#put(level + 1, parent, hashes[i]));
    }
    this.#stale.clear();
  }
}

const empty: bigint[] = [0n];

/** Values of an empty leaf and of empty nodes up to a level. */
export function emptyNodes(depth: number): bigint[] {
  while (empty.length <= depth)
    empty.push(
      hash(
        "node",
        [0, 1, 2, 3].map(() => empty[empty.length - 1]),
      ),
    );
  return empty.slice(0, depth + 1);
}

/** Root of the tree in which the leaf lies at the index beside these siblings. */
export function rootOf({ index, leaf, path }: { index: number; leaf: bigint; path: readonly bigint[][] }): bigint {
  let node = leaf;
  path.forEach((siblings, level) => {
    const children = [...siblings];
    children.splice(Math.floor(index / 4 ** level) % 4, 0, node);
    node = hash("node", children);
  });
  return node;
}
