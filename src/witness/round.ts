import type { Event } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import { WITHDRAW_SLOTS } from "../protocol/instructions.ts";
import { admitInstruction, admitPlan } from "./admit.ts";
import { assumedTogether, assumeInputs, type AssumeEvent } from "./assume.ts";
import { clearInstructions } from "./clear.ts";
import { configureInputs } from "./configure.ts";
import { depositInstruction } from "./deposit.ts";
import { enforcedTogether, enforceInputs, type EnforceEvent } from "./enforce.ts";
import { foldInputs } from "./fold.ts";
import type { InstructionInputs, Ledger } from "./ledger.ts";
import { repriceInputs } from "./reprice.ts";
import { settleInstructions } from "./settle.ts";
import { Waiting } from "./waiting.ts";
import { withdrawInstructions } from "./withdraw.ts";

/**
 * Pending payouts that are paid before the round goes on: all of them must be paid in one round, so that many withdrawals
 * must not outgrow what one transaction can hold.
 */
const PAY_AT = 8 * WITHDRAW_SLOTS;
/** Proofs of items that are planned together: a list of quotes further on may make another kind of the first one better. */
const LOOKAHEAD = 3;

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
  readonly #waiting: Waiting;
  #items: ItemEvent[] = [];
  /** Steps of defaults that wait, of one of both kinds. */
  #enforced: EnforceEvent[] = [];
  #assumed: AssumeEvent[] = [];
  #payouts: bigint[] = [];
  #instructions: InstructionInputs[] = [];

  /** @param operatorSecret  scalar of the operator key in the rules: it derives the view keys of new accounts */
  constructor(ledger: Ledger, { accounts, operatorSecret }: { accounts: readonly Account[]; operatorSecret: bigint }) {
    this.ledger = ledger;
    this.#waiting = new Waiting(ledger.profile);
    this.#operatorSecret = operatorSecret;
    this.#accounts = new Map(accounts.entries());
  }

  /** Takes the next event, in the order in which the matcher emitted it. */
  add(event: Event): void {
    if (event.kind !== "enforce") this.#enforce();
    if (event.kind !== "assume") this.#assume();
    if (event.kind === "item") {
      this.#settle();
      this.#items.push(event);
      const { account, admission } = event;
      if (account && admission.account) this.#accounts.set(account.index, admission.account);
      // One proof at a time, so that nobody waits for many: of the first items what follows hardly changes the plan.
      if (this.#items.length >= LOOKAHEAD * this.ledger.profile.admit) this.#admit(1);
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
      case "clear":
        if (!this.#waiting.hasRoomFor(event)) this.#settle();
        this.#instructions.push(...clearInstructions(this.ledger, event));
        this.#waiting.add(event);
        break;
      case "reprice":
        this.#settle();
        this.#instructions.push(repriceInputs(this.ledger, event));
        this.#accounts.set(event.insurance.index, event.insurance.after);
        break;
      case "rules":
        this.#settle();
        this.#instructions.push(configureInputs(this.ledger, event));
        if (event.payout) {
          this.#accounts.set(event.payout.write.index, event.payout.write.after);
          this.#payouts.push(event.payout.word);
        }
        break;
      case "enforce":
        this.#settle();
        this.#enforced.push(event);
        this.#accounts.set(event.write.index, event.write.after);
        break;
      case "assume":
        this.#settle();
        this.#assumed.push(event);
        for (const { index, after } of [event.write, event.insurance]) this.#accounts.set(index, after);
        break;
      case "fold":
        this.#settle();
        this.#instructions.push(foldInputs(this.ledger, event));
        for (const { index, after } of event.writes) this.#accounts.set(index, after);
        break;
      case "settle":
        // Its fills are those of the clear before it, and wait with those of the clears that follow.
        break;
    }
  }

  /** Ends the round: pays what is pending, and hands over its instructions in program order. */
  close(): InstructionInputs[] {
    this.#enforce();
    this.#assume();
    this.#flush();
    this.#settle();
    this.#pay();
    const instructions = this.#instructions;
    this.#instructions = [];
    return instructions;
  }

  #flush(): void {
    this.#admit(Infinity);
  }

  #enforce(): void {
    for (let left = this.#enforced; left.length > 0;) {
      const count = enforcedTogether(left, this.ledger.profile.enforce);
      this.#instructions.push(enforceInputs(this.ledger, left.slice(0, count)));
      left = left.slice(count);
    }
    this.#enforced = [];
  }

  #assume(): void {
    for (let left = this.#assumed; left.length > 0;) {
      const count = assumedTogether(left, this.ledger.profile.assume);
      this.#instructions.push(assumeInputs(this.ledger, left.slice(0, count)));
      left = left.slice(count);
    }
    this.#assumed = [];
  }

  /** The first proofs of the items that wait, so many at most. */
  #admit(proofs: number): void {
    for (const { name, items } of admitPlan(this.#items, this.ledger.profile).slice(0, proofs)) {
      this.#instructions.push(admitInstruction(this.ledger, name, items));
      for (const { admission } of items) if (admission.payout !== undefined) this.#payouts.push(admission.payout);
      if (this.#payouts.length >= PAY_AT) this.#pay();
      this.#items = this.#items.slice(items.length);
    }
  }

  /** Books all fills that wait: the phase is open afterwards. */
  #settle(): void {
    this.#instructions.push(...settleInstructions(this.ledger, this.#waiting.take(), this.#accounts));
  }

  #pay(): void {
    this.#instructions.push(...withdrawInstructions(this.ledger, this.#payouts));
    this.#payouts = [];
  }
}
