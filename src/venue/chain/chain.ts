import type { Deposit } from "../../matcher/events.ts";
import type { CoSigners } from "../../protocol/coSigners.ts";
import type { ProvenInstruction } from "../../verifier/index.ts";
import type { RulesCursor, RulesPage, UsableAnnouncement } from "./rulesEvents.ts";

/** A round that was proved: a run of instructions that ends in phase open. */
export interface ProvenRound {
  readonly number: number;
  /** state words before its first instruction and after its last */
  readonly state: bigint;
  readonly stateAfter: bigint;
  readonly instructions: readonly ProvenInstruction[];
}

/** A deposit that the contract took. */
export interface ChainDeposit extends Deposit {
  /** from 1 */
  readonly n: number;
  /** of the contract's chain of deposits, with this one */
  readonly head: bigint;
}

export type Hex = `0x${string}`;

/** What an opened chain says of itself and of the contract; none of it ever changes but confirmedState and coSigners. */
export interface OpenedChain {
  readonly chainId: number;
  /** of the contract */
  readonly address: Hex;
  /** that sends, and pays for, the transactions */
  readonly account: Hex;
  /** address of the token that deposits and payouts are of */
  readonly token: Hex;
  /** seconds: how old the last log entry of a round may be */
  readonly maxLag: bigint;
  /** who announces rules; null: they never change */
  readonly announcer: Hex | null;
  /** seconds between an announcement of rules and their first use */
  readonly timelock: bigint;
  /** state word of the contract at the newest confirmed block */
  readonly confirmedState: bigint;
  /** of the contract, as the newest block has them; it needs none when left out */
  readonly coSigners?: CoSigners;
}

/** The contract, and our account, as one block left them. */
export interface ChainPoint {
  /** number of the block, and its time in seconds since 1970 */
  readonly block: bigint;
  readonly blockTime: bigint;
  /** state word of the contract; number of log entries consumed, and time of the last one */
  readonly state: bigint;
  readonly logCount: bigint;
  readonly time: bigint;
  /** transactions of our account so far, hence the number of its next one */
  readonly nonce: number;
}

export interface ChainStatus {
  readonly latest: ChainPoint;
  /** `confirmations` blocks deep: what no reorganisation undoes any more */
  readonly confirmed: ChainPoint;
  /** of the contract, as the newest block has them: without their signatures it takes no round. It needs none when left out */
  readonly coSigners?: CoSigners;
}

/** What `submitRound` takes. */
export interface Submission {
  readonly stateBefore: bigint;
  readonly instructions: readonly ProvenInstruction[];
  /** encodeFinality, where the contract has co-signers */
  readonly finality?: Hex;
}

/** wei a unit of gas */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** `refusal`: name of the contract's error (IVenue.sol), or OutOfGas where it takes more than any block has. */
export type Estimate = { readonly ok: true; readonly gas: bigint } | { readonly ok: false; readonly refusal: string };

export interface SignedTransaction {
  readonly hash: Hex;
  readonly raw: Hex;
}

export interface ChainReceipt {
  readonly block: bigint;
  /** false: it was reverted, and only its fee was paid */
  readonly success: boolean;
  readonly gasUsed: bigint;
}

/**
 * The chain as the venue needs it. It keeps nothing in between that could not be read again. Every method may reject, with
 * a TacitError that holds no secret, when the node fails, hangs or answers what cannot be: then nothing is known, and it
 * may be called again.
 */
export interface Chain {
  /**
   * Checks that the contract is this venue's, before anything else is called.
   * @param expected  `freeLeaves`: accounts that deposits may open
   * @throws WRONG_CONTRACT  when there is none at the address, one of another domain or token, or one that takes more
   *         deposits than there are free leaves
   * @throws NOT_CONFIRMED   when it is newer than the last confirmed block
   */
  open(expected: { domain: bigint; freeLeaves: bigint }): Promise<OpenedChain>;

  /**
   * Deposits number `after` + 1 on, in order and without a gap, that are confirmed: some of them, at least one if there is
   * one, so call again from the last.
   * @throws CHAIN_INCONSISTENT  when the events are not the deposits that the contract counted
   */
  deposits(after: number): Promise<ChainDeposit[]>;

  /**
   * What happened to announced rules from a page's `next` on, or ever since the contract was made, as far as it is confirmed:
   * some of it, so call again until a page is complete.
   * @throws CHAIN_INCONSISTENT  when the events are not the announcements that the contract has
   */
  rules(from?: RulesCursor): Promise<RulesPage>;
  /** One that was neither withdrawn nor used or passed over, as the last confirmed block has it. */
  announcement(n: number): Promise<UsableAnnouncement | undefined>;

  status(): Promise<ChainStatus>;
  /** Runs the submission on top of the newest block, without sending it. */
  estimate(submission: Submission): Promise<Estimate>;
  /** What the chain asks for now. */
  fees(): Promise<Fees>;
  /** Signs, and sends nothing. The same arguments give the same transaction. */
  sign(submission: Submission, options: Fees & { nonce: number; gas: bigint }): Promise<SignedTransaction>;
  /**
   * Hands a signed transaction to the chain; again does no harm. "underpriced": the node wants a higher fee, perhaps
   * because it has another transaction of this nonce. "sent" also where the node has it, or has a mined one of this nonce.
   */
  broadcast(raw: Hex): Promise<"sent" | "underpriced">;
  /** Of a transaction that is in the chain, at whatever depth. */
  receipt(hash: Hex): Promise<ChainReceipt | undefined>;
}
