import { MAX_HELD, openAccount, type Account } from "../protocol/account.ts";
import { admit, type Admission } from "../protocol/admission.ts";
import type { BookEntry, Cancel } from "../protocol/book.ts";
import { configure } from "../protocol/configure.ts";
import { credited, folded, mayMatch, settled, sweep, sweepSlots } from "../protocol/clearing.ts";
import { assume, deficitOf, enforce, insured, partFees, type DefaultTerms, type Enforcement, type Held } from "../protocol/defaults.ts"; // prettier-ignore
import { accountKey, isElement, verify as verifySignature, verifyMany } from "../protocol/eddsa.ts";
import { outOfRange, TacitError } from "../protocol/errors.ts";
import {
  commandItem,
  decodeItem,
  defaultItem,
  foldItem,
  itemHash,
  itemHashes,
  repriceItem,
  requireItem,
  rulesItem,
  WITHDRAWAL_COLUMNS,
  type Auth,
  type Decoded,
  type Item,
  type LogEntry,
} from "../protocol/item.ts";
import { fromTypedJson, toTypedJson } from "../protocol/json.ts";
import type { Profile } from "../protocol/instructions.ts";
import { contractsHash } from "../protocol/instrument.ts";
import { max, min, pack, requireBits, requireField, requireFields, requireSigned } from "../protocol/numbers.ts";
import { BITS, INSTRUMENTS, INSURANCE, MARKETS, RANK, RULE, SIDE, VENUE } from "../protocol/parameters.ts";
import { pricesFresh, pricesRoot, reprice, requireEpoch, type PricedRules, type Prices } from "../protocol/prices.ts";
import { medians, requireQuorum, type SignedReport } from "../protocol/report.ts";
import { rulesRoot, type Rules, type Terms } from "../protocol/rules.ts";
import type { Deposit, Event, Sweep, Write } from "./events.ts";

/** What the venue starts from. */
export interface Genesis {
  /** H(chain id, contract, machine number, salt): binds signatures and proofs to this venue */
  readonly domain: bigint;
  /** levels of the account tree, most open orders of an account; and what rules are held to, and commands, where they are proved */
  readonly profile: Profile;
  readonly rules: Rules;
  readonly prices: Prices;
  /** index 0 is the venue's account, index 1 the insurance account */
  readonly accounts: readonly Account[];
  /** seconds since 1970; no entry is earlier */
  readonly time: bigint;
}

/** What the matcher cannot know by itself. Both are pure functions. */
export interface MatcherOptions {
  /** view key of a new account (viewKey in src/protocol/account.ts), which needs the operator's secret */
  readonly view: (key: { keyX: bigint; keyY: bigint }, index: number) => bigint;
  /** signature check; default: EdDSA-Poseidon in plain JavaScript */
  readonly verify?: (account: Account, message: bigint, auth: Auth) => boolean;
}

export type Command =
  | { readonly kind: "deposits"; readonly time: bigint; readonly deposits: readonly Deposit[] }
  /** `signed` hands in the result of a signature check made elsewhere */
  | {
      readonly kind: "item";
      readonly time: bigint;
      readonly item: Item;
      readonly auth: Auth;
      readonly signed?: boolean;
    }
  | { readonly kind: "close" | "purge"; readonly time: bigint; readonly slot: number }
  /** `checked`: the quorum's signatures are known to be valid */
  | {
      readonly kind: "reprice";
      readonly time: bigint;
      readonly epoch: bigint;
      readonly quorum: readonly SignedReport[];
      readonly checked?: boolean;
    }
  | { readonly kind: "rules"; readonly time: bigint; readonly rules: Rules }
  | { readonly kind: "fold"; readonly time: bigint; readonly from: number; readonly count: number }
  /** `salt` hides the account: it is as good as random */
  | { readonly kind: "enforce"; readonly time: bigint; readonly step: Enforcement; readonly salt: bigint }
  | { readonly kind: "assume"; readonly time: bigint; readonly account: number; readonly salt: bigint };
