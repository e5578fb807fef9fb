// Goal: a command that cannot be is refused with a typed error, and has changed nothing.
// Method: from one venue in mid-flow, one bad command each; the export before and after is the same.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { sign } from "../../src/protocol/eddsa.ts";
import { itemHash, orderItem, quotesItem } from "../../src/protocol/item.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { SIDE } from "../../src/protocol/parameters.ts";
import { deposits, genesis, INTERVAL, options, PROFILE, randomCommands, signedItem, START, stillGenesis, TRADERS } from "./venue.ts"; // prettier-ignore

const NOON = START + 100_000n;
const noItem = { A: 0n, B: 0n, salt: 0n };

/** A venue whose last entry was an item at NOON. */
function venue(): Matcher {
  const matcher = new Matcher(genesis, options);
  const flow = randomCommands(new Random(3));
  for (let i = 0; i < 200; i++) matcher.apply(flow.next().value!);
  matcher.apply(signedItem(NOON, noItem));
  return matcher;
}

function changed(change: (deposit: { keyX: bigint; keyY: bigint; index: number; amount: bigint }) => object): Command {
  const command = deposits(NOON, () => 5n);
  if (command.kind !== "deposits") throw new Error("unreachable");
  const [first, ...rest] = command.deposits;
  return { ...command, deposits: [{ ...first, ...change(first) }, ...rest] };
}

const cases: [why: string, code: string, command: Command][] = [
  ["an item before its predecessor", "TIME_ORDER", signedItem(NOON - 1n, noItem)],
  ["deposits before their predecessor", "TIME_ORDER", deposits(NOON - 1n, () => 1n)],
  ["a close in the second of an item before it", "TIME_ORDER", { kind: "close", time: NOON, slot: 0 }],
  ["a purge before its predecessor", "TIME_ORDER", { kind: "purge", time: NOON - 1n, slot: 0 }],
  ["a time of 2^40", "OUT_OF_RANGE", signedItem(1n << 40n, noItem)],
  ["a close of slot 16", "OUT_OF_RANGE", { kind: "close", time: NOON + 1n, slot: 16 }],
  ["a close of slot -1", "OUT_OF_RANGE", { kind: "close", time: NOON + 1n, slot: -1 }],
  ["an item beyond the field", "OUT_OF_RANGE", signedItem(NOON, { ...noItem, salt: FIELD })],
  ["a negative word", "OUT_OF_RANGE", signedItem(NOON, { ...noItem, A: -1n })],
  ["no deposits", "OUT_OF_RANGE", { kind: "deposits", time: NOON, deposits: [] }],
  ["a deposit of 2^92", "OUT_OF_RANGE", changed(() => ({ amount: 1n << 92n }))],
  ["a negative deposit", "OUT_OF_RANGE", changed(() => ({ amount: -1n }))],
  ["a deposit to index 2^20", "OUT_OF_RANGE", changed(() => ({ index: 1 << 20 }))],
  ["a deposit to index -1", "OUT_OF_RANGE", changed(() => ({ index: -1 }))],
  ["a deposit to a point off the curve", "BAD_POINT", changed(({ keyX }) => ({ keyX: keyX + 1n }))],
  ["a deposit to a point that is not canonical", "BAD_POINT", changed(({ keyX }) => ({ keyX: keyX + FIELD }))],
  ["a deposit to a point of small order", "BAD_POINT", changed(() => ({ keyX: 0n, keyY: FIELD - 1n }))],
];

