import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Point, Signature } from "./eddsa.ts";
import type { Auth, Item } from "./item.ts";
import { asInteger, asList, asObject, badFormat } from "./json.ts";
import { FIELD } from "./numbers.ts";
import { LIST_WORDS } from "./parameters.ts";
import type { SignedReceipt } from "./receipt.ts";

/** What venue and client say to each other, in JSON: every number a decimal string (docs/api.md). */

const ITEM = ["A", "B", "salt", "R8x", "R8y", "S"] as const;
export interface ItemJson extends Record<(typeof ITEM)[number], string> {
  /** of a list of quotes */
  list?: string[];
}

export function itemJson(item: Item, auth: Auth): ItemJson {
  const words = { ...item, ...auth };
  const json = Object.fromEntries(ITEM.map((name) => [name, String(words[name])])) as unknown as ItemJson;
  if (item.list) json.list = item.list.map(String);
  return json;
}

/** @throws TacitError FORMAT naming the field */
export function readItem(json: unknown): { item: Item; auth: Auth } {
  const fields = asObject("item", json);
  const [A, B, salt, R8x, R8y, S] = ITEM.map((name) => element(`item.${name}`, fields[name]));
  const auth = { R8x, R8y, S };
  if (fields.list === undefined) return { item: { A, B, salt }, auth };
  const list = asList("item.list", fields.list).map((word, w) => element(`item.list[${w}]`, word));
  if (list.length !== LIST_WORDS) throw badFormat("item.list", `${LIST_WORDS} words`);
  return { item: { A, B, salt, list }, auth };
}

const RECEIPT = ["domain", "n", "item", "auth", "time", "head", "previous"] as const;
export type ReceiptJson = Record<(typeof RECEIPT)[number] | "signature", string>;

export function receiptJson({ domain, n, item, auth, time, head, previous, signature }: SignedReceipt): ReceiptJson {
  return {
    domain: String(domain),
    n: String(n),
    item: String(item),
    auth: String(auth),
    time: String(time),
    head: String(head),
    previous: String(previous),
    signature,
  };
}

/** @throws TacitError FORMAT naming the field */
export function readReceipt(json: unknown): SignedReceipt {
  const { signature, ...fields } = asObject("receipt", json);
  const [domain, n, item, auth, time, head, previous] = RECEIPT.map((name) => element(`receipt.${name}`, fields[name]));
  if (typeof signature !== "string" || !/^0x[0-9a-f]{130}$/.test(signature))
    throw badFormat("receipt.signature", "0x and 130 hexadecimal digits");
  return { domain, n, item, auth, time, head, previous, signature };
}

/**
 * What the owner of a key signs (EdDSA-Poseidon) to see its accounts: good at this venue, at this host, until `expires`, in
 * seconds since 1970. It is no hash of Poseidon, so it can never be taken for an item; the host keeps another site from
 * passing it on.
 * @param host  of the venue's address, with its port if that has one, as the owner has it: "venue.example:8080"
 */
export function sessionMessage(domain: bigint, { host, key, expires }: Omit<SessionRequest, "signature">): bigint {
  const text = `Tacit session\ndomain ${domain}\nhost ${host}\nkey ${key.x} ${key.y}\nexpires ${expires}`;
  // 248 bits are a field element.
  return BigInt(`0x${bytesToHex(keccak_256(utf8ToBytes(text)).slice(0, 31))}`);
}

export interface SessionRequest {
  readonly host: string;
  readonly key: Point;
  readonly expires: bigint;
  readonly signature: Signature;
}

export function sessionJson({ host, key, expires, signature }: SessionRequest) {
  const numbers = { keyX: key.x, keyY: key.y, expires, ...signature };
  return { host, ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])) };
}

/** @throws TacitError FORMAT naming the field */
export function readSession(json: unknown): SessionRequest {
  const fields = asObject("session", json);
  const read = (name: string) => element(`session.${name}`, fields[name]);
  if (typeof fields.host !== "string") throw badFormat("session.host", "the host of the venue's address");
  return {
    host: fields.host,
    key: { x: read("keyX"), y: read("keyY") },
    expires: read("expires"),
    signature: { R8x: read("R8x"), R8y: read("R8y"), S: read("S") },
  };
}

/** What a clear did to one order: as its owner is told. */
export interface FillReport {
  readonly account: number;
  /** position of the CLOSE or PURGE in the log */
  readonly n: number;
  /** seconds since 1970 */
  readonly time: bigint;
  readonly market: bigint;
  /** of the order; 0 of the venue's own fill, which has the fees */
  readonly nonce: bigint;
  /** positive for a buy; 0 when nothing traded and the order left the book */
  readonly lots: bigint;
  /** cash units per lot; 0 where nothing was matched */
  readonly price: bigint;
  readonly fee: bigint;
  /** cash units, net of the fee */
  readonly cash: bigint;
  /** reservation given back, cash units */
  readonly release: bigint;
  /** whether nothing of the order stays in the book */
  readonly closed: boolean;
}

function element(at: string, json: unknown): bigint {
  const x = asInteger(at, json);
  if (x < 0n || x >= FIELD) throw badFormat(at, "a field element");
  return x;
}

/** Codes of the errors that a venue answers with (docs/api.md). */
export const ERROR_CODES = [
  "FORMAT",
  "OUT_OF_RANGE",
  "BAD_POINT",
  "UNAUTHORISED",
  "FORBIDDEN",
  "NO_CO_SIGNERS",
  "NOT_FOUND",
  "UNKNOWN_MARKET",
  "ON_CHAIN",
  "METHOD",
  "TIMEOUT",
  "TOO_LARGE",
  "MEDIA_TYPE",
  "ACCOUNTS_FULL",
  "ADDRESS",
  "ANNOUNCEMENT",
  "DECLINED",
  "EARLY",
  "REPORT",
  "RULES",
  "RULES_FILE",
  "SURVEY",
  "VAULT_FULL",
  "WRONG_KIND",
  "RATE_LIMITED",
  "UNEXPECTED",
  "BUSY",
  "CLOCK",
  "STANDBY",
  "STOPPED",
] as const;

export function isErrorCode(code: unknown): code is (typeof ERROR_CODES)[number] {
  return ERROR_CODES.includes(code as (typeof ERROR_CODES)[number]);
}
