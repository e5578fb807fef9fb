// Goal: whatever is sent to the matcher, nothing is lost and nothing is made: lots, cash, reservations.
// Method: thousands of random commands, good and bad, seed printed (TACIT_COMMANDS sets their number: 100,000 before a release);
// all invariants from the accounts and books alone, after every command that is no item; each verdict and each kind of event
// must have come up.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { Write } from "../../src/matcher/events.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { equity } from "../../src/protocol/margin.ts";
import { INSTRUMENTS, MARKETS, VERDICTS } from "../../src/protocol/parameters.ts";
import type { Prices } from "../../src/protocol/prices.ts";
import { genesis, options, randomCommands } from "./venue.ts";

const COMMANDS = Number(process.env.TACIT_COMMANDS ?? 12_000);
const SEED = Number(process.env.SEED ?? 20_240_601);

describe("matcher", function () {
  it(`keeps its invariants over ${COMMANDS} random commands (seed ${SEED})`, () => {
    const matcher = new Matcher(genesis, options);
    const flow = randomCommands(new Random(SEED));
    const verdicts = new Map<string, number>();
    const seen = { lists: 0, matches: 0, fills: 0, longSweeps: 0, partial: 0, reprices: 0, rules: 0, folded: 0, unpriced: 0, expired: 0 }; // prettier-ignore
    let [deposited, paid] = [0n, 0n];
    for (let i = 0; i < COMMANDS; i++) {
      const command = flow.next().value!;
      const { rules, prices } = matcher.terms;
      for (const event of matcher.apply(command)) {
        if (event.kind === "deposits") for (const { deposit } of event.credits) deposited += deposit.amount;
        if (event.kind === "item") {
          const { verdict, payout } = event.admission;
          if ((event.admission.entries?.length ?? 0) > 1) seen.lists++;
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
          if (payout !== undefined) paid += payout >> 160n;
        }
        if (event.kind === "clear") {
          const { match, outcome } = event.sweeps.at(-1)!;
          if (match) seen.matches++;
          else if (event.command === "close") seen.unpriced++;
          if (event.sweeps.length > 1) seen.longSweeps++;
          seen.fills += outcome.fills.filter(({ lots }) => lots !== 0n).length;
          seen.partial += outcome.fills.filter(({ lots, closed }) => lots !== 0n && !closed).length;
          if ((rules.markets[event.slot]?.until ?? 0n) <= event.entry.time) seen.expired += outcome.fills.length;
        }
        if (event.kind === "settle")
          for (const { index, before, after } of event.writes as readonly (Write & { before: Write["after"] })[])
            for (const k of prices.values.keys()) {
              const [was, is] = [before, after].map((account) => equity(account, prices, k) - account.reserved);
              assert.ok(is >= was, `command ${i}: a fill lowers what account ${index} has free in scenario ${k}`);
            }
        if (event.kind === "fold")
          for (const { index, before, after } of event.writes) {
            if (before !== after) seen.folded++;
            for (const k of prices.values.keys())
              assert.equal(equity(after, prices, k), equity(before, prices, k), `command ${i}: equity of ${index}`);
          }
        if (event.kind === "reprice") seen.reprices++;
        if (event.kind === "rules") seen.rules++;
      }
      if (command.kind !== "item" || i === COMMANDS - 1) checkInvariants(matcher, deposited - paid, `command ${i}`);
    }
    // No position comes near the limit: admission.test.ts has it; of defaults, defaults.test.ts.
    const never = ["positionLimit", "flags", "inLiquidation"];
    for (const verdict of VERDICTS)
      if (!never.includes(verdict)) assert.ok(verdicts.get(verdict), `no item had the verdict ${verdict}`);
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 9, `only ${count} ${what}`);
  });
});

function checkInvariants(matcher: Matcher, held: bigint, at: string): void {
  const { accounts } = matcher;
  const { prices } = matcher.terms;
  for (let i = 0; i < INSTRUMENTS; i++)
    // What has settled is folded account by account.
    if (prices.payoffs[i] === 0n)
      assert.equal(sum(accounts.map(({ positions }) => positions[i])), 0n, `${at}: lots of instrument ${i}`);
  const cash = sum(accounts.map((account) => account.cash + settledValue(account.positions, prices)));
  // Of fees a part is on its way to the insurance account.
  assert.equal(cash + (matcher.share >> 16n), held, `${at}: cash, fees included, and what settled positions are worth`);
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
  }
}

/** What folding is still to pay. */
function settledValue(positions: readonly bigint[], { payoffs, funding }: Prices): bigint {
  return sum(positions.map((lots, i) => (payoffs[i] ? lots * (payoffs[i] - 1n - (i === 0 ? funding : 0n)) : 0n)));
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n);
}
