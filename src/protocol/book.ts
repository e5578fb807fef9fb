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
  /** whether nothing of the order stays in the book */
  readonly closed: boolean;
  /** signed: positive for a buy */
  readonly lots: bigint;
  /** reservation released: rho times lots filled and dropped, cash units */
  readonly release: bigint;
  /** fee of the fill, cash units: follows from lots, price and market, and is not part of its word */
  readonly fee: bigint;
}

/** What all fills of a clearing share. */
export interface Trade {
  /** of the market */
  readonly slot: number;
  /** 0 where nothing was matched, and so is `funding` */
  readonly price: bigint;
  /** sum of legs times cumulative funding, cash units per lot */
  readonly funding: bigint;
}

/**
 * Packed words of the chains that hold them. `nonce` above `account`, so that both together are one key.
 * @twins circuits/lib/book.circom, circuits/lib/fill.circom
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
];
export const FILL_COLUMNS: readonly Column[] = [
  { name: "account", bits: BITS.account },
  { name: "closed", bits: 1 },
  { name: "lots", bits: BITS.size + 1, signed: true },
  { name: "release", bits: BITS.release },
];
export const TRADE_COLUMNS: readonly Column[] = [
  { name: "slot", bits: BITS.slot },
  { name: "price", bits: BITS.price + 1, signed: true },
  { name: "funding", bits: BITS.legsValue, signed: true },
];
/** Where the trade begins in a fill's word of the chain, above what the order got. */
const TRADE_AT = BigInt(FILL_COLUMNS.reduce((sum, { bits }) => sum + bits, 0));

export function entryWord(entry: BookEntry): bigint {
  return pack(ENTRY_COLUMNS, {
    ...entry,
    account: BigInt(entry.account),
    side: BigInt(entry.side),
    thisAuction: entry.thisAuction ? 1n : 0n,
  });
}

export function cancelWord({ account, nonce }: Cancel): bigint {
  return pack(CANCEL_COLUMNS, { account: BigInt(account), nonce });
}

/** What an order got: the lower part of the word in the chain. */
export function fillWord({ account, closed, lots, release }: Fill): bigint {
  return pack(FILL_COLUMNS, { account: BigInt(account), closed: closed ? 1n : 0n, lots, release });
}

/** The upper part. */
export function tradeWord({ slot, price, funding }: Trade): bigint {
  return pack(TRADE_COLUMNS, { slot: BigInt(slot), price, funding });
}

export function pushEntry(head: bigint, word: bigint): bigint {
  return hash("entry", [head, word]);
}

/** The tag, and not the word, tells one order from all. */
export function pushCancel(head: bigint, cancel: Cancel): bigint {
  return hash(cancel.all ? "cancelAll" : "cancel", [head, cancelWord(cancel)]);
}

/** @param fill, trade  as fillWord and tradeWord give them */
export function pushFill(head: bigint, fill: bigint, trade: bigint): bigint {
  return hash("fill", [head, fill + (trade << TRADE_AT)]);
}

export function pushPayout(head: bigint, word: bigint): bigint {
  return hash("payout", [head, word]);
}
