// Goal: whatever is sent to the matcher, nothing is lost and nothing is made: lots, cash, reservations.
// Method: 100,000 random commands, good and bad, seed printed; all invariants from the accounts and books alone, after
// every clear; each verdict and each kind of sweep must have come up.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { equity } from "../../src/protocol/margin.ts";
import { INSTRUMENTS, MARKETS, VERDICTS } from "../../src/protocol/parameters.ts";
import { genesis, options, randomCommands } from "./venue.ts";

const COMMANDS = 100_000;
const SEED = Number(process.env.SEED ?? 20_240_601);

describe("matcher", function () {
  it(`keeps its invariants over ${COMMANDS} random commands (seed ${SEED})`, () => {
    const matcher = new Matcher(genesis, options);
    const flow = randomCommands(new Random(SEED));
    const verdicts = new Map<string, number>();
    const seen = { lists: 0, matches: 0, fills: 0, longSweeps: 0, partial: 0 };
    let [deposited, paid] = [0n, 0n];
    for (let i = 0; i < COMMANDS; i++) {
      const command = flow.next().value!;
      for (const event of matcher.apply(command)) {
        if (event.kind === "deposits") for (const { deposit } of event.credits) deposited += deposit.amount;
        if (event.kind === "item") {
          const { verdict, payout } = event.admission;
          if ((event.admission.entries?.length ?? 0) > 1) seen.lists++;
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
          if (payout !== undefined) paid += payout >> 160n;
        }
        if (event.kind === "clear") {
          const last = event.sweeps.at(-1)!;
          if (last.match) seen.matches++;
          if (event.sweeps.length > 1) seen.longSweeps++;
          seen.fills += last.outcome.fills.filter(({ lots }) => lots !== 0n).length;
          seen.partial += last.outcome.fills.filter(({ lots, closed }) => lots !== 0n && !closed).length;
        }
      }
      if (command.kind !== "item" || i === COMMANDS - 1) checkInvariants(matcher, deposited - paid, `command ${i}`);
    }
    // No position comes near the limit, and prices stay fresh: admission.test.ts has these two.
    const never = ["positionLimit", "pricesNotFresh", "flags"];
    for (const verdict of VERDICTS)
      if (!never.includes(verdict)) assert.ok(verdicts.get(verdict), `no item had the verdict ${verdict}`);
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `only ${count} ${what}`);
  });
});

function checkInvariants(matcher: Matcher, cash: bigint, at: string): void {
  const { accounts } = matcher;
  for (let i = 0; i < INSTRUMENTS; i++)
    assert.equal(sum(accounts.map(({ positions }) => positions[i])), 0n, `${at}: lots of instrument ${i}`);
  assert.equal(sum(accounts.map((account) => account.cash)), cash, `${at}: cash, fees included`);
  const reserved = accounts.map(() => 0n);
  const open = accounts.map(() => 0n);
  for (let slot = 0; slot < MARKETS; slot++)
    for (const { account, rho, remaining } of matcher.book(slot)) {
      assert.ok(remaining > 0n);
      reserved[account] += rho * remaining;
      open[account]++;
    }
  for (const [index, account] of accounts.entries()) {
    assert.equal(account.reserved, reserved[index], `${at}: reserved of account ${index}`);
    assert.equal(account.open, open[index], `${at}: open orders of account ${index}`);
    // Prices never move here, so margin must hold at any time, in every scenario.
    for (const k of genesis.prices.values.keys())
      assert.ok(equity(account, genesis.prices, k) >= 0n, `${at}: equity of account ${index} in scenario ${k}`);
  }
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n);
}
