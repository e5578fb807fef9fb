import { outOfRange } from "../../protocol/errors.ts";

/**
 * What a venue keeps: a journal of records, snapshots, and documents by name. An implementation has one writer at a time:
 * opening takes the lock, and raises the epoch, so that a writer that lost its lock without noticing is refused.
 */
export interface Store {
  /** number of this opening, greater than that of any before it; 0 while it stands by */
  readonly epoch: number;

  /**
   * Appends records: all of them or none, in order, on disk when the promise is fulfilled.
   * @throws FENCED   when another writer has opened the store since
   * @throws STORAGE  when they could not be written, with `reason`: then none of them is there, but for "unknown". Nobody
   *   knows then what a new opening will find, and the store refuses to write any more
   * @throws OUT_OF_RANGE  unless they go on from the last record
   */
  append(records: readonly StoredRecord[]): Promise<void>;
  /** Records from a sequence on, in order, and so many at most. */
  read(from: number, count?: number): AsyncIterable<Uint8Array>;
  /** Sequence of the last record, -1 when there is none. @throws JOURNAL_DAMAGED when one before it is missing */
  last(): Promise<number>;
  /** Sequence of the record that was appended with this key. */
  find(key: Uint8Array): Promise<number | undefined>;

  /**
   * Keeps a snapshot of what the records up to `sequence` come to, in place of one of the same sequence. Old ones are
   * dropped, the newest `keep` stay. @throws as `append`
   */
  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void>;
  /** Newest first, read one at a time. A damaged one is left out: older ones and the journal stand in for it. */
  snapshots(): AsyncIterable<Snapshot>;

  /**
   * Writes documents, all or none; null deletes. On disk when the promise is fulfilled. Names are 1 to 250 printable
   * characters of ASCII. @throws as `append`
   */
  put(documents: Readonly<Record<string, string | null>>): Promise<void>;
  get(name: string): Promise<string | undefined>;
  /**
   * Documents whose names begin with the prefix, by name. `after`, `before`: only names beyond it, or below it, both left
   * out themselves; `reverse`: from the last one
   */
  list(
    prefix: string,
    options?: { after?: string; before?: string; limit?: number; reverse?: boolean },
  ): Promise<{ name: string; text: string }[]>;

  /** Writes a copy of the whole store to a new file, while it is in use. @throws STORAGE, UNSUPPORTED */
  backup(path: string): Promise<void>;
  /** Gives the lock back. */
  close(): Promise<void>;
}

/**
 * A store that another opening has: what that has acknowledged is read along. Documents that are put meanwhile are only held, as they
 * follow from the records, and the other writes them too; what is not there by then is written when it is taken over.
 */
export interface StandbyStore extends Store {
  /**
   * Takes the store over if the other has fallen silent or ended, or looks how far it has come.
   * @returns whether it is this opening's from now on, which is told once
   * @throws STORAGE  where nobody can tell: ask again, unless `reason` is "foreign", "settings" or "closed"
   */
  takeOver(): Promise<boolean>;
  /** who has it, as it named itself */
  readonly leader: string;
}

/** Whether a store is one that another opening may have. */
export function isStandby(store: Store): store is StandbyStore {
  return "takeOver" in store && store.epoch === 0;
}

/** Records that are read from a disk at once. */
export const PAGE = 256;

export interface StoredRecord {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** finds it again; at most one record has it */
  readonly key?: Uint8Array;
}

export interface Snapshot {
  /** of the last record that it covers, -1 for none */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** @throws OUT_OF_RANGE unless the records go on from the last one, one after the other */
export function requireRecords(records: readonly StoredRecord[], last: number): void {
  records.forEach(({ sequence, key }, i) => {
    if (sequence !== last + 1 + i) throw outOfRange(`records[${i}].sequence`, `${last + 1 + i}`);
    if (key?.length === 0) throw outOfRange(`records[${i}].key`, "at least one byte");
  });
}

/** @throws OUT_OF_RANGE unless the text is one that the name of a document may begin with */
export function requirePrefix(field: string, text: string): string {
  if (!/^[ -~]{0,250}$/.test(text)) throw outOfRange(field, "at most 250 printable ASCII characters");
  return text;
}

/** @throws OUT_OF_RANGE unless the text can be the name of a document */
export function requireName(text: string): string {
  if (text === "") throw outOfRange("name", "at least one character");
  return requirePrefix("name", text);
}

/** @throws OUT_OF_RANGE unless a snapshot may be kept so */
export function requireSnapshot({ sequence }: Snapshot, keep: number): void {
  if (!Number.isSafeInteger(sequence) || sequence < -1)
    throw outOfRange("snapshot.sequence", "an integer, at least -1");
  if (!Number.isSafeInteger(keep) || keep < 1) throw outOfRange("keep", "an integer, at least 1");
}