describe("matcher refuses, and changes nothing:", () => {
  for (const [why, code, command] of cases)
    it(`${why} (${code})`, () => {
      const matcher = venue();
      const before = matcher.export();
      assert.throws(() => matcher.apply(command), { code });
      assert.deepEqual(matcher.export(), before);
    });

  it("two closes of a slot at one time, and a close of an earlier slot (TIME_ORDER)", () => {
    const matcher = venue();
    const time = NOON + INTERVAL - (NOON % INTERVAL);
    matcher.apply({ kind: "close", time, slot: 1 });
    const before = matcher.export();
    for (const slot of [1, 0])
      assert.throws(() => matcher.apply({ kind: "close", time, slot }), { code: "TIME_ORDER" });
    assert.deepEqual(matcher.export(), before);
    matcher.apply({ kind: "close", time, slot: 2 });
    matcher.apply(signedItem(time, noItem));
  });

  it("deposits that find no free leaf (ACCOUNTS_FULL)", () => {
    const matcher = venue();
    const strangers = deposits(NOON, () => 1n);
    if (strangers.kind !== "deposits") throw new Error("unreachable");
    // To other indices than their own, so each opens one more account.
    const opening = { ...strangers, deposits: strangers.deposits.map((deposit) => ({ ...deposit, index: 0 })) };
    const room = 4 ** PROFILE.depth - matcher.accounts.length;
    for (let i = 0; i < Math.floor(room / TRADERS); i++) matcher.apply(opening);
    const before = matcher.export();
    assert.throws(() => matcher.apply(opening), { code: "ACCOUNTS_FULL" });
    assert.deepEqual(matcher.export(), before);
  });

  it("deposits beyond what the contract can hold, less what was paid out (VAULT_FULL)", () => {
    const matcher = venue();
    const held = matcher.held.vault;
    const most = (1n << 90n) - held;
    const one = (amount: bigint): Command => {
      const all = deposits(NOON, () => amount);
      if (all.kind !== "deposits") throw new Error("unreachable");
      return { ...all, deposits: all.deposits.slice(0, 1) };
    };
    const before = matcher.export();
    assert.throws(() => matcher.apply(one(most + 1n)), { code: "VAULT_FULL" });
    assert.deepEqual(matcher.export(), before);
    matcher.apply(one(most));
    const restored = Matcher.restore(genesis, options, matcher.export());
    for (const it of [matcher, matcher.fork(), restored])
      assert.throws(() => it.apply(one(1n)), { code: "VAULT_FULL" });
  });

  it("more deposits in a command than the instruction has slots (OUT_OF_RANGE)", () => {
    const matcher = new Matcher({ ...genesis, profile: { ...PROFILE, deposit: TRADERS - 1 } }, options);
    assert.throws(() => matcher.apply(deposits(START, () => 1n)), { code: "OUT_OF_RANGE" });
    assert.equal(matcher.logCount, 0);
  });

  it("the signature of an item for another venue: unsigned, without effect", () => {
    const secret = new Uint8Array(32).fill(1);
    for (const [domain, verdict] of [
      [genesis.domain, "admitted"],
      [genesis.domain + 1n, "unsigned"],
    ] as const) {
      const matcher = new Matcher(stillGenesis, options);
      matcher.apply(deposits(START, () => 1_000_000n));
      const fields = { market: 10n, account: 2n, nonce: 1n, side: SIDE.buy, limit: 1_000n, size: 1n, salt: 5n };
      const item = orderItem({ ...fields, validUntil: START, expiry: START });
      const auth = sign(secret, itemHash(domain, item));
      const [event] = matcher.apply({ kind: "item", time: START, item, auth });
      assert.equal(event.kind === "item" && event.admission.verdict, verdict);
      assert.equal(matcher.accounts[2].nonce, verdict === "admitted" ? 1n : 0n);
    }
  });

  it("a list of quotes whose words are not at hand, or are others: it is in no log (OUT_OF_RANGE)", () => {
    const matcher = venue();
    const before = matcher.export();
    const fields = { market: 10n, account: 2n, nonce: 1n, validUntil: NOON, expiry: NOON, salt: 5n };
    const item = quotesItem({ ...fields, orders: [{ side: SIDE.buy, limit: 1_000n, size: 1n }] });
    const { list, ...unlisted } = item;
    const order = orderItem({ ...fields, side: SIDE.buy, limit: 1_000n, size: 1n });
    for (const bad of [unlisted, { ...item, list: [1n, 2n, 3n] }, { ...item, B: 0n }, { ...order, list: list! }])
      assert.throws(() => matcher.apply(signedItem(NOON, bad)), { code: "OUT_OF_RANGE" });
    assert.deepEqual(matcher.export(), before);
    matcher.apply(signedItem(NOON, item));
  });

  it("a genesis with more accounts than leaves (OUT_OF_RANGE)", () => {
    const accounts = Array.from({ length: 5 }, () => genesis.accounts[0]);
    const profile = { ...PROFILE, depth: 1 };
    assert.throws(() => new Matcher({ ...genesis, profile, accounts }, options), { code: "OUT_OF_RANGE" });
  });
});
