import type { Event } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import { WITHDRAW_SLOTS } from "../protocol/instructions.ts";
import { admitInstruction } from "./admit.ts";
import { clearInstructions } from "./clear.ts";
import { depositInstruction } from "./deposit.ts";
import type { InstructionInputs, Ledger } from "./ledger.ts";
import { fitsTransaction } from "../protocol/transaction.ts";
import { instructionsOf, settlesOf } from "./count.ts";
import { settleInstructions, type Unsettled } from "./settle.ts";
import { withdrawInstructions } from "./withdraw.ts";

/**
 * Pending payouts that are paid before the round goes on: all of them must be paid in one round, so that many withdrawals
 * must not outgrow what one transaction can hold.
 */
const PAY_AT = 8 * WITHDRAW_SLOTS;

type ItemEvent = Extract<Event, { kind: "item" }>;

/**
 * Turns the matcher's events into instructions, ready to be proved, round by round. All states between them are known
 * when `close` returns, so the proofs can be made side by side.
 */
export class RoundBuilder {
  readonly ledger: Ledger;
  readonly #operatorSecret: bigint;
  /** as the tree of the ledger has them */
  readonly #accounts: Map<number, Account>;
  /** Fills of the clears since phase open, the proofs since then with those that they take, and accounts that change. */
  #unsettled: Unsettled[] = [];
  #proofs = 0;
  #changed = new Set<number>();
  #items: ItemEvent[] = [];
  #payouts: bigint[] = [];
  #instructions: InstructionInputs[] = [];

  /** @param operatorSecret  scalar of the operator key in the rules: it derives the view keys of new accounts */
  constructor(ledger: Ledger, { accounts, operatorSecret }: { accounts: readonly Account[]; operatorSecret: bigint }) {
    this.ledger = ledger;
    this.#operatorSecret = operatorSecret;
    this.#accounts = new Map(accounts.entries());
  }

  /** Takes the next event, in the order in which the matcher emitted it. */
  add(event: Event): void {
    if (event.kind === "item") {
      this.#settle();
      this.#items.push(event);
      const { account, admission } = event;
      if (account && admission.account) this.#accounts.set(account.index, admission.account);
      if (admission.payout !== undefined) this.#payouts.push(admission.payout);
      if (this.#items.length === this.ledger.profile.admit) this.#flush();
      return;
    }
    this.#flush();
    switch (event.kind) {
      case "deposits": {
        this.#settle();
        const accountAt = (index: number) => this.#accounts.get(index) ?? null;
        this.#instructions.push(depositInstruction(this.ledger, event, accountAt, this.#operatorSecret));
        for (const { index, after } of event.credits) this.#accounts.set(index, after);
        break;
      }
      case "clear": {
        const fills = event.sweeps.flatMap(({ outcome }) => outcome.fills);
        const changed = new Set([...this.#changed, 0, ...fills.map(({ account }) => account)]);
        const proofs = instructionsOf(event, this.ledger.profile) + settlesOf(fills.length, this.ledger.profile);
        if (!fitsTransaction({ proofs: this.#proofs + proofs, accounts: changed.size })) this.#settle();
        this.#instructions.push(...clearInstructions(this.ledger, event));
        if (fills.length === 0 && this.#unsettled.length === 0) break;
        for (const { trade, outcome } of event.sweeps)
          if (outcome.fills.length > 0) this.#unsettled.push({ trade, fills: outcome.fills });
        this.#proofs += proofs;
        for (const { account } of fills) this.#changed.add(account);
        break;
      }
      case "settle":
        // Its fills are those of the clear before it. They are booked with those of the clears that follow.
        break;
    }
  }

  /** Ends the round: pays what is pending, and hands over its instructions in program order. */
  close(): InstructionInputs[] {
    this.#flush();
    this.#settle();
    this.#pay();
    const instructions = this.#instructions;
    this.#instructions = [];
    return instructions;
  }

  #flush(): void {
    if (this.#items.length > 0) this.#instructions.push(admitInstruction(this.ledger, this.#items));
    this.#items = [];
    if (this.#payouts.length >= PAY_AT) this.#pay();
  }

  /** Books all fills that wait: the phase is open afterwards. */
  #settle(): void {
    if (this.#unsettled.length > 0)
      this.#instructions.push(...settleInstructions(this.ledger, this.#unsettled, this.#accounts));
    this.#unsettled = [];
    this.#proofs = 0;
    this.#changed = new Set();
  }

  #pay(): void {
    this.#instructions.push(...withdrawInstructions(this.ledger, this.#payouts));
    this.#payouts = [];
  }
}
