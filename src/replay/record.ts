import type { Command } from "../matcher/matcher.ts";
import type { Enforcement } from "../protocol/defaults.ts";
import { TacitError } from "../protocol/errors.ts";
import {
  A_COLUMNS,
  ORDER_COLUMNS,
  quotesItem,
  WITHDRAWAL_COLUMNS,
  type Auth,
  type Decoded,
  type Head,
  type Item,
  type OrderBody,
  type WithdrawalBody,
} from "../protocol/item.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { FIELD, pack, type Column } from "../protocol/numbers.ts";
import { BITS, INSTRUMENTS, KIND, MARKETS, RULE, SIDE } from "../protocol/parameters.ts";
import type { Profile } from "../protocol/instructions.ts";
import { jsonFields } from "../protocol/jsonFields.ts";
import type { ProofJson } from "../protocol/proof.ts";
import { NUMBERS, type Numbers, type SignedReport } from "../protocol/report.ts";
import { parseRules } from "../protocol/rulesJson.ts";
import type { AccountJson, QuoteJson, RepriceJson } from "./reprices.ts";

/**
 * The record of a replay, as `tacit replay --json` writes it (docs/formats.md): all that `recheck` needs to run the replay
 * again. Every number is a decimal string.
 */
export interface RecordJson {
  /** of the venue, as a genesis file */
  genesis: unknown;
  /** blinding value of the state that the first round begins at */
  blind: string;
  /** whether items and reports are signed; else each counts as signed */
  signed: boolean;
  /** at the genesis: as a file of rules */
  rules: unknown;
  rounds: RoundJson[];
  /** prices of all rounds, in order */
  reprices: RepriceJson[];
}

export interface RoundJson {
  /** from 1 */
  number: string;
  state: string;
  stateAfter: string;
  /** blinding value of `stateAfter` */
  blind: string;
  /** entries of the log before the round, and its head there */
  logCount: string;
  head: string;
  /** hashes of item and signature, time: of each entry of `log` */
  entries: [item: string, auth: string, time: string][];
  log: LogJson[];
  clearings: ClearingJson[];
  /** those that the round wrote, as it left them */
  accounts: AccountJson[];
  /** empty when the round was not proved */
  instructions: InstructionJson[];
}

export interface LogJson {
  /** position in the log, from 0 */
  n: string;
  /** seconds since 1970 */
  t: string;
  kind: keyof typeof KIND | "malformed";
  account: string | null;
  nonce: string | null;
  /** market id; of a close, purge, sweep or reduction the market's slot */
  market: string | null;
  side: SideName | null;
  limit: string | null;
  size: string | null;
  /** null for the operator's commands */
  verdict: string | null;
  flags?: string;
  validUntil?: string;
  expiry?: string;
  replaces?: string;
  maxFee?: string;
  /** of a list of quotes */
  orders?: { side: SideName; limit: string; size: string }[];
  recipient?: string;
  amount?: string;
  /** the item's words, where the fields do not give them: malformed, or something in a column that its kind does not use */
  A?: string;
  B?: string;
  /** with A and B, where the item is of the kind of a list of quotes */
  list?: string[];
  salt?: string;
  R8x?: string;
  R8y?: string;
  S?: string;
  deposits?: DepositJson[];
  /** of prices */
  epoch?: string;
  reports?: ReportJson[];
  /** of new rules: as a file of rules */
  rules?: unknown;
  /** of a fold: the first account, and how many */
  from?: string;
  count?: string;
}

/** A report, of the entry's epoch and the contracts of the rules in force; without a signature where nobody signs. */
export interface ReportJson extends QuoteJson {
  R8x?: string;
  R8y?: string;
  S?: string;
}

export interface DepositJson {
  keyX: string;
  keyY: string;
  /** that it names */
  index: string;
  amount: string;
  /** of the contract's chain after it */
  head: string;
  /** that it credits */
  account: string;
  /** view key of the account, where it opens one */
  view?: string;
}

export interface ClearingJson {
  market: string;
  rule: keyof typeof RULE;
  tick: string;
  mark: string;
  price: string;
  volume: string;
  /** what was eligible when the price was set; `sequence`: position of the order in the log */
  entries: { account: string; nonce: string; side: SideName; limit: string; remaining: string; sequence: string }[];
  /** of orders, not the venue's; `lots` is positive for a buy */
  fills: { account: string; nonce: string; lots: string; cash: string; fee: string }[];
  fee: string;
}

export interface InstructionJson {
  name: string;
  publicInputs: string[];
  proof: ProofJson;
}

export type SideName = keyof typeof SIDE;
type ItemKind = Decoded["kind"];
type Field = keyof (Head & OrderBody & WithdrawalBody);

/** Columns that a kind of item uses: fields of its entry, in this order. */
const USED: Record<Exclude<ItemKind, "quotes">, readonly Field[]> = {
  order: ["account", "nonce", "market", "side", "limit", "size", "flags", "validUntil", "expiry", "replaces", "maxFee"],
  cancel: ["account", "nonce", "market", "flags", "validUntil", "replaces"],
  withdrawal: ["account", "nonce", "validUntil", "recipient", "amount"],
};

