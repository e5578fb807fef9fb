import { parseReport } from "../feeds/reportJson.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { epochAt, pricesRoot, reprice, requireEpoch, type PricedRules } from "../protocol/prices.ts";
import { medians, requireQuorum, type SignedReport } from "../protocol/report.ts";
import { parsePrices, pricesJson } from "../protocol/pricesJson.ts";
import { rootsOf, type Terms } from "../protocol/rules.ts";
import { marketNames, parseRules, rulesJson } from "../protocol/rulesJson.ts";
import { configureTold } from "../protocol/configure.ts";
import type { Api } from "./api.ts";
import { Contradiction } from "./knowledge.ts";

/** What made the prices that are in force, as this client has recomputed them. */
export interface Quorum {
  readonly epoch: bigint;
  /** position of the REPRICE in the log, seconds since 1970 */
  readonly n: number;
  readonly time: bigint;
  readonly reports: readonly SignedReport[];
}

interface Known {
  /** position of the change in the log, -1 of the genesis */
  readonly n: number;
  readonly terms: Terms;
}

/** Terms to begin from, as a notebook keeps them: in force after entry `n` of the log. */
export interface TermsJson {
  readonly n: number;
  readonly rules: unknown;
  readonly prices: unknown;
}

/** Changes that are asked for at once, and that are kept at hand: those of two days of epochs of a minute. */
const PAGE = 200;
const KEPT = 3_000;
/** Changes of rules that are read by one `update`: far more than a venue makes. */
const MOST_RULES = 1_000;
/** Epochs that are recomputed where nothing is known but the genesis; of an older venue those from now on. */
const FROM_GENESIS = 150n;

/**
 * Rules and prices of a venue, recomputed: each change of prices from the signatures of a quorum of the feeds that stand in the
 * rules, and their medians. It begins at the genesis, at what was known the last time, or, where both are long ago, at what the
 * venue tells of before its last change. That they are the proved ones shows in the registers of a proven state (ownAccount.ts).
 */
export class ClientTerms {
  readonly #api: Api;
  readonly #genesis: GenesisFile;
  readonly #now: () => bigint;
  #known: Known[];
  #told: TermsJson | null = null;
  /** entries of the log, as the venue said when it was asked last */
  #logCount = 0;
  #quorum: Quorum | null = null;
  /** of markets, by id, as the venue gives them */
  #names: Readonly<Record<string, string>> = {};

  /** @param options.now  seconds since 1970 */
  constructor({ api, genesis, now }: { api: Api; genesis: GenesisFile; now: () => bigint }) {
    this.#api = api;
    this.#genesis = genesis;
    this.#now = now;
    const { rules, prices } = genesis;
    this.#known = [{ n: -1, terms: { rules, prices } }];
  }

