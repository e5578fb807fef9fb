import { accountLeaves, openAccount, type Account } from "../protocol/account.ts";
import type { InstructionName, Profile } from "../protocol/instructions.ts";
import { logHead, type LogEntry } from "../protocol/item.ts";
import { MARKET_RULES, marketRulesWords, vectorHash, vectorHashes } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { MARKETS, INSTRUMENTS } from "../protocol/parameters.ts";
import { pricesMetaParts, pricesRoot, pricesRows, scenariosHash, type Prices } from "../protocol/prices.ts";
import { groupParts, rulesRoot, rulesVectors, type Rules } from "../protocol/rules.ts";
import { stateWord, type State } from "../protocol/state.ts";
import { Tree } from "../protocol/tree.ts";
import { stateSignals } from "./state.ts";

/** Inputs of a circuit: field elements, in arrays and buses. */
export type Signals = { [name: string]: bigint | Signals } | (bigint | Signals)[];

/** One instruction, ready to be proved. */
export interface InstructionInputs {
  readonly name: InstructionName;
  readonly inputs: { [name: string]: bigint | Signals };
  /** in the order of `publicInputNames` */
  readonly publicInputs: readonly bigint[];
}

/** The registers that hold one value a market slot, in the clear. */
export interface Vectors {
  books: bigint[];
  admitted: bigint[];
  cancels: bigint[];
  /** entries in book and admitted + 2^16 times cancels pending + 2^32 times lists of quotes pending */
  counts: bigint[];
  /** for each instrument, how many accounts have a position */
  holders: bigint[];
}

/** What a ledger comes to: rules and prices, registers, vectors, and the leaves of the account tree that are not empty. */
export interface LedgerSnapshot {
  readonly rules: Rules;
  readonly prices: Prices;
  readonly state: State;
  readonly vectors: Readonly<Vectors>;
  readonly leaves: readonly (readonly [index: number, leaf: bigint])[];
}

/**
 * The venue as the circuits see it: registers, account tree, chain heads by slot. The builders of instructions advance
 * it; it holds nothing that the state word does not commit to.
 */
export class Ledger {
  readonly profile: Profile;
  rules: Rules;
  prices: Prices;
  tree: Tree;
  vectors: Vectors;
  state: State;
  /** fresh random field elements, one an instruction */
  readonly #blind: () => bigint;

  constructor(genesis: {
    profile: Profile;
    domain: bigint;
    rules: Rules;
    prices: Prices;
    accounts: readonly Account[];
    time: bigint;
    blind: () => bigint;
    /** where the chains of fills begin: unless it is secret, the channels of an opening are an oracle for guesses at the books */
    hidden?: bigint;
  }) {
    const { profile, domain, rules, prices, accounts, time, blind, hidden = 0n } = genesis;
    this.profile = profile;
    this.rules = rules;
    this.prices = prices;
    this.#blind = blind;
    this.tree = new Tree(profile.depth);
    // Indexes may be left out.
    const indexes = [...accounts.keys()].filter((index) => index in accounts);
    const leaves = accountLeaves(indexes.map((index) => accounts[index]));
    indexes.forEach((index, i) => this.tree.set(index, leaves[i]));
    const zeros = () => Array<bigint>(MARKETS).fill(0n);
    this.vectors = {
      books: zeros(),
      admitted: zeros(),
      cancels: zeros(),
      counts: zeros(),
      holders: Array.from({ length: INSTRUMENTS }, (_, i) =>
        BigInt(accounts.filter((a) => a.positions[i] !== 0n).length),
      ),
    };
    const empty = vectorHash(zeros());
    this.state = {
      domain,
      phase: 0n,
      published: 0n,
      rules: rulesRoot(rules),
      prices: pricesRoot(prices),
      accounts: this.tree.root,
      accountCount: BigInt(accounts.length),
      logHead: 0n,
      logCount: 0n,
      clock: 32n * time,
      deposits: 0n,
      inbox: 0n,
      holders: vectorHash(this.vectors.holders),
      vault: accounts.reduce((sum, { cash }) => sum + cash, 0n),
      relief: 0n,
      deficit: 0n,
      blind: blind(),
      books: empty,
      admitted: empty,
      cancels: empty,
      counts: empty,
      sweep: 0n,
      fees: 0n,
      share: 0n,
      fillsPut: hidden,
      fillsTaken: hidden,
      payoutsPut: 0n,
      payoutsTaken: 0n,
      dirtyPut: 0n,
      dirtyTaken: 0n,
    };
  }

