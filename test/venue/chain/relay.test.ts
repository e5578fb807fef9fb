import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { coSignersOf, type CoSignedHead, type CoSigners } from "../../../src/protocol/coSigners.ts";
import { TacitError } from "../../../src/protocol/errors.ts";
import { publicInputNames, type InstructionName } from "../../../src/protocol/instructions.ts";
import type {
  Chain,
  ChainPoint,
  ChainReceipt,
  Fees,
  Hex,
  OpenedChain,
  ProvenRound,
  Submission,
} from "../../../src/venue/chain/chain.ts";
import type { FinalOf } from "../../../src/venue/chain/finalHeads.ts";
import { startRelay, type Relay } from "../../../src/venue/chain/relay.ts";
import type { AcceptedRounds, RelayLimits } from "../../../src/venue/chain/relayOptions.ts";
import { logHeadDigest, logHeadSigner, type LogHead } from "../../../src/protocol/logHead.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";

// Goal: every proven round reaches the contract once and in order, whatever node, chain, strangers and restarts do.
// Method: a chain of our own making with a pool, blocks and reorganisations, whose contract applies the rules of rounds but
// no proofs; each behaviour by a script, then 2,000 schedules of accidents drawn from a seed.

const MAX_LAG = 600n;
const CONFIRMATIONS = 3;
const BLOCK_SECONDS = 12n;
const GENESIS = 1_000n;
const OPENED: OpenedChain = {
  chainId: 1,
  address: "0xcc",
  account: "0xaa",
  token: "0xdd",
  maxLag: MAX_LAG,
  announcer: null,
  timelock: 0n,
  confirmedState: GENESIS,
};

interface Transaction extends Submission, Fees {
  nonce: number;
  gas: bigint;
  hash: Hex;
}
interface Block extends ChainPoint {
  nonce: number;
  transactions: Transaction[];
  receipts: Map<Hex, ChainReceipt>;
}

/** A chain with one account of ours, whose blocks are made when the test says so. */
class FakeChain implements Chain {
  now = 1_000_000n;
  blocks: Block[] = [this.#block({ block: 0n, state: GENESIS, logCount: 0n, time: 0n, nonce: 0 })];
  pool = new Map<number, Transaction>();
  /** submissions of strangers, which come first in the next block */
  strangers: Submission[] = [];
  asked: Fees = { maxFeePerGas: 100n, maxPriorityFeePerGas: 10n };
  gasOf = (instructions: number) => BigInt(instructions) * 100n;
  /** what the contract says besides what it can tell without proofs */
  refuse: (submission: Submission) => string | undefined = () => undefined;
  /** of the contract, as the newest block has them */
  coSigners?: CoSigners;
  readonly signed = new Map<Hex, Transaction>();
  /** in the order in which they were handed over, repetitions included */
  readonly broadcasts: Transaction[] = [];
  onBroadcast: (transaction: Transaction, raw: Hex, first: boolean) => void = () => {};

  get latest(): Block {
    return this.blocks.at(-1)!;
  }
  get confirmed(): Block {
    return this.blocks.at(-1 - CONFIRMATIONS) ?? this.blocks[0];
  }

  async open() {
    return OPENED;
  }
  async deposits() {
    return [];
  }
  async rules() {
    return { events: [], next: { block: 0n, announced: 0 }, complete: true };
  }
  async announcement() {
    return undefined;
  }
  async status() {
    return { latest: this.latest, confirmed: this.confirmed, ...(this.coSigners && { coSigners: this.coSigners }) };
  }
  async estimate(submission: Submission) {
    const refusal = this.refusal(submission, this.latest, this.latest.blockTime);
    const gas = this.gasOf(submission.instructions.length);
    return refusal === undefined ? ({ ok: true, gas } as const) : ({ ok: false, refusal } as const);
  }
  async fees() {
    return this.asked;
  }
  async sign(submission: Submission, options: Fees & { nonce: number; gas: bigint }) {
    const { stateBefore, instructions, finality } = submission;
    const text = [stateBefore, finality, instructions.at(-1)!.publicInputs[1], ...Object.values(options)].join(" ");
    const hash = `0x${createHash("sha256").update(text).digest("hex")}` as Hex;
    const raw: Hex = `${hash}02`;
    this.signed.set(raw, { ...submission, ...options, hash });
    return { hash, raw };
  }
  async broadcast(raw: Hex): Promise<"sent" | "underpriced"> {
    const transaction = this.signed.get(raw)!;
    const first = !this.broadcasts.includes(transaction);
    this.broadcasts.push(transaction);
    this.onBroadcast(transaction, raw, first);
    if (transaction.nonce < this.latest.nonce) return "sent";
    const before = this.pool.get(transaction.nonce);
    if (before && before !== transaction && transaction.maxFeePerGas * 8n < before.maxFeePerGas * 9n)
      return "underpriced";
    this.pool.set(transaction.nonce, transaction);
    return "sent";
  }
  async receipt(hash: Hex) {
    return this.blocks.findLast(({ receipts }) => receipts.has(hash))?.receipts.get(hash);
  }

  /** Makes a block of what is in the pool, unless it is told to leave it there. */
  mine({ empty = false, seconds = BLOCK_SECONDS } = {}): void {
    this.now += seconds;
    const { block, state, logCount, time, nonce } = this.latest;
    const next = this.#block({ block: block + 1n, state, logCount, time, nonce });
    for (const stranger of empty ? [] : this.strangers.splice(0)) this.#apply(stranger, next);
    for (let transaction; !empty && (transaction = this.pool.get(next.nonce)); next.nonce++) {
      const success = this.#apply(transaction, next);
      next.transactions.push(transaction);
      const gasUsed = this.gasOf(transaction.instructions.length);
      next.receipts.set(transaction.hash, { block: next.block, success, gasUsed });
      this.pool.delete(transaction.nonce);
    }
    this.blocks.push(next);
  }

  /** Takes the newest blocks back; their transactions are in the pool again, or lost. */
  reorganise(depth: number, lost: boolean): void {
    for (const { transactions } of this.blocks.splice(this.blocks.length - depth))
      if (!lost) for (const transaction of transactions) this.pool.set(transaction.nonce, transaction);
  }

  /** Why the contract, as a block left it, would not take a submission in a block of this time. */
  refusal(submission: Submission, { state, logCount }: ChainPoint, now: bigint): string | undefined {
    if (submission.stateBefore !== state) return "WrongState";
    if (submission.instructions.at(-1)!.publicInputs[2] !== 0n) return "PhaseNotOpen";
    const entry = entryOf(submission);
    if (!entry || entry.logCount === logCount) return "NoLogEntry";
    if (entry.time > now) return "InFuture";
    if (entry.time + MAX_LAG < now) return "TooOld";
    return this.refuse(submission);
  }

  #apply(submission: Submission, block: Block): boolean {
    if (this.refusal(submission, block, block.blockTime) !== undefined) return false;
    Object.assign(block, { state: submission.instructions.at(-1)!.publicInputs[1], ...entryOf(submission) });
    return true;
  }

