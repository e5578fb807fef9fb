import type { Event } from "../matcher/events.ts";
import { Matcher, type Command } from "../matcher/matcher.ts";
import { flagCounts, isBelow, shortOf, standing } from "../protocol/defaults.ts";
import { TacitError } from "../protocol/errors.ts";
import { abs } from "../protocol/numbers.ts";
import { INSURANCE, MARKETS, REDUCTION_NONCE } from "../protocol/parameters.ts";
import { quorumOf, type Numbers, type SignedReport } from "../protocol/report.ts";
import type { Rules } from "../protocol/rules.ts";
import { Random } from "../replay/random.ts";
import { commandOf, Liquidator, LOOKS, type Step } from "../venue/liquidator.ts";
import { StressFeed } from "./feed.ts";
import { FirstComeVenue } from "./firstCome.ts";
import { Laws, negative, type Venue } from "./laws.ts";
import type { Moment } from "./paths.ts";
import { populationOf, type Population } from "./population.ts";
import { Traders } from "./traders.ts";

/** How defaults are dealt with: by the rules, or as venues usually do (firstCome.ts). */
export type How = "rules" | "firstCome";

/** One epoch as a plot shows it. */
export interface Point {
  readonly index: number;
  /** accounts with a flag; with first-come liquidation those taken over in this epoch */
  readonly flagged: number;
  /** accounts without equity that have positions */
  readonly underWater: number;
  /** cash units: what is short; equity of the insurance account */
  readonly short: number;
  readonly insurance: number;
}

/** What a run came to; amounts in cash units. */
export interface Outcome {
  readonly how: How;
  readonly accounts: number;
  readonly epochs: number;
  /** all that was there at first, of which the insurance account's */
  readonly deposits: bigint;
  readonly insuranceAtFirst: bigint;
  /** accounts that were flagged or taken over, each once; flags */
  readonly defaults: number;
  readonly flags: number;
  readonly assumed: number;
  /** lots that owners' reductions sold, and the insurance account's */
  readonly lotsSold: bigint;
  readonly insuranceSold: bigint;
  /** accounts whose flag ended without an assumption */
  readonly cured: number;
  /** what accounts lacked that were taken over; what the insurance kept of others */
  readonly insurancePaid: bigint;
  readonly insuranceKept: bigint;
  /** equity of the insurance account: least, and at the end */
  readonly insuranceLeast: bigint;
  readonly insuranceAtEnd: bigint;
  /** greatest `deficit`; what is short at its greatest, and at the end. First come: money that was made, and what the insurance lacks */
  readonly deficit: bigint;
  readonly short: bigint;
  readonly shortAtEnd: bigint;
  /** withdrawals that were paid; those that were paid less; the greatest part that was kept of one */
  readonly withdrawals: number;
  readonly haircuts: number;
  readonly haircut: number;
  /** part of all claims that would not be paid at the end if everybody left: of each by the rules, of the last ones first come */
  readonly unpaid: number;
  /** seconds under maintenance, of those in default: the median, 95 of 100, the longest */
  readonly underMaintenance: readonly [number, number, number];
  /** accounts that had no equity and positions, and for how long at most, seconds */
  readonly underWater: number;
  readonly longestUnderWater: number;
  /** what owners in default lost to penalties, and by reductions that were filled beyond the mark */
  readonly ownersLost: bigint;
  readonly fills: number;
  readonly items: number;
  readonly halts: number;
  readonly points: readonly Point[];
}

export interface StressInput {
  readonly rules: Rules;
  /** of which the first prices are, before those of the path */
  readonly firstEpoch: bigint;
  /** traders */
  readonly accounts: number;
  readonly path: readonly Moment[];
  readonly seed: number;
  readonly how: How;
  /** told after each epoch */
  readonly progress?: (epoch: number) => void;
  /** sees every command before it is applied, and the venue: for tests */
  readonly watch?: (command: Command, venue: Venue) => void;
}

/**
 * Runs a population through a path of prices, unproved, by the rules of the venue or with first-come liquidation: the same seed
 * gives the same run. All laws are held to (laws.ts). Between auctions others have their turn: a signal is heard.
 * @throws VIOLATION naming epoch and second; OUT_OF_RANGE
 */
export async function runStress(input: StressInput): Promise<Outcome> {
  return new Run(input).outcome();
}

