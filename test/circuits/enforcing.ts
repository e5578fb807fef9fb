/** What the tests of Enforce and Assume share: a venue near defaults, and steps as they would be, whatever the rules say. */
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { accountLeaf, NO_POSITIONS, type Account } from "../../src/protocol/account.ts";
import { standing, type Enforced, type Enforcement } from "../../src/protocol/defaults.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { defaultItem } from "../../src/protocol/item.ts";
import { reservation } from "../../src/protocol/margin.ts";
import { REDUCTION_NONCE } from "../../src/protocol/parameters.ts";
import type { Prices } from "../../src/protocol/prices.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import type { AssumeEvent } from "../../src/witness/assume.ts";
import type { EnforceEvent } from "../../src/witness/enforce.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { EPOCH, pricesOf, withDefaults } from "../defaulting.ts";

export const enforcing = "circuits/instructions/enforce.circom";
export const assuming = "circuits/instructions/assume.circom";

/** Matcher and ledger of a venue with prices. */
export class Venue {
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  /** @param slots  of one proof */
  constructor(accounts: readonly Account[], of: Rules = withDefaults(), prices: Prices = pricesOf(of), slots = 2) {
    const profile: Profile = { ...PROFILES.demo, depth: 2, enforce: slots, assume: slots };
    const genesis = { domain: 77n, profile, rules: of, prices, accounts, time: EPOCH * 60n };
    this.matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    this.ledger = new Ledger({ ...genesis, blind: () => ++blind });
  }

  enforce(step: Enforcement, salt: bigint, time: bigint): EnforceEvent {
    return this.matcher.apply({ kind: "enforce", time, step, salt })[0] as EnforceEvent;
  }
  assume(account: number, salt: bigint, time: bigint): AssumeEvent {
    return this.matcher.apply({ kind: "assume", time, account, salt })[0] as AssumeEvent;
  }

  /** A step as it would be, whatever the rules say. */
  claim(step: Enforcement, time: bigint): EnforceEvent {
    const before = this.matcher.accounts[step.account];
    const { rules, prices } = this.ledger;
    const write = (after: Account) => ({ index: step.account, before, after });
    const entry = { item: defaultItem(step, 9n), time };
    const of = (account: Account, effects: Partial<Enforced> = {}): EnforceEvent =>
      ({ kind: "enforce", entry, step, enforced: { account, ...effects }, write: write(account) });
    if (step.kind === "flag") return of({ ...before, flagged: time });
    if (step.kind === "sweep") return of(before, { cancel: { account: step.account, nonce: before.nonce + 1n, all: true } });
    const { slot, side, limit, size } = step;
    const rho = reservation(rules.markets[slot]!, prices.markets[slot]!, rules.group.slack, side, limit);
    const own = step.account === 1 ? { flagged: time, nonce: rules.markets[slot]!.legs.reduce((sum, leg, i) => (leg === 0n ? sum : sum | (1n << BigInt(i))), before.flagged === time ? before.nonce : 0n) } : {};
    const put = { account: step.account, nonce: REDUCTION_NONCE, side, limit, remaining: size, rho, expiry: time, thisAuction: true };
    return of({ ...before, ...own, reserved: before.reserved + rho * size, open: before.open + 1n }, { entry: put });
  } // prettier-ignore

  claimAssume(index: number, time: bigint): AssumeEvent {
    const [account, insurance] = [this.matcher.accounts[index], this.matcher.accounts[1]];
    const { rules, prices } = this.matcher.terms;
    const { equity, risk } = standing(account, prices);
    const left = equity - ((rules.group.defaults.penalty * risk) >> 10n);
    const kept = left > 0n ? left : 0n;
    const after = { ...account, seq: account.seq + 1n, cash: kept, positions: NO_POSITIONS, flagged: 0n };
    const positions = insurance.positions.map((lots, i) => lots + account.positions[i]);
    const insured = { ...insurance, seq: insurance.seq + 1n, cash: insurance.cash + account.cash - kept, positions };
    const deficit = -standing(insured, prices).equity;
    const { vault, relief } = this.ledger.state;
    const held = { vault, relief, deficit: deficit > 0n ? deficit : 0n };
    return { kind: "assume", entry: { item: defaultItem({ kind: "assume", account: index }, 9n), time }, write: { index, before: account, after }, insurance: { index: 1, before: insurance, after: insured }, held };
  } // prettier-ignore

  /** The ledger is left as it is. */
  tried(work: () => InstructionInputs): InstructionInputs {
    const kept = this.ledger.export();
    const inputs = work();
    this.ledger.resume(kept);
    return inputs;
  }

  sameLeaves(): void {
    this.matcher.accounts.forEach((it, i) => assert.equal(this.ledger.tree.get(i), accountLeaf(it), `leaf ${i}`));
  }
}
