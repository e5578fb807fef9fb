import { sha256 } from "@noble/hashes/sha2.js";
import type { Deposit } from "../../matcher/events.ts";
import type { Command, ItemCommand } from "../../matcher/matcher.ts";
import { outOfRange, TacitError } from "../../protocol/errors.ts";
import {
  commandItem,
  defaultItem,
  foldItem,
  isListed,
  repriceItem,
  rulesItem,
  type Head,
  type LogEntry,
} from "../../protocol/item.ts";
import { fromTypedJson, toTypedJson } from "../../protocol/json.ts";
import type { Enforcement } from "../../protocol/defaults.ts";
import { FIELD, requireBits, requireField, requireSigned } from "../../protocol/numbers.ts";
import { BITS, LIST_WORDS, MARKETS } from "../../protocol/parameters.ts";
import {
  NUMBERS_A_WORD,
  REPORT_NUMBERS,
  reportNumbers,
  reportWords,
  type SignedReport,
} from "../../protocol/report.ts";
import { rulesRoot, type Rules } from "../../protocol/rules.ts";
import { setWord } from "../../protocol/words.ts";
import type { Store } from "./store.ts";

/**
 * The journal: one record for each command that the venue has applied, and for each round that ended. A record, big end
 * first:
 *
 *     0   "TJR", version 1      4 bytes
 *     4   length of the record  4
 *     8   sequence              6    from 0
 *     14  epoch                 4    of the opening that wrote it; never falls
 *     18  previous              32   checksum of the record before, 0 for the first
 *     50  logCount              6    entries of the log after this record
 *     56  head                  32   of the log after this record
 *     88  kind                  1
 *     89  payload                    of all but a mark: time (5 bytes), then what the kind adds
 *     -32 checksum              32   SHA-256 of all before it
 *
 * Every byte has one meaning only, so equal records have equal bytes, and the checksum of one vouches for all before it.
 */
export type JournalEntry =
  | Exclude<Command, ItemCommand | RepriceCommand>
  | Omit<RepriceCommand, "checked">
  | Omit<ItemCommand, "signed">
  /** a mark: a round of proofs ends here */
  | { readonly kind: "round"; readonly number: number };

type RepriceCommand = Extract<Command, { kind: "reprice" }>;

/** SHA-256: 32 bytes of any bytes. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/** What a record says beside its entry. */
export interface Place {
  readonly sequence: number;
  /** of the opening of the store that writes it, below 2^32 */
  readonly epoch: number;
  /** checksum of the record before, 32 bytes; 0 for the first */
  readonly previous: Uint8Array;
  /** entries of the log after this record: a mark leaves it as it was */
  readonly logCount: number;
  /** of the log after this record: a mark repeats it */
  readonly head: bigint;
}

export interface JournalRecord<Entry = JournalEntry> extends Place {
  readonly checksum: Uint8Array;
  readonly entry: Entry;
}

/** Where a journal ends: what its next record goes on from. `previous` is the checksum of the record `sequence`. */
export interface Tip {
  readonly sequence: number;
  readonly epoch?: number;
  readonly previous: Uint8Array;
  readonly logCount: number;
  readonly head: bigint;
}

/** What is known of a record before it is read: its sequence, and of the record before it what is given. */
export interface Expected {
  readonly sequence: number;
  /** it is of this epoch or a later one */
  readonly epoch?: number;
  readonly previous?: Uint8Array;
  readonly logCount?: number;
  readonly head?: bigint;
}

/** The tip of a journal without records. */
export const EMPTY_JOURNAL: Tip = { sequence: -1, epoch: 0, previous: new Uint8Array(32), logCount: 0, head: 0n };

const MAGIC = 0x544a5201;
const AT = { length: 4, sequence: 8, epoch: 14, previous: 18, logCount: 50, head: 56, kind: 88, payload: 89 } as const;
const CHECKSUM = 32;
const WORD = 32;
const U48 = 2 ** 48;
const U32 = 2 ** 32;

