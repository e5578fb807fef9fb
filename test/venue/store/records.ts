import fc from "fast-check";
import { isListed } from "../../../src/protocol/item.ts";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { BITS, KIND, LIST_WORDS, MARKETS } from "../../../src/protocol/parameters.ts";
import {
  EMPTY_JOURNAL,
  encodeRecord,
  type Digest,
  type JournalEntry,
  type Tip,
} from "../../../src/venue/store/journal.ts";
import type { StoredRecord } from "../../../src/venue/store/store.ts";

const noNullPrototype = { noNullPrototype: true } as const;
const edges = [0n, 1n, FIELD - 1n, 1n << 64n, (1n << 64n) - 1n, 1n << 192n];
export const fields = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.constantFrom(...edges));
/** integers of 48 bits */
export const u48 = fc.maxSafeNat().map((value) => value % 2 ** 48);
const time = fc.bigInt(0n, (1n << BigInt(BITS.time)) - 1n);
const deposit = fc.record(
  {
    keyX: fields,
    keyY: fields,
    index: fc.integer({ min: 0, max: 2 ** BITS.account - 1 }),
    amount: fc.bigInt(0n, (1n << BigInt(BITS.amount)) - 1n),
  },
  noNullPrototype,
);

/** Entries of every kind. */
export const entries: fc.Arbitrary<JournalEntry> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("item" as const),
      time,
      item: fc.oneof(
        // Without a list, of whatever other kind.
        fc
          .record({ A: fields, B: fields, salt: fields }, noNullPrototype)
          .map((item) => (isListed(item.A) ? { ...item, A: item.A + 1n } : item)),
        fc.record(
          {
            A: fields.map((A) => ((A >> 9n) << 8n) | BigInt(KIND.quotes)),
            B: fields,
            salt: fields,
            list: fc.array(fields, { minLength: LIST_WORDS, maxLength: LIST_WORDS }),
          },
          noNullPrototype,
        ),
      ),
      auth: fc.record({ R8x: fields, R8y: fields, S: fields }, noNullPrototype),
    },
    noNullPrototype,
  ),
  fc.record(
    { kind: fc.constant("deposits" as const), time, deposits: fc.array(deposit, { minLength: 1, maxLength: 5 }) },
    noNullPrototype,
  ),
  fc.record(
    { kind: fc.constantFrom("close" as const, "purge" as const), time, slot: fc.integer({ min: 0, max: MARKETS - 1 }) },
    noNullPrototype,
  ),
  fc.record({ kind: fc.constant("round" as const), number: u48 }, noNullPrototype),
);

/** Records that go on from a tip, each item with its checksum as its key, and the tip that they leave. */
export function journalOf(
  list: readonly JournalEntry[],
  { tip = EMPTY_JOURNAL, epoch = 3, digest }: { tip?: Tip; epoch?: number; digest?: Digest } = {},
): { records: StoredRecord[]; tip: Tip } {
  let { sequence, previous, logCount, head } = tip;
  const records = list.map((entry) => {
    if (entry.kind !== "round") [logCount, head] = [logCount + 1, head + 1n];
    const bytes = encodeRecord({ sequence: ++sequence, epoch, previous, logCount, head }, entry, digest);
    previous = bytes.slice(-32);
    return { sequence, bytes, ...(entry.kind === "item" ? { key: previous } : {}) };
  });
  return { records, tip: { sequence, epoch, previous, logCount, head } };
}

export async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of from) all.push(each);
  return all;
}
