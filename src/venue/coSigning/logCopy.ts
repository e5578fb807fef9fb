import { hashEntries } from "../../protocol/item.ts";
import type { Written } from "../market.ts";
import { encodeRecord, isMark, logEntry, readLog, type Digest } from "../store/journal.ts";
import type { Store } from "../store/store.ts";
import { LONGEST_SEALED, type CoSignedEntry } from "./coSigner.ts";
import type { Seal } from "./seal.ts";

/** Entries that are kept in memory. */
const RECENT = 8_192;
/** Entries of the journal that are hashed in one turn, which takes some milliseconds, and the pause after it. */
const [HASHED, PAUSE_MS] = [32, 4];
/** Bytes of sealed records that are given out at once, beside the last of them. */
const MOST_BYTES = 4 * LONGEST_SEALED;

interface Recent extends Omit<CoSignedEntry, "sealed"> {
  readonly head: bigint;
  readonly records: Uint8Array;
  sealed: Uint8Array | null;
}

/** Entries of the log as co-signers get them: the last ones from memory, others from the journal. */
export class LogCopy {
  readonly #domain: bigint;
  readonly #store: Pick<Store, "read" | "last">;
  readonly #seal: Seal;
  readonly #digest: Digest | undefined;
  /** those before `#count` */
  readonly #recent: Recent[] = [];
  #count: number;
  #head: bigint;
  /** of rounds that ended after the last entry; null where the journal alone has all of them */
  #marks: Uint8Array[] | null = null;

  /** @param of  what the journal has */
  constructor(of: {
    domain: bigint;
    store: Pick<Store, "read" | "last">;
    seal: Seal;
    count: number;
    head: bigint;
    digest?: Digest;
  }) {
    this.#domain = of.domain;
    this.#store = of.store;
    this.#seal = of.seal;
    this.#digest = of.digest;
    [this.#count, this.#head] = [of.count, of.head];
  }

  get count(): number {
    return this.#count;
  }

  /** Takes what the log has grown by. */
  written({ entries, heads, records }: Pick<Written, "entries" | "heads" | "records">): void {
    let i = 0;
    for (const bytes of records) {
      this.#marks?.push(bytes);
      if (isMark(bytes)) continue;
      const { item, auth, time } = entries[i];
      // Rounds may have ended after the last entry that was there at first: the one after it is read from the journal, with them.
      if (this.#marks)
        this.#recent.push({ item, auth, time, head: heads[i], records: joined(this.#marks), sealed: null });
      this.#marks = [];
      i++;
    }
    this.#count += entries.length;
    this.#head = heads.at(-1) ?? this.#head;
    if (this.#recent.length > 2 * RECENT) this.#recent.splice(0, this.#recent.length - RECENT);
  }

  /** Head after so many entries. @throws JOURNAL_DAMAGED, STORAGE */
  async head(n: number): Promise<bigint> {
    if (n === 0) return 0n;
    if (n === this.#count) return this.#head;
    const first = this.#count - this.#recent.length;
    if (n > first) return this.#recent[n - first - 1].head;
    for await (const { record } of readLog(this.#store, n - 1, this.#digest)) return record.head;
    throw new Error("the journal has no such entry");
  }

  /** Entries from one on, so many or, where they are long, fewer. @param first  entries before it @throws JOURNAL_DAMAGED, STORAGE */
  async entries(first: number, count: number): Promise<CoSignedEntry[]> {
    const kept = this.#count - this.#recent.length;
    let bytes = 0;
    if (first < kept) {
      const found: { entry: NonNullable<ReturnType<typeof logEntry>>; sealed: Uint8Array }[] = [];
      if (count > 0)
        for await (const { record, marks } of readLog(this.#store, first, this.#digest)) {
          const sealed = this.#seal.seal(
            joined([...marks, record].map((it) => encodeRecord(it, it.entry, this.#digest))),
          );
          found.push({ entry: logEntry(record.entry)!, sealed });
          if (found.length >= count || (bytes += sealed.length) > MOST_BYTES) break;
        }
      // The market has its turns between.
      const copied: CoSignedEntry[] = [];
      for (let at = 0; at < found.length; at += HASHED) {
        const piece = found.slice(at, at + HASHED);
        const hashed = hashEntries(
          this.#domain,
          piece.map(({ entry }) => entry),
        );
        hashed.forEach(({ item, auth, time }, i) => copied.push({ item, auth, time, sealed: piece[i].sealed }));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return copied;
    }
    const found: CoSignedEntry[] = [];
    for (const recent of this.#recent.slice(first - kept, first - kept + count)) {
      const { item, auth, time } = recent;
      const sealed = (recent.sealed ??= this.#seal.seal(recent.records));
      found.push({ item, auth, time, sealed });
      if ((bytes += sealed.length) > MOST_BYTES) break;
    }
    return found;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0] : new Uint8Array(Buffer.concat(parts));
}
