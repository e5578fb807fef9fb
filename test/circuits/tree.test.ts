// Goal: circuits walk the same tree as src/protocol/tree.ts, and no witness proves another leaf, place or sibling.
// Method: random trees (seed printed on failure); forged witnesses.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { compileTemplate, type Circuit } from "./harness.ts";

const file = "circuits/lib/tree.circom";
const depth = 2;
const size = 4 ** depth;
const element = fc.bigInt(0n, FIELD - 1n);
const leaves = fc.array(fc.tuple(fc.nat(size - 1), element), { maxLength: 6 });
const bits = (index: number) => Array.from({ length: 2 * depth }, (_, j) => (index >> j) & 1);

// Siblings of leaf 6 that differ from each other, beside empty subtrees.
const some = new Tree(depth, [
  [0, 10n],
  [3, 13n],
  [6, 16n],
  [7, 17n],
  [15, 25n],
]);

describe("circuits/lib/tree", () => {
  let root: Circuit;
  let update: Circuit;
  before(async () => {
    root = await compileTemplate({ file, template: "Root", args: [depth], optimise: false });
    update = await compileTemplate({ file, template: "Update", args: [depth], optimise: false });
  });

  it("costs at most 302 a level to read and 602 to update", async () => {
    const limits = { Root: 302, Update: 602 };
    for (const [template, limit] of Object.entries(limits))
      assert.ok((await compileTemplate({ file, template, args: [depth] })).constraints <= limit * depth, template);
  });

  it("Root is the tree's root, for each leaf", () => {
    fc.assert(
      fc.property(leaves, fc.nat(size - 1), (entries, index) => {
        const tree = new Tree(depth, entries);
        const witness = root.witness({ index: bits(index), siblings: tree.path(index), leaf: tree.get(index) });
        assert.equal(root.read("root", witness), tree.root);
      }),
      { numRuns: 20 },
    );
  });

  it("Update has the roots before and after", () => {
    fc.assert(
      fc.property(leaves, fc.nat(size - 1), element, (entries, index, leafAfter) => {
        const tree = new Tree(depth, entries);
        const inputs = { index: bits(index), siblings: tree.path(index), leafBefore: tree.get(index), leafAfter };
        const witness = update.witness(inputs);
        assert.equal(update.read("rootBefore", witness), tree.root);
        tree.set(index, leafAfter);
        assert.equal(update.read("rootAfter", witness), tree.root);
      }),
      { numRuns: 20 },
    );
  });

  it("every place has its own root: no leaf is read at another place, no siblings in another order", () => {
    const inputs = { index: bits(6), siblings: some.path(6), leaf: some.get(6) };
    const honest = root.witness(inputs);
    assert.equal(root.satisfies(honest), true);
    const swapped = some.path(6).map(([a, b, c]) => [c, b, a]);
    const others = [
      ...[0, 5, 7, 10].map((index) => ({ ...inputs, index: bits(index) })),
      { ...inputs, siblings: swapped },
      { ...inputs, leaf: 17n },
    ];
    for (const other of others) {
      assert.notEqual(root.read("root", root.witness(other)), some.root);
      root.refuses(other, { root: some.root });
    }
  });

  it("no child is moved, doubled or dropped", () => {
    const inputs = { index: bits(6), siblings: some.path(6), leafBefore: 16n, leafAfter: 99n };
    const witness = update.witness(inputs);
    for (const array of ["one", "childrenBefore", "childrenAfter", "moved"])
      for (const name of [...update.signals.keys()].filter((key) => key.startsWith(`${array}[`))) {
        update.refuses(inputs, { [name]: update.read(name, witness) + 1n });
      }
    const notMoved = { "childrenAfter[0][2]": 16n, "childrenAfter[0][3]": 17n + 83n };
    assert.equal(update.satisfies(update.solveForged(inputs, notMoved)), false); // two rules
  });

  it("no root after is proven beside another root before", () => {
    const inputs = { index: bits(6), siblings: some.path(6), leafBefore: 16n, leafAfter: 99n };
    for (const name of ["rootBefore", "rootAfter"]) update.refuses(inputs, { [name]: 1n });
  });
});
