import { BITS, FLAG, KIND } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";
import { pack, unpack, type Column } from "./numbers.ts";

/**
 * Items and commands: what the log is made of (docs/protocol.md, section 7). Both are H_item(domain, A, B, salt); an
 * entry with auth = 0 is a command of the operator, any other an item of a trader.
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

type Values<Columns extends readonly Column[]> = { readonly [Name in Columns[number]["name"]]: bigint };
export type Head = Values<typeof A_COLUMNS>;
export type OrderBody = Values<typeof ORDER_COLUMNS>;
export type WithdrawalBody = Values<typeof WITHDRAWAL_COLUMNS>;

/** The two words that are signed, with a salt that hides them. */
export interface Item {
  readonly A: bigint;
  readonly B: bigint;
  readonly salt: bigint;
}

/** R8 and S of EdDSA-Poseidon over the item's hash. */
export interface Auth {
  readonly R8x: bigint;
  readonly R8y: bigint;
  readonly S: bigint;
}

/** One entry of the log. `auth` is absent for the operator's commands. */
export interface LogEntry {
  readonly item: Item;
  readonly auth?: Auth;
  /** seconds since 1970 */
  readonly time: bigint;
}

export type Decoded =
  | { readonly kind: "order"; readonly head: Head; readonly body: OrderBody }
  | { readonly kind: "cancel"; readonly head: Head; readonly body: OrderBody }
  | { readonly kind: "withdrawal"; readonly head: Head; readonly body: WithdrawalBody };

/** Fields of a trader's item, or null when it is malformed: bits beyond its columns, or a kind that no trader may send. */
export function decodeItem({ A, B }: Item): Decoded | null {
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
    default:
      return null;
  }
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
  validUntil: bigint;
  salt: bigint;
}): Item {
  const { account, nonce, recipient, amount, validUntil, salt } = withdrawal;
  const head = { ...HEAD_DEFAULTS, kind: BigInt(KIND.withdrawal), account, nonce, validUntil };
  return { A: pack(A_COLUMNS, head), B: pack(WITHDRAWAL_COLUMNS, { recipient, amount }), salt };
}

/** A command: `argument` is the market slot of CLOSE and PURGE, the number of deposits of DEPOSIT. B and salt are 0. */
export function commandItem(kind: "deposit" | "close" | "purge", argument: number): Item {
  const A = pack(A_COLUMNS, { ...HEAD_DEFAULTS, kind: BigInt(KIND[kind]), market: BigInt(argument) });
  return { A, B: 0n, salt: 0n };
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

/** H_auth of a trader's item; in the log a command has 0 in its place. */
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
  /** H_auth; 0 of a command */
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
  return entries.map(({ auth, time }, i) => ({ item: items[i], auth: auth ? auths.next().value! : 0n, time }));
}

/** The heads of the log after each of some entries: only the chain itself is hashed one after the other. */
export function chainHeads(log: bigint, entries: readonly HashedEntry[]): bigint[] {
  return entries.map(({ item, auth, time }) => (log = hash("log", [log, item, auth, time])));
}

export function logHeads(log: bigint, domain: bigint, entries: readonly LogEntry[]): bigint[] {
  return chainHeads(log, hashEntries(domain, entries));
}
