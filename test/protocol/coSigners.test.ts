// Goal: a head is final by signatures of 2f + 1 of 3f + 1 co-signers, each in its own place, and by nothing less.
// Method: sets of several sizes; signatures missing, moved, doubled, of others, of another head.
import assert from "node:assert/strict";
import {
  coSignedHeadJson,
  coSignersOf,
  countSignatures,
  isFinal,
  readCoSignedHead,
} from "../../src/protocol/coSigners.ts";
import { logHeadDigest, type LogHead } from "../../src/protocol/logHead.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";

const signers = Array.from({ length: 8 }, (_, i) => localSigner(new Uint8Array(32).fill(i + 1)));
const set = (count: number) => coSignersOf(signers.slice(0, count).map(({ address }) => address));
const HEAD: LogHead = { domain: 7n, epoch: 3, n: 5, head: 11n };
const sign = (i: number, head = HEAD) => signers[i].sign(logHeadDigest(head)) as string;

describe("co-signers", () => {
  it("are 3f + 1 of whom 2f + 1 are a quorum", () => {
    for (const [count, quorum] of [[1, 1], [4, 3], [7, 5]]) assert.equal(set(count).quorum, quorum); // prettier-ignore
    const upper = signers[0].address.toUpperCase().replace("0X", "0x");
    assert.deepEqual(coSignersOf([upper]).addresses, [signers[0].address]);
  });
  const address = `0x${"1".repeat(40)}`;
  for (const [what, addresses, code] of [
    ["none", [], "OUT_OF_RANGE"],
    ["two", signers.slice(0, 2).map((it) => it.address), "OUT_OF_RANGE"],
    ["34", Array.from({ length: 34 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, "0")}`), "OUT_OF_RANGE"],
    ["one twice", [address, `0x${"2".repeat(40)}`, `0x${"3".repeat(40)}`, address], "OUT_OF_RANGE"],
    ["address 0", [`0x${"0".repeat(40)}`], "OUT_OF_RANGE"],
    ["what is no address", ["0x12"], "ADDRESS"],
  ] as const)
    it(`are not ${what}`, () => assert.throws(() => coSignersOf(addresses), { code }));

  it("make a head final, each once and in its place", () => {
    const four = set(4);
    const count = (signatures: (string | null)[], head = HEAD) => countSignatures(four, { ...head, signatures });
    const three = [sign(0), null, sign(2), sign(3)];
    assert.equal(count(three), 3);
    assert.ok(isFinal(four, { ...HEAD, signatures: three }));
    assert.ok(!isFinal(four, { ...HEAD, signatures: three.with(0, null) }), "two");
    assert.equal(count([sign(1), sign(0), sign(2), sign(3)]), 2, "moved");
    assert.equal(count([sign(0), sign(0), sign(0), sign(0)]), 1, "doubled");
    assert.equal(count([sign(4), sign(5), sign(6), sign(7)]), 0, "of others");
    assert.equal(count([sign(0), sign(1)]), 2, "a short list");
    assert.equal(count([sign(0), sign(1), sign(2), sign(3), sign(3)]), 4, "a long list");
    for (const change of [{ domain: 8n }, { epoch: 4 }, { n: 6 }, { head: 12n }])
      assert.equal(count(three, { ...HEAD, ...change }), 0, `of another ${Object.keys(change)[0]}`);
    assert.equal(count(["", "0x", `0x${"0".repeat(130)}`, null]), 0, "of nobody");
  });

  it("are read as they are written, and nothing else", () => {
    const head = { ...HEAD, signatures: [sign(0), null] };
    const json = JSON.parse(JSON.stringify(coSignedHeadJson(head)));
    assert.deepEqual(readCoSignedHead("head", json), head);
    for (const change of [
      { n: 0 },
      { n: "5" },
      { epoch: -1 },
      { epoch: 2 ** 32 },
      { head: "-1" },
      { domain: {} },
      { signatures: ["0x1"] },
      { signatures: undefined },
    ])
      // prettier-ignore
      assert.throws(() => readCoSignedHead("head", { ...json, ...change }), { code: "FORMAT" }, JSON.stringify(change));
  });
});
