// Goal: the heap of an engine gives out memory that is free, takes it back whole, and says typed when there is no more.
// Method: chosen sequences, and random ones against a list of what is in use (seed in the name of the test).
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { Heap } from "../../../src/prover/engine/memory.ts";
import { hasCode } from "../../hasCode.ts";

const SEED = 20_260_351;
const PAGE = 65_536;
const START = 1024;

function heap(maximum = 64): Heap {
  return new Heap(new WebAssembly.Memory({ initial: 1, maximum }), START);
}

describe("heap", () => {
  it("pieces are aligned, and apart", () => {
    const own = heap();
    const pieces = [0, 1, 63, 64, 65, 1000].map((bytes) => own.alloc(bytes));
    assert.deepEqual(
      pieces,
      [0, 64, 128, 192, 256, 384].map((at) => START + at),
    );
    assert.equal(own.used, 6 * 64 + 64 + 1024 - 64);
  });

  it("neighbours that are free become one piece, in whatever order they are given back", () => {
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const own = heap();
      const three = [0, 1, 2].map(() => own.alloc(128));
      const last = own.alloc(64);
      for (const i of order) own.free(three[i]);
      assert.equal(own.alloc(384), START, `${order}`);
      own.free(START);
      own.free(last);
      assert.equal(own.used, 0);
      assert.equal(own.alloc(10 * PAGE), START, "the end moves back");
    }
  });

  it("the first piece that fits is used, and what is left of it", () => {
    const own = heap();
    const [small, , large] = [64, 64, 256, 64].map((bytes) => own.alloc(bytes));
    own.free(small);
    own.free(large);
    assert.equal(own.alloc(128), large);
    assert.equal(own.alloc(64), small);
    assert.equal(own.alloc(64), large + 128);
  });

  it("memory grows with what is asked for", () => {
    const own = heap();
    const at = own.alloc(3 * PAGE);
    own.bytes(at, 3 * PAGE).fill(1);
    assert.equal(own.memory.buffer.byteLength, 4 * PAGE);
    own.free(at);
    own.alloc(3 * PAGE);
    assert.equal(own.memory.buffer.byteLength, 4 * PAGE);
  });

  for (const [why, bytes] of [
    ["more than the engine gives", 64 * PAGE],
    ["more than 4 GiB", 2 ** 32],
    ["far more", 2 ** 45],
  ] as const)
    it(`${why} is refused, and nothing is lost`, () => {
      const own = heap();
      const kept = own.alloc(100);
      assert.throws(() => own.alloc(bytes), hasCode("OUT_OF_MEMORY"));
      assert.equal(own.used, 128);
      assert.equal(own.alloc(64), kept + 128);
    });

  it("pieces of a scope are given back, also when it fails; those of others stay", () => {
    const own = heap();
    const kept = own.alloc(64);
    assert.equal(
      own.scoped((alloc) => {
        alloc(64);
        return own.scoped((inner) => inner(640));
      }),
      kept + 128,
    );
    assert.equal(own.used, 64);
    assert.throws(() =>
      own.scoped((alloc) => {
        alloc(64);
        throw new Error("within");
      }),
    );
    assert.equal(own.used, 64);
  });

  it("what is not in use can be freed without harm", () => {
    const own = heap();
    const at = own.alloc(64);
    own.free(at);
    own.free(at);
    own.free(12);
    assert.equal(own.alloc(64), at);
    assert.notEqual(own.alloc(64), at);
  });

  it("integers of 32 bytes", () => {
    const own = heap();
    const at = own.alloc(32);
    for (const value of [0n, 1n, (1n << 256n) - 1n, 0x0123456789abcdefn << 130n]) {
      own.writeInteger(at, value);
      assert.equal(own.readInteger(at), value);
    }
  });

  it(`pieces never overlap, and all comes back (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const own = heap(1024);
    const pieces = new Map<number, number>();
    for (let step = 0; step < 3_000; step++) {
      if (pieces.size > 0 && random.unit() < 0.48) {
        const at = random.pick([...pieces.keys()]);
        const bytes = own.bytes(at, pieces.get(at)!);
        assert.ok(bytes.every((byte) => byte === at % 251));
        own.free(at);
        pieces.delete(at);
      } else {
        const length = random.integer(1, 3000);
        const at = own.alloc(length);
        own.bytes(at, length).fill(at % 251);
        pieces.set(at, length);
      }
      const rounded = [...pieces.values()].reduce((sum, length) => sum + Math.ceil(length / 64) * 64, 0);
      assert.equal(own.used, rounded);
    }
    for (const at of pieces.keys()) own.free(at);
    assert.equal(own.used, 0);
    assert.equal(own.alloc(64), START);
  });
});
