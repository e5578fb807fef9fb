import { buildAll } from "../setup/build.ts";
import { FIRST_TRADER, MARKET_NAMES, makeScenario, TRADERS } from "../replay/scenario.ts";
import { ChainVenue } from "./demo/chainVenue.ts";
import { attempt, forgeriesOf } from "./demo/forgeries.ts";
import { Matcher } from "../matcher/matcher.ts";
import type { Event } from "../matcher/events.ts";
import { isBelow, shortOf, standing } from "../protocol/defaults.ts";
import { equity } from "../protocol/margin.ts";
import { CIRCUIT_NAMES, PROFILES } from "../protocol/instructions.ts";
import { max, min } from "../protocol/numbers.ts";
import { BITS, INSURANCE, SIDE, VERDICTS } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";
import { rulesJson } from "../protocol/rulesJson.ts";
import { createProver, type CircuitInputs } from "../prover/index.ts";
import { verifyRound, type ProvenInstruction, type Round } from "../verifier/index.ts";
import { Ledger } from "../witness/ledger.ts";
import { RoundBuilder } from "../witness/round.ts";
import { buildProgress } from "../setup/buildProgress.ts";
import { counted, isoTime, shares, short, table, thousands } from "../setup/format.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import { toJson } from "../protocol/json.ts";
import { loadInstructions } from "../setup/instructionKeys.ts";
import { readKeys } from "../setup/keyFiles.ts";
import { withProgress } from "../setup/progress.ts";
import { Random } from "../replay/random.ts";
import { repricesOf } from "../replay/reprices.ts";

const PROFILE = "demo";
/** The chain starts a while before the venue, which starts on 2026-01-01. */
const CHAIN_START = 1_767_225_000n;

/** Whether something that the demonstration shows held; all must. */
interface Check {
  readonly what: string;
  readonly held: boolean;
  readonly detail: string;
}

/**
 * `tacit demo`: one round, end to end, on a chain of its own.
 * @returns the exit code: 0 only if all of it held
 */
