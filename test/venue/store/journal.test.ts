// Goal: what the journal holds is read as it was written or not at all: no byte of it can change, go or come unnoticed.
// Method: random records of every kind; then each byte flipped, each length cut, records swapped, dropped and doubled, and
// records with sound checksums whose fields are wrong.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { KIND, MARKETS } from "../../../src/protocol/parameters.ts";
import {
  decodeRecord,
  EMPTY_JOURNAL,
  encodeRecord,
  itemKey,
  readJournal,
  tipAfter,
  type JournalEntry,
  type JournalRecord,
  type Place,
} from "../../../src/venue/store/journal.ts";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";
import { nodeDigest } from "../../../src/venue/store/digest.ts";
import { collect, entries, fields, journalOf, u48 } from "./records.ts";

const seed = Number(process.env.SEED ?? 11);
const places: fc.Arbitrary<Place> = fc.record(
  {
    sequence: u48,
    epoch: fc.nat({ max: 2 ** 32 - 1 }),
    previous: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    logCount: u48,
    head: fields,
  },
  { noNullPrototype: true },
);

const bytesOf = (list: readonly JournalEntry[]) => journalOf(list).records.map(({ bytes }) => bytes);

async function storeOf(records: readonly Uint8Array[]) {
  const store = memoryStore();
  await store.append(records.map((bytes, sequence) => ({ sequence, bytes })));
  return store;
}

async function readAll(records: readonly Uint8Array[]): Promise<JournalRecord[]> {
  return collect(readJournal(await storeOf(records)));
}

function damaged(name: string, sequence?: number) {
  return (error: { code: string; details: { field: string; sequence: number } }) => {
    assert.equal(error.code, "JOURNAL_DAMAGED");
    assert.equal(error.details.field, name);
    if (sequence !== undefined) assert.equal(error.details.sequence, sequence);
    return true;
  };
}

const KINDS = ["item", "deposits", "close", "purge", "round", "reprice", "rules", "fold", "enforce", "assume"];
const samples = fc.sample(entries, { numRuns: 200, seed });
const hasList = (entry: JournalEntry) => entry.kind === "item" && entry.item.list !== undefined;
const oneOfEach = KINDS.map((kind) => samples.find((entry) => entry.kind === kind && !hasList(entry))!);
const stepped = (kind: string) => samples.find((entry) => entry.kind === "enforce" && entry.step.kind === kind)!;
const quotes = samples.find(hasList) as Extract<JournalEntry, { kind: "item" }>;