/** Codes of the kinds, and bytes of their payloads; of deposits, and of an item with a list, of what stands before those. */
const KINDS = {
  deposits: { code: 1, bytes: 9 },
  item: { code: 2, bytes: 5 + 6 * WORD },
  close: { code: 3, bytes: 6 },
  purge: { code: 4, bytes: 6 },
  round: { code: 5, bytes: 6 },
  reprice: { code: 6, bytes: 5 + 5 + 2 * WORD + 1 },
  rules: { code: 7, bytes: 9 },
  fold: { code: 8, bytes: 11 },
  // step, account, slot, side, limit, size, salt; what a step does not use is 0
  enforce: { code: 9, bytes: 5 + 1 + 4 + 1 + 1 + 6 + 4 + WORD },
  assume: { code: 10, bytes: 5 + 4 + WORD },
} as const;
const STEPS = ["flag", "sweep", "reduce"] as const;
/** feed, words of its numbers, signature */
const REPORT_WORDS = Math.ceil(REPORT_NUMBERS / NUMBERS_A_WORD);
const REPORT_BYTES = 1 + (REPORT_WORDS + 3) * WORD;
/** keyX, keyY, index, amount */
const DEPOSIT = { bytes: 2 * WORD + 4 + 12, index: 2 * WORD, amount: 2 * WORD + 4 } as const;

/** A list of quotes follows the words of its item. */
function itemBytes(A: bigint): number {
  return KINDS.item.bytes + (isListed(A) ? LIST_WORDS * WORD : 0);
}

function payloadBytes(entry: JournalEntry): number {
  const { bytes } = KINDS[entry.kind];
  switch (entry.kind) {
    case "item":
      return itemBytes(entry.item.A);
    case "deposits":
      return bytes + entry.deposits.length * DEPOSIT.bytes;
    case "reprice":
      return bytes + entry.quorum.length * REPORT_BYTES;
    case "rules":
      return bytes + rulesBytes(entry.rules).length;
    default:
      return bytes;
  }
}

function rulesBytes(rules: Rules): Uint8Array {
  return new TextEncoder().encode(toTypedJson(rules));
}

/**
 * The bytes of a record; the last 32 are its checksum, which the next one names.
 * @throws OUT_OF_RANGE naming the field that does not fit
 */
export function encodeRecord(place: Place, entry: JournalEntry, digest: Digest = sha256): Uint8Array {
  const { sequence, epoch, previous, logCount, head } = place;
  const length = AT.payload + payloadBytes(entry) + CHECKSUM;
  requireBelow("record.length", length, U32);
  if (previous.length !== CHECKSUM) throw outOfRange("record.previous", "32 bytes");
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(AT.length, length);
  setU48(view, AT.sequence, requireBelow("record.sequence", sequence, U48));
  view.setUint32(AT.epoch, requireBelow("record.epoch", epoch, U32));
  bytes.set(previous, AT.previous);
  setU48(view, AT.logCount, requireBelow("record.logCount", logCount, U48));
  setWord(view, AT.head, requireField("record.head", head));
  view.setUint8(AT.kind, KINDS[entry.kind].code);
  setPayload(view, entry);
  bytes.set(digest(bytes.subarray(0, -CHECKSUM)), length - CHECKSUM);
  return bytes;
}

