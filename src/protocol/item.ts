import type { Enforcement } from "./defaults.ts";
import { BITS, FLAG, KIND, LIST_ORDERS, LIST_WORDS, ORDERS_A_WORD } from "./parameters.ts";
import { outOfRange } from "./errors.ts";
import { hash, hashMany } from "./poseidon.ts";
import { pack, requireBits, requireField, requireFields, unpack, type Column } from "./numbers.ts";
import { quorumAuth, type SignedReport } from "./report.ts";

/**
 * Items and commands: what the log is made of (docs/protocol.md, section 7). Both are H_item(domain, A, B, salt); an
 * entry with auth = 0, or with that of a quorum of feeds, is a command of the operator, any other an item of a trader.
 * @twins circuits/lib/item.circom
 */
export const A_COLUMNS = [
  { name: "kind", bits: BITS.kind },
  { name: "market", bits: BITS.market },
  { name: "account", bits: BITS.account },
  { name: "nonce", bits: BITS.nonce },
  { name: "side", bits: BITS.side },
  { name: "flags", bits: BITS.flags },
  { name: "validUntil", bits: BITS.time },
  { name: "expiry", bits: BITS.time },
] as const satisfies readonly Column[];

/** B of an order or a cancel. A cancel uses only `replaces`: the nonce it names. */
export const ORDER_COLUMNS = [
  { name: "limit", bits: BITS.price + 1, signed: true },
  { name: "size", bits: BITS.size },
  { name: "replaces", bits: BITS.nonce },
  { name: "maxFee", bits: BITS.maxFee },
] as const satisfies readonly Column[];

/** B of a withdrawal. It is also the payout word that `withdraw` makes public. */
export const WITHDRAWAL_COLUMNS = [
  { name: "recipient", bits: BITS.recipient },
  { name: "amount", bits: BITS.amount },
] as const satisfies readonly Column[];

/** An order of a list of quotes; one that is not used is 0. Of the list B is the hash. */
export const QUOTE_COLUMNS = [
  { name: "limit", bits: BITS.price + 1, signed: true },
  { name: "size", bits: BITS.size },
  { name: "side", bits: BITS.side },
] as const satisfies readonly Column[];
const QUOTE_BITS = QUOTE_COLUMNS.reduce((sum, { bits }) => sum + bits, 0);
/** Bits of the words of a list: three orders each, and above the two of the last one the highest fee. */
const LIST_BITS = Array.from({ length: LIST_WORDS }, (_, w) =>
  w < LIST_WORDS - 1 ? ORDERS_A_WORD * QUOTE_BITS : (LIST_ORDERS - w * ORDERS_A_WORD) * QUOTE_BITS + BITS.maxFee,
);

type Values<Columns extends readonly Column[]> = { readonly [Name in Columns[number]["name"]]: bigint };
export type Head = Values<typeof A_COLUMNS>;
export type OrderBody = Values<typeof ORDER_COLUMNS>;
export type WithdrawalBody = Values<typeof WITHDRAWAL_COLUMNS>;

/** One order of a list of quotes. */
export interface Quote {
  /** SIDE */
  readonly side: number;
  readonly limit: bigint;
  readonly size: bigint;
}

/** What a list of quotes says: 1 to 8 orders, which bear its nonce and those that follow. */
export interface QuotesBody {
  readonly orders: readonly Quote[];
  /** highest fee(limit, 1) accepted, of each */
  readonly maxFee: bigint;
}

/** The two words that are signed, with a salt that hides them. */
export interface Item {
  readonly A: bigint;
  readonly B: bigint;
  readonly salt: bigint;
  /** the words of a list of quotes, of which B is the hash: of each item of that kind, and of no other */
  readonly list?: readonly bigint[];
}

/** R8 and S of EdDSA-Poseidon over the item's hash. */
export interface Auth {
  readonly R8x: bigint;
  readonly R8y: bigint;
  readonly S: bigint;
}

/** One entry of the log: of a trader with `auth`, a REPRICE with `quorum`, any other command with neither. */
export interface LogEntry {
  readonly item: Item;
  readonly auth?: Auth;
  readonly quorum?: readonly SignedReport[];
  /** seconds since 1970 */
  readonly time: bigint;
}