  #block(point: Omit<ChainPoint, "blockTime">): Block {
    return { ...point, blockTime: this.now, transactions: [], receipts: new Map() };
  }
}

function entryOf({ instructions }: Submission): { time: bigint; logCount: bigint } | undefined {
  const last = instructions.findLast(({ name }) => publicInputNames(name).includes("time"));
  return last && { time: last.publicInputs[3], logCount: last.publicInputs[4] };
}

/** Head of the log after so many entries. */
const logAfter = (logCount: bigint) => 1_000n + logCount;

/** Proves rounds, keeps them until they are accepted, and starts relays: what a venue does with one. */
class FakeVenue {
  readonly chain = new FakeChain();
  readonly documents = new Map<string, string>();
  readonly rounds: ProvenRound[] = [];
  readonly accepted: AcceptedRounds[] = [];
  limits: RelayLimits = { maxFeePerGas: 1_000n };
  finalOf?: FinalOf;
  relay!: Relay;
  #state = GENESIS;
  #entries = 0n;

  get acceptedRounds(): number[] {
    return this.accepted.flatMap(({ rounds }) => rounds);
  }

  /** @param between  changes what the relay is given: accidents */
  async start(
    between: { chain?: Chain; put?: FakeVenue["put"]; onAccepted?: FakeVenue["accept"] } = {},
  ): Promise<void> {
    this.relay = await startRelay({
      chain: between.chain ?? this.chain,
      opened: OPENED,
      store: {
        put: between.put ?? this.put,
        list: async (prefix) =>
          [...this.documents].filter(([name]) => name.startsWith(prefix)).map(([name, text]) => ({ name, text })),
      },
      clock: { now: () => this.chain.now },
      limits: this.limits,
      ...(this.finalOf && { finalOf: this.finalOf }),
      onAccepted: between.onAccepted ?? this.accept,
    });
    for (const round of this.rounds.slice(this.acceptedRounds.length)) this.relay.add(round);
  }

  put = async (documents: Readonly<Record<string, string | null>>): Promise<void> => {
    for (const [name, text] of Object.entries(documents))
      if (text === null) this.documents.delete(name);
      else this.documents.set(name, text);
  };
  accept = async (accepted: AcceptedRounds): Promise<void> => {
    this.accepted.push(accepted);
  };