function setPayload(view: DataView, entry: JournalEntry): void {
  let at: number = AT.payload;
  if (entry.kind === "round") return setU48(view, at, requireBelow("round.number", entry.number, U48));
  setU40(view, at, "time", entry.time);
  at += 5;
  switch (entry.kind) {
    case "item": {
      const { item, auth } = entry;
      const { list = [] } = item;
      const wanted = isListed(item.A) ? LIST_WORDS : 0;
      if (list.length !== wanted) throw outOfRange("item.list", `${wanted} words`);
      for (const word of [item.A, item.B, item.salt, auth.R8x, auth.R8y, auth.S, ...list]) {
        setWord(view, at, requireField("item", word));
        at += WORD;
      }
      return;
    }
    case "deposits": {
      const { deposits } = entry;
      if (deposits.length === 0) throw outOfRange("deposits", "at least 1 deposit");
      view.setUint32(at, deposits.length);
      at += 4;
      for (const { keyX, keyY, index, amount } of deposits) {
        setWord(view, at, requireField("deposit.keyX", keyX));
        setWord(view, at + WORD, requireField("deposit.keyY", keyY));
        view.setUint32(at + DEPOSIT.index, requireBelow("deposit.index", index, 2 ** BITS.account));
        requireBits("deposit.amount", amount, BITS.amount);
        view.setUint32(at + DEPOSIT.amount, Number(amount >> 64n));
        view.setBigUint64(at + DEPOSIT.amount + 4, amount);
        at += DEPOSIT.bytes;
      }
      return;
    }
    case "reprice": {
      const { epoch, quorum } = entry;
      setU40(view, at, "epoch", epoch);
      at += 5;
      if (quorum.length === 0 || quorum.length > 255) throw outOfRange("quorum", "1 to 255 reports");
      const { domain, contracts } = quorum[0].report;
      for (const [i, { report }] of quorum.entries())
        if (report.domain !== domain || report.contracts !== contracts || report.epoch !== epoch)
          throw outOfRange(`quorum[${i}]`, "a report of the same domain, contracts and epoch as the others");
      setWord(view, at, requireField("quorum.domain", domain));
      setWord(view, at + WORD, requireField("quorum.contracts", contracts));
      view.setUint8(at + 2 * WORD, quorum.length);
      at += 2 * WORD + 1;
      for (const { feed, report, auth } of quorum) {
        view.setUint8(at++, requireBelow("quorum.feed", feed, 256));
        for (const word of [...reportWords(report), auth.R8x, auth.R8y, auth.S]) {
          setWord(view, at, requireField("quorum", word));
          at += WORD;
        }
      }
      return;
    }
    case "rules": {
      const bytes = rulesBytes(entry.rules);
      view.setUint32(at, bytes.length);
      new Uint8Array(view.buffer, view.byteOffset).set(bytes, at + 4);
      return;
    }
    case "fold":
      view.setUint32(at, requireBelow("from", entry.from, 2 ** BITS.account));
      view.setUint16(at + 4, requireBelow("count", entry.count, 2 ** 16));
      return;
    case "enforce": {
      const { step, salt } = entry;
      view.setUint8(at, STEPS.indexOf(step.kind));
      view.setUint32(at + 1, requireBelow("account", step.account, 2 ** BITS.account));
      if (step.kind !== "flag") view.setUint8(at + 5, requireBelow("slot", step.slot, MARKETS));
      if (step.kind === "reduce") {
        view.setUint8(at + 6, requireBelow("side", step.side, 2));
        setU48(view, at + 7, Number(requireSigned("limit", step.limit, BITS.price)) + 2 ** BITS.price);
        view.setUint32(at + 13, Number(requireBits("size", step.size, BITS.size)));
      }
      return setWord(view, at + 17, requireField("salt", salt));
    }
    case "assume":
      view.setUint32(at, requireBelow("account", entry.account, 2 ** BITS.account));
      return setWord(view, at + 4, requireField("salt", entry.salt));
    default:
      view.setUint8(at, requireBelow("slot", entry.slot, MARKETS));
  }
}

function setU40(view: DataView, at: number, field: string, value: bigint): void {
  const number = Number(requireBits(field, value, BITS.time));
  view.setUint8(at, Math.floor(number / U32));
  view.setUint32(at + 1, number % U32);
}

/**
 * The record that some bytes are.
 * @throws JOURNAL_DAMAGED  unless they are exactly one record, whole, and the one that is expected: with `sequence`, and
 *   `field`, what was looked at
 */
