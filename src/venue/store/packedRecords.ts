import type { StoredRecord } from "./store.ts";

/** Records in few pieces: a message with an array for each takes longer than to write them. */
export interface PackedRecords {
  readonly sequences: readonly number[];
  /** of bytes and key of each record; -1 of a key that is not there */
  readonly sizes: readonly (readonly [bytes: number, key: number])[];
  /** bytes and key of one record after the other */
  readonly bytes: Uint8Array;
}

export function packRecords(records: readonly StoredRecord[]): PackedRecords {
  const parts = records.flatMap(({ bytes, key }) => (key ? [bytes, key] : [bytes]));
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const sizes = records.map(({ bytes, key }) => [bytes.length, key?.length ?? -1] as const);
  return { sequences: records.map(({ sequence }) => sequence), sizes, bytes };
}

export function unpackRecords({ sequences, sizes, bytes }: PackedRecords): StoredRecord[] {
  let at = 0;
  const next = (size: number) => bytes.subarray(at, (at += size));
  return sequences.map((sequence, i) => {
    const [size, keySize] = sizes[i];
    const bytes = next(size);
    return keySize < 0 ? { sequence, bytes } : { sequence, bytes, key: next(keySize) };
  });
}