  /**
   * Begins: at what was known, or near to what is in force.
   * @param kept  what `kept` gave the last time, null for nothing
   * @throws FORMAT, OUT_OF_RANGE, Contradiction "terms"
   */
  async open(kept: TermsJson | null): Promise<void> {
    const start = kept ? this.#read(kept) : this.#known[0];
    const json = asObject("terms", await this.#api.get("/terms"));
    const told = this.#read(json);
    this.#names = marketNames(json.rules);
    const most = kept ? BigInt(KEPT) : FROM_GENESIS;
    // By the own clock: what is told must not decide whether it is believed.
    const { epochLength } = this.#genesis.rules.group.pricing;
    const since = start.terms.prices.epoch || this.#genesis.time / epochLength;
    const far = told.n > start.n && this.#now() / epochLength > since + most;
    if (far) await this.#requireInLog(told.n, "rules and prices are told of");
    this.#known = [far ? told : start];
    this.#told = far ? termsJson(told) : null;
    await this.update();
  }

  /** What it has begun with, and only the venue has told so far; null where nothing is so, or it was confirmed. */
  get told(): TermsJson | null {
    return this.#told;
  }

  /** The same in words, for who reads rules and prices, or what follows from them. */
  get toldInWords(): string | null {
    return this.#told && "rules and prices are as the venue tells it: no proved state has shown them here so far";
  }

  /** Whether there is nothing to be shown as prices: they were only told, and not with the reports that made them. */
  get isPriceless(): boolean {
    return this.#told !== null && this.#quorum === null;
  }

  /**
   * Begins where it was told to begin an earlier time, so that this is found to be true or not.
   * @throws Contradiction "terms"  where what it has begun with does not follow from that
   */
  async beginAt(told: TermsJson): Promise<void> {
    const [later] = this.#known;
    this.#known = [this.#read(told)];
    this.#quorum = null;
    this.#told = told;
    await this.update();
    const met = this.at(later.n + 1);
    if (!met || isSame(met, later.terms)) return;
    const what = `rules and prices after entry ${later.n} of the log are told otherwise than before`;
    throw new Contradiction("terms", what, { before: told, now: termsJson(later) });
  }

  /** A proven state has these rules and prices. */
  confirm(): void {
    this.#told = null;
  }

  /**
   * To begin from the next time: what an entry of the log met, null for what is in force; and before the last change, so that
   * this is recomputed, and its quorum known.
   */
  kept(from: bigint | null): TermsJson {
    const met = from === null ? this.#known.length : this.#known.filter(({ n }) => BigInt(n) < from).length;
    return termsJson(this.#known[Math.max(0, Math.min(met - 1, this.#known.length - 2))]);
  }

  #read(json: { readonly [Name in keyof TermsJson]?: unknown }): Known {
    const { n } = json;
    if (typeof n !== "number" || !Number.isSafeInteger(n) || n < -1)
      throw badFormat("terms.n", "a position in the log");
    const profile = PROFILES[this.#genesis.profile];
    return { n, terms: { rules: parseRules(json.rules, profile), prices: parsePrices(json.prices, profile) } };
  }

  /** Names of markets, by id: for people, and part of no rule. */
  get names(): Readonly<Record<string, string>> {
    return this.#names;
  }

  /** As told so far. */
  get latest(): Terms {
    return this.#known.at(-1)!.terms;
  }

  /** Of the prices that are in force; null before the first. */
  get quorum(): Quorum | null {
    return this.#quorum;
  }

  /** Of the index, as the quorum of the prices in force has it; null where that is not known. */
  get average(): bigint | null {
    return this.#quorum && this.#quorum.epoch === this.latest.prices.epoch
      ? medians(this.#quorum.reports).average
      : null;
  }

  /** Position of the last change that is known, -1 for none. */
  get position(): number {
    return this.#known.at(-1)!.n;
  }

  /** What an entry of the log meets; null where that is too long ago. */
  at(n: number | bigint): Terms | null {
    let [low, high] = [0, this.#known.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (BigInt(this.#known[middle].n) < BigInt(n)) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.#known[low - 1].terms;
  }

  /**
   * Reads what has changed since.
   * @returns the latest
   * @throws Contradiction "terms"  where prices or rules do not follow, or are of entries that the log does not have
   */
  async update(): Promise<Terms> {
    for (let left = MOST_RULES; ;) {
      const { changes } = asObject("changes", await this.#api.get(`/changes?after=${this.position}&limit=${PAGE}`));
      const page = asList("changes.changes", changes);
      const before = this.position;
      for (const change of page) {
        const { n, kind } = asObject("change", change);
        // A venue could go on for ever.
        if (kind === "rules" && --left < 0)
          throw badFormat("changes.changes", `at most ${MOST_RULES} changes of rules`);
        await this.#requireInLog(n, "a change is told of");
        this.add(change);
      }
      if (page.length < PAGE) return this.latest;
      if (this.position === before) throw badFormat("changes.changes", "changes after those asked for");
    }
  }

  /** @param n  a position that the venue tells; `add` and `open` say what is none  @throws Contradiction "terms" */
  async #requireInLog(n: unknown, what: string): Promise<void> {
    if (typeof n !== "number" || n < this.#logCount) return;
    // It was told before: the log has it by now.
    const { logCount } = await this.#api.progress(n + 1);
    this.#logCount = logCount;
    if (n >= logCount)
      throw new Contradiction("terms", `${what} at entry ${n} of the log, which has ${logCount}`, { n, logCount });
  }

  /** Reads what has changed where an entry that is stamped so needs newer prices. */
  async updateFor(time: bigint): Promise<Terms> {
    const { rules, prices } = this.latest;
    return prices.epoch === epochAt(rules.group.pricing, time) ? this.latest : this.update();
  }

  /**
   * Takes a change that the venue tells, `ChangeJson`: the next, or one that is known already.
   * @throws Contradiction "terms"; FORMAT
   */
  add(json: unknown): void {
    const change = asObject("change", json);
    const { n, kind } = change;
    if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0)
      throw badFormat("change.n", "a position in the log");
    if (n <= this.position) return;
    const time = asInteger("change.time", change.time);
    const wrong = (what: string) => new Contradiction("terms", `the change at entry ${n} of the log ${what}`, { n });
    try {
      const terms = kind === "rules" ? this.#configured(change, time) : this.#repriced(change, { n, time });
      this.#known.push({ n, terms });
      if (this.#known.length > KEPT) this.#known.shift();
    } catch (error) {
      const code = error instanceof TacitError ? error.code : null;
      if (code === "QUORUM") throw wrong(`has prices without a quorum: ${(error as Error).message}`);
      if (code === "EPOCH") throw wrong(`has prices of another epoch: ${(error as Error).message}`);
      if (code === "RULES" || code === "OUT_OF_RANGE") throw wrong(`has rules that may not follow: ${(error as Error).message}`); // prettier-ignore
      throw error;
    }
  }

  #repriced(change: Record<string, unknown>, { n, time }: { n: number; time: bigint }): Terms {
    if (change.kind !== "reprice") throw badFormat("change.kind", "reprice or rules");
    const { rules, prices } = this.latest;
    const { group, instruments, markets } = rules;
    const { root, contracts } = rootsOf(rules);
    const priced: PricedRules = { root, pricing: group.pricing, instruments, markets };
    const epoch = asInteger("change.epoch", change.epoch);
    requireEpoch(priced, prices, epoch, time);
    const reports = requireQuorum(asList("change.quorum", change.quorum).map(parseReport), {
      keys: group.feeds,
      domain: this.#genesis.domain,
      contracts,
      epoch,
    });
    this.#quorum = { epoch, n, time, reports };
    return { rules, prices: reprice(priced, prices, epoch, medians(reports)) };
  }

  #configured(change: Record<string, unknown>, time: bigint): Terms {
    const { rules: before, prices } = this.latest;
    const rules = parseRules(change.rules, PROFILES[this.#genesis.profile]);
    if (rootsOf(rules).root !== asInteger("change.root", change.root))
      throw badFormat("change.root", "that of the rules");
    return { rules, prices: configureTold(before, rules, { time, prices, profile: PROFILES[this.#genesis.profile] }) };
  }
}

function termsJson({ n, terms }: Known): TermsJson {
  return { n, rules: rulesJson(terms.rules), prices: pricesJson(terms.prices) };
}

function isSame(a: Terms, b: Terms): boolean {
  return rootsOf(a.rules).root === rootsOf(b.rules).root && pricesRoot(a.prices) === pricesRoot(b.prices);
}