export function decodeRecord(bytes: Uint8Array, expected: Expected, digest: Digest = sha256): JournalRecord {
  const damaged: Damaged = (field, what) => journalDamaged(expected.sequence, field, what);
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (length < AT.payload + CHECKSUM) throw damaged("length", `at least ${AT.payload + CHECKSUM} bytes`);
  if (view.getUint32(0) !== MAGIC) throw damaged("version", "a record of version 1");
  if (view.getUint32(AT.length) !== length) throw damaged("length", `the ${length} bytes that there are`);
  const checksum = digest(bytes.subarray(0, length - CHECKSUM));
  if (!holds(bytes, length - CHECKSUM, checksum)) throw damaged("checksum", "SHA-256 of the record");

  const sequence = getU48(view, AT.sequence);
  if (sequence !== expected.sequence) throw damaged("sequence", `${expected.sequence}, not ${sequence}`);
  const epoch = view.getUint32(AT.epoch);
  if (expected.epoch !== undefined && epoch < expected.epoch) throw damaged("epoch", `at least ${expected.epoch}`);
  const previous = expected.previous ?? bytes.slice(AT.previous, AT.logCount);
  if (!holds(bytes, AT.previous, previous)) throw damaged("previous", "the checksum of the record before");

  const kind = view.getUint8(AT.kind);
  const adds = kind === KINDS.round.code ? 0 : 1;
  const logCount = getU48(view, AT.logCount);
  if (expected.logCount !== undefined && logCount !== expected.logCount + adds)
    throw damaged("logCount", `${expected.logCount + adds}, not ${logCount}`);
  const head = getWord(view, AT.head);
  if (head >= FIELD) throw damaged("head", BELOW_FIELD);
  if (adds === 0 && expected.head !== undefined && head !== expected.head)
    throw damaged("head", "that of the record before, which a mark repeats");
  const entry = getPayload(view, kind, length - AT.payload - CHECKSUM, damaged);
  return { sequence, epoch, previous, checksum, logCount, head, entry };
}

type Damaged = (field: string, expected: string) => TacitError;
const BELOW_FIELD = "an integer below the modulus of the scalar field";