  /** All that the ledger of this genesis needs to go on from here. */
  export(): LedgerSnapshot {
    const { rules, prices } = this;
    return {
      rules,
      prices,
      state: { ...this.state },
      vectors: structuredClone(this.vectors),
      leaves: this.tree.entries(),
    };
  }

  /** Goes on where `export` was taken, of a ledger of the same genesis. */
  resume({ rules, prices, state, vectors, leaves }: LedgerSnapshot): void {
    this.rules = rules;
    this.prices = prices;
    this.state = { ...state };
    this.vectors = structuredClone(vectors) as Vectors;
    this.tree = new Tree(this.profile.depth, leaves);
  }

  get word(): bigint {
    return stateWord(this.state);
  }

  /** Registers of a log that has consumed one more entry of the given rank; its head, where that is known. */
  logged(
    state: State,
    entry: LogEntry,
    rank: number,
    head: bigint = logHead(state.logHead, state.domain, entry),
  ): State {
    return {
      ...state,
      logHead: head,
      logCount: state.logCount + 1n,
      clock: 32n * entry.time + BigInt(rank),
    };
  }

  /** Closes an instruction: registers after it, its inputs, and its public inputs. */
  close(
    name: InstructionName,
    changes: Partial<State>,
    inputs: { [name: string]: bigint | Signals },
    extras: readonly bigint[],
  ): InstructionInputs {
    const before = this.state;
    const blind = this.#blind();
    this.state = { ...before, ...changes, blind };
    const publicInputs = [stateWord(before), this.word, this.state.phase, ...extras];
    return { name, publicInputs, inputs: { before: stateSignals(before), blindAfter: blind, ...inputs } };
  }

  rulesOpening() {
    return rulesOpening(this.rules);
  }

  pricesOpening() {
    return pricesOpening(this.prices);
  }

  /** The rules row of a slot as a bus; zeros for a free slot. */
  rulesRow(slot: number): Signals {
    const row = slot < 0 ? null : this.rules.markets[slot];
    const words = row ? marketRulesWords(row) : [];
    return Object.fromEntries(MARKET_RULES.map((name, i) => [name, words[i] ?? 0n]));
  }

  /** The prices row of a slot as a bus; zeros for a stale one. */
  pricesRow(slot: number): Signals {
    const row = slot < 0 ? null : this.prices.markets[slot];
    const { mark, funding, gross, low, high } = row ?? NO_MARKET_PRICES;
    const numbers = Object.entries({ mark, funding, gross, low, high }).map(([name, x]) => [name, toField(x)]);
    return { ...Object.fromEntries(numbers), values: vectorHash(this.weighted(slot)) };
  }

  /** W_k of a slot's row, as field elements; zeros for a stale one. */
  weighted(slot: number): bigint[] {
    const row = slot < 0 ? null : this.prices.markets[slot];
    return row ? row.values.map(toField) : Array<bigint>(this.profile.scenarios).fill(0n);
  }
}

/** What `OpenRules` reads. */
export function rulesOpening(rules: Rules) {
  const { ids, markets, instruments } = rulesVectors(rules);
  const [idsHash, instrumentsHash] = vectorHashes([ids, instruments]);
  return { group: groupParts(rules.group), idsHash, rulesRows: markets, instrumentsHash };
}

/** What `OpenPrices` reads. */
export function pricesOpening(prices: Prices): { meta: Signals; scenarios: bigint; pricesRows: bigint[] } {
  return { meta: { ...pricesMetaParts(prices) }, scenarios: scenariosHash(prices), pricesRows: pricesRows(prices) };
}

const NO_MARKET_PRICES = { mark: 0n, funding: 0n, gross: 0n, low: 0n, high: 0n };

/** An account as a bus. */
export function accountSignals(account: Account): { [name: string]: bigint | Signals } {
  return { ...account, cash: toField(account.cash), positions: account.positions.map(toField) };
}

/** Stands for the account of a leaf that is empty. */
export const NO_ACCOUNT: Account = { ...openAccount({ keyX: 0n, keyY: 0n, view: 0n }), seq: 0n };

/** From one record a slot to one array a signal. */
export function transpose(slots: readonly { [name: string]: bigint | Signals }[]): { [name: string]: Signals } {
  return Object.fromEntries(Object.keys(slots[0]).map((name) => [name, slots.map((slot) => slot[name])]));
}