/** Of the number of a feed: far more than any group has. */
const FEED_BITS = 8;

/** Fields of a list of quotes, beside its orders. */
const LIST_USED = ["account", "nonce", "market", "validUntil", "expiry", "maxFee"] as const;

export function sideName(side: number): SideName {
  return side === SIDE.buy ? "buy" : "sell";
}

/** The fields of an item, and whether they give its words. */
export function itemFields(decoded: Decoded): { fields: Partial<LogJson>; whole: boolean } {
  const { kind, head } = decoded;
  if (kind === "quotes") {
    const orders = decoded.body.orders.map(({ side, limit, size }) => {
      return { side: sideName(side), limit: `${limit}`, size: `${size}` };
    });
    const values = { ...head, maxFee: decoded.body.maxFee };
    const fields = Object.fromEntries(LIST_USED.map((name) => [name, `${values[name]}`]));
    return { fields: { ...fields, orders }, whole: head.side === 0n };
  }
  const values = { ...head, ...decoded.body } as Record<Field, bigint>;
  const used: readonly Field[] = USED[kind];
  const text = (name: Field) => (name === "side" ? sideName(Number(values.side)) : `${values[name]}`);
  const unused = (Object.keys(values) as Field[]).filter((name) => name !== "kind" && !used.includes(name));
  return {
    fields: Object.fromEntries(used.map((name) => [name, text(name)])),
    whole: unused.every((name) => values[name] === 0n),
  };
}

/** An entry of the log as a command, of whose reports domain and contracts are not told; and the view keys of the accounts that it opens, in order. */
export interface ReadEntry {
  readonly command: Command;
  readonly views: readonly bigint[];
}

/**
 * Reads an entry of a record's log.
 * @param signed  whether items and reports are signed
 * @throws TacitError FORMAT naming the place; OUT_OF_RANGE of what are no rules
 */
export function readEntry(
  at: string,
  json: unknown,
  { signed, profile }: { signed: boolean; profile: Profile },
): ReadEntry {
  const entry = asObject(at, json);
  const time = within(`${at}.t`, entry.t, BITS.time);
  const { kind } = entry;
  switch (kind) {
    case "deposit": {
      const read = asList(`${at}.deposits`, entry.deposits).map((deposit, j) =>
        readDeposit(`${at}.deposits[${j}]`, deposit),
      );
      const deposits = read.map(({ deposit }) => deposit);
      return { command: { kind: "deposits", time, deposits }, views: read.flatMap(({ views }) => views) };
    }
    case "close":
    case "purge":
      return { command: { kind, time, slot: readSlot(at, entry) }, views: [] };
    case "flag":
    case "sweep":
    case "reduce":
    case "assume": {
      const account = Number(within(`${at}.account`, entry.account, BITS.account));
      const salt = readElement(`${at}.salt`, entry.salt);
      if (kind === "assume") return { command: { kind, time, account, salt }, views: [] };
      return { command: { kind: "enforce", time, step: readStep(at, entry, kind, account), salt }, views: [] };
    }
    case "order":
    case "quotes":
    case "cancel":
    case "withdrawal":
    case "malformed": {
      const element = (name: string) => readElement(`${at}.${name}`, entry[name]);
      const auth = readAuth(at, entry, signed);
      const salt = element("salt");
      const item =
        kind === "malformed" || entry.A !== undefined
          ? readWords(at, entry, salt)
          : kind === "quotes"
            ? readQuotes(at, entry, salt)
            : { ...itemWords(at, entry, kind), salt };
      return { command: { kind: "item", time, item, auth, ...(signed ? {} : { signed: true }) }, views: [] };
    }
    case "reprice": {
      const epoch = within(`${at}.epoch`, entry.epoch, BITS.time);
      const quorum = asList(`${at}.reports`, entry.reports).map((report, j) =>
        readReport(`${at}.reports[${j}]`, report, { epoch, signed }),
      );
      return { command: { kind, time, epoch, quorum, ...(signed ? {} : { checked: true }) }, views: [] };
    }
    case "rules": {
      const fields = jsonFields("FORMAT", at);
      return {
        command: { kind, time, rules: parseRules(entry.rules, profile, { bounded: false, fields }) },
        views: [],
      };
    }
    case "fold": {
      const [from, count] = [entry.from, entry.count].map((n, i) => Number(within(`${at}.${["from", "count"][i]}`, n, BITS.account))); // prettier-ignore
      return { command: { kind, time, from, count }, views: [] };
    }
    default:
      throw badFormat(`${at}.kind`, `one of ${[...Object.keys(KIND), "malformed"].join(", ")}`);
  }
}

function readSlot(at: string, entry: Record<string, unknown>): number {
  const slot = asInteger(`${at}.market`, entry.market);
  if (slot < 0n || slot >= BigInt(MARKETS)) throw badFormat(`${at}.market`, "a market slot");
  return Number(slot);
}