function getPayload(view: DataView, kind: number, bytes: number, damaged: Damaged): JournalEntry {
  const size = (wanted: number) => {
    if (bytes !== wanted) throw damaged("length", `a payload of ${wanted} bytes for its kind`);
  };
  const word = (field: string, at: number) => {
    const value = getWord(view, at);
    if (value >= FIELD) throw damaged(field, BELOW_FIELD);
    return value;
  };
  const u40 = (from: number) => BigInt(view.getUint8(from) * U32 + view.getUint32(from + 1));
  const time = () => u40(AT.payload);
  const at = AT.payload + 5;
  switch (kind) {
    case KINDS.item.code: {
      if (bytes < KINDS.item.bytes) size(KINDS.item.bytes);
      const item = { A: word("A", at), B: word("B", at + WORD), salt: word("salt", at + 2 * WORD) };
      const auth = { R8x: word("R8x", at + 3 * WORD), R8y: word("R8y", at + 4 * WORD), S: word("S", at + 5 * WORD) };
      size(itemBytes(item.A));
      if (!isListed(item.A)) return { kind: "item", time: time(), item, auth };
      const list = Array.from({ length: LIST_WORDS }, (_, w) => word(`list[${w}]`, at + (6 + w) * WORD));
      return { kind: "item", time: time(), item: { ...item, list }, auth };
    }
    case KINDS.deposits.code: {
      if (bytes < KINDS.deposits.bytes) throw damaged("length", "a payload with a time and a number of deposits");
      const count = view.getUint32(at);
      if (count === 0) throw damaged("deposits", "at least 1 deposit");
      size(KINDS.deposits.bytes + count * DEPOSIT.bytes);
      const deposits = Array.from({ length: count }, (_, i): Deposit => {
        const name = (field: string) => `deposits[${i}].${field}`;
        const from = at + 4 + i * DEPOSIT.bytes;
        const index = view.getUint32(from + DEPOSIT.index);
        if (index >= 2 ** BITS.account) throw damaged(name("index"), `an integer below 2^${BITS.account}`);
        const high = BigInt(view.getUint32(from + DEPOSIT.amount));
        const amount = (high << 64n) | view.getBigUint64(from + DEPOSIT.amount + 4);
        if (amount >> BigInt(BITS.amount)) throw damaged(name("amount"), `an integer below 2^${BITS.amount}`);
        return { keyX: word(name("keyX"), from), keyY: word(name("keyY"), from + WORD), index, amount };
      });
      return { kind: "deposits", time: time(), deposits };
    }
    case KINDS.close.code:
    case KINDS.purge.code: {
      size(KINDS.close.bytes);
      const slot = view.getUint8(at);
      if (slot >= MARKETS) throw damaged("slot", `a market slot, 0 to ${MARKETS - 1}`);
      return { kind: kind === KINDS.close.code ? "close" : "purge", time: time(), slot };
    }
    case KINDS.round.code:
      size(KINDS.round.bytes);
      return { kind: "round", number: getU48(view, AT.payload) };
    case KINDS.reprice.code: {
      if (bytes < KINDS.reprice.bytes) throw damaged("length", "a payload with an epoch and a number of reports");
      const epoch = u40(at);
      const [domain, contracts] = [word("domain", at + 5), word("contracts", at + 5 + WORD)];
      const first = at + 6 + 2 * WORD;
      const count = view.getUint8(first - 1);
      if (count === 0) throw damaged("quorum", "at least 1 report");
      size(KINDS.reprice.bytes + count * REPORT_BYTES);
      const quorum = Array.from({ length: count }, (_, i): SignedReport => {
        const from = first + i * REPORT_BYTES;
        const words = Array.from({ length: REPORT_WORDS + 3 }, (_, w) => word(`quorum[${i}]`, from + 1 + w * WORD));
        const numbers = reportNumbers(words.slice(0, REPORT_WORDS));
        if (!numbers) throw damaged(`quorum[${i}]`, "words of a report's numbers");
        const [R8x, R8y, S] = words.slice(REPORT_WORDS);
        return { feed: view.getUint8(from), report: { domain, contracts, epoch, ...numbers }, auth: { R8x, R8y, S } };
      });
      return { kind: "reprice", time: time(), epoch, quorum };
    }
    case KINDS.rules.code: {
      if (bytes < KINDS.rules.bytes) throw damaged("length", "a payload with the length of rules");
      const length = view.getUint32(at);
      size(KINDS.rules.bytes + length);
      return { kind: "rules", time: time(), rules: rulesOf(view, at + 4, length, damaged) };
    }
    case KINDS.fold.code: {
      size(KINDS.fold.bytes);
      const from = view.getUint32(at);
      if (from >= 2 ** BITS.account) throw damaged("from", `an integer below 2^${BITS.account}`);
      const count = view.getUint16(at + 4);
      return { kind: "fold", time: time(), from, count };
    }
    case KINDS.enforce.code:
      size(KINDS.enforce.bytes);
      return { kind: "enforce", time: time(), step: stepOf(view, at, damaged), salt: word("salt", at + 17) };
    case KINDS.assume.code:
      size(KINDS.assume.bytes);
      return { kind: "assume", time: time(), account: accountAt(view, at, damaged), salt: word("salt", at + 4) };
    default:
      throw damaged("kind", "1 to 10");
  }
}

function accountAt(view: DataView, at: number, damaged: Damaged): number {
  const account = view.getUint32(at);
  if (account >= 2 ** BITS.account) throw damaged("account", `an integer below 2^${BITS.account}`);
  return account;
}

/** A step in its one form: what it does not use is 0. */
function stepOf(view: DataView, at: number, damaged: Damaged): Enforcement {
  const kind = STEPS[view.getUint8(at)];
  if (!kind) throw damaged("step", "0 to 2");
  const account = accountAt(view, at + 1, damaged);
  const [slot, side, limit, size] = [view.getUint8(at + 5), view.getUint8(at + 6), getU48(view, at + 7), view.getUint32(at + 13)]; // prettier-ignore
  if (slot >= MARKETS) throw damaged("slot", `a market slot, 0 to ${MARKETS - 1}`);
  if (kind === "reduce") {
    if (side > 1) throw damaged("side", "0 or 1");
    if (limit >= 2 ** (BITS.price + 1)) throw damaged("limit", `an integer below 2^${BITS.price + 1}`);
    return { kind, account, slot, side, limit: BigInt(limit - 2 ** BITS.price), size: BigInt(size) };
  }
  if (side !== 0 || limit !== 0 || size !== 0 || (kind === "flag" && slot !== 0))
    throw damaged("step", "0 in what it does not use");
  return kind === "flag" ? { kind, account } : { kind, account, slot };
}