  /** The next round. Upper case: phase open afterwards. a admit, i one of no entry, d deposit, r rules, c clear, s settle, w withdraw. */
  prove(kinds = "A", time = this.chain.now): ProvenRound {
    const state = this.#state;
    const names: Record<string, InstructionName> = {
      a: "admit",
      i: "admit",
      d: "deposit",
      c: "auction",
      s: "settle",
      w: "withdraw",
      r: "configure",
    };
    const instructions = [...kinds].map((kind) => {
      const name = names[kind.toLowerCase()];
      const [before, after] = [this.#state, ++this.#state];
      if (publicInputNames(name).includes("time") && kind !== "I") this.#entries++;
      const logCount = this.#entries;
      const known: Record<string, bigint> = { state: before, stateAfter: after, time, logCount };
      known.log = logAfter(logCount);
      known.phaseAfter = kind === kind.toUpperCase() ? 0n : 17n;
      const publicInputs = publicInputNames(name).map((each) => known[each] ?? 0n);
      return { name, publicInputs, proof: undefined as never };
    });
    const round = { number: this.rounds.length, state, stateAfter: this.#state, instructions };
    this.rounds.push(round);
    return round;
  }
  add(kinds?: string, time?: bigint): ProvenRound {
    const round = this.prove(kinds, time);
    this.relay.add(round);
    return round;
  }

  /** Polls, makes a block, and so on. */
  async go(blocks: number, options?: { empty?: boolean }): Promise<void> {
    for (let i = 0; i < blocks; i++) {
      await this.relay.poll();
      this.chain.mine(options);
    }
    await this.relay.poll();
  }
}

/** A venue with a relay that has found the chain empty. */
async function venue(limits: RelayLimits = {}): Promise<FakeVenue> {
  const it = new FakeVenue();
  it.limits = { ...it.limits, ...limits };
  await it.start();
  await it.relay.poll();
  return it;
}

describe("the relay", () => {
  it("sends a round, and reports it when it is confirmed, with what it cost", async () => {
    const it = await venue();
    it.add("AcS");
    await it.relay.poll();
    const { hash, nonce, gas, maxFeePerGas } = it.chain.broadcasts[0];
    assert.deepEqual([nonce, gas, maxFeePerGas], [0, 360n, 100n]);
    assert.deepEqual(
      it.relay.status().outstanding.map((each) => [each.nonce, each.hash, each.rounds]),
      [[0, hash, [0, 0]]],
    );
    await it.go(CONFIRMATIONS);
    assert.deepEqual([it.accepted, it.relay.status().unconfirmed, it.relay.status().rounds], [[], 1, 1]);
    await it.go(1);
    assert.deepEqual(it.accepted, [{ rounds: [0], hash, gasUsed: 300n, block: 1n }]);
    const { outstanding, unconfirmed, rounds, instructions, waiting, stopped } = it.relay.status();
    assert.deepEqual([outstanding, unconfirmed, rounds, instructions], [[], 0, 0, 0]);
    assert.deepEqual([waiting, stopped], [undefined, undefined]);
    assert.equal(it.documents.size, 0);
    assert.equal(it.chain.broadcasts.length, 1);
  });

  it("goes on at the next block, before the one before is confirmed", async () => {
    const it = await venue();
    it.add();
    await it.go(1);
    it.add();
    await it.go(1);
    assert.deepEqual(
      it.chain.broadcasts.map(({ nonce }) => nonce),
      [0, 1],
    );
    await it.go(CONFIRMATIONS);
    assert.deepEqual(it.acceptedRounds, [0, 1]);
  });

  it("sends rounds that wait together, cut at an end of a round", async () => {
    const it = await venue({ maxInstructions: 5 });
    for (let i = 0; i < 3; i++) it.add("AA");
    it.add("AAAAAAA");
    it.add("A");
    await it.go(8);
    assert.deepEqual(
      it.chain.broadcasts.map(({ instructions }) => instructions.length),
      [4, 2, 7, 1],
    );
    assert.deepEqual(
      it.accepted.map(({ rounds }) => rounds),
      [[0, 1], [2], [3], [4]],
    );
  });

  it("sends what takes too much gas, or too many bytes, in halves, and stops when a round does by itself", async () => {
    for (const limits of [{ maxGas: 250n }, { maxBytes: 2 * (1 + 32 * 13) }]) {
      const it = await venue(limits);
      for (let i = 0; i < 5; i++) it.add("A");
      await it.go(8);
      const sizes = it.chain.broadcasts.map(({ instructions }) => instructions.length);
      assert.ok(sizes.every((size) => size <= 2));
      assert.deepEqual(it.acceptedRounds, [0, 1, 2, 3, 4].slice(0, it.acceptedRounds.length));
      it.add("AAA");
      await it.go(8);
      const { stopped, rounds } = it.relay.status();
      assert.equal(stopped?.code, "RUN_TOO_LARGE");
      assert.deepEqual([it.acceptedRounds, rounds], [[0, 1, 2, 3, 4], 1]);
      assert.equal(stopped?.details.instructions, 3);
    }
  });

  it("never gives a transaction more gas than the bound", async () => {
    const it = await venue({ maxGas: 310n });
    it.add("AAA");
    await it.relay.poll();
    assert.equal(it.chain.broadcasts[0].gas, 310n);
  });

  it("goes on from where a stranger's submission of a beginning ended", async () => {
    const it = await venue();
    const { state, instructions } = it.add("AAcSw".replace("w", "W"));
    it.chain.strangers.push({ stateBefore: state, instructions: instructions.slice(0, 2) });
    await it.go(2);
    const [ours, rest] = it.chain.broadcasts;
    assert.equal((await it.chain.receipt(ours.hash))?.success, false);
    assert.deepEqual([rest.stateBefore, rest.nonce, rest.instructions.length], [instructions[2].publicInputs[0], 1, 3]);
    await it.go(CONFIRMATIONS);
    assert.deepEqual(
      it.accepted.map(({ rounds, hash }) => [rounds, hash]),
      [[[0], rest.hash]],
    );
    assert.equal(it.chain.broadcasts.length, 2);
  });

  it("puts a rest that consumes no log entry in front of the next round", async () => {
    const it = await venue();
    const { state, instructions } = it.add("AcSIW");
    it.chain.strangers.push({ stateBefore: state, instructions: instructions.slice(0, 3) });
    await it.go(CONFIRMATIONS + 2);
    assert.deepEqual([it.relay.status().waiting, it.relay.status().instructions], ["noLogEntry", 2]);
    assert.equal(it.accepted.length, 0);
    it.add("A");
    await it.go(CONFIRMATIONS + 1);
    assert.equal(it.chain.broadcasts[1].instructions.length, 3);
    assert.deepEqual(it.accepted[0].rounds, [0, 1]);
  });

  it("reports rounds that a stranger submitted whole, and replaces what they left without use", async () => {
    const it = await venue({ patience: 1n });
    const { state, instructions } = it.add("A");
    await it.relay.poll();
    it.chain.strangers.push({ stateBefore: state, instructions });
    for (let i = 0; i <= CONFIRMATIONS; i++) {
      it.chain.pool.clear();
      await it.go(1);
    }
    assert.deepEqual(it.acceptedRounds, [0]);
    assert.deepEqual([it.accepted[0].hash, it.accepted[0].block], [undefined, it.chain.confirmed.block]);
    const useless = it.chain.broadcasts[0];
    assert.deepEqual(it.relay.status().outstanding[0].hash, useless.hash);
    it.add("A");
    it.chain.pool.clear();
    await it.go(2, { empty: true });
    const last = it.chain.broadcasts.at(-1)!;
    assert.deepEqual([last.nonce, last.stateBefore], [0, it.chain.latest.state]);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual([it.acceptedRounds, it.accepted[1].hash], [[0, 1], last.hash]);
  });

  it("merges a round that became too old with a fresher one, beyond the number of instructions", async () => {
    const it = await venue({ maxInstructions: 2 });
    it.add("AA");
    it.add("A");
    it.chain.mine({ seconds: MAX_LAG + 1n });
    await it.go(2);
    assert.deepEqual([it.chain.broadcasts.length, it.relay.status().waiting], [0, "tooOld"]);
    it.add("A");
    it.add("A");
    await it.go(CONFIRMATIONS + 2);
    assert.deepEqual(
      it.accepted.map(({ rounds }) => rounds),
      [[0, 1, 2], [3]],
    );
  });

  it("waits for a block that is later than the last log entry, and sends what is not", async () => {
    const it = await venue();
    it.add("A", it.chain.now + BLOCK_SECONDS);
    await it.relay.poll();
    assert.deepEqual([it.chain.broadcasts.length, it.relay.status().waiting], [0, "inFuture"]);
    it.add("A", it.chain.now + 2n * BLOCK_SECONDS);
    await it.go(CONFIRMATIONS + 3);
    assert.deepEqual(
      it.accepted.map(({ rounds }) => rounds),
      [[0], [1]],
    );
  });

  for (const refusal of ["NoAnnouncement", "RulesNotYet"])
    it(`sends what comes before rules, and waits with them, while the contract says ${refusal}`, async () => {
      const it = await venue();
      const brings = ({ instructions }: Submission) => instructions.some(({ name }) => name === "configure");
      it.chain.refuse = (submission) => (brings(submission) ? refusal : undefined);
      for (const kinds of ["AA", "A", "AR", "A"]) it.add(kinds);
      await it.go(CONFIRMATIONS + 1);
      assert.deepEqual([it.acceptedRounds, it.relay.status().waiting], [[0, 1], "rulesNotValid"]);
      assert.deepEqual([it.chain.broadcasts.length, it.relay.status().stopped], [1, undefined]);
      // What has become too old meanwhile goes with something fresh, and that waits as well.
      it.chain.mine({ seconds: MAX_LAG + 1n });
      await it.go(1);
      assert.equal(it.relay.status().waiting, "tooOld");
      it.add("A");
      await it.go(1);
      assert.equal(it.relay.status().waiting, "rulesNotValid");
      it.chain.refuse = () => undefined;
      await it.go(CONFIRMATIONS + 2);
      assert.deepEqual([it.acceptedRounds, it.relay.status().waiting], [[0, 1, 2, 3, 4], undefined]);
      assert.equal(it.chain.broadcasts.length, 2);
    });

  it("sends rules that a stranger's submission left behind, and no others before them", async () => {
    const it = await venue();
    const { state, instructions } = it.add("ARA");
    it.chain.strangers.push({ stateBefore: state, instructions: instructions.slice(0, 2) });
    it.chain.refuse = ({ instructions }) => (instructions.some(({ name }) => name === "configure") ? "RulesNotYet" : undefined); // prettier-ignore
    await it.go(1);
    // The stranger's submission was refused as ours was.
    assert.deepEqual([it.relay.status().waiting, it.chain.latest.state], ["rulesNotValid", state]);
    it.chain.refuse = () => undefined;
    it.chain.strangers.push({ stateBefore: state, instructions: instructions.slice(0, 2) });
    await it.go(1);
    it.chain.refuse = ({ instructions }) => (instructions.some(({ name }) => name === "configure") ? "NoAnnouncement" : undefined); // prettier-ignore
    await it.go(CONFIRMATIONS + 3);
    assert.deepEqual([it.acceptedRounds, it.relay.status().stopped], [[0], undefined]);
  });

  for (const refusal of ["WrongRules", "RulesStampedEarly", "UnknownDeposit", "PairingFailed", "error 0x12345678"])
    it(`stops when the contract says ${refusal}, loses nothing, and goes on after a restart`, async () => {
      const it = await venue();
      it.add("D");
      await it.go(1);
      it.chain.refuse = () => refusal;
      it.add("A");
      let estimates = 0;
      const { estimate } = it.chain;
      it.chain.estimate = (submission) => {
        estimates++;
        return estimate.call(it.chain, submission);
      };
      await it.go(CONFIRMATIONS + 5);
      const { stopped, lastError, rounds } = it.relay.status();
      assert.deepEqual([stopped?.code, stopped?.details.refusal], ["ROUND_REFUSED", refusal]);
      assert.deepEqual([lastError?.code, rounds, estimates], ["ROUND_REFUSED", 1, 1]);
      assert.deepEqual([it.acceptedRounds, it.chain.broadcasts.length], [[0], 1]);
      it.chain.refuse = () => undefined;
      await it.start();
      await it.go(CONFIRMATIONS + 1);
      assert.deepEqual([it.acceptedRounds, it.relay.status().stopped], [[0, 1], undefined]);
    });

  it("stops after three transactions that were reverted against the chain's word", async () => {
    const it = await venue();
    it.add("A");
    const estimate = it.chain.estimate.bind(it.chain);
    it.chain.estimate = async (submission) => {
      it.chain.refuse = () => undefined;
      const answer = await estimate(submission);
      it.chain.refuse = () => "PrecompileFailed";
      return answer;
    };
    await it.go(8);
    assert.deepEqual([it.relay.status().stopped?.code, it.chain.broadcasts.length], ["REVERTED", 3]);
    assert.deepEqual([it.accepted, it.relay.status().rounds], [[], 1]);
  });

  it("sends again what stays in no block, then replaces it for an eighth more, up to the bound", async () => {
    const it = await venue({ patience: 2n, maxFeePerGas: 150n });
    it.add("A");
    await it.go(20, { empty: true });
    const { broadcasts } = it.chain;
    assert.ok(broadcasts.every(({ nonce }) => nonce === 0));
    const fees = [...new Set(broadcasts.map(({ maxFeePerGas }) => maxFeePerGas))];
    assert.deepEqual(fees, [100n, 113n, 128n, 145n]);
    assert.deepEqual(
      fees.slice(0, 3).map((fee) => broadcasts.filter(({ maxFeePerGas }) => maxFeePerGas === fee).length),
      [2, 2, 2],
    );
    it.chain.asked = { maxFeePerGas: 900n, maxPriorityFeePerGas: 800n };
    it.add("A");
    await it.go(6);
    assert.deepEqual([it.accepted[0].rounds, it.accepted[0].hash], [[0], broadcasts.at(-1) && [...broadcasts].findLast(({ nonce }) => nonce === 0)!.hash]); // prettier-ignore
    const last = broadcasts.at(-1)!;
    assert.deepEqual([last.nonce, last.maxFeePerGas, last.maxPriorityFeePerGas], [1, 150n, 150n]);
  });

  it("replaces what is on its way with all that is to be sent by now", async () => {
    const it = await venue({ patience: 1n });
    it.add("A");
    await it.relay.poll();
    it.add("A");
    await it.go(2, { empty: true });
    assert.deepEqual(
      it.chain.broadcasts.map(({ nonce, instructions }) => [nonce, instructions.length]),
      [
        [0, 1],
        [0, 1],
        [0, 2],
      ],
    );
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0, 1]);
  });

  it("reports the transaction that the chain took, though it was replaced", async () => {
    const it = await venue({ patience: 1n });
    it.add("A");
    await it.go(2, { empty: true });
    const [first, , second] = it.chain.broadcasts;
    assert.notEqual(first.hash, second.hash);
    it.chain.pool.set(0, first);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.accepted, [{ rounds: [0], hash: first.hash, gasUsed: 100n, block: 3n }]);
  });