class Run {
  readonly #input: StressInput;
  readonly #random: Random;
  readonly #population: Population;
  readonly #feed: StressFeed;
  readonly #venue: Venue;
  readonly #firstCome: FirstComeVenue | null;
  readonly #laws: Laws;
  readonly #traders: Traders;
  readonly #policy = new Liquidator();
  readonly #reports: { readonly contracts: bigint; readonly feeds: number };
  /** since when an account has a flag, or has been without equity */
  readonly #flagged = new Map<number, bigint>();
  readonly #underWater = new Map<number, bigint>();
  readonly #defaulted = new Set<number>();
  readonly #drowned = new Set<number>();
  readonly #durations: number[] = [];
  readonly #points: Point[] = [];
  readonly #counts = { flags: 0, assumed: 0, cured: 0, withdrawals: 0, haircuts: 0, fills: 0, items: 0, halts: 0 };
  readonly #sums = { sold: 0n, insuranceSold: 0n, paid: 0n, kept: 0n, owners: 0n, made: 0n };
  #haircut = 0;
  #longest = 0n;
  #deficit = 0n;
  #short = 0n;
  #insuranceLeast: bigint;
  #salt = 0n;
  #place = "";

  constructor(input: StressInput) {
    const { rules, firstEpoch, path, accounts: count, seed, how } = input;
    this.#input = input;
    this.#random = new Random(seed);
    this.#feed = new StressFeed(rules, firstEpoch, path[0]);
    this.#population = populationOf(rules, { count, random: this.#random, epoch: firstEpoch, numbers: this.#feed.last }); // prettier-ignore
    const { genesis } = this.#population;
    this.#firstCome = how === "firstCome" ? new FirstComeVenue(genesis) : null;
    this.#venue = this.#firstCome ?? new Matcher(genesis, { view: () => 0n });
    this.#laws = new Laws(this.#venue, { isByRules: how === "rules" });
    this.#traders = new Traders(new Random(seed ^ 0x51ed), this.#population);
    this.#reports = { contracts: 0n, feeds: quorumOf(rules.group.feeds.length) };
    this.#insuranceLeast = genesis.accounts[INSURANCE].cash;
  }

