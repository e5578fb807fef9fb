import type { Event } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import { WITHDRAW_SLOTS } from "../protocol/instructions.ts";
import { admitInstruction } from "./admit.ts";
import { clearInstructions } from "./clear.ts";
import { depositInstruction } from "./deposit.ts";
import type { InstructionInputs, Ledger } from "./ledger.ts";
import { settleInstructions } from "./settle.ts";
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
  readonly #accounts: Map<number, Account>;
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
        const accountAt = (index: number) => this.#accounts.get(index) ?? null;
        this.#instructions.push(depositInstruction(this.ledger, event, accountAt, this.#operatorSecret));
        for (const { index, after } of event.credits) this.#accounts.set(index, after);
        break;
      }
      case "clear":
        this.#instructions.push(...clearInstructions(this.ledger, event));
        break;
      case "settle":
        this.#instructions.push(...settleInstructions(this.ledger, event));
        for (const { index, after } of event.writes) this.#accounts.set(index, after);
        break;
    }
  }

  /** Ends the round: pays what is pending, and hands over its instructions in program order. */
  close(): InstructionInputs[] {
    this.#flush();
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

  #pay(): void {
    this.#instructions.push(...withdrawInstructions(this.ledger, this.#payouts));
    this.#payouts = [];
  }
}
