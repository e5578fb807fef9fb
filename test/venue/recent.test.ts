// What was set last is kept: at least so many, at most twice as many, compared with a list of all that was set.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { Recent } from "../../src/venue/recent.ts";

describe("recent values", () => {
  it("are those that were set last, with the value of the last time", () => {
    const random = new Random(7);
    for (const least of [1, 2, 10]) {
      const recent = new Recent<number, number>(least);
      const set: [key: number, value: number][] = [];
      for (let value = 0; value < 1_000; value++) {
        const key = random.integer(0, 40);
        recent.set(key, value);
        set.push([key, value]);
        assert.ok(recent.size < 2 * least + 1);
        const last = new Map<number, number>();
        for (let i = set.length - 1; i >= 0 && last.size < least; i--) if (!last.has(set[i][0])) last.set(...set[i]);
        for (const [kept, its] of last) assert.equal(recent.get(kept), its);
        for (let other = 0; other <= 40; other++) {
          const found = recent.get(other);
          if (found !== undefined) assert.equal(found, set.findLast(([known]) => known === other)![1]);
        }
      }
    }
  });

  it("are nothing else", () => {
    const recent = new Recent<string, number>(2);
    for (const [value, key] of ["a", "b", "c", "d"].entries()) recent.set(key, value);
    assert.equal(recent.get("a"), undefined);
    assert.equal(recent.get("e"), undefined);
  });
});
