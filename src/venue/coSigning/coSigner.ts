import { countSignatures, type CoSignedHead, type CoSigners } from "../../protocol/coSigners.ts";
import { outOfRange, TacitError } from "../../protocol/errors.ts";
import { chainHeads, type HashedEntry } from "../../protocol/item.ts";
import { logHeadDigest, logHeadSigner, type SignedLogHead } from "../../protocol/logHead.ts";
import { SignedHeads } from "../signing/signedHeads.ts";
import type { Signer } from "../signing/signer.ts";

/** An entry of the log as a co-signer has it. */
export interface CoSignedEntry extends HashedEntry {
  /** its records, encrypted to the operator: what is kept for a venue that has lost it */
  readonly sealed: Uint8Array;
}

/** What a venue shows a co-signer. */
export interface Shown {
  /** entries of the log before the first of `entries` */
  readonly first: number;
  /** up to `signed.n`; none where the co-signer has them */
  readonly entries: readonly CoSignedEntry[];
  /** signed by the venue's signer */
  readonly signed: SignedLogHead;
  /** that entries among these lead to, with signatures of a quorum: what is not on its way gives way to it */
  readonly final: CoSignedHead | null;
}

/** A head that a co-signer has signed, and what leads to it. */
export interface Vouched {
  /** after the entries that were asked for */
  readonly head: bigint;
  /** the next one that both have signed */
  readonly signed: SignedLogHead;
  /** of the co-signer, of `signed` */
  readonly signature: string;
  /** from the one to the other; null where there are more than `MOST_ENTRIES` */
  readonly entries: readonly HashedEntry[] | null;
}

/** Seconds that an entry may be ahead of a co-signer's clock; it may be of any age. */
export const AHEAD = 5n;
/** Entries that are shown, or answered, at once. */
export const MOST_ENTRIES = 1_024;
/** Bytes that the sealed records of an entry take at most: rules may be long. */
export const LONGEST_SEALED = 1_000_000;

const TABLES = `
  CREATE TABLE IF NOT EXISTS entries (n INTEGER PRIMARY KEY, item TEXT NOT NULL, auth TEXT NOT NULL, time INTEGER NOT NULL, sealed BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS signed (n INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, operator TEXT NOT NULL, own TEXT NOT NULL);
`;

export interface CoSignerOptions {
  /** file of what it has signed, made where there is none */
  readonly path: string;
  readonly signer: Signer;
  readonly domain: bigint;
  /** address of the venue's signer */
  readonly operator: string;
  /** itself among them */
  readonly coSigners: CoSigners;
  /** seconds since 1970 */
  readonly now: () => bigint;
}

/**
 * Signs heads of a venue's log: of a number of entries one head and no other, whatever the venue shows, unless the other has signatures of
 * a quorum. It sees no order: hashes, and when they came.
 */
export class CoSigner {
  readonly #options: CoSignerOptions;
  readonly #book: SignedHeads;

  /** @throws LOCKED, SIGNED_HEADS, STORAGE as `SignedHeads`; OUT_OF_RANGE when it is not among the co-signers, or the operator is */
  constructor(options: CoSignerOptions) {
    const { coSigners, signer } = options;
    if (!coSigners.addresses.includes(signer.address))
      throw outOfRange("key", `that of one of the venue's co-signers, not of ${signer.address}`);
    if (/^0x0*$/.test(options.operator)) throw outOfRange("signer", "the address of the venue's signer");
    // What it signs would be a co-signer's signature already: one of them would be the operator.
    if (coSigners.addresses.includes(options.operator))
      throw outOfRange("signer", "the address of the venue's signer, which is none of the co-signers'");
    this.#options = options;
    this.#book = new SignedHeads(options.path, signer.address);
    try {
      this.#book.database.exec(TABLES);
    } catch (error) {
      this.#book.close();
      throw error;
    }
  }

  get address(): string {
    return this.#options.signer.address;
  }

