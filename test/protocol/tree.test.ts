// Goal: the sparse tree is the tree of all 4^depth leaves, at any time and after any order of changes.
// Method: random changes against a plain full computation, seed printed on failure.
import assert from "node:assert/strict";
import fc from "fast-check";
import { hash } from "../../src/protocol/poseidon.ts";
import { rootOf, Tree } from "../../src/protocol/tree.ts";

const depth = 2;
const size = 4 ** depth;

function fullRoot(leaves: bigint[]): bigint {
  if (leaves.length === 1) return leaves[0];
  const parents = Array.from({ length: leaves.length / 4 }, (_, i) => hash("node", leaves.slice(4 * i, 4 * i + 4)));
  return fullRoot(parents);
}

const change = fc.record({ index: fc.nat(size - 1), leaf: fc.bigInt(0n, 3n), look: fc.boolean() });

describe("tree", () => {
  it("has the root of all its leaves, after any changes", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const tree = new Tree(depth);
        const leaves = Array.from({ length: size }, () => 0n);
        for (const { index, leaf, look } of changes) {
          tree.set(index, leaf);
          leaves[index] = leaf;
          if (look) assert.equal(tree.root, fullRoot(leaves));
        }
        assert.equal(tree.root, fullRoot(leaves));
        assert.equal(new Tree(depth, tree.entries()).root, tree.root);
        leaves.forEach((leaf, index) => assert.equal(rootOf({ index, leaf, path: tree.path(index) }), tree.root));
      }),
      { numRuns: 10 },
    );
  });

  it("copies are independent", () => {
    const tree = new Tree(depth, [[5, 7n]]);
    const copy = tree.clone();
    copy.set(5, 8n);
    assert.equal(tree.root, new Tree(depth, [[5, 7n]]).root);
    assert.equal(copy.root, new Tree(depth, [[5, 8n]]).root);
  });

  it("is followed by a copy that takes over its changes, at no hash", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 5 }), (rounds) => {
        const tree = new Tree(depth, [[3, 9n]]);
        const follower = tree.clone();
        tree.changes();
        for (const changes of rounds) {
          for (const { index, leaf, look } of changes) {
            tree.set(index, leaf);
            if (look) assert.ok(tree.root);
          }
          const taken = tree.changes();
          follower.update(taken);
          assert.deepEqual(follower.entries(), tree.entries());
          const { root } = tree;
          // No leaf of it is stale: what it has are the nodes that it was given.
          assert.equal(follower.root, root);
          for (let index = 0; index < size; index++) assert.deepEqual(follower.path(index), tree.path(index));
        }
        assert.deepEqual(
          tree.changes().map(({ size: count }) => count),
          [0, 0, 0],
        );
      }),
      { numRuns: 30 },
    );
  });

  it("refuses an index that is not there", () => {
    for (const index of [-1, size, 0.5, Number.NaN])
      assert.throws(() => new Tree(depth).get(index), { code: "OUT_OF_RANGE" });
  });
});