export async function demo({ seed, json = false }: { seed: number; json?: boolean }): Promise<number> {
  const profile = PROFILES[PROFILE];
  await useHashKernels();
  // All that a venue needs, so that `tacit serve` after it starts at once.
  const built = await withProgress("build", (progress) =>
    buildAll({ profile: PROFILE, names: CIRCUIT_NAMES, onProgress: buildProgress(progress, CIRCUIT_NAMES) }),
  );
  const keys = await readKeys(PROFILE);
  const random = new Random(seed ^ 0x5a17);
  const chain = await ChainVenue.start({ genesisTime: CHAIN_START, salt: random.bits(248) });
  const prover = createProver();
  try {
    // The venue: accounts, flow, closes.
    const scenario = makeScenario({ seed, domain: chain.domain });
    const { genesis } = scenario;
    const { depth, deposit: depositSlots } = profile;
    const matcher = new Matcher({ ...genesis, profile }, { view: scenario.view });
    const ledger = new Ledger({ ...genesis, profile, blind: () => random.bits(248) });
    const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret: scenario.operatorSecret });
    const state = ledger.word;
    await chain.deploy(keys, state, 4 ** depth - genesis.accounts.length);
    const heads = new Set<bigint>();
    for (const deposit of scenario.deposits) heads.add(await chain.deposit(deposit));
    const events: Event[] = [];
    const { time } = genesis;
    for (let at = 0; at < scenario.deposits.length; at += depositSlots) {
      const deposits = scenario.deposits.slice(at, at + depositSlots);
      events.push(...matcher.apply({ kind: "deposits", time, deposits }));
    }
    for (const command of scenario.commands) events.push(...matcher.apply(command));
    for (const event of events) builder.add(event);
    const steps = builder.close();

    // The proofs, side by side.
    const circuits = await loadInstructions(prover, PROFILE);
    const proved = await withProgress("prove", async (progress) => {
      let done = 0;
      return Promise.all(
        steps.map(async ({ name, inputs, publicInputs }) => {
          const made = await prover.proveInputs(circuits[name], inputs as CircuitInputs);
          const { proof, publicInputs: shown } = made;
          const { rows, fft, a, b, c } = made.timings;
          const timings = { witnessMs: made.witness.witnessMs + made.witness.checkMs, proveMs: rows + fft + a + b + c };
          progress.update(++done / steps.length, `${done} of ${steps.length} instructions`);
          if (shown.some((word, i) => word !== publicInputs[i])) throw new Error(`${name}: circuit and venue differ`);
          return { name, publicInputs, proof, timings };
        }),
      );
    });

    // The round, for the library and for the contract.
    const round: Round = { instructions: proved };
    const now = scenario.commands.at(-1)!.time;
    const venue = {
      domain: chain.domain,
      state,
      keys,
      maxLag: chain.maxLag,
      lastLogCount: 0n,
      isDepositHead: (head: bigint) => heads.has(head),
    };
    const checks: Check[] = [];
    const started = performance.now();
    const result = verifyRound(venue, round, { now });
    const verifyMs = performance.now() - started;
    checks.push({
      what: "the library accepts the round",
      held: result.ok && result.stateAfter === ledger.word,
      detail: result.ok ? `${thousands(Math.round(verifyMs))} ms for ${steps.length} proofs` : result.message,
    });

    // Forgeries: no witness, or a proof of something else that no round can hold.
    for (const forgery of forgeriesOf(steps, genesis.rules.markets[3]!.tick)) {
      const tried = await attempt(steps[forgery.at], forgery);
      if ("refused" in tried) {
        checks.push({ what: `${forgery.name}: refused`, held: true, detail: tried.refused });
        continue;
      }
      const instructions = round.instructions.map((step, i) =>
        i === forgery.at ? { ...step, publicInputs: tried.publicInputs } : step,
      );
      const refusal = verifyRound(venue, { instructions }, { now });
      const detail = refusal.ok ? "accepted" : `it proves another state: ${refusal.message}`;
      checks.push({ what: `${forgery.name}: refused`, held: !refusal.ok, detail });
    }
    const altered = alteredRounds(round);
    for (const { what, round: forged } of altered) {
      const library = verifyRound(venue, forged, { now });
      const contract = await chain.outcome(state, forged, now);
      const detail = `library: ${library.ok ? "accepted" : library.code}; contract: ${contract}`;
      checks.push({ what: `${what}: refused`, held: !library.ok && contract !== "accepted", detail });
    }

    const { gas, separateGas } = await chain.submit(state, round, now);
    checks.push({
      what: "the contract accepts the round",
      held: (await chain.state()) === ledger.word,
      detail: `${thousands(gas)} gas; ${Math.round((100 * Number(gas)) / Number(separateGas))} % of one check a proof`,
    });
    const payouts = result.ok ? result.payouts : [];
    for (const { recipient, amount } of new Map(payouts.map((payout) => [payout.recipient, payout])).values()) {
      const owed = await chain.owed(BigInt(recipient));
      checks.push({
        what: "withdrawals are owed on the chain",
        held: owed >= amount,
        detail: `${thousands(owed)} cash units to ${recipient}`,
      });
    }
    const verdicts: Record<string, number> = {};
    for (const event of events)
      if (event.kind === "item") verdicts[event.admission.verdict] = (verdicts[event.admission.verdict] ?? 0) + 1;
    checks.push(...pricesHeld(events, matcher, scenario.liar));
    checks.push(...defaultsHeld(events, matcher, scenario.deposits));
    checks.push({
      what: "every verdict was given and proved",
      held: VERDICTS.every((verdict) => verdicts[verdict]),
      detail: shares(verdicts),
    });

    const summary = {
      seed,
      domain: chain.domain,
      state,
      stateAfter: ledger.word,
      instructions: costs(proved, built, gas),
      gas: { round: gas, separately: separateGas, perInstruction: gas / BigInt(steps.length) },
      verifyMs: Math.round(verifyMs),
      prices: pricesOf(events),
      clearings: clearingsOf(events, genesis.rules.markets),
      booked: bookedOf(events),
      defaults: defaultsOf(events, genesis.rules.markets),
      withdrawals: withdrawalsOf(events),
      accounts: accountsOf(matcher),
      rules: rulesJson(genesis.rules),
      reprices: repricesOf(events),
      checks,
    };
    process.stdout.write(json ? toJson(summary, 2) + "\n" : describe(summary));
    return checks.every(({ held }) => held) ? 0 : 1;
  } finally {
    await prover.close();
    chain.stop();
  }
}

