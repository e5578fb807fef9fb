import { openAccount, viewKey, type Account } from "../protocol/account.ts";
import { secretScalar, sharedX } from "../protocol/eddsa.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { asInteger, asList, asObject, badFormat, toJson } from "../protocol/json.ts";
import { max } from "../protocol/numbers.ts";
import { pricesRoot } from "../protocol/prices.ts";
import { rootsOf } from "../protocol/rules.ts";
import { openingJson, openingWord, readOpening } from "../protocol/opening.ts";
import type { Api } from "./api.ts";
import {
  accountDifferences,
  Contradiction,
  Knowledge,
  readFill,
  readSettlement,
  readStep,
  STEP_KINDS,
  UnknownItem,
  type Entry,
} from "./knowledge.ts";
import type { Notes } from "./notebook.ts";
import type { ProvenLog } from "./provenLog.ts";
import type { Sender } from "./sender.ts";
import type { ClientTerms } from "./terms.ts";

export interface OwnAccountOptions {
  readonly api: Api;
  readonly genesis: GenesisFile;
  readonly secret: Uint8Array;
  readonly notes: Notes;
  readonly log: ProvenLog;
  readonly sender: Sender;
  readonly terms: ClientTerms;
  /** seconds since 1970 */
  readonly now: () => bigint;
}

/** Seconds by which clocks differ at most. */
const HOUR = 3_600n;
const isStep = (kind: unknown): boolean => STEP_KINDS.some((it) => it === kind);
/** Seconds in which a venue that was started has its proved rounds at hand. */
const STARTING = 600n;
/** Entries of a history that are asked for at once. */
const PAGE = 200;

/** The account of a key: recomputed from what its owner knows, and compared with what is proved. */
export class OwnAccount {
  readonly #options: OwnAccountOptions;
  /** what is known up to an entry of the log */
  #knowledge: { it: Knowledge; to: bigint } | null = null;

  constructor(options: OwnAccountOptions) {
    this.#options = options;
  }

  /** Forgets what was computed: the notes are others now. */
  forget(): void {
    this.#knowledge = null;
  }

