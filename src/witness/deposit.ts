import type { Deposit, Event } from "../matcher/events.ts";
import { accountLeaves, positionsHash, type Account } from "../protocol/account.ts";
import { TacitError } from "../protocol/errors.ts";
import { vectorHash } from "../protocol/market.ts";
import { poseidon } from "../protocol/poseidon.ts";
import { BITS, RANK, TAG } from "../protocol/parameters.ts";
import { accountSignals, Ledger, NO_ACCOUNT, transpose, type InstructionInputs, type Signals } from "./ledger.ts";
import { BASE8 } from "../protocol/eddsa.ts";

/** Head of the contract's chain after one more deposit: plain Poseidon with the tag as first input. */
export function pushDeposit(head: bigint, { keyX, keyY, index, amount }: Deposit): bigint {
  return poseidon(0n, [TAG.deposit, head, keyX, keyY, amount + (BigInt(index) << BigInt(BITS.amount))]);
}

/** Inputs of one `deposit`. Advances the ledger. @twins circuits/instructions/deposit.circom */
export function depositInstruction(
  ledger: Ledger,
  event: Extract<Event, { kind: "deposits" }>,
  /** accounts by index before this event */
  accountAt: (index: number) => Account | null,
  operatorSecret: bigint,
): InstructionInputs {
  const { profile, tree } = ledger;
  const { entry, credits } = event;
  if (credits.length > profile.deposit)
    throw new TacitError("TOO_MANY_DEPOSITS", `one deposit command takes at most ${profile.deposit} deposits`);
  const places = 4 ** profile.depth;
  const leaves = accountLeaves(credits.map(({ after }) => after));
  const { rulesRows, ...rules } = ledger.rulesOpening();
  let { deposits, accountCount, vault } = ledger.state;
  const written = new Map<number, Account>();
  const slots: { [name: string]: bigint | Signals }[] = [];
  for (let j = 0; j < profile.deposit; j++) {
    const credit = credits[j];
    const deposit = credit?.deposit ?? { keyX: BASE8.x, keyY: BASE8.y, index: 0, amount: 0n };
    const index = deposit.index % places;
    const named = written.get(index) ?? accountAt(index);
    const target = credit?.index ?? Math.min(Number(accountCount), places - 1);
    slots.push({
      active: credit ? 1n : 0n,
      keyX: deposit.keyX,
      keyY: deposit.keyY,
      index: BigInt(deposit.index),
      amount: deposit.amount,
      named: accountSignals(named ?? NO_ACCOUNT),
      namedPositions: positionsHash((named ?? NO_ACCOUNT).positions),
      leaf: tree.get(index),
      namedSiblings: tree.path(index),
      siblings: tree.path(target),
    });
    if (!credit) continue;
    deposits = pushDeposit(deposits, deposit);
    tree.set(credit.index, leaves[j]);
    written.set(credit.index, credit.after);
    if (!credit.before) accountCount++;
    vault += deposit.amount;
  }
  const state = {
    ...ledger.logged(ledger.state, entry, RANK.other),
    deposits,
    accountCount,
    vault,
    accounts: tree.root,
  };
  const read = {
    ...rules,
    rowsHash: vectorHash(rulesRows),
    operatorSecret,
    stamp: entry.time,
    ...transpose(slots),
  };
  return ledger.close("deposit", state, read, [entry.time, state.logCount, state.logHead, deposits]);
}
