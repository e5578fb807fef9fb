import fc from "fast-check";
import { isListed } from "../../../src/protocol/item.ts";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { BITS, INSTRUMENTS, KIND, LIST_WORDS, MARKETS } from "../../../src/protocol/parameters.ts";
import {
  EMPTY_JOURNAL,
  encodeRecord,
  type Digest,
  type JournalEntry,
  type Tip,
} from "../../../src/venue/store/journal.ts";
import type { StoredRecord } from "../../../src/venue/store/store.ts";
import { rulesOfTests } from "../../priced.ts";
import { unpriced } from "../fixture.ts";

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

const reported = fc.bigInt(0n, (1n << BigInt(BITS.reported)) - 1n);
const numbers = fc.record(
  {
    index: reported,
    average: reported,
    sigma: reported,
    premium: reported,
    values: fc.array(reported, { minLength: INSTRUMENTS, maxLength: INSTRUMENTS }),
  },
  noNullPrototype,
);
const auth = fc.record({ R8x: fields, R8y: fields, S: fields }, noNullPrototype);
const reprice = fc
  .record({
    time,
    epoch: time,
    domain: fields,
    contracts: fields,
    signed: fc.array(fc.record({ feed: fc.integer({ min: 0, max: 255 }), numbers, auth }), {
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map(({ time, epoch, domain, contracts, signed }) => ({
    kind: "reprice" as const,
    time,
    epoch,
    quorum: signed.map(({ feed, numbers, auth }) => ({ feed, report: { domain, contracts, epoch, ...numbers }, auth })),
  }));
/** The same words of them are enough: their form is that of JSON. */
const rules = fc.record(
  { kind: fc.constant("rules" as const), time, rules: fc.constantFrom(rulesOfTests(), unpriced.rules) },
  noNullPrototype,
);
const fold = fc.record(
  {
    kind: fc.constant("fold" as const),
    time,
    from: fc.integer({ min: 0, max: 2 ** BITS.account - 1 }),
    count: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  },
  noNullPrototype,
);

const account = fc.integer({ min: 0, max: 2 ** BITS.account - 1 });
const slot = fc.integer({ min: 0, max: MARKETS - 1 });
const limit = fc.bigInt(1n - (1n << BigInt(BITS.price)), (1n << BigInt(BITS.price)) - 1n);
const size = fc.bigInt(0n, (1n << BigInt(BITS.size)) - 1n);
const step = fc.oneof(
  fc.record({ kind: fc.constant("flag" as const), account }, noNullPrototype),
  fc.record({ kind: fc.constant("sweep" as const), account, slot }, noNullPrototype),
  fc.record(
    { kind: fc.constant("reduce" as const), account, slot, side: fc.nat({ max: 1 }), limit, size },
    noNullPrototype,
  ),
);
const enforce = fc.record({ kind: fc.constant("enforce" as const), time, step, salt: fields }, noNullPrototype);
const assume = fc.record({ kind: fc.constant("assume" as const), time, account, salt: fields }, noNullPrototype);

/** Entries of every kind; of rules few, as their roots take long. */
const plain: fc.Arbitrary<JournalEntry> = fc.oneof(
  reprice,
  fold,
  enforce,
  assume,
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
      auth,
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
export const entries: fc.Arbitrary<JournalEntry> = fc.oneof(
  { weight: 49, arbitrary: plain },
  { weight: 1, arbitrary: rules },
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
