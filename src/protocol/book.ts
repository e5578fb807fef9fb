import { BITS } from "./parameters.ts";
import { hash } from "./poseidon.ts";
import { pack, type Column } from "./numbers.ts";

/** An open order of one market, in time order. */
export interface BookEntry {
  readonly account: number;
  readonly nonce: bigint;
  /** SIDE */
  readonly side: number;
  readonly limit: bigint;
  /** lots, at least 1 */
  readonly remaining: bigint;
  /** reservation per lot, cash units */
  readonly rho: bigint;
  /** last second at whose clear it lives */
  readonly expiry: bigint;
  /** leaves at the first CLOSE that matches */
  readonly thisAuction: boolean;
}

/** A pending cancel: of the order `nonce`, or of all orders of the account below it. */
export interface Cancel {
  readonly account: number;
  readonly nonce: bigint;
  readonly all: boolean;
}

/** What a clear did to one order. */
export interface Fill {
  readonly account: number;
  /** whether nothing of the order stays in the book; 0 for the venue's fee */
  readonly closed: boolean;
  /** signed: positive for a buy */
  readonly lots: bigint;
  /** reservation released: rho times lots filled and dropped, cash units */
  readonly release: bigint;
  /** fee of the fill, cash units; minus the sum of all for the venue's own fill */
  readonly fee: bigint;
}

/**
 * Packed words of the chains that hold them. `nonce` above `account`, so that both together are one key.
 * @twins circuits/lib/book.circom
 */
export const ENTRY_COLUMNS: readonly Column[] = [
  { name: "account", bits: BITS.account },
  { name: "nonce", bits: BITS.nonce },
  { name: "side", bits: BITS.side },
  { name: "limit", bits: BITS.price + 1, signed: true },
  { name: "remaining", bits: BITS.size },
  { name: "rho", bits: BITS.rho },
  { name: "expiry", bits: BITS.time },
  { name: "thisAuction", bits: 1 },
];
export const CANCEL_COLUMNS: readonly Column[] = [
  { name: "account", bits: BITS.account },
  { name: "nonce", bits: BITS.nonce },
  { name: "all", bits: 1 },
];
export const FILL_COLUMNS: readonly Column[] = [
  { name: "account", bits: BITS.account },
  { name: "closed", bits: 1 },
  { name: "lots", bits: BITS.size + 1, signed: true },
  { name: "release", bits: BITS.release },
  { name: "fee", bits: BITS.fillFee + 1, signed: true },
];

export function entryWord(entry: BookEntry): bigint {
  return pack(ENTRY_COLUMNS, {
    ...entry,
    account: BigInt(entry.account),
    side: BigInt(entry.side),
    thisAuction: entry.thisAuction ? 1n : 0n,
  });
}

export function cancelWord({ account, nonce, all }: Cancel): bigint {
  return pack(CANCEL_COLUMNS, { account: BigInt(account), nonce, all: all ? 1n : 0n });
}

export function fillWord(fill: Fill): bigint {
  return pack(FILL_COLUMNS, { ...fill, account: BigInt(fill.account), closed: fill.closed ? 1n : 0n });
}

export function pushEntry(head: bigint, word: bigint): bigint {
  return hash("entry", [head, word]);
}

export function pushCancel(head: bigint, word: bigint): bigint {
  return hash("cancel", [head, word]);
}

export function pushFill(head: bigint, word: bigint): bigint {
  return hash("fill", [head, word]);
}

export function pushPayout(head: bigint, word: bigint): bigint {
  return hash("payout", [head, word]);
}
