import { buildAll } from "../setup/build.ts";
import { MARKET_NAMES, makeScenario, TRADERS } from "../replay/scenario.ts";
import { ChainVenue } from "./demo/chainVenue.ts";
import { attempt, forgeriesOf } from "./demo/forgeries.ts";
import { Matcher } from "../matcher/matcher.ts";
import type { Event } from "../matcher/events.ts";
import { equity } from "../protocol/margin.ts";
import { INSTRUCTION_NAMES, PROFILES } from "../protocol/instructions.ts";
import { VERDICTS } from "../protocol/parameters.ts";
import { createProver, type CircuitInputs } from "../prover/index.ts";
import { verifyRound, type ProvenInstruction, type Round } from "../verifier/index.ts";
import { Ledger } from "../witness/ledger.ts";
import { RoundBuilder } from "../witness/round.ts";
import { buildProgress } from "../setup/buildProgress.ts";
import { shares, short, table, thousands } from "../setup/format.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import { toJson } from "../protocol/json.ts";
import { loadInstructions } from "../setup/instructionKeys.ts";
import { readKeys } from "../setup/keyFiles.ts";
import { withProgress } from "../setup/progress.ts";
import { Random } from "../replay/random.ts";

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
  const built = await withProgress("build", (progress) =>
    buildAll({ profile: PROFILE, onProgress: buildProgress(progress, INSTRUCTION_NAMES) }),
  );
  const keys = await readKeys(PROFILE);
  const random = new Random(seed ^ 0x5a17);
  const chain = await ChainVenue.start({ genesisTime: CHAIN_START, salt: random.bits(248) });
  const prover = createProver();
  try {
    // The venue: accounts, flow, closes.
    const scenario = makeScenario({ seed, domain: chain.domain });
    const { genesis } = scenario;
    const { depth, maxOpen, deposit: depositSlots } = profile;
    const matcher = new Matcher({ ...genesis, depth, maxOpen, depositSlots }, { view: scenario.view });
    const ledger = new Ledger({ ...genesis, profile, blind: () => random.bits(248) });
    const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret: scenario.operatorSecret });
    const state = ledger.word;
    await chain.deploy(keys, state, 4 ** depth - genesis.accounts.length);
    const heads = new Set<bigint>();
    for (const deposit of scenario.deposits) heads.add(await chain.deposit(deposit));
    const events: Event[] = [];
    const time = genesis.time + 1n;
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
        detail: `${owed} to ${recipient}`,
      });
    }
    const verdicts: Record<string, number> = {};
    for (const event of events)
      if (event.kind === "item") verdicts[event.admission.verdict] = (verdicts[event.admission.verdict] ?? 0) + 1;
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
      clearings: clearingsOf(events, genesis.rules.markets),
      accounts: accountsOf(matcher, genesis.prices),
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
  clearings: ReturnType<typeof clearingsOf>;
  accounts: ReturnType<typeof accountsOf>;
  checks: Check[];
}

function costs(
  proved: readonly { name: string; timings: { witnessMs: number; proveMs: number } }[],
  built: Awaited<ReturnType<typeof buildAll>>,
  gas: bigint,
) {
  const mean = (xs: number[]) => Math.round(xs.reduce((a, b) => a + b, 0) / xs.length);
  return built.map(({ name, stamp }) => {
    const rows = proved.filter((step) => step.name === name);
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

function accountsOf(matcher: Matcher, prices: Parameters<typeof equity>[1]) {
  return matcher.accounts.map((account, index) => ({
    name: index === 0 ? "venue" : index === 1 ? "insurance" : `trader ${index - 1}`,
    cash: account.cash,
    positions: account.positions.slice(0, 3),
    open: account.open,
    reserved: account.reserved,
    worstEquity: prices.values.map((_, k) => equity(account, prices, k)).reduce((a, b) => (a < b ? a : b)),
  }));
}

function describe({ instructions, gas, state, stateAfter, clearings, accounts, checks }: Summary): string {
  const number = (value: number | bigint) => thousands(value);
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
  const lines = clearings.map(
    ({ market, price, volume, orders, fills }) =>
      `${market}: ${volume} lots at ${number(price)}, ${orders} orders, ${fills} fills (the venue's fee among them)`,
  );
  return [
    `One round: ${TRADERS} traders, state ${short(state)} to ${short(stateAfter)}.\n`,
    table([heading, ...rows]),
    `Gas is the round's, shared equally: ${number(gas.perInstruction)} an instruction, ${number(gas.round)} in all.\n`,
    ...lines,
    "",
    table([["account", "cash", "perp", "call", "put", "open", "reserved", "worst equity"], ...account]),
    ...checks.map(({ what, held, detail }) => `${held ? "yes" : "NO "} ${what}: ${detail}`),
    "",
  ].join("\n");
}
