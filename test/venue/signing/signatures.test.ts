// Goal: signatures checked and made in a thread are those of this one, whatever becomes of the thread; items keep their order.
// Method: threads that are killed; a venue behind such a thread, with a forged signature among many.
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { receiptDefect, receiptDigest } from "../../../src/protocol/receipt.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";
import { checkItems, signaturesOf, threadSigner, type Signatures } from "../../../src/venue/signing/signatures.ts";
import { genesis, openTestVenue, traders } from "../fixture.ts";

const SECRET = new Uint8Array(32).fill(2);
const { domain } = genesis;

/** Items of two traders, every third with another's signature. */
function items() {
  const [alice, bob] = traders(2);
  return Array.from({ length: 12 }, (_, i) => {
    const { item, auth } = alice.order("buy", 1n + BigInt(i), 100_000n);
    return { item, auth: i % 3 === 2 ? bob.sign(item).auth : auth, key: alice.key };
  });
}

describe("venue: signatures in a thread", () => {
  it("are checked and made as in this thread", async () => {
    const thread = threadSigner(SECRET);
    const local = signaturesOf(localSigner(SECRET));
    const list = items();
    const checked = await thread.check(domain, list);
    assert.deepEqual(checked, checkItems(domain, list));
    assert.deepEqual(
      checked.map(({ signed }) => signed),
      list.map((_, i) => i % 3 !== 2),
    );
    const receipts = checked.map(({ item, auth }, i) => ({ domain, n: BigInt(i), item, auth, time: 5n, head: 7n }));
    const request = { run: null, receipts, logHeads: [{ domain, epoch: 1, n: 3, head: 9n }] };
    assert.deepEqual(await thread.sign(request), await local.sign(request));
    assert.equal(receiptDigest(receipts[0]).length, 32);
    await thread.close();
    await assert.rejects(thread.check(domain, list), { code: "CLOSED" });
  });

  it("refuses a secret that is none", () => {
    assert.throws(() => threadSigner(new Uint8Array(32)), { code: "BAD_SECRET" });
  });

  it("answers in order, declines what is forged, and closes in the midst", async () => {
    const [alice, bob] = traders(2);
    const { venue } = await openTestVenue({ traders: [alice, bob], signer: threadSigner(SECRET) });
    const orders = Array.from({ length: 40 }, (_, i) => {
      const by = i % 2 ? alice : bob;
      const { item, auth } = by.order("buy", 1n, 100_000n, { thisAuction: true });
      return i % 10 === 9 ? { item, auth: bob.sign(item).auth } : { item, auth };
    });
    const answers = await Promise.allSettled(orders.map(({ item, auth }) => venue.submit(item, auth)));
    const places = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.receipt] : []));
    for (const receipt of places) assert.equal(receiptDefect(receipt, venue.signer), null);
    assert.deepEqual(
      places.map(({ n }) => Number(n)),
      places.map((_, i) => i + 1),
    );
    assert.equal(places.length, 36);
    const last = Array.from({ length: 10 }, () => alice.cancel());
    const late = last.map(({ item, auth }) =>
      venue.submit(item, auth).then(
        () => "answered",
        (error: { code: string }) => error.code,
      ),
    );
    await venue.close();
    for (const how of await Promise.all(late)) assert.ok(how === "answered" || how === "STOPPED", how);
  });

  const broken: [string, Partial<Signatures>, string][] = [
    ["a check that throws at once", { check: () => assert.fail("no thread") }, "answered"],
    ["a signature that throws at once", { sign: () => assert.fail("no thread") }, "STOPPED"],
  ];
  for (const [what, part, expected] of broken)
    it(`leave no item without an answer: ${what}`, async () => {
      const [alice] = traders(1);
      const { venue } = await openTestVenue({
        traders: [alice],
        signer: { ...signaturesOf(localSigner(SECRET)), ...part },
      });
      const { item, auth } = alice.order("buy", 1n, 100_000n);
      const how = await venue.submit(item, auth).then(
        () => "answered",
        (error: { code: string }) => error.code,
      );
      assert.equal(how, expected);
      await venue.close();
    });

  it("go on after the thread has died, and nothing waits for ever", async () => {
    const started: Worker[] = [];
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof postMessage>) {
      started.push(this);
      return postMessage.apply(this, args);
    };
    try {
      const thread = threadSigner(SECRET);
      const list = items();
      const asked = thread.check(domain, list);
      await started[0].terminate();
      await assert.rejects(asked, { code: "THREAD_DIED" });
      assert.deepEqual(await thread.check(domain, list), checkItems(domain, list));
      await thread.close();
    } finally {
      Worker.prototype.postMessage = postMessage;
    }
  });
});