/** Rules are read where they are used: the matcher refuses what are none. */
function rulesOf(view: DataView, at: number, length: number, damaged: Damaged): Rules {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
  let text: string;
  let rules: Rules;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    rules = fromTypedJson(text) as Rules;
    rulesRoot(rules);
  } catch {
    throw damaged("rules", "rules as JSON");
  }
  if (toTypedJson(rules) !== text) throw damaged("rules", "the one form of their JSON");
  return rules;
}

/** The entry of the log that a record holds, or null of a mark. */
export function logEntry(entry: JournalEntry): LogEntry | null {
  switch (entry.kind) {
    case "round":
      return null;
    case "item":
      return { item: entry.item, auth: entry.auth, time: entry.time };
    case "deposits":
      return { item: commandItem("deposit", entry.deposits.length), time: entry.time };
    case "reprice":
      return { item: repriceItem(entry.epoch), quorum: entry.quorum, time: entry.time };
    case "rules":
      return { item: rulesItem(rulesRoot(entry.rules)), time: entry.time };
    case "fold":
      return { item: foldItem(entry.from, entry.count), time: entry.time };
    case "enforce":
      return { item: defaultItem(entry.step, entry.salt), time: entry.time };
    case "assume":
      return { item: defaultItem({ kind: "assume", account: entry.account }, entry.salt), time: entry.time };
    default:
      return { item: commandItem(entry.kind, entry.slot), time: entry.time };
  }
}

/**
 * What finds the record of an item: account (3 bytes), then nonce (5), as an account has a nonce in one entry only. Items of
 * an account lie beside each other in an index of these, so that the busy ones change few of its pages.
 */
export function itemKey({ account, nonce }: Pick<Head, "account" | "nonce">): Uint8Array {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, (account << BigInt(BITS.nonce)) | nonce);
  return key;
}

/** The tip of a journal whose last record this is. */
export function tipAfter({ sequence, epoch, checksum, logCount, head }: JournalRecord): Tip {
  return { sequence, epoch, previous: checksum, logCount, head };
}

/**
 * Records from a sequence on, in order, each checked against the one before it.
 * @param tip  what the record before `from` left, or null to take the first one's word for what was before it
 * @throws JOURNAL_DAMAGED  at the first record that is missing or is not what it ought to be; nothing is read past it
 */
export async function* readJournal(
  store: Pick<Store, "read" | "last">,
  from = 0,
  tip: Tip | null = from === 0 ? EMPTY_JOURNAL : null,
  digest: Digest = sha256,
): AsyncGenerator<JournalRecord, void, undefined> {
  if (tip && tip.sequence !== from - 1) throw outOfRange("tip.sequence", "that of the record before the first to read");
  const last = await store.last();
  let expected: Expected = tip ? { ...tip, sequence: from } : { sequence: from };
  for await (const bytes of store.read(from)) {
    const record = decodeRecord(bytes, expected, digest);
    yield record;
    expected = { ...tipAfter(record), sequence: record.sequence + 1 };
  }
  if (expected.sequence <= last) throw journalDamaged(expected.sequence, "record", `records up to ${last}`);
  if (from > last + 1) throw journalDamaged(last + 1, "record", `records up to ${from - 1} at least`);
}

/**
 * One record, and the head of the log before it.
 * @throws JOURNAL_DAMAGED  when it, or the one before it, is missing or is not what it ought to be
 */