/** The same round with one thing changed in what is published. */
function alteredRounds({ instructions }: Round): { what: string; round: Round }[] {
  const change = (at: number, step: Partial<ProvenInstruction>): Round => ({
    instructions: instructions.map((it, i) => (i === at ? { ...it, ...step } : it)),
  });
  const last = instructions.length - 1;
  const admits = instructions.flatMap(({ name }, i) => (name === "admit" ? [i] : []));
  const [first, second] = admits;
  const payout = instructions[last].publicInputs.map((word, i) => (i === 3 ? word + (1n << 160n) : word));
  return [
    { what: "an instruction left out", round: { instructions: instructions.toSpliced(first, 1) } },
    { what: "a proof of another instruction", round: change(first, { proof: instructions[second].proof }) },
    { what: "a payout one unit larger", round: change(last, { publicInputs: payout }) },
  ];
}

interface Summary {
  instructions: ReturnType<typeof costs>;
  gas: { round: bigint; separately: bigint; perInstruction: bigint };
  state: bigint;
  stateAfter: bigint;
  prices: ReturnType<typeof pricesOf>;
  clearings: ReturnType<typeof clearingsOf>;
  booked: ReturnType<typeof bookedOf>;
  defaults: ReturnType<typeof defaultsOf>;
  withdrawals: ReturnType<typeof withdrawalsOf>;
  accounts: ReturnType<typeof accountsOf>;
  checks: Check[];
}

function costs(
  proved: readonly { name: string; timings: { witnessMs: number; proveMs: number } }[],
  built: Awaited<ReturnType<typeof buildAll>>,
  gas: bigint,
) {
  const mean = (xs: number[]) => Math.round(xs.reduce((a, b) => a + b, 0) / xs.length);
  return built.flatMap(({ name, stamp }) => {
    const rows = proved.filter((step) => step.name === name);
    // A survey is of no round.
    if (rows.length === 0) return [];
    return {
      name,
      count: rows.length,
      constraints: stamp.compiled.constraints,
      witnessMs: mean(rows.map(({ timings }) => timings.witnessMs)),
      proveMs: mean(rows.map(({ timings }) => timings.proveMs)),
      gas: (gas * BigInt(rows.length)) / BigInt(proved.length),
    };
  });
}

function clearingsOf(events: readonly Event[], markets: readonly ({ id: bigint } | null)[]) {
  return events.flatMap((event) => {
    if (event.kind !== "clear") return [];
    const { price, volume, fills, eligible } = event.sweeps.at(-1)!.outcome;
    const market = MARKET_NAMES[String(markets[event.slot]!.id)];
    return [{ market, price, volume, orders: eligible.filter(Boolean).length, fills: fills.length }];
  });
}

/** What each epoch's prices came of: all reports of the index, the median, and what followed. */
function pricesOf(events: readonly Event[]) {
  return events.flatMap((event) => {
    if (event.kind !== "reprice") return [];
    const { epoch, entry, after, before } = event;
    return {
      epoch,
      time: entry.time,
      feeds: entry.quorum.map(({ feed, report }) => ({ feed, index: report.index })),
      index: after.index,
      range: after.range,
      marks: after.markets.slice(0, 4).map((row) => row?.mark ?? null),
      funding: after.funding - before.funding,
      settled: after.payoffs.flatMap((payoff, i) => (payoff === 0n || before.payoffs[i] !== 0n ? [] : [{ instrument: i, payoff: payoff - 1n }])), // prettier-ignore
    };
  });
}

/** What the operator did to accounts in default: equity and worst loss before and after, that of the insurance beside it. */
function defaultsOf(events: readonly Event[], markets: readonly ({ id: bigint } | null)[]) {
  let prices: Prices | null = null;
  return events.flatMap((event) => {
    if (event.kind === "reprice") prices = event.after;
    if (event.kind !== "enforce" && event.kind !== "assume") return [];
    const { write, entry } = event;
    const [before, after] = [write.before, write.after].map((it) => standing(it, prices!));
    const common = {
      time: entry.time,
      account: write.index,
      equity: before.equity,
      risk: before.risk,
      equityAfter: after.equity,
    };
    if (event.kind === "assume")
      return { ...common, what: "taken over", detail: `the insurance holds ${thousands(standing(event.insurance.after, prices!).equity)}` }; // prettier-ignore
    const { step } = event;
    if (step.kind === "flag") return { ...common, what: "flagged", detail: "" };
    const market = MARKET_NAMES[String(markets[step.slot]!.id)];
    if (step.kind === "sweep") return { ...common, what: "orders dropped", detail: market };
    const side = step.side === SIDE.buy ? "buy" : "sell";
    return { ...common, what: "sold down", detail: `${side} ${step.size} at ${thousands(step.limit)} or better` };
  });
}

