import type { OrderPreview, OwnOrder, Position } from "../../client/index.ts";

/** What page and thread of an account say to each other: never the key, which stays in the thread. */

/** An order of the ticket. */
export type TicketOrder = Pick<OwnOrder, "market" | "side" | "size" | "limit" | "thisAuction" | "replaces" | "expiry">;

export interface Asks {
  /** a key is made, and opened; the answer is the file that keeps it, which only the passphrase opens */
  create: { readonly ask: { readonly url: string; readonly passphrase: string }; readonly answer: string };
  open: {
    readonly ask: {
      readonly url: string;
      /** file that sealSecret made */
      readonly sealed: string;
      readonly passphrase: string;
      /** text of a client's notebook, to go on from; null: what this browser has kept */
      readonly notebook: string | null;
    };
    readonly answer: null;
  };
  preview: { readonly ask: TicketOrder; readonly answer: OrderPreview };
  order: { readonly ask: TicketOrder; readonly answer: Told };
  /** null: all orders in the market */
  cancel: { readonly ask: { readonly market: bigint; readonly nonce: bigint | null }; readonly answer: Told };
  withdraw: {
    readonly ask: { readonly amount: bigint; readonly recipient: string; readonly lessAccepted: boolean };
    readonly answer: Told;
  };
  /** play money, where the venue gives it */
  deposit: { readonly ask: { readonly amount: bigint }; readonly answer: null };
  /** what a deposit at the contract names */
  depositKey: {
    readonly ask: null;
    readonly answer: { readonly x: bigint; readonly y: bigint; readonly index: number };
  };
  /** what the thread has kept: orders and receipts, and no key */
  notebook: { readonly ask: null; readonly answer: string };
  /** looks at the account now */
  look: { readonly ask: null; readonly answer: null };
}
export type AskKind = keyof Asks;
export type Question = { readonly [Kind in AskKind]: { readonly id: number; readonly kind: Kind; readonly ask: Asks[Kind]["ask"] } }[AskKind]; // prettier-ignore

/** What the venue's receipt and verdict say of an item. */
export interface Told {
  readonly nonce: bigint;
  /** entry of the log */
  readonly n: bigint;
  readonly time: bigint;
  readonly verdict: string | null;
  /** why the rules have rejected it; null where they have not */
  readonly reason: string | null;
}

export interface OwnOpenOrder {
  readonly market: string;
  readonly nonce: bigint;
  readonly side: "buy" | "sell";
  readonly limit: bigint;
  readonly remaining: bigint;
  readonly expiry: bigint;
  readonly thisAuction: boolean;
  readonly cancelled: boolean;
  /** entry of the log that has it; null where this thread has no receipt of it */
  readonly n: bigint | null;
}

/** A fill, the end of an order, money that came or went, funding, a settlement, or a step of the operator. */
export interface Booked {
  readonly n: number;
  readonly kind: string;
  /** seconds since 1970 */
  readonly time: number;
  /** null of what is of no market */
  readonly market: string | null;
  /** of an instrument, where it is of one */
  readonly instrument: string | null;
  readonly nonce: string | null;
  readonly lots: bigint | null;
  readonly price: bigint | null;
  readonly fee: bigint | null;
  readonly cash: bigint | null;
}

/** Recomputed in the thread, from prices whose quorum it has checked: cash units. */
export interface OwnMargin {
  readonly scenarios: readonly {
    readonly factor: number;
    readonly level: string;
    readonly equity: bigint;
    readonly free: bigint;
  }[];
  readonly worst: number;
  readonly charges: bigint;
  readonly drivers: readonly {
    readonly name: string;
    readonly lots: bigint;
    readonly value: bigint;
    readonly change: bigint;
    readonly charge: bigint;
  }[];
  readonly curve: readonly { readonly factor: number; readonly equity: bigint }[];
  /** equity under which the account may be flagged, and sold down */
  readonly maintenance: bigint;
}

export interface OwnPosition extends Position {
  readonly name: string;
  /** market of one lot of it; null where there is none */
  readonly market: string | null;
  /** cash units: of what is held, if the index stays where it is until the contract ends; null where it has no end, or no price */
  readonly atExpiry: bigint | null;
}

export interface OwnAccount {
  readonly index: number;
  readonly equity: bigint;
  readonly worst: bigint;
  readonly reserved: bigint;
  readonly free: bigint;
  readonly cash: bigint;
  /** null: the venue shows no prices that could be checked */
  readonly margin: OwnMargin | null;
  /** that no proof has shown rules and prices so far, in words */
  readonly told: string | null;
  /** how near the account is to being sold down, in words; null: nothing is wrong */
  readonly call: string | null;
  readonly orders: readonly OwnOpenOrder[];
  readonly positions: readonly OwnPosition[];
  /** items that were sent, and have no answer so far */
  readonly unanswered: number;
}

export interface Checked {
  /** last round that the thread has verified, 0 for none, and entries of the log up to its end */
  readonly round: number;
  readonly logCount: number;
  /** the account in it, if it was shown: proved, and perhaps computed anew from what its owner knows */
  readonly account: { readonly round: number; readonly cash: bigint; readonly recomputed: boolean } | null;
}

/** Something that the venue says and that cannot be true, with what shows it: JSON. */
export interface Found {
  readonly message: string;
  readonly evidence: string;
}

export type News =
  /** null: the venue has no account of the key so far */
  | { readonly kind: "account"; readonly account: OwnAccount | null }
  /** what was booked since, the oldest first */
  | { readonly kind: "booked"; readonly booked: readonly Booked[] }
  | { readonly kind: "checked"; readonly checked: Checked }
  | { readonly kind: "contradictions"; readonly found: readonly Found[] }
  /** what keeps it from going on for now, or null */
  | { readonly kind: "trouble"; readonly message: string | null }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly code: string; readonly message: string };
