import type { Event } from "../../matcher/events.ts";
import type { Account } from "../../protocol/account.ts";
import { TacitError } from "../../protocol/errors.ts";
import type { HashedEntry } from "../../protocol/item.ts";
import { toJson } from "../../protocol/json.ts";
import type { AccountOpening } from "../../protocol/opening.ts";
import { shownRegisters } from "../../protocol/opening.ts";
import { proofFromJson, proofToJson, type Proof } from "../../protocol/proof.ts";
import { channelsHash, type State } from "../../protocol/state.ts";
import type { Terms } from "../../protocol/rules.ts";
import type { Tree, TreeChanges } from "../../protocol/tree.ts";
import {
  roundJson,
  type ProvenInstruction,
  type PublishedRound,
  type RoundEffect,
  NO_LAG_LIMIT,
} from "../../verifier/index.ts";
import type { InstructionInputs, Ledger, LedgerSnapshot } from "../../witness/ledger.ts";
import type { ClaimInputs, SurveySource } from "../../witness/survey.ts";
import type { RoundBuilder } from "../../witness/round.ts";
import type { RoundProver } from "./provers.ts";
import type { Store } from "../store/store.ts";

/** Where a round ends. */
export interface RoundMark {
  readonly number: number;
  /** entries of the log before the round, and the head there */
  readonly from: { readonly logCount: bigint; readonly head: bigint };
  readonly entries: readonly HashedEntry[];
  /** about how many it takes */
  readonly proofs: number;
  /** accounts as the round leaves them: what openings open */
  readonly accounts: readonly Account[];
}

/** A round, its instructions known, on its way to be proved. */
interface Assembled {
  readonly mark: RoundMark;
  readonly state: bigint;
  readonly stateAfter: bigint;
  readonly steps: readonly InstructionInputs[];
  readonly change: OpeningChange;
  readonly proofs: (ProvenInstruction | undefined)[];
  missing: number;
  /** milliseconds since 1970 */
  readonly assembledAt: number;
}

/** What openings of a round's last state are made from. */
interface OpeningSource {
  round: number;
  readonly accounts: Account[];
  readonly tree: Tree;
  state: State;
  terms: Terms;
}

/** What a round has changed of it: all that is kept of a round that waits, as there may be a million accounts. */
interface OpeningChange {
  readonly round: number;
  readonly accounts: readonly (readonly [index: number, account: Account])[];
  readonly nodes: TreeChanges;
  readonly state: State;
  readonly terms: Terms;
}

/** What is told of a round beside its file. */
export interface RoundSummary {
  readonly number: number;
  readonly state: string;
  readonly stateAfter: string;
  /** entries of the log up to its end, and in it */
  readonly logCount: string;
  readonly entries: number;
  readonly instructions: Readonly<Record<string, number>>;
  /** seconds since 1970, of its last entry */
  readonly time: string;
  /** milliseconds since 1970 */
  readonly assembledAt: number;
  readonly provedAt: number;
  /** once the chain has it: the transaction that brought it there, with the gas of all that it brought, if it was ours */
  readonly accepted?: { readonly hash: string | null; readonly gasUsed: string | null; readonly block: string };
}

export interface PipelineOptions {
  readonly ledger: Ledger;
  readonly builder: RoundBuilder;
  readonly prover: RoundProver;
  readonly store: Store;
  /** of the last proven round: what `verifyRound` compares the next with */
  readonly proven: { readonly time: bigint; readonly logCount: bigint };
  /** the last round that the ledger has, 0 for none, and the accounts after it */
  readonly start: { readonly round: number; readonly accounts: readonly Account[] };
  /** rounds are assembled, and another proves them, until `lead` */
  readonly follows?: boolean;
  /** told of each proof when it is made and kept */
  readonly onProof?: () => void;
  /** told of each round when it is proved, verified and stored, in order */
  readonly onProven: (round: PublishedRound, summary: RoundSummary) => void;
  /** told when no more rounds can be proved */
  readonly onFailed: (error: Error) => void;
}

/** How long a part of the assembly may keep the thread from answering, milliseconds. */
const SLICE_MS = 4;
/**
 * A proof that fails, or cannot be kept, is tried again after so many pauses, each twice as long: the prover has tried again
 * what a dead thread left, but a disk that is full may have room again.
 */
const PAUSES = 5;
const FIRST_PAUSE_MS = 250;