export type Decoded =
  | { readonly kind: "order"; readonly head: Head; readonly body: OrderBody }
  | { readonly kind: "cancel"; readonly head: Head; readonly body: OrderBody }
  | { readonly kind: "withdrawal"; readonly head: Head; readonly body: WithdrawalBody }
  | { readonly kind: "quotes"; readonly head: Head; readonly body: QuotesBody };

/** Fields of a trader's item, or null when it is malformed: bits beyond its columns, or a kind that no trader may send. */
export function decodeItem({ A, B, list }: Item): Decoded | null {
  const head = unpack(A_COLUMNS, A) as Head | null;
  if (!head) return null;
  switch (Number(head.kind)) {
    case KIND.order:
    case KIND.cancel: {
      const body = unpack(ORDER_COLUMNS, B) as OrderBody | null;
      return body && { kind: head.kind === BigInt(KIND.order) ? "order" : "cancel", head, body };
    }
    case KIND.withdrawal: {
      const body = unpack(WITHDRAWAL_COLUMNS, B) as WithdrawalBody | null;
      return body && { kind: "withdrawal", head, body };
    }
    case KIND.quotes: {
      const body = list ? decodeList(list, Number(head.flags)) : null;
      return body && { kind: "quotes", head, body };
    }
    default:
      return null;
  }
}

/** @param count  of the orders that are used */
function decodeList(list: readonly bigint[], count: number): QuotesBody | null {
  if (count < 1 || count > LIST_ORDERS || !inColumns(list)) return null;
  const words = Array.from({ length: LIST_ORDERS }, (_, j) =>
    BigInt.asUintN(QUOTE_BITS, list[Math.floor(j / ORDERS_A_WORD)] >> BigInt((j % ORDERS_A_WORD) * QUOTE_BITS)),
  );
  if (words.slice(count).some((word) => word !== 0n)) return null;
  const maxFee = list[LIST_WORDS - 1] >> BigInt(LIST_BITS[LIST_WORDS - 1] - BITS.maxFee);
  const orders = words.slice(0, count).map((word): Quote => {
    const { side, limit, size } = unpack(QUOTE_COLUMNS, word)!;
    return { side: Number(side), limit, size };
  });
  return { orders, maxFee };
}

function inColumns(list: readonly bigint[]): boolean {
  const isWord = (word: unknown, w: number) => typeof word === "bigint" && word >> BigInt(LIST_BITS[w]) === 0n;
  return Array.isArray(list) && list.length === LIST_WORDS && list.every(isWord);
}

/** The last nonce that an item takes: a list of quotes takes 8, however many orders it has. */
export function lastNonce({ kind, head }: Decoded): bigint {
  return kind === "quotes" ? head.nonce + BigInt(LIST_ORDERS - 1) : head.nonce;
}

/** Whether an item of these columns comes with the words of a list. */
export function isListed(A: bigint): boolean {
  return BigInt.asUintN(BITS.kind, A) === BigInt(KIND.quotes);
}

/**
 * Whether the log may hold an item: any word does, but a list must be there, as it is not in the log itself.
 * @throws OUT_OF_RANGE unless A, B and salt are field elements, and a list of quotes, and nothing else, comes with its words: in
 *   their columns, with B their hash
 */
export function requireItem({ A, B, salt, list }: Item): void {
  requireFields("item", { A, B, salt });
  if (!isListed(A)) {
    if (list !== undefined) throw outOfRange("item.list", "no list with an item of another kind than quotes");
    return;
  }
  if (!Array.isArray(list) || list.length !== LIST_WORDS)
    throw outOfRange("item.list", `the ${LIST_WORDS} words of a list of quotes`);
  list.forEach((word, w) => requireBits(`item.list[${w}]`, word, LIST_BITS[w]));
  if (listHash(list) !== B) throw outOfRange("item.list", "the words of which B is the hash");
}

export function listHash(list: readonly bigint[]): bigint {
  return hash("list", list);
}

const HEAD_DEFAULTS = { market: 0n, nonce: 0n, side: 0n, flags: 0n, validUntil: 0n, expiry: 0n, account: 0n };