  get state() {
    return this.#book.state;
  }

  /** Time of the last entry, 0 before the first. */
  get lastTime(): bigint {
    return this.#timeOf(this.#book.state.n);
  }

  /**
   * Takes what is shown, and signs its head: on disk before it is signed.
   * @throws NOT_SIGNED  when the venue's signer has not signed it, or the entries do not lead to it
   * @throws GAP         with `n`, the entries that are here, when it goes on from more
   * @throws FORKED      with `n`, when another head was signed after as many entries, and no quorum has signed this one; `signed` false
   *                     where that is not shown by what the venue has signed
   * @throws FENCED      when a newer epoch has written
   * @throws CLOCK       when the last of its entries is stamped ahead of this clock
   * @throws OUT_OF_RANGE, STORAGE
   */
  async sign(shown: Shown): Promise<string> {
    const { signed, first, entries } = shown;
    const { domain, operator, signer } = this.#options;
    const book = this.#book;
    if (signed.domain !== domain) throw outOfRange("signed.domain", "that of the venue");
    if (logHeadSigner(signed, signed.signature) !== operator)
      throw new TacitError("NOT_SIGNED", "the head is not signed by the venue's signer");
    if (first + entries.length > signed.n || (entries.length > 0 && first + entries.length !== signed.n))
      throw outOfRange("entries", `those up to entry ${signed.n}`);
    // Of what is here no entries are looked at: whoever has seen a signed head could send any.
    if (entries.length === 0 || book.at(signed.n) === signed.head) {
      this.#requireKnown(signed);
      book.add({ domain, epoch: signed.epoch, first: signed.n, heads: [] });
    } else {
      const before = book.at(first);
      if (before === undefined) throw gap(book.state.n);
      const heads = chainHeads(before, entries);
      if (heads.at(-1) !== signed.head) this.#refuse(shown);
      this.#requireTimes(first, entries);
      const run = { domain, epoch: signed.epoch, first, heads };
      const forked = heads.findIndex((head, i) => first + i < book.state.n && book.at(first + i + 1) !== head);
      if (forked < 0) {
        const known = book.state.n - first;
        book.add(run, known < heads.length ? () => this.#keep(first + known, entries.slice(known)) : undefined);
      } else {
        const n = first + forked + 1;
        if (!this.#isFinal(shown, heads, n)) throw forkedAt(n);
        const from = first + forked;
        book.replace({ ...run, first: from, heads: heads.slice(forked) }, () =>
          this.#keep(from, entries.slice(forked)),
        );
      }
    }
    const known = this.#signedAt(signed.n);
    if (known?.epoch === signed.epoch) return known.own;
    const own = await signer.sign(logHeadDigest(signed));
    // In the order in which they were asked for: what was replaced meanwhile is not signed.
    if (book.at(signed.n) !== signed.head) throw forkedAt(signed.n);
    book.database
      .prepare("INSERT OR REPLACE INTO signed VALUES (?, ?, ?, ?)")
      .run(signed.n, signed.epoch, signed.signature, own);
    return own;
  }

  /** Head after so many entries, as far as it is vouched for; null beyond. */
  vouch(n: number): Vouched | null {
    const row = this.#book.database
      .prepare("SELECT n, epoch, operator, own FROM signed WHERE n >= ? ORDER BY n LIMIT 1")
      .get(n) as (Signatures & { n: number }) | undefined;
    if (!row) return null;
    const { domain } = this.#options;
    return {
      head: this.#book.at(n)!,
      signed: { domain, epoch: row.epoch, n: row.n, head: this.#book.at(row.n)!, signature: row.operator },
      signature: row.own,
      entries: row.n - n > MOST_ENTRIES ? null : this.entries(n, row.n - n),
    };
  }

  /** Entries from one on. @param first  entries before it */
  entries(first: number, count: number): CoSignedEntry[] {
    const rows = this.#book.database
      .prepare("SELECT item, auth, time, sealed FROM entries WHERE n > ? AND n <= ? ORDER BY n")
      .all(first, first + Math.min(count, MOST_ENTRIES)) as {
      item: string;
      auth: string;
      time: number;
      sealed: Uint8Array;
    }[];
    return rows.map(({ item, auth, time, sealed }) => {
      return { item: BigInt(item), auth: BigInt(auth), time: BigInt(time), sealed: new Uint8Array(sealed) };
    });
  }

  close(): void {
    this.#book.close();
  }

  #requireKnown({ n, head }: SignedLogHead): void {
    const known = this.#book.at(n);
    if (known === undefined) throw gap(this.#book.state.n);
    if (known !== head) throw forkedAt(n);
  }

  /** The entries lead elsewhere: they are not what was signed, or do not go on from the head that is here. */
  #refuse({ first, signed }: Shown): never {
    // Before what is here a venue that has another past differs: it is asked to show where.
    if (first > 0 && first <= this.#book.state.n) throw forkedAt(first, this.#book.at(signed.n) !== undefined);
    throw new TacitError(
      "NOT_SIGNED",
      `the entries do not lead to the head after ${signed.n} that the signer has signed`,
    );
  }

  #requireTimes(first: number, entries: readonly HashedEntry[]): void {
    let last = this.#timeOf(first);
    for (const { time } of entries) {
      if (time < last) throw new TacitError("NOT_SIGNED", "an entry is older than the one before it");
      last = time;
    }
    const now = this.#options.now();
    if (last > now + AHEAD)
      throw new TacitError("CLOCK", `an entry is ${last - now} s ahead of this clock: expected ${AHEAD} at most`, {
        now,
      });
  }

  /** Whether a quorum has signed a head, at or beyond `n`, that the entries lead to. */
  #isFinal({ first, final }: Shown, heads: readonly bigint[], n: number): boolean {
    const { coSigners, domain } = this.#options;
    if (!final || final.domain !== domain || final.n < n) return false;
    return heads[final.n - first - 1] === final.head && countSignatures(coSigners, final) >= coSigners.quorum;
  }

  /** @param from  entries before the first of them: what is kept from there on gives way */
  #keep(from: number, entries: readonly CoSignedEntry[]): void {
    const { database } = this.#book;
    database.prepare("DELETE FROM entries WHERE n > ?").run(from);
    database.prepare("DELETE FROM signed WHERE n > ?").run(from);
    const insert = database.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?)");
    entries.forEach(({ item, auth, time, sealed }, i) =>
      insert.run(from + i + 1, `${item}`, `${auth}`, Number(time), Buffer.from(sealed)),
    );
  }

  #signedAt(n: number): Signatures | undefined {
    return this.#book.database.prepare("SELECT epoch, operator, own FROM signed WHERE n = ?").get(n) as
      Signatures | undefined;
  }

  #timeOf(n: number): bigint {
    const row = this.#book.database.prepare("SELECT time FROM entries WHERE n = ?").get(n) as
      { time: number } | undefined;
    return row ? BigInt(row.time) : 0n;
  }
}

interface Signatures {
  readonly epoch: number;
  readonly operator: string;
  readonly own: string;
}

function gap(n: number): TacitError {
  return new TacitError("GAP", `heads of ${n} entries are here: expected those after them`, { n });
}

/** @param isSigned  whether the venue's own signatures show it: entries alone may be anybody's */
function forkedAt(n: number, isSigned = true): TacitError {
  const message = isSigned ? `after ${n} entries another head was signed` : `the entries do not go on from the head after ${n} that is here`; // prettier-ignore
  return new TacitError("FORKED", message, { n, ...(isSigned ? {} : { signed: false }) });
}

/** Whether an error tells of two heads after as many entries, both signed by the venue. */
export function isSecondHead(error: unknown): boolean {
  return error instanceof TacitError && error.code === "FORKED" && error.details.signed !== false;
}