export const roundName = (number: number): string => `round/${String(number).padStart(9, "0")}`;
export const SUMMARIES = "summary/";
export const summaryName = (number: number): string => `${SUMMARIES}${String(number).padStart(9, "0")}`;
/** Of rounds that are proved, those after one, in order. */
export async function summariesAfter(store: Store, number: number): Promise<RoundSummary[]> {
  const found = await store.list(SUMMARIES, { after: summaryName(number) });
  return found.map(({ text }) => JSON.parse(text) as RoundSummary);
}
const proofName = (number: number, at: number): string => `proof/${number}/${at}`;

type Work =
  | { readonly kind: "events"; readonly events: readonly Event[] }
  | { readonly kind: "mark"; readonly mark: RoundMark; readonly proofs: number }
  | {
      readonly kind: "snapshot";
      readonly done: (ledger: LedgerSnapshot) => void;
      readonly failed: (error: Error) => void;
    };

/**
 * From events to proven rounds, behind the market and beside it: events are turned into instructions in small slices, and
 * proofs are made by the prover, those of the oldest round first. Each proof is kept, so that a restart repeats none.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  #work: Work[] = [];
  /** of the next one to be done: what is done stays for a while, since taking the first of a long list away is slow */
  #done = 0;
  readonly #rounds: Assembled[] = [];
  readonly #abort = new AbortController();
  readonly #idle: (() => void)[] = [];
  #proven: { time: bigint; logCount: bigint };
  #assembling = false;
  #running = 0;
  #completing = false;
  #failed = false;
  #follows: boolean;
  readonly #opening: OpeningSource;
  /** whether that state is proved: not when the ledger began beyond */
  #isShown: boolean;
  /** proofs of the rounds that have ended and are not assembled */
  #unassembled = 0;
  /** state at which the round that is assembled began */
  #start: bigint;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#proven = { ...options.proven };
    this.#follows = options.follows ?? false;
    this.#start = options.ledger.word;
    const { ledger, start } = options;
    const { tree, state, rules, prices } = ledger;
    this.#opening = { round: start.round, accounts: [...start.accounts], tree: tree.clone(), state: { ...state }, terms: { rules, prices } }; // prettier-ignore
    this.#isShown = state.logCount <= this.#proven.logCount;
    tree.changes();
  }

  /** Entries of the log that are proved. */
  get provenCount(): bigint {
    return this.#proven.logCount;
  }

  /** Rounds assembled and not proved. */
  get waiting(): number {
    return this.#rounds.length;
  }

  /** Instructions that are not proved, of all rounds that have ended: of those that are not assembled, about how many. */
  get instructionsWaiting(): number {
    return this.#rounds.reduce((sum, { steps }) => sum + steps.length, this.#unassembled);
  }

  /** Takes the events of an entry, in the order of the log. */
  add(events: readonly Event[]): void {
    this.#push({ kind: "events", events });
  }

  /** Ends the round. */
  mark(mark: RoundMark): void {
    const proofs = this.#isProven(mark) ? 0 : mark.proofs;
    this.#unassembled += proofs;
    this.#push({ kind: "mark", mark, proofs });
  }

  /**
   * A round that another has proved.
   * @throws DIVERGED  when its state is not the one that the round comes to here
   */
  proved({ number, logCount, time, stateAfter }: RoundSummary): void {
    this.#proven = { time: BigInt(time), logCount: BigInt(logCount) };
    while (this.#rounds.length > 0 && this.#rounds[0].mark.number <= number) {
      const round = this.#rounds.shift()!;
      if (round.mark.number === number && String(round.stateAfter) !== stateAfter)
        throw new TacitError("DIVERGED", `round ${number} comes to another state here than where it was proved`, { number }); // prettier-ignore
      this.#show(round.change);
    }
  }

  /** Proves from now on. What was proved of rounds meanwhile, and is kept, is not proved again. */
  async lead(): Promise<void> {
    for (const round of this.#rounds) await this.#takeKept(round);
    this.#follows = false;
    void this.#complete();
    this.#next();
  }

  /** The ledger as of what was handed in so far, which must have ended with a mark. @throws STOPPED */
  snapshot(): Promise<LedgerSnapshot> {
    return new Promise((done, failed) => this.#push({ kind: "snapshot", done, failed }));
  }

  /** Fulfilled when all that was handed in is assembled. */
  async assembled(): Promise<void> {
    while (this.#assembling) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /**
   * What shows an account in the state that the last proven round left, or that of the genesis (round 0).
   * @returns null when the account was opened later, or the rounds that are proven are not assembled again yet
   */
  opening(index: number): { round: number; opening: AccountOpening } | null {
    if (!this.#isShown) return null;
    const { round, accounts, tree, state } = this.#opening;
    const account = accounts[index];
    if (!account) return null;
    const registers = shownRegisters(state);
    return { round, opening: { index, account, path: tree.path(index), registers, channels: channelsHash(state) } };
  }

  /** The state of the last proven round, as a copy: what a survey of it reads; null as `opening`, and while another proves. */
  surveySource(): (SurveySource & { readonly round: number }) | null {
    if (!this.#isShown || this.#follows) return null;
    const { round, accounts, tree, state, terms } = this.#opening;
    return { round, accounts: [...accounts], tree: tree.clone(), state, ...terms };
  }

  /** Beside the rounds. @throws as the prover; ABORTED once it is closed */
  proveClaim(claim: ClaimInputs): Promise<Proof> {
    return this.#options.prover.prove(claim, { signal: this.#abort.signal });
  }

  /** Stops proving; what is proved is kept. */
  async close(): Promise<void> {
    this.#failed = true;
    this.#abort.abort();
    this.#forsake();
    await this.assembled();
    await this.#options.prover.close();
  }

  #push(work: Work): void {
    if (this.#failed) return work.kind === "snapshot" ? work.failed(noMoreRounds()) : undefined;
    this.#work.push(work);
    if (this.#assembling) return;
    this.#assembling = true;
    void this.#assemble().catch((error) => this.#fail(error as Error));
  }

  async #assemble(): Promise<void> {
    try {
      let since = performance.now();
      while (!this.#failed && this.#done < this.#work.length) {
        const work = this.#work[this.#done++];
        if (this.#done === 1024) {
          this.#work = this.#work.slice(this.#done);
          this.#done = 0;
        }
        if (work.kind === "events") for (const event of work.events) this.#options.builder.add(event);
        else if (work.kind === "snapshot") work.done(this.#options.ledger.export());
        else await this.#close(work);
        if (performance.now() - since < SLICE_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        since = performance.now();
      }
    } finally {
      this.#assembling = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** The instructions of the round, and the proofs of them that an earlier run has left. */
  async #close({ mark, proofs }: { readonly mark: RoundMark; readonly proofs: number }): Promise<void> {
    const { ledger, builder } = this.#options;
    const steps = builder.close();
    const state = this.#start;
    this.#start = ledger.word;
    const nodes = ledger.tree.changes();
    const accounts = [...(nodes[0]?.keys() ?? [])].map((index) => [index, mark.accounts[index]] as const);
    const { rules, prices } = ledger;
    const change = { round: mark.number, accounts, nodes, state: { ...ledger.state }, terms: { rules, prices } };
    const assembled: Assembled = {
      mark,
      state,
      stateAfter: ledger.word,
      steps,
      change,
      proofs: steps.map(() => undefined),
      missing: steps.length,
      assembledAt: Date.now(),
    };
    if (!this.#follows && !this.#isProven(mark)) await this.#takeKept(assembled);
    this.#unassembled -= proofs;
    // Before, or elsewhere meanwhile.
    if (this.#isProven(mark)) return this.#show(change);
    this.#rounds.push(assembled);
    if (assembled.missing === 0) void this.#complete();
    this.#next();
  }

  /** The proofs of a round's instructions that are kept. */
  async #takeKept(round: Assembled): Promise<void> {
    const { mark, steps, proofs } = round;
    for (const { name, text } of await this.#options.store.list(`proof/${mark.number}/`)) {
      const at = Number(name.split("/")[2]);
      const json = JSON.parse(text) as { publicInputs: string[]; proof: unknown };
      const step = steps[at];
      if (!step || proofs[at] || !step.publicInputs.every((x, i) => String(x) === json.publicInputs[i])) continue;
      proofs[at] = { name: step.name, publicInputs: step.publicInputs, proof: proofFromJson(json.proof) };
      round.missing--;
    }
  }

  /** Openings are of this round from now on. */
  #show({ round, accounts, nodes, state, terms }: OpeningChange): void {
    const opening = this.#opening;
    opening.round = round;
    opening.state = state;
    opening.terms = terms;
    opening.tree.update(nodes);
    for (const [index, account] of accounts) opening.accounts[index] = account;
    this.#isShown = true;
  }

  #isProven({ from, entries }: RoundMark): boolean {
    return from.logCount + BigInt(entries.length) <= this.#proven.logCount;
  }

  /** Starts proofs, as many as the prover does side by side. */
  #next(): void {
    if (this.#follows) return;
    for (const round of this.#rounds)
      for (const at of round.proofs.keys()) {
        if (this.#failed || this.#running >= this.#options.prover.parallel) return;
        if (round.proofs[at] || this.#started.has(round.steps[at])) continue;
        this.#started.add(round.steps[at]);
        this.#running++;
        void this.#prove(round, at).catch((error) => this.#fail(error as Error));
      }
  }
  readonly #started = new WeakSet<InstructionInputs>();

  async #prove(round: Assembled, at: number): Promise<void> {
    const { prover, store } = this.#options;
    const step = round.steps[at];
    const proof = await this.#patiently(() => prover.prove(step, { signal: this.#abort.signal }));
    if (!proof) return;
    const json = { publicInputs: step.publicInputs, proof: proofToJson(proof) };
    const kept = () => store.put({ [proofName(round.mark.number, at)]: toJson(json) }).then(() => true);
    if (!(await this.#patiently(kept))) return;
    round.proofs[at] = { name: step.name, publicInputs: step.publicInputs, proof };
    this.#running--;
    this.#options.onProof?.();
    round.missing--;
    if (round.missing === 0) void this.#complete();
    this.#next();
  }

  /** Tries again after pauses. @returns null when nothing is wanted any more. @throws as the last try */
  async #patiently<T>(work: () => Promise<T>): Promise<T | null> {
    const { signal } = this.#abort;
    for (let tries = 0; ; tries++) {
      if (this.#failed) return null;
      try {
        const done = await work();
        return this.#failed ? null : done;
      } catch (error) {
        if (this.#failed) return null;
        if (tries === PAUSES) throw error;
      }
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, FIRST_PAUSE_MS * 2 ** tries);
        signal.addEventListener("abort", end);
      });
    }
  }

  /** Verifies and stores what is proved, the oldest round first. */
  async #complete(): Promise<void> {
    if (this.#completing) return;
    this.#completing = true;
    try {
      while (this.#rounds[0]?.missing === 0 && !this.#failed) {
        const round = this.#rounds[0];
        const effect = await this.#verify(round);
        if (this.#failed) return;
        const { number, from, entries } = round.mark;
        const instructions = round.proofs as ProvenInstruction[];
        const published: PublishedRound = {
          number,
          state: round.state,
          stateAfter: round.stateAfter,
          segment: { ...from, entries },
          instructions,
        };
        const counts: Record<string, number> = {};
        for (const { name } of instructions) counts[name] = (counts[name] ?? 0) + 1;
        const summary: RoundSummary = {
          number,
          state: String(round.state),
          stateAfter: String(round.stateAfter),
          logCount: String(effect.logCount),
          entries: entries.length,
          instructions: counts,
          time: String(effect.time),
          assembledAt: round.assembledAt,
          provedAt: Date.now(),
        };
        const proofs = Object.fromEntries(instructions.map((_, at) => [proofName(number, at), null]));
        await this.#options.store.put({
          [roundName(number)]: toJson(roundJson(published)),
          [summaryName(number)]: toJson(summary),
          ...proofs,
        });
        this.#rounds.shift();
        this.#proven = { time: effect.time, logCount: effect.logCount };
        this.#show(round.change);
        this.#options.onProven(published, summary);
      }
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#completing = false;
    }
  }

  async #verify({ mark, state, proofs }: Assembled): Promise<RoundEffect> {
    const { ledger, prover } = this.#options;
    const { time: lastTime, logCount: lastLogCount } = this.#proven;
    const result = await prover.verify(
      { domain: ledger.state.domain, state, maxLag: NO_LAG_LIMIT, lastTime, lastLogCount },
      { instructions: proofs as ProvenInstruction[] },
      // The entries were stamped by this venue: its own clock is not to be doubted here.
      mark.entries.at(-1)!.time,
    );
    if (result.ok) return result;
    throw new TacitError("REFUSED", `round ${mark.number} is refused by the verifier: ${result.message}`, { result });
  }

  /** Whoever waits for a snapshot is told that there will be none. */
  #forsake(): void {
    for (const work of this.#work.splice(0).slice(this.#done))
      if (work.kind === "snapshot") work.failed(noMoreRounds());
    [this.#done, this.#unassembled] = [0, 0];
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#abort.abort();
    this.#forsake();
    this.#options.onFailed(error);
  }
}

function noMoreRounds(): TacitError {
  return new TacitError("STOPPED", "no more rounds are assembled");
}
