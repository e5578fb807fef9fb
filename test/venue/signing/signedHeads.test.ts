// Goal: a signer with a book signs one head for a number of entries, whoever asks and whatever became of the journal; a venue stops
// where it cannot go on from what was signed.
// Method: the book alone, opened again; signers by it; venues on stores that lack what was signed, or have something else.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logHeadSigner } from "../../../src/protocol/logHead.ts";
import { chainHeads } from "../../../src/protocol/item.ts";
import { receiptDefect } from "../../../src/protocol/receipt.ts";
import { signaturesOf, threadSigner, type SignRequest } from "../../../src/venue/signing/signatures.ts";
import { SignedHeads, type HeadRun } from "../../../src/venue/signing/signedHeads.ts";
import type { Venue } from "../../../src/venue/venue.ts";
import { hasCode } from "../../hasCode.ts";
import { lastingStore, openTestVenue, SIGNER, traders, type Trader } from "../fixture.ts";

const OWNER = SIGNER.address;
const DOMAIN = 77n;
const submit = (venue: Venue, { item, auth }: ReturnType<Trader["order"]>) => venue.submit(item, auth);
const run = (first: number, heads: bigint[], epoch = 1): HeadRun => ({ domain: DOMAIN, epoch, first, heads });
const receipt = (n: bigint, head: bigint, domain = DOMAIN) => ({ domain, n, item: 1n, auth: 2n, time: 3n, head });
const asked = (change: Partial<SignRequest>): SignRequest => ({ run: null, receipts: [], logHeads: [], ...change });