  async outcome(): Promise<Outcome> {
    const { path, firstEpoch, progress, how, accounts } = this.#input;
    for (const [i, moment] of path.entries()) {
      await this.#epoch(firstEpoch + 1n + BigInt(i), i, moment);
      progress?.(i + 1);
    }
    const { genesis } = this.#population;
    const { prices } = this.#venue.terms;
    const lacking = negative(this.#venue.accounts, prices) + this.#sums.made;
    const claims = this.#venue.held.vault + lacking;
    const end = this.#venue.clock >> 5n;
    for (const since of this.#flagged.values()) this.#durations.push(Number(end - since));
    for (const since of this.#underWater.values()) this.#longest = end - since > this.#longest ? end - since : this.#longest; // prettier-ignore
    const durations = this.#durations.sort((a, b) => a - b);
    const quantile = (part: number) => durations[Math.floor(part * (durations.length - 1))] ?? 0;
    return {
      how,
      accounts,
      epochs: path.length,
      deposits: genesis.accounts.reduce((sum, { cash }) => sum + cash, 0n),
      insuranceAtFirst: genesis.accounts[INSURANCE].cash,
      defaults: this.#defaulted.size,
      flags: this.#counts.flags,
      assumed: this.#counts.assumed,
      lotsSold: this.#sums.sold,
      insuranceSold: this.#sums.insuranceSold,
      cured: this.#counts.cured,
      insurancePaid: this.#sums.paid,
      insuranceKept: this.#sums.kept,
      insuranceLeast: this.#insuranceLeast,
      insuranceAtEnd: this.#insurance,
      deficit: this.#deficit,
      short: this.#short,
      shortAtEnd: this.#shortNow,
      withdrawals: this.#counts.withdrawals,
      haircuts: this.#counts.haircuts,
      haircut: this.#haircut,
      unpaid: claims > 0n ? Number(lacking) / Number(claims) : 0,
      underMaintenance: [quantile(0.5), quantile(0.95), quantile(1)],
      underWater: this.#drowned.size,
      longestUnderWater: Number(this.#longest),
      ownersLost: this.#sums.owners,
      fills: this.#counts.fills,
      items: this.#counts.items,
      halts: this.#counts.halts,
      points: this.#points,
    };
  }

  get #insurance(): bigint {
    return standing(this.#venue.accounts[INSURANCE], this.#venue.terms.prices).equity;
  }

  get #shortNow(): bigint {
    if (!this.#firstCome) return shortOf(this.#venue.held);
    const equity = this.#insurance;
    return this.#sums.made + (equity < 0n ? -equity : 0n);
  }

  async #epoch(epoch: bigint, number: number, moment: Moment): Promise<void> {
    const { rules } = this.#input;
    const { epochLength, lag } = rules.group.pricing;
    const from = epoch * epochLength + lag;
    const at = (time: bigint) => (this.#place = `epoch ${number + 1}, second ${time - from + lag}`);
    at(from);
    this.#reprice(from, epoch, this.#feed.numbers(moment));
    this.#look(from);
    const interval = rules.markets.reduce((least, row) => (row && row.interval < least ? row.interval : least), epochLength); // prettier-ignore
    for (let auction = (from / interval + 1n) * interval; auction < from + epochLength; auction += interval) {
      await new Promise((resolve) => setImmediate(resolve));
      at(auction);
      this.#trade(auction - 1n > from ? auction - 1n : from, auction, moment);
      this.#take(this.#reductions(auction), auction);
      for (let slot = 0; slot < MARKETS; slot++)
        if (this.#venue.book(slot).length > 0 || this.#venue.cancels(slot).length > 0) this.#apply({ kind: "close", time: auction, slot }); // prettier-ignore
      if (!this.#firstCome) this.#look(auction);
    }
    this.#laws.whole(this.#place);
    const insurance = this.#insurance;
    if (insurance < this.#insuranceLeast) this.#insuranceLeast = insurance;
    this.#points.push({
      index: Number(moment.index),
      flagged: this.#firstCome ? this.#takenNow : this.#flagged.size,
      underWater: this.#underWater.size,
      short: Number(this.#shortNow),
      insurance: Number(insurance),
    });
  }

  /** Accounts taken over since prices came. */
  #takenNow = 0;

  #reprice(time: bigint, epoch: bigint, numbers: Numbers): void {
    const report = { domain: 1n, contracts: this.#reports.contracts, epoch, ...numbers };
    const auth = { R8x: 0n, R8y: 0n, S: 0n };
    const quorum = Array.from({ length: this.#reports.feeds }, (_, feed): SignedReport => ({ feed, report, auth }));
    this.#apply({ kind: "reprice", time, epoch, quorum, checked: true });
    if (this.#venue.terms.prices.halted) this.#counts.halts++;
    this.#fold(time);
  }

  /** What has settled, as the venue does it. */
  #fold(time: bigint): void {
    const { accounts, terms } = this.#venue;
    const settled = terms.prices.payoffs.flatMap((payoff, i) => (payoff === 0n ? [] : [i]));
    if (settled.length === 0) return;
    const { fold } = this.#population.genesis.profile;
    let end = 0;
    for (let from = 0; from < accounts.length; from++) {
      if (from < end || !settled.some((i) => accounts[from].positions[i] !== 0n)) continue;
      end = Math.min(accounts.length, from + fold);
      this.#apply({ kind: "fold", time, from, count: end - from });
    }
  }

  #trade(time: bigint, auction: bigint, { volatility }: Moment): void {
    const flagged = new Set(this.#flagged.keys());
    const isRunning = this.#shortNow > 0n;
    for (const command of this.#traders.items(this.#venue, { time, auction, flagged, isRunning, volatility }))
      this.#apply(command);
  }

  #reductions(time: bigint): Step[] {
    // Both of the policy's questions are of what a venue like this one has.
    const matcher = this.#venue as Matcher;
    if (!this.#firstCome) return this.#policy.watches ? this.#policy.reductions(matcher, time) : [];
    const isEmpty = this.#venue.accounts[INSURANCE].positions.every((lots) => lots === 0n);
    return isEmpty ? [] : this.#policy.reductions(matcher, time);
  }

  /** Whoever deals with defaults looks at them; then the laws. */
  #look(time: bigint): void {
    if (!this.#venue.isFresh(time)) return;
    if (this.#firstCome) this.#liquidate();
    else {
      for (let i = 0; i < LOOKS; i++) {
        const steps = this.#policy.steps(this.#venue as Matcher, time);
        if (steps.length === 0) break;
        this.#take(steps, time);
      }
      this.#laws.looked(time, this.#place);
      this.#measure(time);
    }
    const { deficit } = this.#venue.held;
    const lacks = this.#firstCome ? this.#shortNow : deficit;
    if (lacks > this.#deficit) this.#deficit = lacks;
    if (this.#shortNow > this.#short) this.#short = this.#shortNow;
  }

  #liquidate(): void {
    const { maintenance } = this.#input.rules.group.defaults;
    const { prices } = this.#venue.terms;
    const under = this.#laws.under(maintenance).filter((index) => index !== this.#population.buyer);
    for (const index of under) {
      this.#defaulted.add(index);
      this.#durations.push(0);
      if (standing(this.#venue.accounts[index], prices).equity < 0n) this.#drowned.add(index);
    }
    const came = this.#firstCome!.liquidate(under, this.#population.buyer);
    this.#takenNow = came.taken;
    this.#counts.flags += came.taken;
    this.#counts.assumed += came.taken;
    this.#sums.paid += came.paid + came.made;
    this.#sums.made += came.made;
    this.#sums.owners += came.lost;
  }

  /** How long flags stand, and accounts are without equity. */
  #measure(time: bigint): void {
    const { accounts, terms } = this.#venue;
    const { defaults } = terms.rules.group;
    for (const [index, since] of this.#flagged) {
      const account = accounts[index];
      const stands = standing(account, terms.prices);
      const isDrowned = stands.equity < 0n;
      if (isDrowned && !this.#underWater.has(index)) this.#underWater.set(index, time);
      if (isDrowned) this.#drowned.add(index);
      else this.#surfaced(index, time);
      if (flagCounts(account, defaults, time) && isBelow(defaults.maintenance, stands)) continue;
      // A flag may stand for longer than its account is in need.
      if (isBelow(defaults.target, stands) && flagCounts(account, defaults, time)) continue;
      this.#ended(index, since, time);
      if (account.positions.some((lots) => lots !== 0n)) this.#counts.cured++;
    }
  }

  #ended(index: number, since: bigint, time: bigint): void {
    this.#flagged.delete(index);
    this.#durations.push(Number(time - since));
    this.#surfaced(index, time);
  }

  #surfaced(index: number, time: bigint): void {
    const since = this.#underWater.get(index);
    if (since === undefined) return;
    this.#underWater.delete(index);
    if (time - since > this.#longest) this.#longest = time - since;
  }

  /** Steps as far as they may be taken one after the other. */
  #take(steps: readonly Step[], time: bigint): void {
    for (const step of steps) {
      try {
        this.#apply(commandOf(step, time, () => ++this.#salt));
      } catch (error) {
        if (!(error instanceof TacitError && error.code === "DEFAULT")) throw error;
      }
    }
  }

  #apply(command: Command): void {
    this.#input.watch?.(command, this.#venue);
    const events = this.#venue.apply(command);
    for (const event of events) this.#count(event);
    this.#laws.observe(events, this.#place);
  }

  #count(event: Event): void {
    const { prices } = this.#venue.terms;
    if (event.kind === "item") {
      this.#counts.items++;
      const { payout } = event.admission;
      if (payout === undefined) return;
      const asked = event.account!.before!.cash - event.account!.after!.cash;
      const kept = 1 - Number(payout >> 160n) / Number(asked);
      this.#counts.withdrawals++;
      if (payout >> 160n === asked) return;
      this.#counts.haircuts++;
      // Of some units alone what is rounded would count.
      if (asked > 10_000n && kept > this.#haircut) this.#haircut = kept;
    }
    if (event.kind === "enforce") {
      const { step, write } = event;
      if (step.kind === "flag") {
        this.#counts.flags++;
        this.#defaulted.add(write.index);
        if (!this.#flagged.has(write.index)) this.#flagged.set(write.index, event.entry.time);
      }
    }
    if (event.kind === "assume") {
      this.#counts.assumed++;
      const { index, before, after } = event.write;
      const { equity } = standing(before, prices);
      if (equity < 0n) {
        this.#sums.paid -= equity;
        this.#drowned.add(index);
      } else {
        this.#sums.kept += equity - after.cash;
        this.#sums.owners += equity - after.cash;
      }
      this.#ended(index, this.#flagged.get(index) ?? event.entry.time, event.entry.time);
    }
    if (event.kind === "clear")
      for (const { match, book, admitted, outcome, trade } of event.sweeps) {
        if (!match) continue;
        [...book, ...admitted].forEach((entry, i) => {
          const lots = outcome.fillOf[i]?.lots ?? 0n;
          if (lots === 0n) return;
          this.#counts.fills++;
          if (entry.nonce !== REDUCTION_NONCE) return;
          const { mark } = prices.markets[trade.slot]!;
          if (entry.account === INSURANCE) this.#sums.insuranceSold += abs(lots);
          else {
            this.#sums.sold += abs(lots);
            this.#sums.owners += lots * (trade.price - mark);
          }
        });
      }
  }
}