export interface OrderFields {
  market: bigint;
  account: bigint;
  nonce: bigint;
  /** SIDE.buy or SIDE.sell */
  side: number;
  limit: bigint;
  size: bigint;
  /** last second at which it may be admitted */
  validUntil: bigint;
  /** last clear at which it lives */
  expiry: bigint;
  /** leaves at the first CLOSE that matches */
  thisAuction?: boolean;
  /** nonce of the order it replaces, 0 for none */
  replaces?: bigint;
  /** highest fee(limit, 1) accepted; default: no bound */
  maxFee?: bigint;
  salt: bigint;
}

/** @throws OUT_OF_RANGE naming the field */
export function orderItem(order: OrderFields): Item {
  const { market, account, nonce, validUntil, expiry, limit, size, salt } = order;
  const A = pack(A_COLUMNS, {
    kind: BigInt(KIND.order),
    market,
    account,
    nonce,
    side: BigInt(order.side),
    flags: BigInt(order.thisAuction ? FLAG.thisAuction : 0),
    validUntil,
    expiry,
  });
  const maxFee = order.maxFee ?? (1n << BigInt(BITS.maxFee)) - 1n;
  return { A, B: pack(ORDER_COLUMNS, { limit, size, replaces: order.replaces ?? 0n, maxFee }), salt };
}

/** Cancels the order with nonce `target`, or, without it, every order of the account below this nonce, in one market. */
export function cancelItem(cancel: {
  market: bigint;
  account: bigint;
  nonce: bigint;
  target?: bigint;
  validUntil: bigint;
  salt: bigint;
}): Item {
  const { market, account, nonce, target, validUntil, salt } = cancel;
  const flags = BigInt(target === undefined ? FLAG.all : 0);
  const head = { ...HEAD_DEFAULTS, kind: BigInt(KIND.cancel), market, account, nonce, flags, validUntil };
  const B = pack(ORDER_COLUMNS, { limit: 0n, size: 0n, replaces: target ?? 0n, maxFee: 0n });
  return { A: pack(A_COLUMNS, head), B, salt };
}

export function withdrawalItem(withdrawal: {
  account: bigint;
  nonce: bigint;
  recipient: bigint;
  amount: bigint;
  /** that less is paid where the venue is short of money */
  lessAccepted?: boolean;
  validUntil: bigint;
  salt: bigint;
}): Item {
  const { account, nonce, recipient, amount, validUntil, salt } = withdrawal;
  const flags = BigInt(withdrawal.lessAccepted ? FLAG.lessAccepted : 0);
  const head = { ...HEAD_DEFAULTS, kind: BigInt(KIND.withdrawal), account, nonce, flags, validUntil };
  return { A: pack(A_COLUMNS, head), B: pack(WITHDRAWAL_COLUMNS, { recipient, amount }), salt };
}

export interface QuotesFields {
  market: bigint;
  account: bigint;
  /** of the first order; the last may have 2^40 - 2 at most */
  nonce: bigint;
  /** 1 to 8: they take the place of all orders of the account in the market that came before */
  orders: readonly Quote[];
  validUntil: bigint;
  expiry: bigint;
  /** highest fee(limit, 1) accepted, of each; default: no bound */
  maxFee?: bigint;
  salt: bigint;
}

/** @throws OUT_OF_RANGE naming the field */
export function quotesItem(quotes: QuotesFields): Item {
  const { market, account, nonce, orders, validUntil, expiry, salt } = quotes;
  const count = orders.length;
  if (count < 1 || count > LIST_ORDERS) throw outOfRange("orders", `1 to ${LIST_ORDERS} orders`);
  const head = { ...HEAD_DEFAULTS, kind: BigInt(KIND.quotes), market, account, nonce, flags: BigInt(count), validUntil, expiry }; // prettier-ignore
  const maxFee = quotes.maxFee ?? (1n << BigInt(BITS.maxFee)) - 1n;
  const list = Array<bigint>(LIST_WORDS).fill(0n);
  const put = (at: number, word: bigint) => (list[Math.floor(at / ORDERS_A_WORD)] |= word << BigInt((at % ORDERS_A_WORD) * QUOTE_BITS)); // prettier-ignore
  orders.forEach(({ side, limit, size }, j) => put(j, pack(QUOTE_COLUMNS, { side: BigInt(side), limit, size })));
  put(LIST_ORDERS, pack([{ name: "maxFee", bits: BITS.maxFee }], { maxFee }));
  return { A: pack(A_COLUMNS, head), B: listHash(list), salt, list };
}

