/** What a relay can be told, and what it tells. */
import type { TacitError } from "../../protocol/errors.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import type { Chain, ChainStatus, Fees, Hex, OpenedChain } from "./chain.ts";
import type { FailureStatus } from "./chainFailure.ts";
import type { FinalOf } from "./finalHeads.ts";

/** Bounds of a transaction, of fees and of patience. */
export interface RelayLimits {
  /** instructions a transaction; more only where fewer would be too old for the contract. 64 when left out */
  readonly maxInstructions?: number;
  /** bytes of a round in a transaction, for nodes take 128 KiB in all: 120,000 when left out */
  readonly maxBytes?: number;
  /** of a transaction: 16,000,000 when left out, just below what EIP-7825 allows */
  readonly maxGas?: bigint;
  /** percent added to the estimated gas: 20 when left out */
  readonly gasMargin?: bigint;
  /** wei a unit of gas, whatever the chain asks for: 500 gwei when left out */
  readonly maxFeePerGas?: bigint;
  /** blocks without our transaction after which it is sent again, and after as many more replaced: 3 when left out */
  readonly patience?: bigint;
  /** seconds to wait after a first failure of the chain, doubled up to the second: 1 and 60 when left out */
  readonly firstDelay?: bigint;
  readonly longestDelay?: bigint;
}
export const DEFAULT_RELAY_LIMITS = {
  maxInstructions: 64,
  maxBytes: 120_000,
  maxGas: 16_000_000n,
  gasMargin: 20n,
  maxFeePerGas: 500_000_000_000n,
  patience: 3n,
  firstDelay: 1n,
  longestDelay: 60n,
} satisfies Required<RelayLimits>;

/** Rounds that no reorganisation undoes any more, in order. */
export interface AcceptedRounds {
  readonly rounds: readonly number[];
  /** our transaction that the last instruction of each was in; absent where it was not ours */
  readonly hash?: Hex;
  /** of the whole transaction */
  readonly gasUsed?: bigint;
  /** that the transaction is in; where it was not ours, one that came no earlier */
  readonly block: bigint;
}

/** Why there is something to send and nothing is sent. */
export type RelayWait =
  /** the contract's state is no boundary of what was proved: rounds are missing, or the node is behind */
  | "unknownState"
  /** what is left consumes no log entry, and goes with the next round */
  | "noLogEntry"
  /** its last log entry is older than maxLag, and it goes with fresher rounds */
  | "tooOld"
  /** its last log entry is later than the next block */
  | "inFuture"
  /** the rules that it brings in are not announced on the chain, or not valid there yet */
  | "rulesNotValid"
  /** the contract's co-signers have not made its last log head final */
  | "notFinal"
  /** another submission came first while we looked */
  | "stateMoved"
  /** the node does not show yet how an earlier transaction ended */
  | "noReceipt";

/** One signed transaction: what it turns into what. */
export interface SentTransaction {
  readonly hash: Hex;
  readonly from: bigint;
  readonly to: bigint;
  /** numbers of the first and the last round that it has instructions of */
  readonly rounds: readonly [number, number];
}

export interface RelayStatus extends FailureStatus {
  /** as the chain was last seen */
  readonly chain?: ChainStatus;
  /** sent and not yet in a block; `broadcast` is the block at which it was last handed over */
  readonly outstanding: (SentTransaction & { nonce: number; fees: Fees; broadcast?: bigint })[];
  /** transactions in a block that is not yet confirmed */
  readonly unconfirmed: number;
  /** rounds not yet accepted; instructions beyond the contract's newest state */
  readonly rounds: number;
  readonly instructions: number;
  readonly waiting?: RelayWait;
  /** seconds since 1970 */
  readonly waitingSince?: bigint;
  /** why nothing is sent until a restart; nothing is lost */
  readonly stopped?: TacitError;
}

/** pino's, or any other of this shape. */
export type RelayLog = Pick<Log, "info" | "warn" | "error">;

export interface RelayOptions {
  readonly chain: Chain;
  readonly opened: OpenedChain;
  readonly store: Pick<Store, "put" | "list">;
  readonly clock: Pick<Clock, "now">;
  readonly limits?: RelayLimits;
  readonly log?: RelayLog;
  /** where the contract has co-signers */
  readonly finalOf?: FinalOf;
  /**
   * Called once for each accepted round, in order. Until its promise is fulfilled the relay forgets nothing: if the process
   * ends in between, a round that is added again is reported again.
   */
  readonly onAccepted: (accepted: AcceptedRounds) => Promise<void> | void;
}