export type ItemCommand = Extract<Command, { kind: "item" }>;

interface Market {
  book: readonly BookEntry[];
  admitted: BookEntry[];
  cancels: Cancel[];
  /** how many of the cancels are of lists of quotes */
  lists: number;
  /** whether orders of the book were admitted since the last clear that matched */
  unmatched: boolean;
}

/** Of the orders of a market, its book and so many of those admitted: what says whether any would trade or leave. */
interface Seen {
  readonly book: readonly BookEntry[];
  readonly admitted: number;
  /** null where there is none */
  readonly bestBid: bigint | null;
  readonly bestAsk: bigint | null;
  readonly firstExpiry: bigint | null;
  readonly thisAuction: boolean;
}

/**
 * The venue, deterministic: commands in, events out. No clock, no I/O, no randomness; the same commands give the same
 * events and the same bytes of `export`. A command that throws has changed nothing.
 */
export class Matcher {
  readonly #genesis: Genesis;
  readonly #options: MatcherOptions;
  #rules: Rules;
  /** root of the rules */
  #rulesInForce: bigint;
  #prices: Prices;
  /** of a fork those of the matcher that it comes from, and what it has written itself: there may be very many */
  #accounts: Account[];
  readonly #written: Map<number, Account> | null;
  /** accounts that a fork has opened */
  #opened = 0;
  #markets: Market[];
  #clock: bigint;
  #logCount = 0;
  #held: Held;
  /** what of fees is the insurance account's and was not credited, 2^-16 cash units */
  #share = 0n;
  /** by slot, of markets that were asked for */
  #seen: Seen[];

