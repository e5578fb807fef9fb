import { configureTold } from "../protocol/configure.ts";
import { TacitError } from "../protocol/errors.ts";
import type { Profile } from "../protocol/instructions.ts";
import { isoTime } from "../protocol/json.ts";
import { rulesRoot, type Rules, type Terms } from "../protocol/rules.ts";
import { marketNames, namedRulesJson, parseRules } from "../protocol/rulesJson.ts";
import type { RulesCursor, RulesPage } from "./chain/rulesEvents.ts";
import type { Clock } from "./clock.ts";
import type { Store } from "./store/store.ts";

/**
 * Rules that are announced: they may come into force from `from` on, for 30 days, once, in the order of their numbers. Those before
 * the one that does are passed over.
 */
export interface Announcement {
  /** from 1 */
  readonly n: number;
  readonly root: bigint;
  readonly rules: Rules;
  /** of markets, by id */
  readonly names: Readonly<Record<string, string>>;
  /** seconds since 1970 */
  readonly announced: bigint;
  readonly from: bigint;
  readonly state: "waiting" | "withdrawn" | "applied" | "passedOver";
}

/** Its state at a time, seconds since 1970: what waits may come into force no more when its thirty days are over. */
export function stateAt({ state, from }: Announcement, time: bigint): Announcement["state"] | "lapsed" {
  return state === "waiting" && time > from + ANNOUNCED_FOR ? "lapsed" : state;
}

/** Seconds for which an announcement is good. @twins src/verifier/contract/Venue.sol */
export const ANNOUNCED_FOR = 30n * 86_400n;
/** Seconds between announcement and use where the operator says nothing else. */
export const TIMELOCK = 60n;

const KIND = "announcement/";
/** How far the chain's announcements were read. */
const CURSOR = "announcements";

/**
 * Announced rules of a venue, kept in its store: those of its contract, or, without a chain, its own. There the timelock is what
 * the operator says: who was shown an announcement can tell whether it was kept.
 */
export class Announcements {
  readonly timelock: bigint;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #profile: Profile;
  #all: Announcement[] = [];
  #changing: Promise<unknown> = Promise.resolve();
  #cursor: RulesCursor | undefined;

  constructor(options: { store: Store; clock: Clock; profile: Profile; timelock?: bigint }) {
    this.timelock = options.timelock ?? TIMELOCK;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#profile = options.profile;
  }