describe(`journal (seed ${seed})`, () => {
  it("keys of items tell account and nonce, and sort by account, then by nonce", () => {
    const [accounts, nonces] = [20n, 40n].map((bits) => [0n, 1n, 255n, 256n, (1n << bits) - 1n]);
    const keys = accounts.flatMap((account) => nonces.map((nonce) => Buffer.from(itemKey({ account, nonce }))));
    for (const [i, key] of keys.entries()) {
      assert.equal(key.length, 8);
      if (i > 0) assert.ok(Buffer.compare(keys[i - 1], key) < 0);
    }
  });

  it("decodes what was encoded, and encodes it to the same bytes", () => {
    const property = fc.property(places, entries, (place, entry) => {
      const bytes = encodeRecord(place, entry);
      const { checksum, entry: found, ...rest } = decodeRecord(bytes, { sequence: place.sequence });
      assert.deepEqual(rest, place);
      assert.deepEqual(found, entry);
      assert.deepEqual(checksum, bytes.slice(-32));
      assert.deepEqual(encodeRecord(rest, found), bytes);
      assert.deepEqual(encodeRecord(place, entry, nodeDigest), bytes, "Node's SHA-256 is the same function");
    });
    fc.assert(property, { numRuns: 2_000, seed });
  });

  it("keeps no more of an item than its words", () => {
    const item: JournalEntry = Object.assign({}, oneOfEach[0], { signed: true });
    const { entry } = decodeRecord(encodeRecord({ ...EMPTY_JOURNAL, sequence: 0, epoch: 1, logCount: 1 }, item), {
      sequence: 0,
    });
    assert.deepEqual(entry, oneOfEach[0]);
  });

  for (const entry of [...oneOfEach, quotes]) {
    const name = hasList(entry) ? "a list of quotes" : entry.kind;
    const place = { sequence: 7, epoch: 2, previous: new Uint8Array(32).fill(9), logCount: 5, head: 77n };
    const bytes = encodeRecord(place, entry);
    it(`notices each flipped bit of ${name}`, () => {
      for (let i = 0; i < bytes.length; i++)
        for (let bit = 0; bit < 8; bit++) {
          const flipped = bytes.slice();
          flipped[i] ^= 1 << bit;
          const field = i < 4 ? "version" : i < 8 ? "length" : "checksum";
          assert.throws(() => decodeRecord(flipped, { sequence: 7 }, nodeDigest), damaged(field, 7), `byte ${i}`);
        }
    });
    it(`notices each cut and each added byte of ${name}`, () => {
      for (let length = 0; length < bytes.length; length++)
        assert.throws(() => decodeRecord(bytes.slice(0, length), { sequence: 7 }), damaged("length", 7));
      for (const added of [1, 32, 80])
        assert.throws(
          () => decodeRecord(new Uint8Array([...bytes, ...new Uint8Array(added)]), { sequence: 7 }),
          damaged("length"),
        );
    });
    it(`refuses ${name} of another length under a sound checksum`, () => {
      for (const length of [bytes.length - 1, bytes.length + 1, bytes.length + 80]) {
        const other = new Uint8Array(length);
        other.set(bytes.subarray(0, Math.min(bytes.length - 32, length - 32)));
        assert.throws(() => decodeRecord(sealed(other), { sequence: 7 }), damaged("length", 7));
      }
    });
  }

  /** The record with its length and checksum made right. */
  function sealed(bytes: Uint8Array): Uint8Array {
    new DataView(bytes.buffer).setUint32(4, bytes.length);
    bytes.set(nodeDigest(bytes.slice(0, -32)), bytes.length - 32);
    return bytes;
  }

  it("refuses fields out of their range under a sound checksum", () => {
    const [item, deposits, close, purge, round, reprice, rules, fold, enforce, assume, list, flag, sweep, reduce] =
      bytesOf([...oneOfEach, quotes, ...["flag", "sweep", "reduce"].map(stepped)]);
    const word = [...FIELD.toString(16).padStart(64, "0").matchAll(/../g)].map(([hex]) => parseInt(hex, 16));
    const cases: [name: string, record: Uint8Array, at: number, value: readonly number[]][] = [
      ["head", item, 56, word],
      ...["A", "B", "salt", "R8x", "R8y", "S"].map((name, i): [string, Uint8Array, number, number[]] => [
        name,
        item,
        94 + 32 * i,
        word,
      ]),
      // Of a list, which an item of another kind does not have.
      ["length", item, 94, [...Array<number>(31).fill(0), KIND.quotes]],
      ["length", list, 94, [...Array<number>(31).fill(0), KIND.quotes + 1]],
      ["list[0]", list, 94 + 32 * 6, word],
      ["list[2]", list, 94 + 32 * 8, word],
      ["deposits", deposits, 94, [0, 0, 0, 0]],
      ["length", deposits, 94, [255, 255, 255, 255]],
      ["deposits[0].keyX", deposits, 98, word],
      ["deposits[0].keyY", deposits, 130, word],
      ["deposits[0].index", deposits, 162, [0, 16, 0, 0]],
      ["deposits[0].amount", deposits, 166, [16, 0, 0, 0]],
      ["slot", close, 94, [16]],
      ["slot", purge, 94, [255]],
      ["kind", close, 88, [0]],
      ["kind", round, 88, [11]],
      // What a kind has, another does not.
      ["length", round, 88, [6]],
      ["domain", reprice, 99, word],
      ["contracts", reprice, 131, word],
      ["quorum", reprice, 163, [0]],
      ["length", reprice, 163, [255]],
      // Feed, four words of numbers, of which the last has 2 numbers, and three of the signature.
      ["quorum[0]", reprice, 165, word],
      ["quorum[0]", reprice, 165, [2]],
      ["quorum[0]", reprice, 165 + 32 * 3 + 20, [1]],
      ["quorum[0]", reprice, 165 + 32 * 6, word],
      ["length", rules, 94, [0, 0, 0, 0]],
      ["rules", rules, 98, [91]],
      ["rules", rules, 98, [255]],
      ["from", fold, 94, [0, 16, 0, 0]],
      ["step", enforce, 94, [3]],
      ["account", flag, 95, [0, 16, 0, 0]],
      ["step", flag, 99, [1]],
      ["slot", sweep, 99, [16]],
      ...[100, 106, 110].map((at): [string, Uint8Array, number, number[]] => ["step", sweep, at, [1]]),
      ["side", reduce, 100, [2]],
      ["limit", reduce, 101, [2, 0]],
      ["salt", reduce, 111, word],
      ["account", assume, 94, [0, 16, 0, 0]],
      ["salt", assume, 98, word],
      ["length", round, 88, [2]],
      ["version", item, 3, [2]],
    ];
    for (const [name, record, at, value] of cases) {
      const wrong = record.slice();
      wrong.set(value, at);
      const sequence = new DataView(wrong.buffer).getUint32(10);
      assert.throws(() => decodeRecord(sealed(wrong), { sequence }), damaged(name, sequence), name);
    }
  });

  it("refuses to write what it would not read", () => {
    const place = { ...EMPTY_JOURNAL, sequence: 0, epoch: 1 };
    const [item, deposits, close, , , reprice, , fold] = oneOfEach as [
      Extract<JournalEntry, { kind: "item" }>,
      Extract<JournalEntry, { kind: "deposits" }>,
      Extract<JournalEntry, { kind: "close" | "purge" }>,
      JournalEntry,
      JournalEntry,
      Extract<JournalEntry, { kind: "reprice" }>,
      JournalEntry,
      Extract<JournalEntry, { kind: "fold" }>,
    ];
    const [one] = reprice.quorum;
    const [first] = deposits.deposits;
    const wrong: [Partial<Place>, JournalEntry][] = [
      [{ sequence: -1 }, close],
      [{ sequence: 2 ** 48 }, close],
      [{ sequence: 0.5 }, close],
      [{ epoch: 2 ** 32 }, close],
      [{ previous: new Uint8Array(31) }, close],
      [{ logCount: 2 ** 48 }, close],
      [{ head: FIELD }, close],
      [{}, { ...close, slot: MARKETS }],
      [{}, { ...close, time: 1n << 40n }],
      [{}, { ...close, time: -1n }],
      [{}, { kind: "round", number: 2 ** 48 }],
      [{}, { ...item, item: { ...item.item, B: FIELD } }],
      [{}, { ...item, auth: { ...item.auth, S: -1n } }],
      [{}, { ...item, item: { ...item.item, list: quotes.item.list! } }],
      [{}, { ...quotes, item: { ...quotes.item, list: quotes.item.list!.slice(1) } }],
      [{}, { ...quotes, item: { ...quotes.item, list: [FIELD, 0n, 0n] } }],
      [{}, { ...deposits, deposits: [] }],
      [{}, { ...deposits, deposits: [{ ...first, index: 2 ** 20 }] }],
      [{}, { ...deposits, deposits: [{ ...first, amount: 1n << 92n }] }],
      [{}, { ...deposits, deposits: [{ ...first, keyX: FIELD }] }],
      [{}, { ...reprice, quorum: [] }],
      [{}, { ...reprice, quorum: Array(256).fill(reprice.quorum[0]) }],
      [{}, { ...reprice, epoch: 1n << 40n }],
      [{}, { ...reprice, epoch: reprice.epoch ^ 1n }],
      [{}, { ...reprice, quorum: [{ ...one, feed: 256 }] }],
      [{}, { ...reprice, quorum: [{ ...one, feed: -1 }] }],
      [{}, { ...reprice, quorum: [{ ...one, auth: { ...one.auth, S: FIELD } }] }],
      [{}, { ...reprice, quorum: [{ ...one, report: { ...one.report, index: 1n << 40n } }] }],
      [{}, { ...reprice, quorum: [one, { ...one, report: { ...one.report, contracts: one.report.contracts ^ 1n } }] }],
      [{}, { ...reprice, quorum: [one, { ...one, report: { ...one.report, domain: one.report.domain ^ 1n } }] }],
      [{}, { ...fold, from: 2 ** 20 }],
      [{}, { ...fold, count: 2 ** 16 }],
    ];
    for (const [fields, entry] of wrong)
      assert.throws(() => encodeRecord({ ...place, ...fields }, entry), { code: "OUT_OF_RANGE" });
  });

  it("reads rules in the one form of their JSON, and no text that is none", () => {
    const entry = oneOfEach.find(({ kind }) => kind === "rules") as Extract<JournalEntry, { kind: "rules" }>;
    const [bytes] = bytesOf([entry]);
    const text = new TextDecoder().decode(bytes.subarray(98, -32));
    const recordOf = (text: string) => {
      const payload = new TextEncoder().encode(text);
      const record = new Uint8Array([...bytes.subarray(0, 98), ...payload, ...bytes.subarray(-32)]);
      new DataView(record.buffer).setUint32(94, payload.length);
      return sealed(record);
    };
    const sequence = new DataView(bytes.buffer).getUint32(10);
    assert.deepEqual(decodeRecord(recordOf(text), { sequence }).entry, entry);
    const json = JSON.parse(text);
    for (const other of [
      ` ${text}`,
      "{}",
      "null",
      text.slice(0, -1),
      JSON.stringify({ ...json, markets: [] }),
      JSON.stringify({ ...json, group: { ...json.group, slack: 8 } }),
    ])
      assert.throws(() => decodeRecord(recordOf(other), { sequence }), damaged("rules", sequence), other.slice(0, 60));
  });

  it("never names what an item holds", () => {
    const item = oneOfEach[0] as Extract<JournalEntry, { kind: "item" }>;
    const bytes = encodeRecord({ ...EMPTY_JOURNAL, sequence: 0, epoch: 1, logCount: 1 }, item);
    bytes.fill(255, 94, 126);
    const words = [...Object.values(item.item), ...Object.values(item.auth), (1n << 256n) - 1n].filter((x) => x > 999n);
    assert.throws(
      () => decodeRecord(sealed(bytes), { sequence: 0 }),
      (error: Error & { details: object }) => {
        const text = error.message + JSON.stringify(error.details);
        return words.every((word) => !text.includes(`${word}`) && !text.includes(word.toString(16)));
      },
    );
  });

  describe("as a chain", () => {
    const list = samples.slice(0, 40);
    const records = bytesOf(list);

    it("is read in order, from the start and from any place", async () => {
      const all = await readAll(records);
      assert.deepEqual(
        all.map(({ entry }) => entry),
        list,
      );
      const store = await storeOf(records);
      for (const from of [1, 17, 39, 40]) {
        const rest = all.slice(from);
        assert.deepEqual(await collect(readJournal(store, from, tipAfter(all[from - 1]))), rest);
        assert.deepEqual(await collect(readJournal(store, from, null, nodeDigest)), rest.map(withBuffers));
      }
    });

    /** Node's digest gives buffers, which are equal only to buffers. */
    function withBuffers(record: JournalRecord, i: number): JournalRecord {
      const previous = i === 0 ? record.previous : Buffer.from(record.previous);
      return { ...record, previous, checksum: Buffer.from(record.checksum) };
    }

    it("reads nothing past a record that is dropped, doubled or swapped", async () => {
      for (let i = 0; i < records.length - 1; i++) {
        const dropped = records.toSpliced(i, 1);
        const doubled = records.toSpliced(i, 0, records[i]);
        const swapped = records.toSpliced(i, 2, records[i + 1], records[i]);
        await assert.rejects(readAll(dropped), damaged("sequence", i));
        await assert.rejects(readAll(doubled), damaged("sequence", i + 1));
        await assert.rejects(readAll(swapped), damaged("sequence", i));
      }
    });

    it("reads nothing past a record that was written anew", async () => {
      for (let i = 0; i < records.length - 1; i++) {
        const { entry, ...place } = decodeRecord(records[i], { sequence: i });
        const other: JournalEntry =
          entry.kind === "round"
            ? { ...entry, number: (entry.number + 1) % 2 ** 48 }
            : { ...entry, time: entry.time ^ 1n };
        const forged = records.with(i, encodeRecord(place, other));
        const seen: number[] = [];
        const read = async () => {
          for await (const { sequence } of readJournal(await storeOf(forged))) seen.push(sequence);
        };
        await assert.rejects(read(), damaged("previous", i + 1));
        assert.deepEqual(
          seen,
          Array.from({ length: i + 1 }, (_, n) => n),
        );
      }
    });

    it("refuses an epoch that falls, a count of the log that jumps, and a mark that moves the head", () => {
      const mark = { kind: "round" as const, number: 1 };
      const close = { kind: "close" as const, time: 9n, slot: 1 };
      const before = { sequence: 5, epoch: 4, previous: new Uint8Array(32), logCount: 10, head: 6n };
      const place = { ...before, logCount: 11, head: 7n };
      const read = (changes: Partial<Place>, entry: JournalEntry) =>
        decodeRecord(encodeRecord({ ...place, ...changes }, entry), before);
      assert.equal(read({}, close).logCount, 11);
      assert.equal(read({ epoch: 9 }, close).epoch, 9);
      assert.equal(read({ logCount: 10, head: 6n }, mark).head, 6n);
      assert.throws(() => read({ epoch: 3 }, close), damaged("epoch", 5));
      assert.throws(() => read({ previous: new Uint8Array(32).fill(1) }, close), damaged("previous", 5));
      for (const logCount of [10, 12]) assert.throws(() => read({ logCount }, close), damaged("logCount", 5));
      assert.throws(() => read({ head: 6n }, mark), damaged("logCount", 5));
      assert.throws(() => read({ logCount: 10 }, mark), damaged("head", 5));
    });

    it("must go as far as the store says, and as what goes on from it needs", async () => {
      const store = await storeOf(records);
      const shorter = { read: store.read, last: async () => 40 };
      await assert.rejects(collect(readJournal(shorter)), damaged("record", 40));
      const tip = { ...EMPTY_JOURNAL, sequence: 49 };
      await assert.rejects(collect(readJournal(store, 50, tip)), damaged("record", 40));
      await assert.rejects(collect(readJournal(store, 12, tip)), { code: "OUT_OF_RANGE" });
      assert.deepEqual(await readAll([]), []);
    });
  });
});
