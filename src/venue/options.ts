import type { DefaultPolicy } from "./liquidator.ts";
import { outOfRange, type TacitError } from "../protocol/errors.ts";
import type { CoSignedHead } from "../protocol/coSigners.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import type { Decoded } from "../protocol/item.ts";
import type { Verdict } from "../protocol/parameters.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import type { Announcement } from "./announcements.ts";
import type { ChainOptions } from "./chain/chainLink.ts";
import type { Clock } from "./clock.ts";
import type { CoSignerStatus } from "./coSigning/coSigning.ts";
import type { ReportSource } from "./feeds.ts";
import type { RoundSummary } from "./proving/pipeline.ts";
import type { RoundProver } from "./proving/provers.ts";
import type { Report } from "./reports.ts";
import type { Signatures } from "./signing/signatures.ts";
import type { Signer } from "./signing/signer.ts";
import type { Store } from "./store/store.ts";

/** What a venue may be asked to hold at most. */
export interface Limits {
  /** items that wait for their answer */
  readonly queue: number;
  /** entries of the log that are not proved yet, beyond which orders are turned away; cancels and withdrawals at 5/4 of it */
  readonly unproved: number;
  /** proofs that wait to be made, beyond which the same holds; steps against accounts in default are taken up to 7/5 of it */
  readonly unprovedProofs: number;
  /**
   * with a chain: proofs that its contract has not taken yet, beyond which the same holds. What became too old for the contract
   * (maxLag) goes there only in one transaction with something fresh, and a transaction holds some 160 of them
   */
  readonly unacceptedProofs: number;
  /** seconds after which a round ends, however few entries it has */
  readonly roundSeconds: number;
  /** proofs after which a round ends */
  readonly roundProofs: number;
  /** records between snapshots */
  readonly snapshotEvery: number;
}

export const DEFAULT_LIMITS: Limits = {
  queue: 10_000,
  unproved: 4_096,
  unprovedProofs: 2_048,
  unacceptedProofs: 96,
  roundSeconds: 30,
  roundProofs: 24,
  snapshotEvery: 8_000,
};

/** What the operator shows of what only it sees. */
export interface Publish {
  /** volume of each auction, and its price where something traded */
  readonly prices: boolean;
  /** lots by limit of the orders that took part in an auction, after it */
  readonly curves: boolean;
  /** lots by limit of the orders that are open */
  readonly depth: boolean;
  /** what defaults have come to: how many steps were taken, equity of the insurance account, deficit */
  readonly defaults: boolean;
}

export interface VenueOptions {
  readonly genesis: GenesisFile;
  /** of the operator key in the genesis: 32 bytes. It derives view keys and blinding values */
  readonly secret: Uint8Array;
  /** signs receipts; `threadSigner` also checks the signatures of items, which are checked in this thread otherwise */
  readonly signer: Signer | Signatures;
  readonly storage: Store;
  /** where the co-signers of the genesis are, in any order: they sign heads of the log */
  readonly coSigners?: readonly string[];
  /** without one rounds end, and wait for a start that has one */
  readonly prover?: RoundProver;
  /** where proven rounds go, and deposits come from */
  readonly chain?: ChainOptions;
  /** where reports of feeds come from, beside those that are pushed */
  readonly feeds?: readonly ReportSource[];
  /** what is done about accounts in default; `Liquidator` when left out, null for nothing */
  readonly defaults?: DefaultPolicy | null;
  /** seconds between the announcement of rules and their use, of a venue without a chain; default 60 */
  readonly timelock?: bigint;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  readonly publish?: Partial<Publish>;
  /** SHA-256; plain JavaScript when left out */
  readonly digest?: (bytes: Uint8Array) => Uint8Array;
}

/** The answer to an item. */
export interface Acknowledgement {
  readonly receipt: SignedReceipt;
  /** null for an item that was sent long ago, whose verdict is no longer at hand */
  readonly verdict: Verdict | null;
}

/** What happens in a venue, as subscribers are told. */
export type VenueEvent =
  | {
      readonly kind: "order";
      readonly account: number;
      readonly n: number;
      readonly nonce: bigint;
      readonly item: Decoded["kind"];
      readonly verdict: Verdict;
    }
  | Report
  | { readonly kind: "round"; readonly round: RoundSummary }
  /** of rules: announced, withdrawn, or in force */
  | { readonly kind: "announcement"; readonly announcement: Announcement }
  /** entries that the journal had lost were given back by co-signers */
  | { readonly kind: "recovered"; readonly entries: number }
  /** the log is final so far: a quorum of co-signers has signed its head */
  | { readonly kind: "final"; readonly head: CoSignedHead }
  /** a co-signer has ceased to sign, with its `fault`, or signs again */
  | { readonly kind: "coSigner"; readonly coSigner: CoSignerStatus }
  /** it stood by, and leads now */
  | { readonly kind: "leads" }
  /** the market takes no items any more */
  | { readonly kind: "stopped"; readonly error: TacitError }
  /** no rounds are proved any more, until the next start */
  | { readonly kind: "provingStopped"; readonly error: Error };

export interface OpenOrder {
  readonly market: bigint;
  readonly nonce: bigint;
  readonly side: number;
  readonly limit: bigint;
  readonly remaining: bigint;
  readonly expiry: bigint;
  readonly thisAuction: boolean;
  /** whether a cancel of it waits for the next clear */
  readonly cancelled: boolean;
}

/** @throws OUT_OF_RANGE */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits))
    if (!Number.isSafeInteger(value) || value < 1) throw outOfRange(`limits.${name}`, "an integer of at least 1");
  return limits;
}