  /** @throws STORAGE */
  async load(): Promise<void> {
    const cursor = await this.#store.get(CURSOR);
    if (cursor !== undefined) {
      const { block, announced } = JSON.parse(cursor) as { block: string; announced: number };
      this.#cursor = { block: BigInt(block), announced };
    }
    const found = await this.#store.list(KIND);
    this.#all = found.map(({ text }) => {
      const { n, rules, announced, from, state } = JSON.parse(text);
      const read = parseRules(rules, this.#profile);
      const names = marketNames(rules);
      return { n, root: rulesRoot(read), rules: read, names, announced: BigInt(announced), from: BigInt(from), state };
    });
  }

  /** The oldest first. */
  get all(): readonly Announcement[] {
    return this.#all;
  }

  /** Those that may still come into force, the next one first. */
  get waiting(): Announcement[] {
    const now = this.#clock.now();
    return this.#all.filter((it) => stateAt(it, now) === "waiting");
  }

  /**
   * They are to follow what may be in force by then: the rules of now, or any that wait, as a later announcement passes over those
   * before it.
   * @throws OUT_OF_RANGE when they are no rules; RULES when they may follow none of these, whoever holds what; STORAGE
   */
  announce(rules: Rules, inForce: Terms, names: Announcement["names"] = {}): Promise<Announcement> {
    return this.#alone(() => this.#announce(rules, inForce, names));
  }

  /** One change after the other: what is taken back is not applied, and each announcement has the number after the last. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => {});
    return done;
  }

  async #announce(rules: Rules, inForce: Terms, names: Announcement["names"]): Promise<Announcement> {
    const announced = this.#clock.now();
    const from = announced + this.timelock;
    const context = { time: from, prices: inForce.prices, profile: this.#profile };
    const refusals: unknown[] = [];
    const follows = (before: Rules) => {
      try {
        configureTold(before, rules, context);
        return true;
      } catch (error) {
        refusals.push(error);
        return false;
      }
    };
    // What is wrong is said of the last that waits.
    if (![...this.waiting.map((it) => it.rules).reverse(), inForce.rules].some(follows)) throw refusals[0];
    const n = (this.#all.at(-1)?.n ?? 0) + 1;
    const announcement = { n, root: rulesRoot(rules), rules, names, announced, from, state: "waiting" } as const;
    await this.#keep(announcement);
    return announcement;
  }

  /** Up to where the chain's were read. */
  get cursor(): RulesCursor | undefined {
    return this.#cursor;
  }

  /**
   * Takes what the contract says of announcements, in order. One whose text is not of its root, or of no rules, can never come into
   * force: it is left out.
   * @returns those that are new, or have changed
   * @throws STORAGE
   */
  read(page: RulesPage): Promise<Announcement[]> {
    return this.#alone(() => this.#read(page));
  }

  async #read({ events, next }: RulesPage): Promise<Announcement[]> {
    const changed: Announcement[] = [];
    for (const event of events) {
      const news = this.#newsOf(event);
      if (news.length > 0) await this.#keep(...news);
      changed.push(...news);
    }
    await this.#store.put({ [CURSOR]: JSON.stringify({ block: `${next.block}`, announced: next.announced }) });
    this.#cursor = next;
    return changed;
  }

  /** What an event makes of what is known. */
  #newsOf(event: RulesPage["events"][number]): Announcement[] {
    const known = this.#all.find(({ n }) => n === event.n);
    if (event.kind === "announced") {
      const read = known ? null : this.#rulesIn(event.text, event.root);
      const { n, root, from } = event;
      return read ? [{ n, root, ...read, announced: this.#clock.now(), from, state: "waiting" }] : [];
    }
    if (!known) return [];
    return event.kind === "withdrawn" ? [{ ...known, state: "withdrawn" }] : this.#applied(known);
  }

  #rulesIn(text: string, root: bigint): Pick<Announcement, "rules" | "names"> | null {
    try {
      const json: unknown = JSON.parse(text);
      const rules = parseRules(json, this.#profile);
      return rulesRoot(rules) === root ? { rules, names: marketNames(json) } : null;
    } catch {
      return null;
    }
  }

  /** Until the timelock has run. @throws ANNOUNCEMENT, STORAGE */
  withdraw(n: number): Promise<Announcement> {
    return this.#alone(async () => {
      const found = this.#find(n);
      if (this.#clock.now() >= found.from)
        throw new TacitError("ANNOUNCEMENT", `announcement ${n} cannot be withdrawn: its timelock has run`, { n });
      const withdrawn = { ...found, state: "withdrawn" } as const;
      await this.#keep(withdrawn);
      return withdrawn;
    });
  }

  /**
   * Brings one into force, while none is taken back. Those before it are passed over.
   * @param configure  commits it to the log, or not: then it waits still
   * @returns the number of the one that is in force, as `requireDue` has it; null for none
   * @throws ANNOUNCEMENT, and as `configure`; then it waits still. STORAGE after it is in force
   */
  apply(n: number, configure: (due: Announcement) => Promise<boolean>): Promise<number | null> {
    return this.#alone(async () => {
      const due = this.requireDue(n);
      if (!(await configure(due))) return null;
      await this.#keep(...this.#applied(due));
      return due.n;
    });
  }

  /**
   * One that may come into force now: of rules that were announced more than once the first that waits, as the contract has it.
   * @twins src/verifier/contract/Venue.sol (useRules)
   * @throws ANNOUNCEMENT when it may not, or not yet
   */
  requireDue(n: number): Announcement {
    const asked = this.#find(n);
    const found = this.waiting.find(({ root }) => root === asked.root) ?? asked;
    const { from } = found;
    if (this.#clock.now() < from)
      throw new TacitError("ANNOUNCEMENT", `announcement ${n} is good from ${isoTime(from)} on`, { n, from });
    if (!this.waiting.includes(found))
      throw new TacitError("ANNOUNCEMENT", `announcement ${n} is too old`, { n, from });
    return found;
  }

  /** One as it is in force, and what that passes over. */
  #applied(announcement: Announcement): Announcement[] {
    const before = this.#all.filter(({ n, state }) => n < announcement.n && state === "waiting");
    return [...before.map((it) => ({ ...it, state: "passedOver" }) as const), { ...announcement, state: "applied" }];
  }

  /**
   * Marks the one as applied that is in force, and was not so marked: an end came between.
   * @param root     of the rules in force
   * @param entries  counts the RULES of the log: rules that are announced may be those in force already
   * @throws STORAGE
   */
  async resume(root: bigint, entries: () => Promise<number>): Promise<void> {
    const found = this.waiting.find((it) => it.root === root);
    if (!found) return;
    const applied = this.#all.filter(({ state }) => state === "applied").length;
    if ((await entries()) > applied) await this.#keep(...this.#applied(found));
  }

  #find(n: number): Announcement {
    const found = this.#all.find((it) => it.n === n);
    if (found?.state !== "waiting") throw new TacitError("ANNOUNCEMENT", `no announcement ${n} waits`, { n });
    return found;
  }

  /** All or none; of two of one number the later. */
  async #keep(...announcements: readonly Announcement[]): Promise<void> {
    const texts = announcements.map(({ n, rules, names, announced, from, state }) => {
      const kept = { n, rules: namedRulesJson(rules, names), announced: `${announced}`, from: `${from}`, state };
      return [`${KIND}${String(n).padStart(9, "0")}`, JSON.stringify(kept)];
    });
    await this.#store.put(Object.fromEntries(texts));
    const all = new Map([...this.#all, ...announcements].map((it) => [it.n, it]));
    this.#all = [...all.values()].sort((a, b) => a.n - b.n);
  }
}