/** What was asked for, and what is paid. */
function withdrawalsOf(events: readonly Event[]) {
  return events.flatMap((event) => {
    if (event.kind !== "item" || event.admission.payout === undefined) return [];
    const asked = event.account!.before!.cash - event.admission.account!.cash;
    return { account: event.account!.index, asked, paid: event.admission.payout >> BigInt(BITS.recipient) };
  });
}

/** That the second act is what it says. */
function defaultsHeld(events: readonly Event[], matcher: Matcher, deposits: readonly { amount: bigint }[]): Check[] {
  const { accounts, held, share, terms } = matcher;
  const { target } = terms.rules.group.defaults;
  const reduced = events.flatMap((it) => (it.kind === "enforce" && it.step.kind === "reduce" && it.step.account !== INSURANCE ? [it.step.account] : [])); // prettier-ignore
  const [first] = reduced;
  const assumed = events.flatMap((it) => (it.kind === "assume" ? [it] : []));
  const taken = defaultsOf(events, terms.rules.markets).find(({ what }) => what === "taken over");
  const carried = assumed.every(({ held: { deficit } }) => deficit === 0n);
  const paid = withdrawalsOf(events);
  const cut = paid.find(({ asked, paid: got }) => got < asked);
  const short = shortOf(held);
  const cash = accounts.reduce((sum, account) => sum + account.cash, 0n);
  const out = paid.reduce((sum, it) => sum + it.paid, 0n);
  const deposited = deposits.reduce((sum, { amount }) => sum + amount, 0n);
  return [
    {
      what: "an account was sold down in two auctions, and stands above its target",
      held: reduced.length >= 2 && !isBelow(target, standing(accounts[first], terms.prices)),
      detail: `account ${first}: equity ${thousands(standing(accounts[first], terms.prices).equity)}`,
    },
    {
      what: "another was taken over, and the insurance carried it",
      held: assumed.length === 1 && carried,
      detail: taken ? `account ${taken.account}: equity ${thousands(taken.equity)}; ${taken.detail}` : "none",
    },
    {
      what: "a deeper fall leaves a deficit, and a withdrawal is paid in proportion",
      held: held.deficit > 0n && cut !== undefined && cut.paid === (cut.asked * (held.vault + cut.paid)) / (held.vault + cut.paid + held.deficit), // prettier-ignore
      detail: cut ? `${thousands(cut.paid)} for ${thousands(cut.asked)}; deficit ${thousands(held.deficit)}, ${thousands(short)} of it not covered` : "none", // prettier-ignore
    },
    {
      what: "cash of all, fees on their way, relief and payouts are what was deposited",
      held: cash + (share >> 16n) + held.relief + out === deposited,
      detail: `${thousands(cash)} + ${thousands(share >> 16n)} + ${thousands(held.relief)} + ${thousands(out)} = ${thousands(deposited)}`,
    },
  ];
}

/** Funding that was paid, and positions that turned into cash, cash units in all that were received. */
function bookedOf(events: readonly Event[]) {
  const received = (amounts: bigint[]) => amounts.reduce((sum, amount) => (amount > 0n ? sum + amount : sum), 0n);
  return events.flatMap((event) => {
    if (event.kind === "reprice" && event.funded.length > 0) {
      const rate = event.after.funding - event.before.funding;
      const paid = event.funded.map(({ lots }) => -lots * rate);
      return { kind: "funding", accounts: paid.length, received: received(paid) };
    }
    if (event.kind !== "fold") return [];
    const cash = event.writes.filter(({ before, after }) => before !== after).map(({ before, after }) => after.cash - before.cash); // prettier-ignore
    return cash.length === 0 ? [] : { kind: "settlement", accounts: cash.length, received: received(cash) };
  });
}

function pricesHeld(events: readonly Event[], matcher: Matcher, liar: number): Check[] {
  const reprices = events.flatMap((event) => (event.kind === "reprice" ? [event] : []));
  const within = reprices.every(({ entry, after }) => {
    const honest = entry.quorum.filter(({ feed }) => feed !== liar).map(({ report }) => report.index);
    return after.index >= honest.reduce(min) && after.index <= honest.reduce(max);
  });
  const { accounts, terms } = matcher;
  const worst = accounts.slice(2).map((account) => terms.prices.values.map((_, k) => equity(account, terms.prices, k)).reduce(min)); // prettier-ignore
  const lots = terms.rules.instruments.map((_, i) => accounts.reduce((sum, { positions }) => sum + positions[i], 0n));
  const left = matcher.unfolded().length;
  return [
    {
      what: "a feed that lies moves no price out of what the honest ones say",
      held: within && reprices.length > 1,
      detail: `feed ${liar} lies, ${reprices.length} quorums of ${reprices[0].entry.quorum.length}`,
    },
    { what: "every trader holds its margin in every scenario", held: worst.every((equity) => equity >= 0n), detail: `least equity ${thousands(worst.reduce(min))}` }, // prettier-ignore
    { what: "lots of each instrument sum to zero", held: lots.every((sum) => sum === 0n), detail: `${lots.length} instruments` }, // prettier-ignore
    { what: "what expired has turned into cash", held: left === 0, detail: `${left} accounts are left` },
  ];
}

