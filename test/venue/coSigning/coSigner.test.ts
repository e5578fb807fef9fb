// Goal: a co-signer signs one head for a number of entries, of whatever age and epoch, and another only where a quorum has signed that; what it
// tells of it proves what the venue has signed.
// Method: a log of numbers, shown in pieces, again, in another version, by others, by older epochs, ahead of the clock; opened again.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { coSignersOf, type CoSignedHead } from "../../../src/protocol/coSigners.ts";
import { chainHeads } from "../../../src/protocol/item.ts";
import { logHeadDigest, logHeadSigner, type LogHead } from "../../../src/protocol/logHead.ts";
import {
  CoSigner,
  isSecondHead,
  MOST_ENTRIES,
  type CoSignedEntry,
  type Shown,
} from "../../../src/venue/coSigning/coSigner.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";

const DOMAIN = 77n;
const OPERATOR = localSigner(new Uint8Array(32).fill(9));
const SIGNERS = [1, 2, 3, 4].map((i) => localSigner(new Uint8Array(32).fill(i)));
const NOW = 1_000_000n;

const entriesOf = (items: readonly number[], time = NOW): CoSignedEntry[] =>
  items.map((item) => ({ item: BigInt(item), auth: 1n, time, sealed: Uint8Array.of(item % 256) }));
const sign = (signer: typeof OPERATOR, head: LogHead) => signer.sign(logHeadDigest(head)) as string;

/** A log as its venue shows it. */
class Log {
  readonly entries: CoSignedEntry[];
  readonly heads: bigint[];
  constructor(items: readonly number[]) {
    this.entries = entriesOf(items);
    this.heads = chainHeads(0n, this.entries);
  }
  head(n: number, epoch = 1): LogHead {
    return { domain: DOMAIN, epoch, n, head: this.heads[n - 1] };
  }
  shown(first: number, n: number, { epoch = 1, by = OPERATOR, final = null as CoSignedHead | null } = {}): Shown {
    const head = this.head(n, epoch);
    return { first, entries: this.entries.slice(first, n), signed: { ...head, signature: sign(by, head) }, final };
  }
  final(n: number, by: readonly number[], epoch = 1): CoSignedHead {
    const head = this.head(n, epoch);
    return { ...head, signatures: SIGNERS.map((it, i) => (by.includes(i) ? sign(it, head) : null)) };
  }
}

