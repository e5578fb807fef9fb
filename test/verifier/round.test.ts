import assert from "node:assert/strict";
import {
  verifyRound,
  encodeRound,
  batchCoefficients,
  type Round,
  type RoundRefusal,
} from "../../src/verifier/index.ts";
import { INSTRUCTIONS, MAX_INSTRUCTIONS, publicInputNames } from "../../src/protocol/instructions.ts";
import { wordsToBytes } from "../../src/protocol/words.ts";
import { BASE_FIELD, FIELD, toHex } from "../../src/verifier/points.ts";
import { owner, trader, type Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { contractOf } from "./contractOf.ts";
import { KEY, forgedBatches, g1, g2, outsideSubgroup, productWithoutCoefficients } from "./forge.ts";
import { Simulator, inverse, pairG1, pairG2, type Step } from "./simulator.ts";

// Goal: library and contract accept the same rounds and refuse the same rounds, each for its own reason.
// Method: a valid round on a fresh chain; each refusal breaks one rule of it, with proofs that hold for the broken
// inputs, so that nothing but the rule can notice.

const simulator = new Simulator("rounds");
const domain = simulator.random();
const genesis = simulator.random();
const maxLag = 600n;
const vault = 1_000_000n;
const now = 4_000_000_000n;

describe("a round", () => {
  let chain: Chain;
  let venue: Deployed;
  let token: Deployed;
  let head: bigint;
  let snapshot: `0x${string}`;

  before(async () => {
    const terms = { domain, genesisState: genesis, maxLag, maxDeposits: (1n << 20n) - 2n };
    ({ chain, token, venue } = await contractOf(simulator, terms, { kind: "Harness" }));
    await chain.send({ contract: venue, name: "deposit", args: [vault, ...KEY, 2] });
    head = (await chain.read(venue, "depositHead")) as bigint;
    snapshot = await chain.client.snapshot();
  });
  afterEach(async () => {
    await chain.client.revert({ id: snapshot });
    snapshot = await chain.client.snapshot();
  });
  after(() => chain?.stop());

  const payout = (recipient: string, amount: bigint) => BigInt(recipient) + (amount << 160n);
  /** Fresh each time: deposit, admit twice, auction, settle, withdraw. */
  const steps = (): Step[] => [
    { name: "deposit", inputs: { time: now - 30n, logCount: 1n, log: 41n, deposits: head } },
    { name: "admit", inputs: { time: now - 20n, logCount: 4n, log: 42n } },
    { name: "admit", inputs: { time: now - 20n, logCount: 7n, log: 43n } },
    { name: "auction", inputs: { time: now - 10n, logCount: 8n, log: 44n, phaseAfter: 17n } },
    { name: "settle" },
    {
      name: "withdraw",
      inputs: { payout0: payout(owner.address, 700n), payout1: 0n, payout2: payout(trader.address, 5n), payout3: 0n },
    },
  ];
  const change = (index: number, inputs: Record<string, bigint>) =>
    steps().map((step, i) => (i === index ? { ...step, inputs: { ...step.inputs, ...inputs } } : step));
  const make = (list: Step[] = steps()) => simulator.round(genesis, list);

  /** What the library says: a code, or "accepted". */
  const inLibrary = (round: Round, time = now) => {
    const view = { domain, state: genesis, keys: simulator.keys, maxLag, lastLogCount: 0n };
    const result = verifyRound({ ...view, isDepositHead: (x) => x === head }, round, { now: time });
    return result.ok ? "accepted" : result.code;
  };
  const submit = (round: Round | `0x${string}`, time = now, stateBefore = genesis) => {
    const bytes = typeof round === "string" ? round : encodeRound(round);
    return { contract: venue, name: "submitRound", args: [stateBefore, bytes, "0x"], time };
  };
  const onChain = (round: Round | `0x${string}`, time = now) => chain.outcome(submit(round, time));

  it("is accepted by both, with the same effects", async () => {
    const round = make();
    const view = { domain, state: genesis, keys: simulator.keys, maxLag };
    const result = verifyRound(view, round, { now });
    assert.ok(result.ok);
    assert.equal(result.stateAfter, round.instructions[5].publicInputs[1]);
    assert.deepEqual([result.time, result.logCount, result.log], [now - 10n, 8n, 44n]);
    assert.equal(result.deposits, head);
    assert.deepEqual(result.payouts, [
      { recipient: owner.address.toLowerCase(), amount: 700n },
      { recipient: trader.address.toLowerCase(), amount: 5n },
    ]);

    await chain.send(submit(round));
    assert.equal(await chain.read(venue, "state"), result.stateAfter);
    assert.equal(await chain.read(venue, "time"), result.time);
    assert.equal(await chain.read(venue, "logCount"), result.logCount);
    assert.equal(await chain.read(venue, "depositsConsumed"), 1n);
    assert.equal(await chain.read(venue, "owed", [owner.address]), 700n);
    assert.equal(await chain.read(venue, "owed", [trader.address]), 5n);
    assert.equal(await chain.read(venue, "owing"), 705n);
    assert.equal(await chain.read(venue, "held"), vault - 705n);
    const events = await chain.client.getContractEvents({ ...venue, eventName: "Round", fromBlock: "latest" });
    const { stateBefore, stateAfter, time, logCount, log } = (events[0] as unknown as { args: Record<string, bigint> })
      .args;
    assert.deepEqual([stateBefore, stateAfter], [genesis, result.stateAfter]);
    assert.deepEqual([time, logCount, log], [result.time, result.logCount, result.log]);
  });

  it("has the same coefficients in both", async () => {
    const round = make();
    const items = round.instructions.map((step) => ({ ...step, key: simulator.keys[step.name] }));
    const fromChain = await chain.simulate({ ...submit(round), name: "coefficients" });
    assert.deepEqual(fromChain, batchCoefficients(domain, items));
  });

  it("is verified, of 8 proofs at once", () => {
    const round = make([...steps().slice(0, 5), ...steps().slice(3, 5), ...steps().slice(5)]);
    assert.equal(round.instructions.length, 8);
    const start = performance.now();
    assert.equal(inLibrary(round), "accepted");
    const ms = performance.now() - start;
    console.log(`      8 proofs: ${ms.toFixed(0)} ms`);
  });

  it("has no second effect, altered or not", async () => {
    const round = make();
    const [first, ...rest] = round.instructions;
    const s = simulator.random();
    const { a, b, c } = first.proof;
    const proof = { a: pairG1(g1(a).multiply(s)), b: pairG2(g2(b).multiply(inverse(s))), c };
    const altered = { instructions: [{ ...first, proof }, ...rest] };
    assert.deepEqual([inLibrary(altered), await onChain(altered)], ["accepted", "accepted"]);
    await chain.send(submit(round));
    for (const replay of [round, altered]) assert.equal(await onChain(replay, now + 1n), "WrongState");
    const moved = submit(altered, now + 1n, (await chain.read(venue, "state")) as bigint);
    assert.equal(await chain.outcome(moved), "LogCountFalls");
  });

  const refused: [why: string, code: RoundRefusal, error: string, round: () => Round | [Round, bigint]][] = [
    ["it is empty", "emptyRound", "EmptyRound", () => ({ instructions: [] })],
    [
      "it has more instructions than a round may have",
      "tooManyInstructions",
      "TooManyInstructions",
      () => {
        const [settle] = make().instructions.filter(({ name }) => name === "settle");
        return { instructions: Array.from({ length: MAX_INSTRUCTIONS + 1 }, () => settle) };
      },
    ],
    [
      "a proof is made for another state",
      "wrongState",
      "PairingFailed",
      () => simulator.round(simulator.random(), steps()),
    ],
    [
      "an instruction does not start where the one before it ended",
      "brokenChain",
      "PairingFailed",
      () => ({
        instructions: [
          ...make(steps().slice(0, 2)).instructions,
          ...simulator.round(77n, steps().slice(2)).instructions,
        ],
      }),
    ],
    ["it ends in a clearing", "phaseNotOpen", "PhaseNotOpen", () => make(change(5, { phaseAfter: 1n }))],
    ["it consumes no log entry", "noLogEntry", "NoLogEntry", () => make([{ name: "settle" }, ...steps().slice(5)])],
    ["it consumes none though it could", "noLogEntry", "NoLogEntry", () => make(idle())],
    ["the number of log entries falls", "logCountFalls", "LogCountFalls", () => make(change(2, { logCount: 3n }))],
    ["the time falls", "timeFalls", "TimeFalls", () => make(change(2, { time: now - 21n }))],
    ["its time is one second ahead", "inFuture", "InFuture", () => [make(), now - 11n]],
    ["its time is one second too old", "tooOld", "TooOld", () => [make(), now - 10n + maxLag + 1n]],
    ["its time is huge", "inFuture", "InFuture", () => make(change(3, { time: FIELD - 1n }))],
    ["a head of deposits is unknown", "unknownDeposit", "UnknownDeposit", () => make(change(0, { deposits: 99n }))],
    ["A is off the curve", "offCurve", "PrecompileFailed", () => alterProof({ a: [1n, 1n] })],
    ["B is off the curve", "offCurve", "PrecompileFailed", () => alterProof({ b: [[1n, 2n], [3n, 4n]] })], // prettier-ignore
    ["C is off the curve", "offCurve", "PrecompileFailed", () => alterProof({ c: [0n, 1n] })],
    [
      "B is outside the subgroup",
      "outsideSubgroup",
      "PrecompileFailed",
      () => alterProof({ b: pairG2(outsideSubgroup()) }),
    ],
    ["A is at infinity", "pairing", "PairingFailed", () => alterProof({ a: [0n, 0n] })],
    [
      "two proofs are swapped",
      "pairing",
      "PairingFailed",
      () => {
        const [one, two, three, ...rest] = make().instructions;
        const swapped = [one, { ...two, proof: three.proof }, { ...three, proof: two.proof }, ...rest];
        return { instructions: swapped };
      },
    ],
    [
      "an instruction is passed off as another",
      "pairing",
      "PairingFailed",
      () => ({ instructions: make().instructions.map((step, i) => (i === 3 ? { ...step, name: "midpoint" } : step)) }),
    ],
  ];
  function idle(): Step[] {
    return [{ name: "admit", inputs: { time: now, logCount: 0n } }];
  }
  function alterProof(parts: Partial<Round["instructions"][number]["proof"]>): Round {
    const instructions = make().instructions.map((step, i) =>
      i === 2 ? { ...step, proof: { ...step.proof, ...parts } } : step,
    );
    return { instructions };
  }
  for (const [why, code, error, build] of refused)
    it(`is refused when ${why}`, async () => {
      assert.deepEqual([inLibrary(make()), await onChain(make())], ["accepted", "accepted"]);
      const broken = build();
      const [round, time] = Array.isArray(broken) ? broken : [broken, now];
      assert.deepEqual([inLibrary(round, time), await onChain(round, time)], [code, error]);
    });

  it("is accepted at both ends of its time", async () => {
    for (const time of [now - 10n, now - 10n + maxLag])
      assert.deepEqual([inLibrary(make(), time), await onChain(make(), time)], ["accepted", "accepted"]);
  });

  it("is refused when any public input is r or more too great", async () => {
    const round = make();
    for (const [at, step] of round.instructions.entries())
      for (let i = 1; i < step.publicInputs.length; i++)
        for (let k = 1n; k <= 5n; k++) {
          const x = step.publicInputs[i] + k * FIELD;
          if (x >> 256n !== 0n) continue;
          const instructions = round.instructions.with(at, { ...step, publicInputs: step.publicInputs.with(i, x) });
          assert.equal(inLibrary({ instructions }), "inputTooLarge");
          assert.equal(await onChain({ instructions }), "InputTooLarge");
        }
    assert.equal(await chain.outcome(submit(round, now, genesis + FIELD)), "WrongState");
  });

  it("is refused when any coordinate is q too great", async () => {
    const round = make();
    const bytes = encodeRound(round);
    const first = 2 + 2 * (1 + 32 * (publicInputNames("deposit").length - 1));
    for (let word = 0; word < 8; word++) {
      const start = first + 64 * word;
      const coordinate = BigInt("0x" + bytes.slice(start, start + 64)) + BASE_FIELD;
      const altered = bytes.slice(0, start) + toHex(wordsToBytes([coordinate])) + bytes.slice(start + 64);
      assert.equal(await onChain(altered as `0x${string}`), "PrecompileFailed", `word ${word}`);
    }
  });

  for (const n of [0, 1, 2])
    it(`is refused when errors of two proofs cancel each other (${n})`, async () => {
      const [deposit, one, two, ...rest] = make().instructions;
      const [why, forged] = forgedBatches(one, two)[n];
      const round = { instructions: [deposit, ...forged, ...rest] };
      const items = round.instructions.map((step) => ({ ...step, key: simulator.keys[step.name] }));
      assert.equal(productWithoutCoefficients(items), true, why);
      assert.deepEqual([inLibrary(round), await onChain(round)], ["pairing", "PairingFailed"]);
    });

  it("is refused by a venue of another domain: the state says which venue it is", async () => {
    const round = make();
    const view = { domain, state: genesis + 1n, keys: simulator.keys, maxLag };
    const result = verifyRound(view, round, { now });
    assert.equal(!result.ok && result.code, "wrongState");
    assert.equal(await chain.outcome(submit(round, now, genesis + 1n)), "WrongState");
  });

  it("is refused by the library for what it cannot even read", () => {
    const read = (instructions: unknown) => inLibrary({ instructions } as Round);
    const [step, ...rest] = make().instructions;
    assert.equal(inLibrary(undefined as unknown as Round), "emptyRound");
    assert.equal(read("many"), "emptyRound");
    assert.equal(read([null]), "unknownInstruction");
    assert.equal(read([{ ...step, name: "mint" }]), "unknownInstruction");
    assert.equal(read([{ ...step, name: "constructor" }]), "unknownInstruction");
    assert.equal(read([{ ...step, publicInputs: [] }, ...rest]), "inputCount");
    assert.equal(read([{ ...step, publicInputs: step.publicInputs.map(String) }, ...rest]), "inputTooLarge");
    assert.equal(read([{ ...step, proof: null }, ...rest]), "malformedProof");
  });

  it("is refused by the contract for what it cannot even read", async () => {
    const bytes = encodeRound(make());
    const free = (Math.max(...INSTRUCTIONS.map(({ code }) => code)) + 1).toString(16).padStart(2, "0");
    assert.equal(await onChain(`${bytes}${free}`), "UnknownInstruction");
    assert.equal(await onChain(`${bytes}ff`), "UnknownInstruction");
    assert.equal(await onChain(`${bytes}04`), "Truncated");
    assert.equal(await onChain(bytes.slice(0, -2) as `0x${string}`), "Truncated");
    assert.equal(await onChain(`${bytes}00` as `0x${string}`), "Truncated");
  });

  it("is refused, always by a declared error, when any byte of it changes", async () => {
    const bytes = encodeRound(make());
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const at = 2 + 2 * Number(simulator.random() % BigInt(bytes.length / 2 - 1));
      const byte = Number(BigInt(`0x${bytes.slice(at, at + 2)}`) ^ ((simulator.random() % 255n) + 1n));
      const altered = bytes.slice(0, at) + byte.toString(16).padStart(2, "0") + bytes.slice(at + 2);
      const outcome = await onChain(altered as `0x${string}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    console.log(`      ${[...outcomes].map(([name, count]) => `${name} ${count}`).join(", ")}`);
    const declared = venue.abi.flatMap((entry) => (entry.type === "error" ? [entry.name] : []));
    for (const outcome of outcomes.keys()) assert.ok(declared.includes(outcome), outcome);
  });

  it("never fails as a false proof for want of gas", async () => {
    const call = submit(make());
    const { gasUsed } = await chain.send(call);
    await chain.client.revert({ id: snapshot });
    snapshot = await chain.client.snapshot();
    const outcomes = new Set<string>();
    for (let gas = 300_000n; gas < gasUsed; gas += 20_011n) outcomes.add(await chain.outcome({ ...call, gas }));
    console.log(`      ${[...outcomes].join("; ")}`);
    assert.ok(!outcomes.has("PairingFailed") && !outcomes.has("accepted"));
  });

  it("may consume deposits no older than those consumed, and pays no more than is held", async () => {
    await chain.send({ contract: venue, name: "deposit", args: [1n, ...KEY, 2] });
    const second = (await chain.read(venue, "depositHead")) as bigint;
    const fall: Step[] = [
      { name: "deposit", inputs: { time: now, logCount: 1n, deposits: second } },
      { name: "deposit", inputs: { time: now, logCount: 2n, deposits: head } },
    ];
    assert.equal(await onChain(make(fall.slice(0, 1))), "accepted");
    assert.equal(await onChain(make(fall)), "StaleDeposit");
    const none: Step[] = [{ name: "deposit", inputs: { time: now, logCount: 1n, deposits: 0n } }];
    assert.equal(await onChain(make(none)), "accepted");
    assert.equal(await onChain(make([...fall.slice(0, 1), ...none])), "StaleDeposit");
    assert.equal(await onChain(make(change(5, { payout3: payout(trader.address, vault - 704n) }))), "accepted");
    assert.equal(await onChain(make(change(5, { payout3: payout(trader.address, vault - 703n) }))), "Overdrawn");
  });

  it("pays once, and what nobody can claim stays", async () => {
    await chain.send(submit(make(change(5, { payout3: payout("0x0", 9n) }))));
    const claim = { contract: venue, name: "claim", args: [trader.address] };
    assert.equal(await chain.read(venue, "owed", [`0x${"0".repeat(40)}`]), 9n);
    await chain.send({ ...claim, from: trader });
    assert.equal(await chain.read(token, "balanceOf", [trader.address]), 5n);
    assert.equal(await chain.outcome({ ...claim, from: trader }), "NothingOwed");
    await chain.send(claim);
    assert.equal(await chain.read(token, "balanceOf", [trader.address]), 705n);
    assert.equal(await chain.outcome(claim), "NothingOwed");
    assert.equal(await chain.read(venue, "owing"), 9n);
    const [held, balance] = [await chain.read(venue, "held"), await chain.read(token, "balanceOf", [venue.address])];
    assert.equal(balance, (held as bigint) + 9n);
  });

  it("pays whom it owes, whoever asks, and nobody who could not take it", async () => {
    await chain.send(submit(make(change(5, { payout3: payout(venue.address, 9n) }))));
    const claimFor = (account: string) => ({ contract: venue, name: "claimFor", args: [account] });
    await chain.send({ ...claimFor(trader.address), from: owner });
    assert.equal(await chain.read(token, "balanceOf", [trader.address]), 5n);
    assert.equal(await chain.outcome(claimFor(trader.address)), "NothingOwed");
    assert.equal(await chain.outcome(claimFor(venue.address)), "BadRecipient");
    const zero = `0x${"0".repeat(40)}`;
    for (const to of [zero, venue.address, token.address])
      assert.equal(await chain.outcome({ contract: venue, name: "claim", args: [to] }), "BadRecipient");
    assert.equal(await chain.outcome({ contract: venue, name: "claim", args: [trader.address] }), "accepted");
  });

  it("keeps what is owed when the token takes more than it pays", async () => {
    await chain.send(submit(make()));
    await chain.send({ contract: token, name: "overcharge", args: [1n] });
    assert.equal(await chain.outcome({ contract: venue, name: "claim", args: [owner.address] }), "TransferFailed");
    await chain.send({ contract: token, name: "overcharge", args: [0n] });
    assert.equal(await chain.outcome({ contract: venue, name: "claim", args: [owner.address] }), "accepted");
  });

  it("keeps what is owed when the token refuses", async () => {
    await chain.send(submit(make()));
    await chain.send({ contract: token, name: "misbehave", args: [0n, 2n] });
    assert.equal(await chain.outcome({ contract: venue, name: "claim", args: [owner.address] }), "TransferFailed");
    await chain.send({ contract: token, name: "misbehave", args: [0n, 0n] });
    await chain.send({ contract: venue, name: "claim", args: [owner.address] });
    assert.equal(await chain.read(venue, "owed", [owner.address]), 0n);
  });

  it("of 20 instructions costs under 60 percent of what separate verification costs", async () => {
    const at = (logCount: bigint) => ({ time: now, logCount });
    const twenty: Step[] = [
      { name: "deposit", inputs: { ...at(1n), deposits: head } },
      ...Array.from({ length: 9 }, (_, i): Step => ({ name: "admit", inputs: at(BigInt(4 * i + 5)) })),
      { name: "auction", inputs: at(50n) },
      { name: "settle" },
      { name: "settle" },
      { name: "settle" },
      { name: "midpoint", inputs: at(51n) },
      { name: "settle" },
      { name: "settle" },
      { name: "settle" },
      { name: "admit", inputs: at(52n) },
      { name: "withdraw", inputs: { payout0: payout(owner.address, 1n), payout1: 0n, payout2: 0n, payout3: 0n } },
    ];
    const measure = async (list: Step[]) => {
      const gas: number[] = [];
      for (const name of ["submitRound", "submitSeparately"]) {
        const { gasUsed } = await chain.send({ ...submit(make(list)), name });
        gas.push(Number(gasUsed));
        await chain.client.revert({ id: snapshot });
        snapshot = await chain.client.snapshot();
      }
      const each = gas.map((total) => Math.round(total / list.length));
      const percent = ((100 * gas[0]) / gas[1]).toFixed(1);
      console.log(
        `      gas an instruction, ${list.length} of them: ${each[0]} batched, ${each[1]} separate: ${percent} %`,
      );
      return gas[0] / gas[1];
    };
    await measure(steps().slice(1, 2));
    await measure(steps());
    assert.ok((await measure(twenty)) < 0.6);
  });
});