function accountsOf(matcher: Matcher) {
  const { prices } = matcher.terms;
  return matcher.accounts.map((account, index) => ({
    name: ["venue", "insurance", "holder"][index] ?? `trader ${index - FIRST_TRADER + 1}`,
    cash: account.cash,
    positions: account.positions.slice(0, 3),
    open: account.open,
    reserved: account.reserved,
    worstEquity: prices.values.map((_, k) => equity(account, prices, k)).reduce(min),
  }));
}

function describe(summary: Summary): string {
  const { instructions, gas, state, stateAfter, prices, clearings, booked, defaults, withdrawals, accounts, checks } = summary; // prettier-ignore
  const number = (value: number | bigint) => thousands(value);
  const failed = checks.filter(({ held }) => !held).length;
  const heading = ["instruction", "proofs", "constraints", "witness ms", "prove ms", "gas"];
  const used = instructions.filter(({ count }) => count > 0);
  const rows = used.map((it) => [
    it.name,
    number(it.count),
    number(it.constraints),
    number(it.witnessMs),
    number(it.proveMs),
    number(it.gas),
  ]);
  const account = accounts.map(({ name, cash, positions, open, reserved, worstEquity }) => [
    name,
    number(cash),
    ...positions.map(number),
    number(open),
    number(reserved),
    number(worstEquity),
  ]);
  const defaulted = defaults.map(({ time, account: of, what, equity: had, risk, equityAfter, detail }) => [
    isoTime(time),
    String(of),
    what,
    number(had),
    number(risk),
    number(equityAfter),
    detail,
  ]);
  const lines = clearings.map(
    ({ market, price, volume, orders, fills }) =>
      `${market}: ${volume} lots at ${number(price)}, ${orders} orders, ${fills} bookings, the fee's among them`,
  );
  const priced = prices.map(({ time, feeds, index, range, marks, funding }) => [
    isoTime(time),
    feeds.map(({ feed, index: told }) => `${feed}: ${number(told)}`).join(", "),
    number(index),
    `${((Number(range) * 24 * 100) / 2 ** 24).toFixed(1)}%`,
    ...marks.map((mark) => (mark === null ? "" : number(mark))),
    number(funding),
  ]);
  const settlements = prices.flatMap(({ settled }) => settled).map(({ instrument, payoff }) => `instrument ${instrument} at ${number(payoff)}`); // prettier-ignore
  return [
    `One round: ${TRADERS} traders, prices in cash units a lot, state ${short(state)} to ${short(stateAfter)}.\n`,
    table([heading, ...rows]),
    `Gas is the round's, shared equally: ${number(gas.perInstruction)} an instruction, ${number(gas.round)} in all.\n`,
    table([["prices of", "feeds", "index", "range", "perp", "call", "put", "straddle", "funding"], ...priced]),
    ...lines,
    `settled: ${settlements.join(", ")}`,
    ...booked.map(({ kind, accounts, received }) => `${kind} of ${accounts} accounts: ${number(received)} received`),
    "",
    table([["time", "account", "", "equity", "worst loss", "equity after", ""], ...defaulted]),
    ...withdrawals.map(
      ({ account: by, asked, paid }) => `account ${by} withdraws ${number(asked)}: ${number(paid)} are paid`,
    ),
    "",
    table([["account", "cash", "perp", "call", "put", "open", "reserved", "worst equity"], ...account]),
    ...checks.map(({ what, held, detail }) => `${held ? "yes" : "NO "} ${what}: ${detail}`),
    "",
    failed === 0 ? `All ${checks.length} hold. A venue of your own: tacit serve (docs/operator.md).` : `${counted(failed, "check")} of ${checks.length} failed.`, // prettier-ignore
    "",
  ].join("\n");
}
