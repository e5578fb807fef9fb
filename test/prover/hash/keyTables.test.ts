// Goal: who signs often has a table, whoever else signs; memory is bounded.
// Method: keys in turns, and where their tables are said to lie.
import assert from "node:assert/strict";
import { KeyTables } from "../../../src/prover/hash/keyTables.ts";

const MOST = 256;
const keyOf = (i: number) => ({ x: BigInt(i), y: BigInt(1_000 + i) });

function tables() {
  let used = 0;
  const keys = new KeyTables(() => ++used);
  /** A check of a signature, as the kernels do it. */
  const check = (i: number): number | undefined => {
    const key = keyOf(i);
    const found = keys.find(key);
    if (found !== undefined) return found;
    const at = keys.enter(key, () => i % 1_000 !== 999);
    if (at !== undefined) keys.complete(key);
    return at;
  };
  return { keys, check, used: () => used };
}

describe("tables of keys", () => {
  it("the second check of a key has its table made, the third finds it", () => {
    const { check } = tables();
    assert.deepEqual([check(7), check(7), check(7), check(8)], [undefined, 1, 1, undefined]);
  });

  it("a key outside the subgroup has none, and takes nobody's", () => {
    const { check, used } = tables();
    for (let i = 0; i < 5; i++) assert.equal(check(999), undefined);
    assert.equal(used(), 0);
  });

  it("a table that was never written is never found", () => {
    const { keys } = tables();
    assert.equal(
      keys.enter(keyOf(7), () => true),
      undefined,
    );
    assert.equal(
      keys.enter(keyOf(7), () => true),
      1,
    );
    for (let i = 0; i < 3; i++)
      assert.deepEqual(
        [keys.find(keyOf(7)), keys.has(keyOf(7)), keys.enter(keyOf(7), () => true)],
        [undefined, false, undefined],
      );
    keys.complete(keyOf(7));
    assert.deepEqual([keys.find(keyOf(7)), keys.has(keyOf(7))], [1, true]);
  });

  it("a key that is met in several lanes at once has one table", () => {
    const { keys, used } = tables();
    const lanes = Array.from({ length: 8 }, () => keys.enter(keyOf(7), () => true));
    assert.deepEqual([lanes.filter((at) => at !== undefined), used()], [[1], 1]);
  });

  it("a point with the x of a key is not that key", () => {
    const { keys, check } = tables();
    for (let i = 0; i < 3; i++) check(7);
    assert.equal(keys.find({ x: keyOf(7).x, y: 1n }), undefined);
  });

  it("as many keys as there is room for all have tables of their own, and there are no more of them", () => {
    const { check, used } = tables();
    for (let round = 0; round < 2; round++) for (let i = 0; i < MOST; i++) check(i);
    assert.equal(new Set(Array.from({ length: MOST }, (_, i) => check(i))).size, MOST);
    for (let round = 0; round < 20; round++) for (let i = 0; i < 4 * MOST; i++) check(i);
    assert.equal(used(), MOST);
  });

  it("tables that are in use are not given away, however many others take turns", () => {
    const { check } = tables();
    for (let round = 0; round < 3; round++) for (let i = 0; i < MOST; i++) check(i);
    for (let round = 0; round < 20; round++) for (let i = 0; i < 2 * MOST; i++) check(i);
    for (let i = 0; i < MOST; i++) assert.notEqual(check(i), undefined);
  });

  it("a key that stays away loses its table to one that signs", () => {
    const { check, used } = tables();
    for (let round = 0; round < 3; round++) for (let i = 0; i < MOST; i++) check(i);
    for (let i = 0; i < 65 * MOST; i++) check(1 + (i % (MOST - 1)));
    check(MOST);
    assert.equal(check(MOST), check(MOST));
    assert.notEqual(check(MOST), undefined);
    assert.equal(check(0), undefined);
    assert.equal(used(), MOST);
  });
});