/** A command: `argument` is the market slot of CLOSE and PURGE, the number of deposits of DEPOSIT. B and salt are 0. */
export function commandItem(kind: "deposit" | "close" | "purge", argument: number): Item {
  return command({ kind: BigInt(KIND[kind]), market: BigInt(argument) });
}

/** REPRICE(epoch), which stands in the column of nonces. */
export function repriceItem(epoch: bigint): Item {
  return command({ kind: BigInt(KIND.reprice), nonce: epoch });
}

/** RULES(root): new rules by their root. */
export function rulesItem(root: bigint): Item {
  return command({ kind: BigInt(KIND.rules) }, requireField("root", root));
}

/**
 * FLAG, SWEEP, REDUCE and ASSUME name an account, and market slot, side, limit and size in the columns of an order. Of the few
 * accounts each could be tried: so they have a salt.
 */
export function defaultItem(
  step: Enforcement | { readonly kind: "assume"; readonly account: number },
  salt: bigint,
): Item {
  const head = { kind: BigInt(KIND[step.kind]), account: BigInt(step.account) };
  if (step.kind === "flag" || step.kind === "assume") return command(head, 0n, salt);
  const market = BigInt(step.slot);
  if (step.kind === "sweep") return command({ ...head, market }, 0n, salt);
  const { side, limit, size } = step;
  const B = pack(ORDER_COLUMNS, { limit, size, replaces: 0n, maxFee: 0n });
  return command({ ...head, market, side: BigInt(side) }, B, salt);
}

/** FOLD(from, count): accounts `from` to `from` + `count` - 1. */
export function foldItem(from: number, count: number): Item {
  return command({ kind: BigInt(KIND.fold), market: BigInt(count), account: BigInt(from) });
}

function command(head: Partial<Head>, B = 0n, salt = 0n): Item {
  return { A: pack(A_COLUMNS, { ...HEAD_DEFAULTS, ...head }), B, salt };
}

export function itemHash(domain: bigint, { A, B, salt }: Item): bigint {
  return hash("item", [domain, A, B, salt]);
}

/** `itemHash` of many. */
export function itemHashes(domain: bigint, items: readonly Item[]): bigint[] {
  return hashMany(
    "item",
    items.map(({ A, B, salt }) => [domain, A, B, salt]),
  );
}

/** H_auth of a trader's item; in the log a command has 0 in its place, or REPRICE the chain of its quorum. */
export function authHash({ R8x, R8y, S }: Auth): bigint {
  return hash("auth", [R8x, R8y, S]);
}

/** log' = H_log(log, item, auth, time), where auth is that of a trader's item, and 0 for a command. */
export function logHead(log: bigint, domain: bigint, entry: LogEntry): bigint {
  return logHeads(log, domain, [entry])[0];
}

/** An entry of the log as anybody may see it: it hides the item as long as its salt is random. */
export interface HashedEntry {
  /** H_item */
  readonly item: bigint;
  /** H_auth; of a command 0, or of REPRICE the chain of its quorum */
  readonly auth: bigint;
  /** seconds since 1970 */
  readonly time: bigint;
}

export function hashEntries(domain: bigint, entries: readonly LogEntry[]): HashedEntry[] {
  const items = itemHashes(
    domain,
    entries.map(({ item }) => item),
  );
  const signed = entries.flatMap(({ auth }) => (auth ? [[auth.R8x, auth.R8y, auth.S]] : []));
  const auths = hashMany("auth", signed).values();
  const authOf = ({ auth, quorum }: LogEntry) => (auth ? auths.next().value! : quorum ? quorumAuth(quorum) : 0n);
  return entries.map((entry, i) => ({ item: items[i], auth: authOf(entry), time: entry.time }));
}

/** The heads of the log after each of some entries: only the chain itself is hashed one after the other. */
export function chainHeads(log: bigint, entries: readonly HashedEntry[]): bigint[] {
  return entries.map(({ item, auth, time }) => (log = hash("log", [log, item, auth, time])));
}

export function logHeads(log: bigint, domain: bigint, entries: readonly LogEntry[]): bigint[] {
  return chainHeads(log, hashEntries(domain, entries));
}