  it("sends again what the node lost", async () => {
    const it = await venue();
    it.add("A");
    await it.relay.poll();
    it.chain.pool.clear();
    await it.go(4 + CONFIRMATIONS);
    assert.equal(new Set(it.chain.broadcasts).size, 1);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("raises the fee at once when the node has another transaction of the nonce", async () => {
    const it = await venue();
    const other = it.prove("A");
    const { raw } = await it.chain.sign(
      { stateBefore: other.state, instructions: other.instructions },
      { nonce: 0, gas: 1n, maxFeePerGas: 200n, maxPriorityFeePerGas: 20n },
    );
    await it.chain.broadcast(raw);
    it.relay.add(other);
    await it.go(9, { empty: true });
    assert.equal(it.chain.pool.get(0)!.maxFeePerGas, 236n);
    assert.equal(it.relay.status().outstanding[0].hash, it.chain.pool.get(0)!.hash);
  });

  for (const lost of [false, true])
    it(`sends the same transactions again after a reorganisation that ${lost ? "lost" : "freed"} them`, async () => {
      const it = await venue();
      it.add("A");
      await it.go(1);
      it.add("A");
      await it.go(1);
      const sent = [...it.chain.broadcasts];
      it.chain.reorganise(2, lost);
      it.chain.mine({ empty: true });
      await it.relay.poll();
      assert.deepEqual(it.chain.broadcasts, [...sent, ...sent]);
      assert.equal(it.relay.status().instructions, 2);
      await it.go(CONFIRMATIONS + 1);
      assert.deepEqual([it.acceptedRounds, new Set(it.chain.broadcasts).size], [[0, 1], 2]);
    });

  it("backs off from a chain that fails, twice as long each time, and loses nothing", async () => {
    const it = await venue({ firstDelay: 2n, longestDelay: 10n });
    it.add("A");
    const { status } = it.chain;
    const calls: bigint[] = [];
    it.chain.status = async () => {
      calls.push(it.chain.now);
      throw new TacitError("CHAIN_TIMEOUT", "no answer");
    };
    const start = it.chain.now;
    for (; it.chain.now < start + 40n; it.chain.now++) await it.relay.poll();
    assert.deepEqual(
      calls.map((at) => at - start),
      [0n, 2n, 6n, 14n, 24n, 34n],
    );
    const { failures, failuresTotal, lastError } = it.relay.status();
    assert.deepEqual([failures, failuresTotal, lastError?.code], [6, 6, "CHAIN_TIMEOUT"]);
    it.chain.status = status;
    await it.go(CONFIRMATIONS + 2);
    assert.deepEqual([it.acceptedRounds, it.relay.status().failures], [[0], 0]);
  });

  it("does not believe a newest block that is behind a confirmed one, nor a state that it does not know", async () => {
    const it = await venue();
    it.add("A");
    await it.go(CONFIRMATIONS + 1);
    it.add("A");
    const { latest } = it.chain;
    const { stateAfter } = it.add("A");
    for (const [newest, confirmed] of [
      [{ ...latest, nonce: 0 }, latest],
      [latest, { ...latest, state: stateAfter }],
    ]) {
      it.chain.status = async () => ({ latest: newest, confirmed });
      it.chain.now += 60n;
      await it.relay.poll();
      assert.equal(it.relay.status().lastError?.code, "CHAIN_INCONSISTENT");
    }
    assert.equal(it.relay.status().failures, 2);
    it.chain.now += 60n;
    it.chain.status = async () => ({ latest: { ...it.chain.latest, state: 5n }, confirmed: it.chain.latest });
    it.chain.mine();
    await it.relay.poll();
    assert.deepEqual([it.relay.status().waiting, it.chain.broadcasts.length], ["unknownState", 1]);
  });

  it("does not take a receipt for a confirmed state", async () => {
    const it = await venue();
    it.add("A");
    await it.go(1);
    const { status } = it.chain;
    it.chain.status = async () => ({ latest: it.chain.latest, confirmed: { ...it.chain.confirmed, nonce: 1 } });
    await it.relay.poll();
    assert.equal(it.accepted.length, 0);
    it.chain.status = status;
    await it.go(CONFIRMATIONS);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("waits when its nonce was used by another until that is confirmed", async () => {
    const it = await venue();
    it.add("A");
    await it.relay.poll();
    it.chain.pool.clear();
    it.chain.mine();
    it.chain.latest.nonce = 1;
    await it.go(CONFIRMATIONS - 1);
    assert.deepEqual([it.relay.status().waiting, it.chain.broadcasts.length], ["noReceipt", 1]);
    await it.go(CONFIRMATIONS + 2);
    assert.deepEqual([it.acceptedRounds, it.chain.broadcasts.at(-1)!.nonce], [[0], 1]);
  });

  it("sends nothing that is not on disk, and throws what the store throws", async () => {
    const it = new FakeVenue();
    const full = new TacitError("STORAGE", "the disk is full");
    await it.start({ put: () => Promise.reject(full) });
    it.add("A");
    await assert.rejects(it.relay.poll(), full);
    assert.equal(it.chain.broadcasts.length, 0);
  });

  it("reports again what the venue could not take", async () => {
    const it = new FakeVenue();
    const failure = new Error("not now");
    let times = 0;
    const onAccepted = (accepted: AcceptedRounds) => (times++ === 1 ? Promise.reject(failure) : it.accept(accepted));
    await it.start({ onAccepted });
    it.add("A");
    await it.go(1);
    it.add("A");
    it.chain.mine({ empty: true });
    await it.go(1);
    for (let i = 0; i < CONFIRMATIONS; i++) it.chain.mine();
    await assert.rejects(it.relay.poll(), failure);
    assert.deepEqual(it.acceptedRounds, [0]);
    await it.relay.poll();
    assert.deepEqual(it.acceptedRounds, [0, 1]);
    assert.equal(it.accepted[1].hash, it.chain.broadcasts[1].hash);
  });

  it("leaves the transactions of another account alone", async () => {
    const it = await venue();
    it.add("A");
    await it.relay.poll();
    const [[name, text]] = it.documents;
    it.documents.set(name, text.replace("0xaa", "0xab"));
    it.chain.broadcasts.splice(0);
    await it.start();
    assert.deepEqual([it.documents.size, it.relay.status().outstanding], [0, []]);
  });

  it("steps once when it is polled twice at a time", async () => {
    const it = await venue();
    it.add("A");
    await Promise.all([it.relay.poll(), it.relay.poll()]);
    assert.equal(it.chain.broadcasts.length, 1);
  });

  it("takes only rounds that continue each other and end in phase open", async () => {
    const it = await venue();
    const one = it.add("AA");
    const two = it.prove("AA");
    const three = it.prove("A");
    const broken = [
      one,
      three,
      { ...two, number: 7 },
      { ...two, state: 5n },
      { ...two, stateAfter: 5n },
      { ...two, instructions: [] },
      { ...two, instructions: two.instructions.slice(0, 1) },
      { ...two, instructions: [two.instructions[0], two.instructions[0]] },
    ];
    for (const round of broken) assert.throws(() => it.relay.add(round), { code: "BAD_ROUND" });
    it.relay.add(two);
    const it2 = await venue();
    assert.throws(() => it2.add("Ac"), { code: "BAD_ROUND" });
  });
});

// Schedules of accidents

/** Numbers from 0 to below n, the same for each seed. */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % n;
  };
}

const KINDS = ["A", "DA", "AcS", "AAcsS", "AW", "CwW", "AcSAcSW", "C"];

/** What may happen, besides blocks and rounds. Calm: nothing that the chain's own rules would make a transaction fail by. */
const CALM = ["drop", "fail", "forgetAnswer", "crashBefore", "crashAfter", "stall"] as const;
const ALL = [...CALM, "stranger", "reorganise", "lag", "late"] as const;

async function schedule(seed: number): Promise<{ crashes: number; reverts: number; replaced: number }> {
  const draw = random(seed);
  const calm = seed % 2 === 0;
  const accidents = calm ? CALM : ALL;
  const it = new FakeVenue();
  it.limits = { maxFeePerGas: 10n ** 9n, patience: BigInt(1 + draw(2)), maxInstructions: 1 + draw(12) };
  const { chain } = it;

  // Accidents within a step: at the k-th call of anything that the relay is given.
  let plan: { at: number; kind: (typeof ALL)[number] } | undefined;
  let crash: () => void = () => {};
  let crashes = 0;
  let old = await chain.status();
  const never = new Promise<never>(() => {});
  const hit = () => plan !== undefined && plan.at-- === 0;
  async function call<T>(act: () => Promise<T>, ofChain: boolean): Promise<T> {
    const kind = hit() ? plan!.kind : undefined;
    if (kind === "crashBefore" || kind === "crashAfter") {
      // The process ends: what it waited for never comes.
      if (kind === "crashAfter") await act();
      crash();
      return never;
    }
    if (ofChain && kind === "fail") throw new TacitError("CHAIN_REFUSED", "no");
    const answer = await act();
    if (ofChain && kind === "forgetAnswer") throw new TacitError("CHAIN_TIMEOUT", "no answer");
    return answer;
  }
  const between = {
    chain: {
      open: () => chain.open(),
      deposits: () => chain.deposits(),
      rules: () => chain.rules(),
      announcement: () => chain.announcement(),
      status: () => call(async () => (plan?.kind === "lag" ? old : chain.status()), true),
      estimate: (submission) => call(() => chain.estimate(submission), true),
      fees: () => call(() => chain.fees(), true),
      sign: (submission, options) => call(() => chain.sign(submission, options), true),
      broadcast: (raw) => call(() => chain.broadcast(raw), true),
      receipt: (hash) => call(() => chain.receipt(hash), true),
    } satisfies Chain as Chain,
    put: (documents: Readonly<Record<string, string | null>>) => call(() => it.put(documents), false),
    onAccepted: (accepted: AcceptedRounds) => call(() => it.accept(accepted), false),
  };
  async function step(): Promise<void> {
    const crashed = new Promise<"crashed">((resolve) => (crash = () => resolve("crashed")));
    if ((await Promise.race([it.relay.poll(), crashed])) === "crashed") {
      crashes++;
      plan = undefined;
      await it.start(between);
    }
    plan = undefined;
    assert.deepEqual(wrong, []);
    const { stopped } = it.relay.status();
    if (stopped) {
      // Transactions that came too late, one after another, look like a fault of ours.
      assert.ok(stopped.code === "REVERTED" && !calm, stopped.message);
      await it.start(between);
    }
  }

  // Never two transactions on their way, but for those that a reorganisation took out of blocks.
  const inBlocks = new Set<Hex>();
  const wrong: string[] = [];
  chain.onBroadcast = (transaction, raw, first) => {
    if (![...it.documents.values()].some((text) => text.includes(raw))) wrong.push("what was sent is not on disk");
    if (!first) return;
    if (transaction.nonce < chain.latest.nonce) wrong.push(`nonce ${transaction.nonce} was used before`);
    for (const { nonce, hash } of chain.broadcasts)
      if (nonce >= chain.latest.nonce && !inBlocks.has(hash) && nonce !== transaction.nonce)
        wrong.push(`nonces ${nonce} and ${transaction.nonce} are on their way together`);
  };

  await it.start(between);
  for (let i = 0; i < 40; i++) {
    if (it.rounds.length < 12 && draw(3) === 0) it.add(KINDS[draw(KINDS.length)]);
    const kind = accidents[draw(accidents.length)];
    if (draw(2) === 0) {
      if (kind === "drop") chain.pool.clear();
      else if (kind === "reorganise") {
        const depth = Math.min(1 + draw(CONFIRMATIONS), chain.blocks.length - 1 - CONFIRMATIONS);
        if (depth > 0) chain.reorganise(depth, draw(2) === 0);
        for (let j = 0; j < depth; j++) chain.mine({ empty: draw(2) === 0, seconds: 1n });
      } else if (kind === "stranger") {
        // A beginning of what was sent, to an end in phase open.
        const seen = chain.broadcasts.at(-1 - draw(2));
        const ends = seen?.instructions.flatMap(({ publicInputs }, j) => (publicInputs[2] === 0n ? [j + 1] : [])) ?? [];
        if (seen) chain.strangers.push({ ...seen, instructions: seen.instructions.slice(0, ends[draw(ends.length)]) });
      } else if (kind === "late") chain.mine({ empty: true, seconds: BigInt(draw(Number(MAX_LAG))) });
      else plan = { kind, at: kind === "lag" ? 1_000 : draw(9) };
    }
    await step();
    if (draw(3) > 0) old = await chain.status();
    if (draw(4) > 0) chain.mine({ empty: kind === "stall" });
    for (const hash of chain.latest.receipts.keys()) inBlocks.add(hash);
  }

  // Then all goes well, and fresh rounds come for what became too old.
  plan = undefined;
  for (let i = 0; i < 60 && (i < 30 || it.acceptedRounds.length < it.rounds.length); i++) {
    if (i === 10 || i === 20) it.add("A");
    await step();
    chain.mine({ seconds: 61n });
    for (const hash of chain.latest.receipts.keys()) inBlocks.add(hash);
  }
  await step();
  assert.deepEqual(
    it.acceptedRounds,
    it.rounds.map(({ number }) => number),
  );
  assert.equal(chain.latest.state, it.rounds.at(-1)!.stateAfter);
  assert.equal(it.documents.size, 0);
  const receipts = chain.blocks.flatMap(({ receipts }) => [...receipts]);
  for (const { hash, gasUsed, block } of it.accepted)
    if (hash) assert.deepEqual(new Map(receipts).get(hash), { success: true, gasUsed, block });
  const reverts = receipts.filter(([, { success }]) => !success).length;
  if (calm) {
    assert.equal(reverts, 0);
    assert.equal(
      it.accepted.findIndex(({ hash }) => hash === undefined),
      -1,
    );
  }
  const fees = chain.broadcasts.filter(({ maxFeePerGas }) => maxFeePerGas > 100n);
  return { crashes, reverts, replaced: new Set(fees).size };
}

describe("the relay to a contract with co-signers", () => {
  const DOMAIN = 7n;
  const signers = Array.from({ length: 8 }, (_, i) => localSigner(new Uint8Array(32).fill(i + 1)));
  const setOf = (from: number) => coSignersOf(signers.slice(from, from + 4).map(({ address }) => address));
  const [FIRST, SECOND] = [setOf(0), setOf(4)];

  /** As the contract reads it. */
  function isFinal({ addresses, quorum }: CoSigners, submission: Submission): boolean {
    const { logCount } = entryOf(submission)!;
    const [, epoch, items] = /^0x(.{8})((?:.{132})*)$/.exec(submission.finality ?? "") ?? [];
    const head: LogHead = { domain: DOMAIN, epoch: parseInt(epoch, 16), n: Number(logCount), head: logAfter(logCount) };
    const each = (items ?? "").match(/.{132}/g) ?? [];
    const good = each.filter((item) => logHeadSigner(head, `0x${item.slice(2)}`) === addresses[parseInt(item.slice(0, 2), 16)]); // prettier-ignore
    return each.length === quorum && good.length === quorum;
  }

  /** A venue whose co-signers sign when the test says so, and what was asked of them. */
  async function coSigned(limits: RelayLimits = {}) {
    const it = new FakeVenue();
    it.limits = { ...it.limits, ...limits };
    const open = new Map<number, { resolve: (head: CoSignedHead) => void; reject: (error: Error) => void; end: LogHead }>(); // prettier-ignore
    const asked: number[] = [];
    it.finalOf = ({ number, logCount, log }) =>
      new Promise((resolve, reject) => {
        asked.push(number);
        open.set(number, { resolve, reject, end: { domain: DOMAIN, epoch: 2, n: Number(logCount), head: log } });
      });
    it.chain.coSigners = FIRST;
    it.chain.refuse = (submission) => {
      const set = it.chain.coSigners;
      return set && !isFinal(set, submission) ? "NotFinal" : undefined;
    };
    await it.start();
    const sign = async (number: number, from = 0, change: Partial<LogHead> = {}) => {
      const { resolve, end } = open.get(number)!;
      const head = { ...end, ...change };
      const signatures = signers.slice(from, from + 4).map((signer) => signer.sign(logHeadDigest(head)) as string);
      resolve({ ...head, signatures });
      await new Promise(setImmediate);
    };
    const fail = async (number: number) => {
      open.get(number)!.reject(new TacitError("CLOSED", "the venue is closed"));
      await new Promise(setImmediate);
    };
    return Object.assign(it, { asked, sign, fail });
  }
  const sent = ({ chain }: FakeVenue) => chain.broadcasts.map(({ instructions }) => instructions.length);

  it("waits until the last log head of a round is final, then sends it with the signatures", async () => {
    const it = await coSigned();
    it.add("A");
    await it.go(3);
    assert.deepEqual([it.asked, sent(it), it.relay.status().waiting], [[0], [], "notFinal"]);
    assert.ok(it.relay.status().waitingSince !== undefined);
    await it.sign(0);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual([it.acceptedRounds, it.relay.status().waiting], [[0], undefined]);
    assert.deepEqual([it.asked, sent(it)], [[0], [1]]);
  });

  it("sends the rounds that are final, and those between with the next one that is", async () => {
    const it = await coSigned();
    for (const kinds of ["A", "AA", "AAA", "A"]) it.add(kinds);
    await it.relay.poll();
    assert.deepEqual(it.asked, [0, 1, 2, 3]);
    await it.sign(0);
    await it.go(2);
    assert.deepEqual([sent(it), it.relay.status().waiting], [[1], "notFinal"]);
    await it.sign(2);
    await it.go(CONFIRMATIONS + 2);
    assert.deepEqual([sent(it), it.acceptedRounds, it.relay.status().waiting], [[1, 5], [0, 1, 2], "notFinal"]);
    await it.sign(3);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(
      [it.acceptedRounds, it.asked],
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
    );
  });

  it("asks again where too few have signed, or another head, or nobody answered", async () => {
    const it = await coSigned();
    it.add("A");
    await it.relay.poll();
    await it.sign(0, 4);
    await it.go(1);
    assert.deepEqual(it.asked, [0, 0]);
    await it.sign(0, 0, { n: 2 });
    await it.go(1);
    await it.sign(0, 0, { head: 5n });
    await it.go(1);
    assert.deepEqual(it.asked, [0, 0, 0, 0]);
    await it.fail(0);
    await it.go(1);
    assert.deepEqual([it.asked.length, it.relay.status().waiting, sent(it)], [5, "notFinal", []]);
    await it.sign(0);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("asks again where the contract does not take the signatures", async () => {
    const it = await coSigned();
    it.add("A");
    await it.relay.poll();
    await it.sign(0, 0, { domain: DOMAIN + 1n });
    await it.go(2);
    assert.deepEqual([it.asked, sent(it), it.relay.status().waiting], [[0, 0], [], "notFinal"]);
    assert.equal(it.relay.status().stopped, undefined);
    await it.sign(0);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("asks those who have become co-signers, for what it did not send", async () => {
    const it = await coSigned();
    it.add("A");
    await it.relay.poll();
    await it.sign(0);
    it.chain.coSigners = SECOND;
    await it.go(1);
    assert.deepEqual([it.asked, sent(it), it.relay.status().chain?.coSigners], [[0, 0], [], SECOND]);
    await it.sign(0, 4);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("asks them for what was on its way, and sends it again", async () => {
    const it = await coSigned();
    it.add("A");
    await it.relay.poll();
    await it.sign(0);
    await it.relay.poll();
    assert.deepEqual(sent(it), [1]);
    it.chain.coSigners = SECOND;
    await it.go(2);
    const { hash } = it.chain.broadcasts[0];
    assert.equal((await it.chain.receipt(hash))?.success, false);
    assert.deepEqual([it.asked, it.relay.status().waiting], [[0, 0], "notFinal"]);
    await it.sign(0, 4);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual([it.acceptedRounds, it.relay.status().stopped], [[0], undefined]);
  });

  it("replaces what stays in no block by the same with new signatures", async () => {
    const it = await coSigned({ patience: 1n });
    it.add("A");
    await it.relay.poll();
    await it.sign(0);
    await it.relay.poll();
    it.chain.coSigners = SECOND;
    await it.go(3, { empty: true });
    await it.sign(0, 4);
    await it.go(2, { empty: true });
    const finalities = new Set(it.chain.broadcasts.map(({ finality }) => finality));
    assert.deepEqual([finalities.size, new Set(it.chain.broadcasts.map(({ nonce }) => nonce)).size], [2, 1]);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0]);
  });

  it("waits with what is too large, while a shorter run may become final", async () => {
    const it = await coSigned({ maxGas: 250n });
    for (let i = 0; i < 3; i++) it.add("A");
    await it.relay.poll();
    await it.sign(2);
    await it.go(2);
    assert.deepEqual([it.relay.status().waiting, it.relay.status().stopped], ["notFinal", undefined]);
    await it.sign(0);
    await it.go(CONFIRMATIONS + 3);
    assert.deepEqual(
      [sent(it), it.acceptedRounds],
      [
        [1, 2],
        [0, 1, 2],
      ],
    );
  });

  it("asks for nothing where there are none, and for all once there are some", async () => {
    const it = await coSigned();
    it.chain.coSigners = undefined;
    it.add("A");
    await it.go(1);
    assert.deepEqual([it.asked, sent(it), it.chain.broadcasts[0].finality], [[], [1], undefined]);
    it.add("A");
    it.chain.coSigners = FIRST;
    await it.go(1);
    assert.deepEqual([it.asked, it.relay.status().waiting], [[1], "notFinal"]);
    await it.sign(1);
    await it.go(CONFIRMATIONS + 1);
    assert.deepEqual(it.acceptedRounds, [0, 1]);
  });

  it("is refused where nobody asks them, at the start and later", async () => {
    const it = await venue();
    const opened = { ...OPENED, coSigners: FIRST };
    const options = { chain: it.chain, opened, store: { put: it.put, list: async () => [] }, clock: { now: () => 1n } };
    await assert.rejects(startRelay({ ...options, onAccepted: it.accept }), { code: "CO_SIGNERS" });
    it.chain.coSigners = FIRST;
    it.add("A");
    await it.go(1);
    assert.deepEqual([it.relay.status().stopped?.code, sent(it)], ["CO_SIGNERS", []]);
  });
});

describe("the relay, whatever happens", () => {
  const SEEDS = 2_000;
  it(`brings every round to the contract once and in order, in ${SEEDS} schedules of accidents`, async () => {
    const total = { crashes: 0, reverts: 0, replaced: 0 };
    for (let seed = 0; seed < SEEDS; seed++) {
      try {
        const { crashes, reverts, replaced } = await schedule(seed);
        total.crashes += crashes;
        total.reverts += reverts;
        total.replaced += replaced;
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
    console.log(`      ${total.crashes} restarts, ${total.reverts} reverted, ${total.replaced} replaced`);
    assert.ok(total.crashes > SEEDS / 4 && total.reverts > 0 && total.replaced > 0);
  });
});