describe("venue: signed heads", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tacit-signed-"))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const path = () => join(folder, "signed.db");
  const open = (owner = OWNER) => new SignedHeads(path(), owner);

  /** A book that has three heads, of epoch 2. */
  function three(): SignedHeads {
    const book = open();
    book.add(run(0, [10n, 11n]));
    book.add(run(1, [11n, 12n], 2));
    return book;
  }

  it("are there when it is opened again, of the same log and the same signer only", () => {
    const book = three();
    assert.deepEqual(book.state, { epoch: 2, n: 3, head: 12n });
    assert.throws(() => open(), hasCode("LOCKED"));
    book.close();
    const again = open();
    assert.deepEqual(again.state, { epoch: 2, n: 3, head: 12n });
    assert.deepEqual([0, 1, 2, 3, 4].map((n) => again.at(n)), [0n, 10n, 11n, 12n, undefined]); // prettier-ignore
    assert.throws(() => again.add({ ...run(3, [13n], 2), domain: 78n }), hasCode("OTHER_VENUE"));
    again.close();
    assert.throws(() => open(`0x${"22".repeat(20)}`), hasCode("SIGNED_HEADS"));
  });

  for (const [why, code, wrong] of [
    ["an epoch that was followed by another", "FENCED", run(3, [13n], 1)],
    ["a head beyond the next", "GAP", run(4, [14n], 2)],
    ["another head for a number of entries", "FORKED", run(2, [99n], 2)],
    ["another head among known and new ones", "FORKED", run(1, [11n, 99n, 13n], 3)],
    ["what is no head", "OUT_OF_RANGE", run(3, [1n << 255n], 2)],
    ["what is no epoch", "OUT_OF_RANGE", run(3, [13n], 2 ** 32)],
    ["what is no place", "OUT_OF_RANGE", run(-1, [13n], 2)],
  ] as const)
    it(`take nothing of a run with ${why}`, () => {
      const book = three();
      assert.throws(() => book.add(wrong), hasCode(code));
      assert.deepEqual(book.state, { epoch: 2, n: 3, head: 12n });
      assert.equal(book.at(4), undefined);
      book.close();
    });

  it("stay as they were when what is kept with them fails", () => {
    const book = three();
    const fails = () => assert.fail("no room");
    assert.throws(() => book.add(run(3, [13n], 3), fails), hasCode("STORAGE"));
    assert.throws(() => book.replace(run(1, [21n], 3), fails), hasCode("STORAGE"));
    book.close();
    const again = open();
    assert.deepEqual(again.state, { epoch: 2, n: 3, head: 12n });
    again.replace(run(1, [21n], 3));
    const has = (book: SignedHeads) => [book.state, book.at(1), book.at(2), book.at(3)];
    assert.deepEqual(has(again), [{ epoch: 3, n: 2, head: 21n }, 10n, 21n, undefined]);
    again.close();
    const third = open();
    assert.deepEqual(has(third), [{ epoch: 3, n: 2, head: 21n }, 10n, 21n, undefined]);
    third.close();
  });

  it("are all that a signer with a book signs", async () => {
    const signatures = signaturesOf(SIGNER, open());
    const [second] = chainHeads(10n, [receipt(1n, 0n)]);
    const signed = await signatures.sign(
      asked({
        run: run(0, [10n, second]),
        receipts: [receipt(1n, second)],
        logHeads: [{ domain: DOMAIN, epoch: 1, n: 2, head: second }],
      }),
    );
    assert.equal(logHeadSigner({ domain: DOMAIN, epoch: 1, n: 2, head: second }, signed.logHeads[0]), OWNER);
    for (const [code, wrong] of [
      ["FORKED", asked({ receipts: [receipt(1n, 12n)] })],
      ["FORKED", asked({ receipts: [{ ...receipt(1n, second), item: 9n }] })],
      ["FORKED", asked({ receipts: [{ ...receipt(1n, second), auth: 9n }] })],
      ["FORKED", asked({ receipts: [{ ...receipt(1n, second), time: 9n }] })],
      ["GAP", asked({ receipts: [receipt(2n, 12n)] })],
      ["OTHER_VENUE", asked({ receipts: [receipt(1n, second, 78n)] })],
      ["FORKED", asked({ run: run(2, [12n]), receipts: [receipt(1n, 10n)] })],
      ["FORKED", asked({ logHeads: [{ domain: DOMAIN, epoch: 1, n: 2, head: 12n }] })],
      ["GAP", asked({ logHeads: [{ domain: DOMAIN, epoch: 1, n: 9, head: 12n }] })],
      ["FENCED", asked({ logHeads: [{ domain: DOMAIN, epoch: 2, n: 2, head: second }] })],
      ["FORKED", asked({ run: run(1, [12n]) })],
    ] as const)
      await assert.rejects(signatures.sign(wrong), hasCode(code));
    await signatures.close();
  });

  it("in a thread outlive the thread that has them", async () => {
    const thread = threadSigner(new Uint8Array(32).fill(2), { book: path() });
    assert.equal(thread.address, OWNER);
    await thread.sign(asked({ run: run(0, [10n]) }));
    await thread.close();
    const next = threadSigner(new Uint8Array(32).fill(2), { book: path() });
    assert.deepEqual(await next.state(), { epoch: 1, n: 1, head: 10n });
    await assert.rejects(next.sign(asked({ run: run(0, [11n]) })), hasCode("FORKED"));
    await next.close();
  });

  it("go along with the log of a venue, with entries that nobody has a receipt of", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const { venue, clock } = await openTestVenue({ traders: [alice], storage, signer: signaturesOf(SIGNER, open()) });
    const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
    clock.advance(10n);
    await submit(venue, alice.order("buy", 2n, 100_000n));
    const { logCount } = venue.health();
    await venue.close();
    const book = open();
    assert.equal(book.state.n, logCount);
    assert.equal(book.at(Number(receipt.n) + 1), receipt.head);
    book.close();
  });

  it("are taken from the journal where a book has not got them", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const first = await openTestVenue({ traders: [alice], storage, signer: SIGNER });
    await submit(first.venue, alice.order("buy", 1n, 100_000n));
    await first.venue.close();
    const signer = signaturesOf(SIGNER, open());
    const { venue } = await openTestVenue({ traders: [], storage: storage, signer });
    const again = await venue.answered(alice.index, 1n);
    assert.equal(receiptDefect(again!.receipt, OWNER), null);
    assert.equal((await signer.state())!.n, venue.health().logCount);
    await venue.close();
  });

  it("stop a venue whose journal lacks what was signed, or has something else", async () => {
    const [alice, bob] = traders(2);
    const signer = signaturesOf(SIGNER, open());
    const kept = { ...signer, close: async () => {} };
    const lost = await openTestVenue({ traders: [alice, bob], signer: kept });
    await submit(lost.venue, alice.order("buy", 1n, 100_000n));
    await lost.venue.close();
    const storage = lastingStore();
    await assert.rejects(openTestVenue({ storage, signer: kept }), hasCode("SIGNER_AHEAD"));
    const other = await openTestVenue({ traders: [alice, bob], storage });
    for (let i = 0; i < 3; i++) await submit(other.venue, bob.order("buy", 1n, 100_000n));
    await other.venue.close();
    await assert.rejects(openTestVenue({ storage, signer: kept }), hasCode("FORKED"));
    await signer.close();
  });

  it("stop a venue that another has followed", async () => {
    const [alice] = traders(1);
    const book = open();
    const { venue, storage } = await openTestVenue({ traders: [alice], signer: signaturesOf(SIGNER, book) });
    const { logCount } = venue.health();
    book.add(run(logCount, [], storage.epoch + 1));
    await assert.rejects(submit(venue, alice.order("buy", 1n, 100_000n)), hasCode("STOPPED"));
    assert.match(venue.health().reason!, /followed/);
    await venue.close();
  });
});
