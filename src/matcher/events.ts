import type { Account } from "../protocol/account.ts";
import type { Admission } from "../protocol/admission.ts";
import type { BookEntry, Cancel, Fill, Trade } from "../protocol/book.ts";
import type { SweepOutcome } from "../protocol/clearing.ts";
import type { Enforced, Enforcement, Held } from "../protocol/defaults.ts";
import type { LogEntry } from "../protocol/item.ts";
import type { Prices } from "../protocol/prices.ts";
import type { SignedReport } from "../protocol/report.ts";
import type { Terms } from "../protocol/rules.ts";

/** A deposit as the contract's chain has it. */
export interface Deposit {
  /** K' as given: on the curve, canonical, 8 K' not the identity; checked by the contract */
  readonly keyX: bigint;
  readonly keyY: bigint;
  readonly index: number;
  readonly amount: bigint;
}

/** An account before and after one write; `before` is null where the leaf was empty. */
export interface Write {
  readonly index: number;
  readonly before: Account | null;
  readonly after: Account;
}

/**
 * What happened, in the order of the log: all that a reader of the venue, or the builder of its proofs, needs to know.
 * Objects are never changed after they were emitted.
 */
export type Event =
  | {
      readonly kind: "deposits";
      readonly entry: LogEntry;
      readonly credits: readonly (Write & { readonly deposit: Deposit })[];
    }
  | {
      readonly kind: "item";
      readonly entry: LogEntry;
      /** position in the log, from 0 */
      readonly sequence: number;
      readonly admission: Admission;
      /** after it */
      readonly held: Held;
      /** the account that the item names: null where malformed or beyond the tree; `before` null where the leaf is empty */
      readonly account: {
        readonly index: number;
        readonly before: Account | null;
        readonly after: Account | null;
      } | null;
    }
  | {
      readonly kind: "clear";
      readonly entry: LogEntry;
      readonly command: "close" | "purge";
      readonly slot: number;
      /** at least one; all but the last apply cancels only */
      readonly sweeps: readonly Sweep[];
    }
  | {
      readonly kind: "reprice";
      readonly entry: LogEntry & { readonly quorum: readonly SignedReport[] };
      readonly epoch: bigint;
      readonly before: Prices;
      readonly after: Prices;
      /** credited with its share of fees */
      readonly insurance: Write & { readonly before: Account };
      /** after it: what the insurance account lacks */
      readonly held: Held;
      /** after it: what is left of its share */
      readonly share: bigint;
      /** where funding is paid: who has a position of the perpetual, and its lots */
      readonly funded: readonly { readonly account: number; readonly lots: bigint }[];
    }
  | {
      readonly kind: "rules";
      readonly entry: LogEntry;
      readonly before: Terms;
      /** with the prices that the rules leave, which are fresh no more */
      readonly after: Terms;
      /** before it */
      readonly insurance: Account;
      /** what the rules pay out of the insurance account: its word, and the account; null where they pay nothing */
      readonly payout: { readonly word: bigint; readonly write: Write & { readonly before: Account } } | null;
      /** after it */
      readonly held: Held;
    }
  | {
      readonly kind: "enforce";
      readonly entry: LogEntry;
      readonly step: Enforcement;
      readonly enforced: Enforced;
      readonly write: Write & { readonly before: Account };
    }
  | {
      readonly kind: "assume";
      readonly entry: LogEntry;
      readonly write: Write & { readonly before: Account };
      readonly insurance: Write & { readonly before: Account };
      /** after it: what the insurance account lacks */
      readonly held: Held;
    }
  | {
      readonly kind: "fold";
      readonly entry: LogEntry;
      /** 1 + what instruments settled at; 0: not yet */
      readonly payoffs: readonly bigint[];
      /** of each account that is named, whether it changes or not */
      readonly writes: readonly (Write & { readonly before: Account })[];
    }
  | {
      readonly kind: "settle";
      /** of the clear before it */
      readonly writes: readonly (Write & { readonly fill: Fill; readonly trade: Trade })[];
      /** the venue's account, credited with its part of the fees of all; null where there are none */
      readonly credit: Write | null;
      /** after it: what of fees is the insurance account's and was not credited, 2^-16 cash units */
      readonly share: bigint;
    };

export interface Sweep {
  readonly match: boolean;
  /** cancels that this sweep applied */
  readonly cancels: readonly Cancel[];
  /** book, then admitted orders: what it walked */
  readonly book: readonly BookEntry[];
  readonly admitted: readonly BookEntry[];
  readonly outcome: SweepOutcome;
  /** of its fills */
  readonly trade: Trade;
}