export async function readRecord(
  store: Pick<Store, "read">,
  sequence: number,
  digest: Digest = sha256,
): Promise<{ record: JournalRecord; previous: bigint }> {
  const first = Math.max(0, sequence - 1);
  let expected: Expected = sequence === 0 ? { ...EMPTY_JOURNAL, sequence } : { sequence: first };
  let previous = EMPTY_JOURNAL.head;
  for await (const bytes of store.read(first, sequence - first + 1)) {
    const record = decodeRecord(bytes, expected, digest);
    if (record.sequence === sequence) return { record, previous };
    previous = record.head;
    expected = { ...tipAfter(record), sequence };
  }
  throw journalDamaged(sequence, "record", "to be there");
}

/**
 * Records of the log from an entry on, each checked against the one before it, and the marks of rounds that ended before it.
 * @param first  entries before the first of them
 * @throws JOURNAL_DAMAGED, STORAGE
 */
export async function* readLog(
  store: Pick<Store, "read" | "last">,
  first: number,
  digest: Digest = sha256,
): AsyncGenerator<{ record: JournalRecord; marks: readonly JournalRecord[] }, void, undefined> {
  // Marks before it stand after the entry before.
  const from = first === 0 ? 0 : await sequenceOf(store, first - 1);
  let marks: JournalRecord[] = [];
  for await (const record of readJournal(store, from, undefined, digest)) {
    if (record.entry.kind === "round") marks.push(record);
    else if (record.logCount > first) {
      yield { record, marks };
      marks = [];
    }
  }
}

/** Whether these bytes are the record of a mark. */
export function isMark(bytes: Uint8Array): boolean {
  return bytes[AT.kind] === KINDS.round.code;
}

/** Records that stand one after the other, each whole. @throws JOURNAL_DAMAGED */
export function splitRecords(bytes: Uint8Array, digest: Digest = sha256): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.subarray(at);
    if (rest.length < AT.payload) throw journalDamaged(records.length, "length", "whole records");
    const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    const record = rest.slice(0, view.getUint32(AT.length));
    records.push(decodeRecord(record, { sequence: getU48(view, AT.sequence) }, digest));
    at += record.length;
  }
  return records;
}

/** Sequence of the record of an entry, or of the first beyond the last. @param n  entries before it */
async function sequenceOf(store: Pick<Store, "read" | "last">, n: number): Promise<number> {
  // Marks lie between entries: it is none of the first n.
  let [low, high] = [n, (await store.last()) + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    let count: number | null = null;
    for await (const bytes of store.read(middle, 1))
      if (bytes.length > AT.head) count = getU48(new DataView(bytes.buffer, bytes.byteOffset), AT.logCount);
    if (count === null) throw journalDamaged(middle, "record", "to be there");
    if (count > n) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A record is missing or not what it ought to be. Names the field and what was expected, never the contents of an entry. */
export function journalDamaged(sequence: number, field: string, expected: string): TacitError<"JOURNAL_DAMAGED"> {
  return new TacitError(
    "JOURNAL_DAMAGED",
    `record ${sequence} of the journal: its ${field} is wrong: expected ${expected}`,
    {
      sequence,
      field,
      expected,
    },
  );
}

function requireBelow(field: string, value: number, limit: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value >= limit)
    throw outOfRange(field, `an integer in [0, ${limit})`);
  return value;
}

/** Whether these 32 bytes stand in `bytes` at a place. */
function holds(bytes: Uint8Array, at: number, checksum: Uint8Array): boolean {
  if (checksum.length !== CHECKSUM) return false;
  for (let i = 0; i < CHECKSUM; i++) if (bytes[at + i] !== checksum[i]) return false;
  return true;
}

function setU48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / U32));
  view.setUint32(at + 2, value % U32);
}

function getU48(view: DataView, at: number): number {
  return view.getUint16(at) * U32 + view.getUint32(at + 2);
}

/** Three times as fast as the way over hexadecimal text. */
function getWord(view: DataView, at: number): bigint {
  const high = (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
  const low = (view.getBigUint64(at + 16) << 64n) | view.getBigUint64(at + 24);
  return (high << 128n) | low;
}