  /** @param from  the matcher that this one is a fork of */
  constructor(genesis: Genesis, options: MatcherOptions, from?: Matcher) {
    this.#genesis = genesis;
    this.#options = options;
    if (from) {
      this.#rules = from.#rules;
      this.#rulesInForce = from.#rulesInForce;
      this.#prices = from.#prices;
      this.#accounts = from.#written ? [...from.accounts] : from.#accounts;
      this.#written = new Map();
      this.#markets = from.#markets.map(({ book, admitted, cancels, lists, unmatched }) => ({
        book,
        admitted: [...admitted],
        cancels: [...cancels],
        lists,
        unmatched,
      }));
      this.#clock = from.#clock;
      this.#logCount = from.#logCount;
      this.#held = from.#held;
      this.#share = from.#share;
      this.#seen = [...from.#seen];
      return;
    }
    if (genesis.accounts.length > this.#leaves) throw outOfRange("genesis.accounts", "at most 4^depth accounts");
    this.#rules = genesis.rules;
    this.#rulesInForce = rulesRoot(genesis.rules);
    this.#prices = genesis.prices;
    this.#accounts = [...genesis.accounts];
    this.#held = { vault: cashOf(genesis.accounts), relief: 0n, deficit: 0n };
    this.#written = null;
    this.#markets = Array.from({ length: MARKETS }, () => ({
      book: [],
      admitted: [],
      cancels: [],
      lists: 0,
      unmatched: false,
    }));
    this.#clock = 32n * requireBits("genesis.time", genesis.time, BITS.time);
    this.#seen = [];
  }

  /**
   * A matcher that goes on from here by itself: shows what commands come to before they are done. Meanwhile this one takes
   * none.
   */
  fork(): Matcher {
    return new Matcher(this.#genesis, this.#options, this);
  }

  /** Becomes what its fork has become, which is not to be used any more. */
  adopt(fork: Matcher): void {
    for (const [index, account] of fork.#written!) this.#set(index, account);
    this.#markets = fork.#markets;
    this.#seen = fork.#seen;
    this.#clock = fork.#clock;
    this.#logCount = fork.#logCount;
    this.#held = fork.#held;
    this.#share = fork.#share;
    this.#rules = fork.#rules;
    this.#rulesInForce = fork.#rulesInForce;
    this.#prices = fork.#prices;
  }

  /** In force, and the prices of the last REPRICE; of the genesis before. */
  get terms(): Terms {
    return { rules: this.#rules, prices: this.#prices };
  }

  /** What prices follow from. */
  get #priced(): PricedRules {
    const { instruments, markets, group } = this.#rules;
    return { root: this.#rulesInForce, pricing: group.pricing, instruments, markets };
  }

  get held(): Held {
    return this.#held;
  }

  /** What of fees is the insurance account's and was not credited, 2^-16 cash units. */
  get share(): bigint {
    return this.#share;
  }

  /** Whether a CLOSE of a slot at this time matches, if no cancel is left for another sweep. */
  matchesAt(slot: number, time: bigint): boolean {
    return mayMatch(this.#rules.markets[slot], this.#prices.markets[slot], this.isFresh(time), time);
  }

  /** Whether prices count for an entry at this time: of a CLOSE its exact epoch, of an order at most one before. */
  isFresh(time: bigint, late = 0n): boolean {
    return pricesFresh(this.#prices, this.#rules.group.pricing, this.#rulesInForce, time, late);
  }

  get #leaves(): number {
    return 4 ** this.#genesis.profile.depth;
  }

  /** Number of log entries so far. */
  get logCount(): number {
    return this.#logCount;
  }

  /** 32 time + rank of the last log entry; before the first, of the genesis. */
  get clock(): bigint {
    return this.#clock;
  }

  get accounts(): readonly Account[] {
    if (!this.#written) return this.#accounts;
    const accounts = [...this.#accounts];
    for (const [index, account] of this.#written) accounts[index] = account;
    return accounts;
  }

  #account(index: number): Account | undefined {
    return this.#written?.get(index) ?? this.#accounts[index];
  }

  #set(index: number, account: Account): void {
    if (this.#written) this.#written.set(index, account);
    else this.#accounts[index] = account;
  }

  /** Accounts that are open. */
  get #count(): number {
    return this.#opened + this.#accounts.length;
  }

  /**
   * What a clear of a slot would do: drop what cancels that wait name, or let orders trade or leave that came since the last
   * clear that matched, as they cross or leave at their first auction; and when the first order expires.
   */
  pending(slot: number): { drops: boolean; trades: boolean; firstExpiry: bigint | null } {
    const { admitted, cancels, unmatched } = this.#market(slot);
    const { bestBid, bestAsk, thisAuction, firstExpiry } = this.#seenOf(slot);
    const row = this.#rules.markets[slot];
    const mark = this.#prices.markets[slot]?.mark ?? null;
    const isCross = row?.rule === BigInt(RULE.midpoint);
    const both = bestBid !== null && bestAsk !== null;
    const crosses = both && (isCross ? mark !== null && bestBid >= mark && bestAsk <= mark : bestBid >= bestAsk);
    const trades = (admitted.length > 0 || unmatched) && (crosses || thisAuction);
    return { drops: cancels.length > 0, trades, firstExpiry };
  }

  /** Looks at the orders that came since it was asked last. */
  #seenOf(slot: number): Seen {
    const { book, admitted } = this.#market(slot);
    let seen = this.#seen[slot];
    if (seen?.book !== book || seen.admitted > admitted.length) {
      const nothing = { bestBid: null, bestAsk: null, firstExpiry: null, thisAuction: false };
      seen = book.reduce(withOrder, { book, admitted: 0, ...nothing });
    }
    if (seen.admitted < admitted.length)
      seen = { ...admitted.slice(seen.admitted).reduce(withOrder, seen), admitted: admitted.length };
    return (this.#seen[slot] = seen);
  }

  /** Open orders of a slot in time order, those admitted since the last clear at the end. */
  book(slot: number): readonly BookEntry[] {
    const { book, admitted } = this.#market(slot);
    return [...book, ...admitted];
  }

  /** Cancels of a slot that wait for the next clear. */
  cancels(slot: number): readonly Cancel[] {
    return this.#market(slot).cancels;
  }

  /**
   * Why these deposits, whose fields are in their ranges, cannot be credited, or null. A contract takes none of such a kind: it
   * counts leaves, and what it holds is never less than what is held here.
   */
  noRoomFor(deposits: readonly Deposit[]): TacitError | null {
    if (this.#count + deposits.length > this.#leaves)
      return new TacitError("ACCOUNTS_FULL", "the account tree has no free leaf for every one of these deposits");
    if (this.#held.vault + amountOf(deposits) > MAX_HELD)
      return new TacitError("VAULT_FULL", "the venue would hold more than 2^90 cash units with these deposits");
    return null;
  }

  /**
   * Applies one command.
   * @throws TIME_ORDER when it is stamped before its predecessor (CLOSE: or not after it)
   * @throws OUT_OF_RANGE when a field leaves its range
   * @throws ACCOUNTS_FULL, VAULT_FULL when deposits have no room
   * @throws EPOCH, QUORUM when prices may not be made of these reports
   * @throws RULES when these rules may not follow
   * @throws DEFAULT when an account may not be dealt with so
   */
  apply(command: Command): Event[] {
    switch (command.kind) {
      case "deposits":
        return [this.#deposits(command.time, command.deposits)];
      case "item":
        return [this.#item(command)];
      case "close":
      case "purge":
        return this.#clear(command);
      case "reprice":
        return [this.#reprice(command)];
      case "rules":
        return [this.#configure(command)];
      case "fold":
        return [this.#fold(command)];
      case "enforce":
        return [this.#enforce(command)];
      case "assume":
        return [this.#assume(command)];
    }
  }

  /**
   * Items with the outcome of their signature check, made for all at once: for who has a queue of them, with no other
   * command between. Left as they are: items that say it already, of accounts that are not open, with fields out of range,
   * and all where the options have a check of their own.
   */
  checked(items: readonly ItemCommand[]): ItemCommand[] {
    const account = ({ item, auth, signed }: ItemCommand): Account | undefined => {
      if (signed !== undefined || this.#options.verify) return undefined;
      const { A, B, salt } = item;
      if (![A, B, salt, ...Object.values(auth)].every(isElement)) return undefined;
      return this.#account(this.#indexOf(decodeItem(item)));
    };
    const asked = items.flatMap((command, i) => {
      const found = account(command);
      return found ? [{ i, command, key: { x: found.keyX, y: found.keyY } }] : [];
    });
    const messages = itemHashes(
      this.#genesis.domain,
      asked.map(({ command }) => command.item),
    );
    const answers = verifyMany(
      asked.map(({ command, key }, j) => ({ key, message: messages[j], signature: command.auth })),
    );
    const done = [...items];
    asked.forEach(({ i, command }, j) => (done[i] = { ...command, signed: answers[j] }));
    return done;
  }

  /** Index of the account that an item names, or -1. */
  #indexOf(decoded: Decoded | null): number {
    const head = decoded?.head;
    return head && head.account < BigInt(this.#leaves) ? Number(head.account) : -1;
  }

  /** What a snapshot must agree on with the matcher that goes on from it. */
  get #venue() {
    const { domain, profile, rules, prices } = this.#genesis;
    const { depth, maxOpen } = profile;
    return { domain, depth, maxOpen, rules: rulesRoot(rules), prices: pricesRoot(prices) };
  }

  #market(slot: number): Market {
    const market = this.#markets[slot];
    if (!market) throw outOfRange("slot", `a market slot, 0 to ${MARKETS - 1}`);
    return market;
  }

  /** The clock after an entry; the caller stores it once nothing can throw any more. @param again  may have that of the one before */
  #tick(time: bigint, rank: number, { again = rank === RANK.other } = {}): bigint {
    requireBits("time", time, BITS.time);
    const clock = 32n * time + BigInt(rank);
    if (clock < this.#clock || (!again && clock === this.#clock))
      throw new TacitError("TIME_ORDER", "an entry must not be stamped before its predecessor in the log");
    return clock;
  }

  #append(clock: bigint): number {
    this.#clock = clock;
    return this.#logCount++;
  }

  #write(index: number, after: Account): Write {
    const before = this.#account(index) ?? null;
    if (this.#written && !before) this.#opened++;
    this.#set(index, after);
    return { index, before, after };
  }

  #deposits(time: bigint, deposits: readonly Deposit[]): Event {
    const clock = this.#tick(time, RANK.other);
    const { deposit: depositSlots } = this.#genesis.profile;
    if (deposits.length === 0 || deposits.length > depositSlots)
      throw outOfRange("deposits", `1 to ${depositSlots} deposits`);
    const keys = deposits.map(({ keyX, keyY, index, amount }) => {
      requireBits("deposit.index", BigInt(index), BITS.account);
      requireBits("deposit.amount", amount, BITS.amount);
      return accountKey({ x: keyX, y: keyY });
    });
    const refusal = this.noRoomFor(deposits);
    if (refusal) throw refusal;
    this.#append(clock);
    this.#held = { ...this.#held, vault: this.#held.vault + amountOf(deposits) };
    const credits = deposits.map((deposit, i) => {
      const { x: keyX, y: keyY } = keys[i];
      const named = this.#account(deposit.index);
      const known = named?.keyX === keyX && named.keyY === keyY;
      const index = known ? deposit.index : this.#count;
      const account = known
        ? { ...named, seq: named.seq + 1n }
        : openAccount({ keyX, keyY, view: this.#options.view({ keyX, keyY }, index) });
      return { deposit, ...this.#write(index, { ...account, cash: account.cash + deposit.amount }) };
    });
    return { kind: "deposits", entry: { item: commandItem("deposit", deposits.length), time }, credits };
  }

  #item({ time, item, auth, signed }: ItemCommand): Event {
    requireItem(item);
    requireFields("item", auth);
    const clock = this.#tick(time, RANK.other);
    const { domain, profile } = this.#genesis;
    const decoded = decodeItem(item);
    const index = this.#indexOf(decoded);
    const before = this.#account(index);
    const check = this.#options.verify ?? defaultVerify;
    const admission: Admission = admit(
      {
        ...this.terms,
        rulesInForce: this.#rulesInForce,
        held: this.#held,
        entries: this.#markets.map(({ book, admitted }) => book.length + admitted.length),
        cancels: this.#markets.map(({ cancels, lists }) => cancels.length - lists),
        lists: this.#markets.map(({ lists }) => lists),
        maxOpen: profile.maxOpen,
        account: before,
        signed: before ? (signed ?? check(before, itemHash(domain, item), auth)) : false,
        time,
      },
      decoded,
    );
    const sequence = this.#append(clock);
    if (admission.account) this.#set(index, admission.account);
    if (admission.payout !== undefined) this.#pay(admission.payout, before!.cash - admission.account!.cash);
    const { entries = [], cancel } = admission;
    const market = this.#markets[admission.slot];
    if (entries.length > 0) market.admitted.push(...entries);
    if (cancel) market.cancels.push(cancel);
    if (cancel && decoded?.kind === "quotes") market.lists++;
    const account = index < 0 ? null : { index, before: before ?? null, after: admission.account ?? before ?? null };
    return { kind: "item", entry: { item, auth, time }, sequence, admission, account, held: this.#held };
  }

  /** A payout of this word, for which an account gave an amount: what is less is kept. */
  #pay(word: bigint, amount: bigint): void {
    const paid = word >> BigInt(BITS.recipient);
    const { vault, relief } = this.#held;
    this.#held = { ...this.#held, vault: vault - paid, relief: relief + amount - paid };
  }

  #clear({ kind: command, time, slot }: Extract<Command, { kind: "close" | "purge" }>): Event[] {
    const market = this.#market(slot);
    const clock = this.#tick(time, command === "close" ? RANK.close(slot) : RANK.other);
    const [rules, prices] = [this.#rules.markets[slot], this.#prices.markets[slot]];
    const may = command === "close" && this.matchesAt(slot, time);
    this.#append(clock);
    const sweeps: Sweep[] = [];
    let pending = market.cancels;
    do {
      const taken = sweepSlots(pending).length;
      const cancels = pending.slice(0, taken);
      pending = pending.slice(taken);
      const match = may && pending.length === 0;
      const { book, admitted } = market;
      const outcome = sweep({ rules, prices, match, cancels, time, entries: [...book, ...admitted] });
      const trade = { slot, price: outcome.price, funding: match ? prices!.funding : 0n };
      sweeps.push({ match, cancels, book, admitted, outcome, trade });
      market.book = outcome.book;
      market.admitted = [];
    } while (pending.length > 0);
    market.cancels = [];
    market.lists = 0;
    market.unmatched = !may && (market.unmatched || sweeps[0].admitted.length > 0);
    const entry: LogEntry = { item: commandItem(command, slot), time };
    const cleared: Event = { kind: "clear", entry, command, slot, sweeps };
    const fills = sweeps.flatMap(({ outcome, trade }) => outcome.fills.map((fill) => ({ fill, trade })));
    if (fills.length === 0) return [cleared];
    const legs = rules?.legs ?? Array<bigint>(INSTRUMENTS).fill(0n);
    const writes = fills.map(({ fill, trade }) => {
      const before = this.#account(fill.account)!;
      return { fill, trade, ...this.#write(fill.account, settled(before, fill, legs, trade)) };
    });
    const { fees } = sweeps.at(-1)!.outcome;
    const parts = partFees(fees, this.#share, this.#rules.group.defaults);
    this.#share = parts.share;
    const credit = fees > 0n ? this.#write(VENUE, credited(this.#account(VENUE)!, parts.venue)) : null;
    return [cleared, { kind: "settle", writes, credit, share: this.#share }];
  }

  #reprice({ time, epoch, quorum, checked = false }: Extract<Command, { kind: "reprice" }>): Event {
    const clock = this.#tick(time, RANK.reprice);
    const { group, instruments } = this.#rules;
    requireEpoch(this.#priced, this.#prices, epoch, time);
    if (!checked)
      requireQuorum(quorum, {
        keys: group.feeds,
        domain: this.#genesis.domain,
        contracts: contractsHash(instruments),
        epoch,
      });
    const before = this.#prices;
    const after = reprice(this.#priced, before, epoch, medians(quorum));
    const { insurance, share } = insured(this.#account(INSURANCE)!, this.#share);
    this.#append(clock);
    [this.#prices, this.#share] = [after, share];
    // Of an epoch that is halted nothing counts.
    if (!after.halted) this.#held = { ...this.#held, deficit: deficitOf(insurance, after) };
    const write = this.#rewrite(INSURANCE, insurance);
    const holders = after.funding === before.funding ? [] : this.accounts;
    const funded = holders.flatMap(({ positions: [lots] }, account) => (lots === 0n ? [] : [{ account, lots }]));
    const entry = { item: repriceItem(epoch), quorum, time };
    return { kind: "reprice", entry, epoch, before, after, insurance: write, held: this.#held, share, funded };
  }

  #configure({ time, rules }: Extract<Command, { kind: "rules" }>): Event {
    const clock = this.#tick(time, RANK.other);
    const before = this.terms;
    const counts = this.#markets.map(({ book, admitted, cancels }) =>
      BigInt(book.length + admitted.length + cancels.length),
    );
    const holders = Array.from({ length: INSTRUMENTS }, (_, i) => BigInt(this.#holders(i)));
    const account = this.#account(INSURANCE)!;
    const insurance = { account, held: this.#held };
    const prices = configure(before.rules, rules, { time, counts, holders, insurance, prices: before.prices, profile: this.#genesis.profile }); // prettier-ignore
    const root = rulesRoot(rules);
    this.#append(clock);
    [this.#rules, this.#rulesInForce, this.#prices] = [rules, root, prices];
    const paid = rules.group.payout;
    const payout = paid && {
      word: pack(WITHDRAWAL_COLUMNS, { recipient: paid.recipient, amount: paid.amount }),
      write: this.#rewrite(INSURANCE, { ...account, seq: account.seq + 1n, cash: account.cash - paid.amount }),
    };
    if (payout) this.#pay(payout.word, paid.amount);
    return {
      kind: "rules",
      entry: { item: rulesItem(root), time },
      before,
      after: this.terms,
      insurance: account,
      payout,
      held: this.#held,
    };
  }

  /** @returns the write, of an account that is open */
  #rewrite(index: number, after: Account): Write & { readonly before: Account } {
    const before = this.#account(index)!;
    return { ...this.#write(index, after), before };
  }

  #defaultTerms(time: bigint): DefaultTerms {
    return { ...this.terms, rulesInForce: this.#rulesInForce, relief: this.#held.relief, time };
  }

  /** @throws OUT_OF_RANGE unless an account of this index is open */
  #requireAccount(index: number): Account {
    const account = Number.isInteger(index) ? this.#account(index) : undefined;
    if (!account) throw outOfRange("account", `an account, 0 to ${this.#count - 1}`);
    return account;
  }

  #enforce({ time, step, salt }: Extract<Command, { kind: "enforce" }>): Event {
    const isReduction = step.kind === "reduce";
    const clock = this.#tick(time, isReduction ? RANK.reduce : RANK.other, { again: true });
    requireField("salt", salt);
    const account = this.#requireAccount(step.account);
    const market = step.kind === "flag" ? null : this.#market(step.slot);
    if (isReduction) {
      requireSigned("limit", step.limit, BITS.price);
      requireBits("size", step.size, BITS.size);
      if (step.side !== SIDE.buy && step.side !== SIDE.sell) throw outOfRange("side", "0 to buy, 1 to sell");
    }
    const enforced = enforce(
      {
        ...this.#defaultTerms(time),
        account,
        entries: market ? market.book.length + market.admitted.length : 0,
        cancels: market ? market.cancels.length - market.lists : 0,
      },
      step,
    );
    this.#append(clock);
    if (enforced.cancel) market!.cancels.push(enforced.cancel);
    if (enforced.entry) market!.admitted.push(enforced.entry);
    const write = this.#rewrite(step.account, enforced.account);
    return { kind: "enforce", entry: { item: defaultItem(step, salt), time }, step, enforced, write };
  }

  #assume({ time, account: index, salt }: Extract<Command, { kind: "assume" }>): Event {
    const clock = this.#tick(time, RANK.other);
    requireField("salt", salt);
    const after = assume(this.#defaultTerms(time), index, this.#requireAccount(index), this.#account(INSURANCE)!);
    this.#append(clock);
    this.#held = { ...this.#held, deficit: deficitOf(after.insurance, this.#prices) };
    const write = this.#rewrite(index, after.account);
    const insurance = this.#rewrite(INSURANCE, after.insurance);
    const entry = { item: defaultItem({ kind: "assume", account: index }, salt), time };
    return { kind: "assume", entry, write, insurance, held: this.#held };
  }

  /** How many accounts have a position in an instrument. */
  #holders(i: number): number {
    return this.accounts.reduce((sum, { positions }) => (positions[i] === 0n ? sum : sum + 1), 0);
  }

  #fold({ time, from, count }: Extract<Command, { kind: "fold" }>): Event {
    const clock = this.#tick(time, RANK.other);
    const { fold } = this.#genesis.profile;
    if (!Number.isInteger(from) || from < 0 || from >= this.#count)
      throw outOfRange("from", `an account, 0 to ${this.#count - 1}`);
    if (!Number.isInteger(count) || count < 1 || count > fold || from + count > this.#count)
      throw outOfRange("count", `1 to ${fold} accounts, all of them open`);
    this.#append(clock);
    const writes = Array.from({ length: count }, (_, j) => {
      const before = this.#account(from + j)!;
      return { ...this.#write(from + j, folded(before, this.#prices)), before };
    });
    const { payoffs } = this.#prices;
    return { kind: "fold", entry: { item: foldItem(from, count), time }, payoffs, writes };
  }

  /** Accounts, 0 to the last one, that have a position in what is settled: what folds have to do. */
  unfolded(): number[] {
    const settled = this.#prices.payoffs.flatMap((payoff, i) => (payoff === 0n ? [] : [i]));
    if (settled.length === 0) return [];
    return this.accounts.flatMap(({ positions }, at) => (settled.some((i) => positions[i] !== 0n) ? [at] : []));
  }

  /** The whole state as bytes; equal for equal histories. */
  export(): Uint8Array {
    const state = {
      version: 4,
      venue: this.#venue,
      terms: this.terms,
      clock: this.#clock,
      logCount: this.#logCount,
      held: this.#held,
      share: this.#share,
      accounts: this.accounts,
      markets: this.#markets,
    };
    return new TextEncoder().encode(toTypedJson(state));
  }

  /**
   * A matcher that goes on where `export` was taken.
   * @throws SNAPSHOT when the bytes are not an export, or one of another venue
   */
  static restore(genesis: Genesis, options: MatcherOptions, bytes: Uint8Array): Matcher {
    const matcher = new Matcher(genesis, options);
    let state;
    try {
      state = fromTypedJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      throw new TacitError("SNAPSHOT", "the snapshot is not valid JSON: expected the bytes of an export");
    }
    if (state?.version !== 4) throw new TacitError("SNAPSHOT", "unknown version of the snapshot: expected 4");
    if (toTypedJson(state.venue) !== toTypedJson(matcher.#venue))
      throw new TacitError("SNAPSHOT", "the snapshot is of another venue: domain, sizes, rules or prices differ");
    const lists = (market: unknown) => {
      const { book, admitted, cancels, lists, unmatched } = (market ?? {}) as Record<string, unknown>;
      const isWhole = Number.isSafeInteger(lists) && typeof unmatched === "boolean";
      return isWhole && [book, admitted, cancels].every(Array.isArray);
    };
    const whole =
      Array.isArray(state.accounts) &&
      Array.isArray(state.markets) &&
      state.markets.length === MARKETS &&
      state.markets.every(lists) &&
      Array.isArray(state.terms?.rules?.markets) &&
      Array.isArray(state.terms?.prices?.markets) &&
      typeof state.clock === "bigint" &&
      [state.held?.vault, state.held?.relief, state.held?.deficit, state.share].every((it) => typeof it === "bigint") &&
      Number.isSafeInteger(state.logCount);
    if (!whole)
      throw new TacitError(
        "SNAPSHOT",
        "the snapshot lacks accounts, markets, terms, what is held, clock or number of log entries",
      );
    matcher.#rules = state.terms.rules;
    matcher.#rulesInForce = rulesRoot(matcher.#rules);
    matcher.#prices = state.terms.prices;
    matcher.#accounts = state.accounts;
    matcher.#markets = state.markets;
    matcher.#clock = state.clock;
    matcher.#logCount = state.logCount;
    [matcher.#held, matcher.#share] = [state.held, state.share];
    return matcher;
  }
}

function withOrder(seen: Seen, { side, limit, expiry, thisAuction }: BookEntry): Seen {
  const isBid = side === SIDE.buy;
  return {
    ...seen,
    bestBid: isBid ? max(limit, seen.bestBid ?? limit) : seen.bestBid,
    bestAsk: isBid ? seen.bestAsk : min(limit, seen.bestAsk ?? limit),
    firstExpiry: min(expiry, seen.firstExpiry ?? expiry),
    thisAuction: seen.thisAuction || thisAuction,
  };
}

/** Cash that accounts have, all together: fills and fees only move it between them. */
function cashOf(accounts: readonly Account[]): bigint {
  return accounts.reduce((sum, { cash }) => sum + cash, 0n);
}

function amountOf(deposits: readonly Deposit[]): bigint {
  return deposits.reduce((sum, { amount }) => sum + amount, 0n);
}

function defaultVerify({ keyX, keyY }: Account, message: bigint, auth: Auth): boolean {
  return verifySignature({ x: keyX, y: keyY }, message, auth);
}