function readStep(at: string, entry: Record<string, unknown>, kind: Enforcement["kind"], account: number): Enforcement {
  if (kind === "flag") return { kind, account };
  const slot = readSlot(at, entry);
  if (kind === "sweep") return { kind, account, slot };
  const limit = asInteger(`${at}.limit`, entry.limit);
  return { kind, account, slot, side: readSide(at, entry.side), limit, size: asInteger(`${at}.size`, entry.size) };
}

function readAuth(at: string, entry: Record<string, unknown>, signed: boolean): Auth {
  if (!signed) return { R8x: 0n, R8y: 0n, S: 0n };
  const element = (name: keyof Auth) => readElement(`${at}.${name}`, entry[name]);
  return { R8x: element("R8x"), R8y: element("R8y"), S: element("S") };
}

/** Its domain and contracts are to be those of the venue. */
function readReport(at: string, json: unknown, { epoch, signed }: { epoch: bigint; signed: boolean }): SignedReport {
  const entry = asObject(at, json);
  const number = (name: string, value: unknown) => within(`${at}.${name}`, value, BITS.reported);
  const values = asList(`${at}.values`, entry.values);
  if (values.length !== INSTRUMENTS) throw badFormat(`${at}.values`, `${INSTRUMENTS} numbers`);
  const numbers = {
    ...Object.fromEntries(NUMBERS.map((name) => [name, number(name, entry[name])])),
    values: values.map((value, i) => number(`values[${i}]`, value)),
  } as unknown as Numbers;
  const report = { domain: 0n, contracts: 0n, epoch, ...numbers };
  return { feed: Number(within(`${at}.feed`, entry.feed, FEED_BITS)), report, auth: readAuth(at, entry, signed) };
}

function readWords(at: string, entry: Record<string, unknown>, salt: bigint): Item {
  const words = { A: readElement(`${at}.A`, entry.A), B: readElement(`${at}.B`, entry.B), salt };
  if (entry.list === undefined) return words;
  const list = asList(`${at}.list`, entry.list).map((word, w) => readElement(`${at}.list[${w}]`, word));
  return { ...words, list };
}

function readQuotes(at: string, entry: Record<string, unknown>, salt: bigint): Item {
  const [account, nonce, market, validUntil, expiry, maxFee] = LIST_USED.map((name) =>
    asInteger(`${at}.${name}`, entry[name]),
  );
  const orders = asList(`${at}.orders`, entry.orders).map((json, j) => {
    const place = `${at}.orders[${j}]`;
    const { side, limit, size } = asObject(place, json);
    return {
      side: readSide(place, side),
      limit: asInteger(`${place}.limit`, limit),
      size: asInteger(`${place}.size`, size),
    };
  });
  return inRange(at, () => quotesItem({ account, nonce, market, validUntil, expiry, maxFee, orders, salt }));
}

function readSide(at: string, json: unknown): number {
  if (json !== "buy" && json !== "sell") throw badFormat(`${at}.side`, '"buy" or "sell"');
  return SIDE[json];
}

/** What is made of fields, the place of which an error of theirs names. */
function inRange<T>(at: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TacitError) || error.code !== "OUT_OF_RANGE") throw error;
    throw badFormat(`${at}.${error.details.field}`, String(error.details.expected));
  }
}

/** The words of an item from its fields; those that its kind does not use are 0. */
function itemWords(at: string, entry: Record<string, unknown>, kind: keyof typeof USED): { A: bigint; B: bigint } {
  const value = (name: string): bigint => {
    if (name === "kind") return BigInt(KIND[kind]);
    if (!(USED[kind] as readonly string[]).includes(name)) return 0n;
    if (name !== "side") return asInteger(`${at}.${name}`, entry[name]);
    return BigInt(readSide(at, entry.side));
  };
  const word = (columns: readonly Column[]) =>
    inRange(at, () => pack(columns, Object.fromEntries(columns.map(({ name }) => [name, value(name)]))));
  return { A: word(A_COLUMNS), B: word(kind === "withdrawal" ? WITHDRAWAL_COLUMNS : ORDER_COLUMNS) };
}

function readDeposit(at: string, json: unknown) {
  const { keyX, keyY, index, amount, view } = asObject(at, json);
  const deposit = {
    keyX: readElement(`${at}.keyX`, keyX),
    keyY: readElement(`${at}.keyY`, keyY),
    index: Number(within(`${at}.index`, index, BITS.account)),
    amount: within(`${at}.amount`, amount, BITS.amount),
  };
  return { deposit, views: view === undefined ? [] : [readElement(`${at}.view`, view)] };
}

/** @throws TacitError FORMAT naming the place */
export function readElement(at: string, json: unknown): bigint {
  const x = asInteger(at, json);
  if (x < 0n || x >= FIELD) throw badFormat(at, "a field element");
  return x;
}

function within(at: string, json: unknown, bits: number): bigint {
  const x = asInteger(at, json);
  if (x < 0n || x >> BigInt(bits) !== 0n) throw badFormat(at, `an integer in [0, 2^${bits})`);
  return x;
}