  /** The own account in the last proven state, compared with what it ought to be. */
  async check(): Promise<void> {
    const { api, genesis, secret, notes, log, sender, terms } = this.#options;
    await sender.session();
    const { memory } = notes;
    const { index } = memory;
    if (index === null) return;
    const json = await api.find(`/opening?index=${index}`);
    const answer = json === null ? null : asObject("opening", json);
    const round = Number(answer?.round ?? 0);
    // One that was proved since.
    while (round > memory.verified.round && (await log.next()));
    // What was sent and not answered may be in the log. Asked now, of what is in it up to that round.
    await sender.recall();
    await this.#keepTold();
    const known = answer ? log.after(round) : undefined;
    // None, or an old one, of a venue that has just started: `proved` says how far behind it is.
    if (!answer || !known || known.logCount < (this.#knowledge?.to ?? 0n)) return this.#awaitShown(index);
    const { state, logCount } = known;
    const opening = readOpening(answer.opening);
    const wrong = (what: string, evidence = {}) =>
      new Contradiction("account", `the account in round ${round}: ${what}`, {
        round,
        // Of what the venue sent, only what was read.
        opening: openingJson(opening),
        ...evidence,
      });
    if (openingWord(opening) !== state) throw wrong("it does not stand in the proven state");
    const shown = terms.at(logCount);
    const { rules, prices } = opening.registers;
    if (shown && (rules !== rootsOf(shown.rules).root || prices !== pricesRoot(shown.prices)))
      throw new Contradiction("terms", `round ${round} is proved with other rules or prices than are told`, { round });
    if (shown) {
      terms.confirm();
      memory.told = null;
    } else if (round === memory.verified.round) this.#requireSoon();
    else await this.#awaitShown(index);
    const { account } = opening;
    const key = sender.requireKey();
    const { operatorKeyX: x, operatorKeyY: y } = genesis.rules.group;
    const view = viewKey(sharedX(secretScalar(secret), { x, y }), index);
    if (opening.index !== index || account.keyX !== key.x || account.keyY !== key.y || account.view !== view)
      throw wrong("it is not of this key");
    await this.#readHistory(index, logCount);
    let expected = null;
    try {
      expected = this.#expect(openAccount({ keyX: key.x, keyY: key.y, view }), logCount);
      if (expected && account.nonce > expected.nonce) throw new UnknownItem(account.nonce);
    } catch (error) {
      if (!(error instanceof UnknownItem)) throw error;
      // That nonce is proved to have been signed for: another program trades with this key. Else it is made up.
      if (account.nonce < error.nonce)
        throw new Contradiction("fill", `a fill is of order ${error.nonce}, which this key has never signed`);
      expected = memory.base = null;
    }
    if (expected) {
      const differs = accountDifferences(expected, account);
      if (differs.length > 0)
        throw wrong(`${differs.join(", ")} proved otherwise than told`, { expected: toJson(expected) });
      // Without open orders nothing of before is needed to go on.
      if (account.open === 0n) memory.base = { logCount, account };
    } else if (account.open === 0n) {
      memory.base = { logCount, account };
      this.#knowledge = null;
    }
    memory.proved = { round, logCount, account, recomputed: expected !== null };
    await notes.keep();
  }

  /**
   * Brings rules and prices up to now. Where they were only told, keeps what was told first, from which they must follow
   * whatever is told at a later start.
   * @throws Contradiction "terms"
   */
  async #keepTold(): Promise<void> {
    const { notes, terms, now } = this.#options;
    const { memory } = notes;
    const { told } = terms;
    if (!told) memory.told = null;
    else {
      const { n, rules, prices } = (memory.told ??= { ...told, time: now(), unshown: null });
      const first = { n, rules, prices };
      if (toJson(first) !== toJson(told)) await terms.beginAt(first);
    }
    await terms.update();
  }

  /**
   * The last proven state is too old to show whether what was told is true.
   * @throws Contradiction "terms"  where it is of an hour later
   */
  #requireSoon(): void {
    const { memory } = this.#options.notes;
    const { told, verified } = memory;
    if (!told) return;
    if (verified.time > told.time + HOUR)
      throw new Contradiction(
        "terms",
        `rules and prices were told of after entry ${told.n} of the log, which has ${verified.logCount} entries an hour later`,
        { round: verified.round, told },
      );
    memory.told = { ...told, unshown: null };
  }

