// Goal: a quorum of feeds cannot be forged, and false feeds move no number out of what honest ones say.
// Method: from one good quorum, one change each; all subsets and places of false feeds for medians.
import assert from "node:assert/strict";
import { publicKey, sign } from "../../src/protocol/eddsa.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import {
  medians,
  NO_PREMIUM,
  quorumAuth,
  quorumOf,
  reportHash,
  reportNumbers,
  reportWords,
  requireQuorum,
  type Report,
  type SignedReport,
} from "../../src/protocol/report.ts";
import { Random } from "../../src/replay/random.ts";

const secrets = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte));
const keys = secrets.map(publicKey);
const expected = { keys, domain: 5n, contracts: 6n, epoch: 7n };
const TOP = (1n << 40n) - 1n;

function report(change: Partial<Report> = {}): Report {
  const values = Array.from({ length: INSTRUMENTS }, (_, i) => BigInt(1_000 + i));
  return { domain: 5n, contracts: 6n, epoch: 7n, index: 100n, average: 101n, sigma: 102n, premium: NO_PREMIUM, values, ...change }; // prettier-ignore
}
const signed = (feed: number, change?: Partial<Report>): SignedReport => {
  return { feed, report: report(change), auth: sign(secrets[feed], reportHash(report(change))) };
};
const good = () => [signed(0), signed(2), signed(3)];

describe("protocol/report", () => {
  it("packs each number into its own bits", () => {
    const random = new Random(1);
    const any = () => BigInt(random.integer(0, 2 ** 40 - 1));
    for (let i = 0; i < 50; i++) {
      const numbers = { index: any(), average: any(), sigma: any(), premium: any(), values: report().values.map(any) };
      assert.deepEqual(reportNumbers(reportWords(numbers)), numbers);
    }
    assert.deepEqual(
      reportWords(report({ index: TOP, average: 0n, sigma: 0n, premium: 0n, values: report().values.map(() => 0n) })),
      [TOP, 0n, 0n, 0n],
    );
    assert.equal(reportNumbers([1n << 240n, 0n, 0n, 0n]), null);
    assert.equal(reportNumbers([1n, 0n, 0n]), null);
  });

  it("refuses numbers of more than 40 bits by name", () => {
    assert.throws(() => reportWords(report({ sigma: TOP + 1n })), { code: "OUT_OF_RANGE", message: /sigma/ });
    const values = report().values.map((value, i) => (i === 9 ? TOP + 1n : value));
    assert.throws(() => reportWords(report({ values })), { code: "OUT_OF_RANGE", message: /values\[9\]/ });
    assert.throws(() => reportWords(report({ values: values.slice(1) })), { code: "OUT_OF_RANGE", message: /values/ });
  });

  it("takes 2f + 1 of 3f + 1 feeds", () => {
    assert.deepEqual([4, 7, 10].map(quorumOf), [3, 5, 7]);
    for (const count of [0, 1, 3, 5, 6]) assert.throws(() => quorumOf(count), { code: "OUT_OF_RANGE" });
    assert.equal(requireQuorum(good(), expected).length, 3);
  });

  const refused: [why: string, message: RegExp, quorum: () => SignedReport[]][] = [
    ["too few", /expected 3 reports/, () => good().slice(1)],
    ["too many", /expected 3 reports/, () => [...good(), signed(3)]],
    ["a feed twice", /rising order/, () => [signed(0), signed(0), signed(3)]],
    ["feeds out of order", /rising order/, () => [signed(2), signed(0), signed(3)]],
    ["a feed that is none", /feed/, () => [signed(0), signed(2), { ...signed(3), feed: 4 }]],
    ["another feed's signature", /feed 1: signature/, () => [signed(0), { ...signed(2), feed: 1 }, signed(3)]],
    ["another domain", /domain/, () => [signed(0), signed(2, { domain: 8n }), signed(3)]],
    ["other contracts", /contracts/, () => [signed(0), signed(2, { contracts: 8n }), signed(3)]],
    ["another epoch", /epoch/, () => [signed(0), signed(2, { epoch: 8n }), signed(3)]],
    ["no index", /index/, () => [signed(0), signed(2, { index: 0n }), signed(3)]],
    ["no average", /average/, () => [signed(0), signed(2, { average: 0n }), signed(3)]],
    ["no volatility", /sigma/, () => [signed(0), signed(2, { sigma: 0n }), signed(3)]],
    [
      "a number changed after it was signed",
      /feed 2: signature/,
      () => [signed(0), { ...signed(2), report: report({ premium: NO_PREMIUM + 1n }) }, signed(3)],
    ],
  ];
  for (const [why, message, quorum] of refused)
    it(`refuses ${why}`, () => assert.throws(() => requireQuorum(quorum(), expected), { code: "QUORUM", message }));

  it("chains feed, report and signature, so that no other quorum has its word", () => {
    const words = [
      good(),
      [signed(0), signed(1), signed(3)],
      [signed(0), signed(2, { index: 99n }), signed(3)],
      [signed(0), signed(2)],
      [signed(0), { ...signed(2), auth: signed(1).auth }, signed(3)],
      [signed(0), { ...signed(2), feed: 1 }, signed(3)],
    ].map(quorumAuth);
    assert.equal(new Set(words).size, words.length);
  });

  it("keeps every median within what honest feeds say, whichever f are false and whatever they say", () => {
    const random = new Random(2);
    const lies = [0n, 1n, 99n, 150n, TOP];
    for (const f of [1, 2]) {
      const count = 2 * f + 1;
      for (let mask = 0; mask < 1 << count; mask++) {
        const isFalse = Array.from({ length: count }, (_, i) => ((mask >> i) & 1) === 1);
        if (isFalse.filter(Boolean).length > f) continue;
        for (let round = 0; round < 20; round++) {
          const honest: bigint[] = [];
          let none = false;
          const quorum = isFalse.map((liar, feed): SignedReport => {
            // An honest feed may have no number at all.
            const number = liar ? random.pick(lies) : random.unit() < 0.1 ? 0n : BigInt(random.integer(100, 140));
            if (!liar && number !== 0n) honest.push(number);
            none ||= number === 0n;
            const values = report().values.map(() => number);
            return { feed, report: report({ index: number, average: number, sigma: number, premium: number, values }), auth: { R8x: 0n, R8y: 0n, S: 0n } }; // prettier-ignore
          });
          const { values, ...rest } = medians(quorum);
          if (none) {
            for (const number of [...values, ...Object.values(rest)]) assert.equal(number, 0n);
            continue;
          }
          const [low, high] = [honest.reduce((a, b) => (a < b ? a : b)), honest.reduce((a, b) => (a > b ? a : b))];
          for (const number of [...values, ...Object.values(rest)]) assert.ok(number >= low && number <= high);
        }
      }
    }
  });
});