describe("a co-signer", () => {
  let folder: string;
  let coSigner: CoSigner;
  let now: bigint;
  const open = () =>
    new CoSigner({
      path: join(folder, "cosigned.db"),
      signer: SIGNERS[0],
      domain: DOMAIN,
      operator: OPERATOR.address,
      coSigners: coSignersOf(SIGNERS.map(({ address }) => address)),
      now: () => now,
    });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tacit-cosigner-"));
    now = NOW;
    coSigner = open();
  });
  afterEach(() => {
    coSigner.close();
    rmSync(folder, { recursive: true });
  });
  const log = new Log([1, 2, 3, 4, 5, 6]);
  /** The same for three entries. */
  const other = new Log([1, 2, 3, 40, 50, 60, 70]);
  const refused = (shown: Shown, code: string, details = {}) =>
    assert.rejects(coSigner.sign(shown), (error: { code: string; details: object }) => {
      assert.equal(error.code, code);
      assert.deepEqual({ ...error.details, ...details }, { ...error.details }, "details");
      return true;
    });

  it("signs what the venue's signer has signed, piece by piece, and the same again", async () => {
    const first = await coSigner.sign(log.shown(0, 2));
    assert.equal(logHeadSigner(log.head(2), first), SIGNERS[0].address);
    await coSigner.sign(log.shown(2, 5));
    assert.deepEqual(coSigner.state, { epoch: 1, n: 5, head: log.heads[4] });
    assert.equal(await coSigner.sign(log.shown(0, 2)), first);
    // Some of them known, some new; and one in between, of which no head was signed.
    await coSigner.sign(log.shown(3, 6));
    const between = log.shown(4, 4);
    assert.equal(logHeadSigner(log.head(4), await coSigner.sign(between)), SIGNERS[0].address);
    assert.deepEqual(coSigner.entries(1, 2), log.entries.slice(1, 3));
  });

  it("has it all when it is opened again", async () => {
    await coSigner.sign(log.shown(0, 3));
    coSigner.close();
    coSigner = open();
    assert.deepEqual(coSigner.state, { epoch: 1, n: 3, head: log.heads[2] });
    await coSigner.sign(log.shown(3, 4));
    await refused(other.shown(3, 4), "FORKED", { n: 4 });
    assert.equal(coSigner.lastTime, NOW);
  });

  it("signs nothing that the venue's signer has not signed, or that entries do not lead to", async () => {
    await refused(log.shown(0, 2, { by: SIGNERS[1] }), "NOT_SIGNED");
    const shown = log.shown(0, 2);
    await refused({ ...shown, entries: other.entries.slice(2, 4) }, "NOT_SIGNED");
    await refused({ ...shown, entries: shown.entries.slice(1) }, "OUT_OF_RANGE");
    await refused({ ...shown, signed: { ...shown.signed, domain: 78n } }, "OUT_OF_RANGE");
    await refused(log.shown(2, 3), "GAP", { n: 0 });
    await refused(log.shown(3, 3), "GAP", { n: 0 });
    assert.equal(coSigner.state.n, 0);
    assert.equal(coSigner.vouch(1), null);
  });

  it("signs no second head for a number of entries, in whatever epoch and however it is shown", async () => {
    await coSigner.sign(log.shown(0, 5));
    for (const epoch of [1, 2]) {
      await refused(other.shown(3, 5, { epoch }), "FORKED", { n: 4 });
      await refused(other.shown(0, 7, { epoch }), "FORKED", { n: 4 });
      await refused(other.shown(5, 5, { epoch }), "FORKED", { n: 5 });
      // What parted before is told where it goes on from.
      await refused(other.shown(5, 7, { epoch }), "FORKED", { n: 5 });
    }
    assert.deepEqual(coSigner.state.head, log.heads[4]);
  });

  it("takes no entries of strangers for a second head of the venue", async () => {
    await coSigner.sign(log.shown(0, 4));
    // A head that is here, with entries that do not lead to it: signed as ever.
    const known = log.shown(2, 4);
    const signature = await coSigner.sign({ ...known, entries: other.entries.slice(2, 4) });
    assert.equal(logHeadSigner(log.head(4), signature), SIGNERS[0].address);
    // One that others have: nothing shows another past of the venue.
    const beyond = log.shown(4, 6);
    const caught = (shown: Shown) => coSigner.sign(shown).catch((error: Error) => error);
    const error = await caught({ ...beyond, entries: other.entries.slice(4, 6) });
    assert.deepEqual([(error as { code?: string }).code, isSecondHead(error)], ["FORKED", false]);
    // Signed by the venue, another head: whatever comes with it.
    for (const shown of [
      other.shown(3, 4),
      other.shown(4, 4),
      { ...other.shown(2, 4), entries: log.entries.slice(2, 4) },
    ])
      assert.ok(isSecondHead(await caught(shown)));
    assert.deepEqual(coSigner.state, { epoch: 1, n: 4, head: log.heads[3] });
  });

  it("takes what a quorum has signed in place of what it has, and nothing less", async () => {
    await coSigner.sign(log.shown(0, 5));
    const asked = (final: CoSignedHead | null, first = 3) => other.shown(first, 6, { epoch: 2, final });
    await refused(asked(other.final(6, [1, 2])), "FORKED");
    await refused(asked({ ...other.final(6, [1, 2]), signatures: other.final(6, [1]).signatures }), "FORKED");
    await refused(asked(log.final(6, [1, 2, 3])), "FORKED");
    await refused(asked(other.final(3, [1, 2, 3])), "FORKED");
    await refused(asked(other.final(7, [1, 2, 3])), "FORKED");
    await refused(asked({ ...other.final(6, [1, 2, 3]), domain: 78n }), "FORKED");
    // Final where it parts, but before what is shown: that is where it begins.
    const signature = await coSigner.sign(asked(other.final(4, [1, 2, 3])));
    assert.equal(logHeadSigner(other.head(6, 2), signature), SIGNERS[0].address);
    assert.deepEqual(coSigner.state, { epoch: 2, n: 6, head: other.heads[5] });
    assert.deepEqual(coSigner.entries(0, 10), other.entries.slice(0, 6));
    // Of what gave way no signature is told any more.
    assert.deepEqual(coSigner.vouch(5)!.signed.n, 6);
    await refused(log.shown(3, 5, { epoch: 2 }), "FORKED", { n: 4 });
  });

  it("signs nothing of an epoch that another has followed", async () => {
    await coSigner.sign(log.shown(0, 3, { epoch: 2 }));
    await refused(log.shown(3, 4), "FENCED");
    await refused(log.shown(3, 3), "FENCED");
    // The same head again by the newer one.
    const again = await coSigner.sign(log.shown(3, 3, { epoch: 3 }));
    assert.equal(logHeadSigner(log.head(3, 3), again), SIGNERS[0].address);
    await refused(log.shown(3, 4, { epoch: 2 }), "FENCED");
  });

  it("signs entries of any age, none from the future, and no time that falls", async () => {
    const at = (...times: bigint[]) => {
      const entries = entriesOf(times.map((_, i) => i + 1)).map((it, i) => ({ ...it, time: times[i] }));
      const head = { domain: DOMAIN, epoch: 1, n: times.length, head: chainHeads(0n, entries).at(-1)! };
      return { first: 0, entries, signed: { ...head, signature: sign(OPERATOR, head) }, final: null };
    };
    await refused(at(NOW + 6n), "CLOCK");
    await refused(at(10n, 9n), "NOT_SIGNED");
    await coSigner.sign(at(10n, NOW + 5n));
    const falls = at(10n, NOW + 5n, NOW + 4n);
    await refused({ ...falls, first: 2, entries: falls.entries.slice(2) }, "NOT_SIGNED");
    now += 1n;
    await coSigner.sign(at(10n, NOW + 5n, NOW + 6n));
  });

  it("tells what it and the venue have signed, and the entries on the way", async () => {
    await coSigner.sign(log.shown(0, 2));
    await coSigner.sign(log.shown(2, 6));
    const { head, signed, signature, entries } = coSigner.vouch(3)!;
    assert.equal(head, log.heads[2]);
    assert.deepEqual(chainHeads(head, entries!).at(-1), signed.head);
    assert.equal(logHeadSigner(signed, signed.signature), OPERATOR.address);
    assert.equal(logHeadSigner(signed, signature), SIGNERS[0].address);
    assert.equal(coSigner.vouch(2)!.signed.n, 2);
    assert.equal(coSigner.vouch(7), null);
    const long = new Log(Array.from({ length: MOST_ENTRIES + 7 }, (_, i) => i + 1));
    coSigner.close();
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), "tacit-cosigner-"));
    coSigner = open();
    await coSigner.sign(long.shown(0, MOST_ENTRIES + 7));
    assert.equal(coSigner.vouch(1)!.entries, null);
    assert.equal(coSigner.vouch(7)!.entries!.length, MOST_ENTRIES);
  });

  it("is one of the venue's", () => {
    const coSigners = coSignersOf([SIGNERS[1].address]);
    const now = () => NOW;
    const options = { path: join(folder, "x.db"), signer: SIGNERS[0], domain: DOMAIN, operator: OPERATOR.address, coSigners, now }; // prettier-ignore
    assert.throws(() => new CoSigner(options), { code: "OUT_OF_RANGE", message: /co-signers/ });
    const nobody = { ...options, operator: `0x${"0".repeat(40)}`, coSigners: coSignersOf([SIGNERS[0].address]) };
    assert.throws(() => new CoSigner(nobody), { code: "OUT_OF_RANGE", message: /signer/ });
    // The venue's signer is none of them.
    const operator = SIGNERS[1].address;
    const among = coSignersOf(SIGNERS.map(({ address }) => address));
    assert.throws(() => new CoSigner({ ...options, operator, coSigners: among }), { code: "OUT_OF_RANGE", message: /signer/ }); // prettier-ignore
  });
});