  /**
   * No state of late shows the account, and with it rules and prices: it may be too young, or the venue have just started.
   * @throws Contradiction "terms"  an hour after the first time, if all that the log had then is proved, and more, and ten minutes
   *                                after that once more
   */
  async #awaitShown(index: number): Promise<void> {
    const { api, notes, now } = this.#options;
    const { memory } = notes;
    const { told, verified } = memory;
    if (!told) return;
    const { logCount, proved } = await api.progress();
    const { unshown } = told;
    if (unshown?.index !== index) {
      memory.told = { ...told, unshown: { index, time: now(), logCount, overdue: null } };
      return;
    }
    const most = max(verified.logCount, BigInt(proved));
    if (now() <= unshown.time + HOUR || most <= BigInt(unshown.logCount)) return;
    const { overdue } = unshown;
    if (overdue === null) memory.told = { ...told, unshown: { ...unshown, overdue: now() } };
    // It may have been started anew just before.
    else if (now() > overdue + STARTING)
      throw new Contradiction(
        "terms",
        `no proven state shows account ${index}, and with it the rules and prices that are told, an hour after entry ${unshown.logCount} of the log, of which ${most} are proved`,
        { told, index },
      );
  }

  /** Fills and deposits that the venue tells of, up to an entry of the log. A page has all of each position. */
  async #readHistory(index: number, upTo: bigint): Promise<void> {
    const { fills, deposits, settlements, steps } = this.#options.notes.memory;
    const last = Math.max(-1, ...[...fills, ...deposits, ...settlements, ...steps].map(({ n }) => n));
    for await (const entry of historyAfter(this.#options.api, { index, after: last })) {
      const { kind, n, amount } = entry;
      // What is not proved yet is read again later.
      if (BigInt(n) >= upTo) return;
      if (kind === "deposit") deposits.push({ n, amount: asInteger("deposit.amount", amount) });
      else if (kind === "settlement") settlements.push(readSettlement(entry));
      else if (kind === "fill") fills.push(readFill(entry));
      else if (isStep(kind)) steps.push(readStep(entry));
    }
  }

  /**
   * The account that own knowledge comes to at an entry of the log; null where not all of it is known.
   * @param opened  the account as it is when it is opened
   * @throws Contradiction "fill", UnknownItem
   */
  #expect(opened: Account, to: bigint): Account | null {
    const { terms, notes } = this.#options;
    const { base, items, fills, deposits, settlements, steps } = notes.memory;
    if (!base || base.logCount > to) return null;
    this.#knowledge ??= {
      it: new Knowledge((n) => terms.at(n)!, base.account ?? opened, { opened: base.account !== null }),
      to: base.logCount,
    };
    const known = this.#knowledge;
    const within = (n: number | bigint) => BigInt(n) >= known.to && BigInt(n) < to;
    const entries: Entry[] = [
      ...fills.filter(({ n }) => within(n)).map((fill) => ({ kind: "fill", n: fill.n, fill }) as const),
      ...deposits.filter(({ n }) => within(n)).map((deposit) => ({ kind: "deposit", ...deposit }) as const),
      ...settlements.filter(({ n }) => within(n)).map(({ n }) => ({ kind: "settlement", n }) as const),
      ...steps.filter(({ n }) => within(n)).map((step) => ({ kind: "step", n: step.n, step }) as const),
    ];
    for (const { item, receipt, verdict } of items) {
      if (!receipt || !within(receipt.n)) continue;
      if (verdict === null) {
        // The venue has forgotten what it said: begin anew where the account has no open orders.
        notes.memory.base = null;
        return null;
      }
      entries.push({ kind: "item", n: Number(receipt.n), item, verdict });
    }
    if (entries.some(({ n }) => !terms.at(n))) {
      // The prices of then are not at hand any more: begin anew where the account has no open orders.
      notes.memory.base = null;
      return null;
    }
    for (const entry of entries.sort((a, b) => a.n - b.n)) known.it.apply(entry);
    known.to = to;
    return known.it.account;
  }
}

/** What was booked to an account after an entry of the log, as the venue reports it: all of each position. */
export async function historyPage(
  api: Api,
  { index, after, limit = PAGE }: { index: number; after: number; limit?: number },
): Promise<unknown[]> {
  const { entries } = asObject("history", await api.get(`/history?index=${index}&after=${after}&limit=${limit}`));
  return asList("history.entries", entries);
}

/**
 * All that was booked to an account after an entry of the log, as the venue reports it, page after page.
 * @throws FORMAT  where positions do not rise, or go beyond the log: a venue could go on for ever
 */
export async function* historyAfter(
  api: Api,
  { index, after }: { index: number; after: number },
): AsyncGenerator<Record<string, unknown> & { n: number }> {
  for (;;) {
    const page = (await historyPage(api, { index, after })).map((entry) => asObject("history.entries", entry));
    if (page.length === 0) return;
    let last = after;
    for (const entry of page) {
      const { n } = entry;
      if (typeof n !== "number" || !Number.isSafeInteger(n) || n <= after || n < last)
        throw badFormat("history.entries", "rising positions");
      last = n;
      yield { ...entry, n };
    }
    if (page.length < PAGE) return;
    after = last;
    if (after >= (await api.progress(after + 1)).logCount) throw badFormat("history.entries", "positions of the log");
  }
}
