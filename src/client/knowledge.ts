import { NO_POSITIONS, type Account } from "../protocol/account.ts";
import { admissionEffect } from "../protocol/admission.ts";
import type { Fill } from "../protocol/book.ts";
import { rulesRoot, type Terms } from "../protocol/rules.ts";
import { credited, fillCash, folded, settled } from "../protocol/clearing.ts";
import { assume, enforce, type Enforcement } from "../protocol/defaults.ts";
import { TacitError } from "../protocol/errors.ts";
import { decodeItem, type Item } from "../protocol/item.ts";
import { asInteger, asList, asObject, asWhole, badFormat } from "../protocol/json.ts";
import { fee, slotOf } from "../protocol/market.ts";
import { abs } from "../protocol/numbers.ts";
import type { FillReport } from "../protocol/wire.ts";
import { INSTRUMENTS, SIDE, VERDICTS, type Verdict } from "../protocol/parameters.ts";

/** Something that the venue says and that cannot be true beside what it has signed or proved. */
export type ContradictionKind =
  | "terms"
  | "twoReceipts"
  | "badReceipt"
  | "dropped"
  | "roundRefused"
  | "logDiffers"
  | "fill"
  | "account"
  | "fork"
  | "otherVenue";

/** What shows it: in words and in the venue's own. */
export class Contradiction extends TacitError<"CONTRADICTION"> {
  readonly kind: ContradictionKind;
  constructor(kind: ContradictionKind, message: string, evidence: Record<string, unknown> = {}) {
    super("CONTRADICTION", `the venue contradicts itself: ${message}`, { kind, ...evidence });
    this.kind = kind;
  }
}

/** The key has signed what this client does not know of: an item of this nonce, which only the owner can have sent. */
export class UnknownItem extends Error {
  readonly nonce: bigint;
  constructor(nonce: bigint) {
    super(`an item of nonce ${nonce} is not known here`);
    this.nonce = nonce;
  }
}

/** An event of the log that concerns one account, as the venue tells it or its owner knows it. */
export type Entry =
  | { readonly kind: "item"; readonly n: number; readonly item: Item; readonly verdict: Verdict }
  | { readonly kind: "fill"; readonly n: number; readonly fill: ToldFill }
  | { readonly kind: "deposit"; readonly n: number; readonly amount: bigint }
  | { readonly kind: "settlement"; readonly n: number }
  | { readonly kind: "step"; readonly n: number; readonly step: ToldStep };

/** What the operator did to an account in default, as the venue tells it to its owner: market ids, cash units a lot, lots. */
export type ToldStep = { readonly n: number; readonly time: bigint } & (
  | { readonly kind: "flag" }
  | { readonly kind: "sweep"; readonly market: bigint }
  | {
      readonly kind: "reduce";
      readonly market: bigint;
      readonly side: number;
      readonly limit: bigint;
      readonly size: bigint;
    }
  /** what was taken over */
  | { readonly kind: "assume"; readonly positions: readonly { readonly instrument: number; readonly lots: bigint }[] }
);

export const STEP_KINDS = ["flag", "sweep", "reduce", "assume"] as const;

/** A fill as the venue tells it to its owner. */
export type ToldFill = Omit<FillReport, "account">;

/** @throws TacitError FORMAT naming the place */
export function readFill(json: unknown): ToldFill {
  const { n, closed, ...fields } = asObject("fill", json);
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) throw badFormat("fill.n", "a position in the log");
  if (typeof closed !== "boolean") throw badFormat("fill.closed", "true or false");
  const number = (name: string) => asInteger(`fill.${name}`, fields[name]);
  const [time, market, nonce, lots, price] = ["time", "market", "nonce", "lots", "price"].map(number);
  const [charged, cash, release] = ["fee", "cash", "release"].map(number);
  return { n, time, market, nonce, lots, price, fee: charged, cash, release, closed };
}

/** Positions that turned into cash, as the venue tells it to their owner. */
export interface ToldSettlement {
  readonly n: number;
  readonly positions: readonly { readonly instrument: number; readonly lots: bigint; readonly payoff: bigint }[];
}

/** @throws TacitError FORMAT naming the place */
export function readSettlement(json: unknown): ToldSettlement {
  const { n, positions } = asObject("settlement", json);
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0)
    throw badFormat("settlement.n", "a position in the log");
  const read = asList("settlement.positions", positions).map((it, i) => {
    const at = `settlement.positions[${i}]`;
    return { ...readLots(at, it), payoff: asInteger(`${at}.payoff`, asObject(at, it).payoff) };
  });
  return { n, positions: read };
}

/** @throws TacitError FORMAT naming the place */
export function readStep(json: unknown): ToldStep {
  const { kind, n, positions, side, ...fields } = asObject("step", json);
  const number = (name: string) => asInteger(`step.${name}`, fields[name]);
  const common = { n: asWhole("step.n", n), time: number("time") };
  switch (kind) {
    case "flag":
      return { kind, ...common };
    case "sweep":
      return { kind, ...common, market: number("market") };
    case "reduce":
      // As it is told, and as it is kept.
      if (side !== "buy" && side !== "sell" && side !== SIDE.buy && side !== SIDE.sell) throw badFormat("step.side", "buy or sell"); // prettier-ignore
      return {
        kind,
        ...common,
        market: number("market"),
        side: typeof side === "number" ? side : SIDE[side],
        limit: number("limit"),
        size: number("size"),
      };
    case "assume":
      return { kind, ...common, positions: asList("step.positions", positions).map((it, i) => readLots(`step.positions[${i}]`, it)) }; // prettier-ignore
    default:
      throw badFormat("step.kind", STEP_KINDS.join(", "));
  }
}

/** @throws TacitError FORMAT naming the place */
function readLots(at: string, json: unknown): { instrument: number; lots: bigint } {
  const { instrument, lots } = asObject(at, json);
  const slot = asWhole(`${at}.instrument`, instrument);
  if (slot >= INSTRUMENTS) throw badFormat(`${at}.instrument`, "the slot of an instrument");
  return { instrument: slot, lots: asInteger(`${at}.lots`, lots) };
}

/** @throws TacitError FORMAT */
export function readVerdict(json: unknown): Verdict | null {
  if (json === null) return null;
  if (!VERDICTS.includes(json as Verdict)) throw badFormat("verdict", "the name of a verdict");
  return json as Verdict;
}

/** Stands for the own account, whatever its number: any but that of the insurance. */
const OWN = 2;

/** An order as its owner knows it, from what it signed and what it was told of fills. */
interface KnownOrder {
  readonly market: bigint;
  readonly side: number;
  readonly limit: bigint;
  readonly rho: bigint;
  remaining: bigint;
}

/**
 * An account recomputed from its owner's own knowledge: what it signed, and what the venue told of verdicts and fills. What
 * is told must fit the orders; and what it comes to must be what is proved.
 */
export class Knowledge {
  readonly #termsAt: (n: number) => Terms;
  readonly #orders = new Map<bigint, KnownOrder>();
  #account: Account;
  #opened: boolean;

  /**
   * @param termsAt  rules and prices that an entry of the log meets
   * @param account  before the first entry, without open orders
   * @param opened   whether it was there: else the first deposit opens it
   */
  constructor(termsAt: (n: number) => Terms, account: Account, { opened }: { opened: boolean }) {
    this.#termsAt = termsAt;
    this.#account = account;
    this.#opened = opened;
  }

  get account(): Account {
    return this.#account;
  }

  /**
   * Takes the next entry, in the order of the log.
   * @throws Contradiction "fill"  when a fill is none that the order and the rules allow
   * @throws UnknownItem           when it follows from an item that is not known here
   */
  apply(entry: Entry): void {
    const { rules, prices } = this.#termsAt(entry.n);
    if (entry.kind === "step") return this.#step(entry.step, { rules, prices });
    if (entry.kind === "item") return this.#item(entry.item, entry.verdict, { rules, prices });
    if (entry.kind === "settlement") {
      this.#account = folded(this.#account, prices);
      return;
    }
    if (entry.kind === "deposit") {
      const { seq, cash } = this.#account;
      this.#account = { ...this.#account, seq: this.#opened ? seq + 1n : seq, cash: cash + entry.amount };
      this.#opened = true;
      return;
    }
    const { fill } = entry;
    if (fill.nonce === 0n && fill.lots === 0n && fill.release === 0n && !fill.closed && fill.cash === -fill.fee) {
      // Fees: only account 0 has such fills. Another one that is told of them finds that they are not proved.
      this.#account = credited(this.#account, fill.cash);
      return;
    }
    const order = this.#orders.get(fill.nonce);
    if (!order && fill.nonce > this.#account.nonce) throw new UnknownItem(fill.nonce);
    const slot = slotOf(rules, fill.market);
    const row = rules.markets[slot];
    const wrong = (what: string) => new Contradiction("fill", `a fill at entry ${fill.n} of the log ${what}`, { fill });
    if (!order || !row || order.market !== fill.market) throw wrong("is of no open order of this account");
    const lots = abs(fill.lots);
    if (lots > order.remaining) throw wrong("is larger than the order");
    if (lots > 0n) {
      const buys = order.side === SIDE.buy;
      if (fill.lots > 0n !== buys) throw wrong("is on the wrong side");
      if (buys ? fill.price > order.limit : fill.price < order.limit) throw wrong("is beyond the order's limit");
      if (fill.fee !== fee(row, fill.price, lots)) throw wrong("has a fee that the rules do not give");
    } else if (fill.fee !== 0n) throw wrong("charges a fee for nothing");
    if (lots === order.remaining && !fill.closed) throw wrong("leaves an order open of which nothing is left");
    if (fill.release !== order.rho * (fill.closed ? order.remaining : lots))
      throw wrong("gives back another reservation than was held");
    const trade =
      lots > 0n ? { price: fill.price, funding: prices.markets[slot]?.funding ?? 0n } : { price: 0n, funding: 0n };
    const booked: Fill = { account: 0, closed: fill.closed, lots: fill.lots, release: fill.release, fee: fill.fee };
    if (fill.cash !== fillCash(booked, trade)) throw wrong("has cash that price and lots do not give");
    this.#account = settled(this.#account, booked, row.legs, trade);
    order.remaining -= lots;
    if (fill.closed) this.#orders.delete(fill.nonce);
  }

  /** What the operator did, which has a proof only where the rules allow it. @throws Contradiction "account" */
  #step(step: ToldStep, terms: Terms): void {
    const { n, time } = step;
    const context = { ...terms, rulesInForce: rulesRoot(terms.rules), relief: 0n, time };
    const account = OWN;
    try {
      if (step.kind === "assume") {
        // Of the insurance account all that is judged is what the owner cannot know.
        const insurance = { ...this.#account, open: 0n, positions: NO_POSITIONS };
        this.#account = assume(context, account, this.#account, insurance).account;
        return;
      }
      const slot = step.kind === "flag" ? 0 : slotOf(terms.rules, step.market);
      const { account: after, entry } = enforce(
        // How full a market is, only the venue knows.
        { ...context, account: this.#account, entries: 0, cancels: 0 },
        { ...step, account, slot } as Enforcement,
      );
      this.#account = after;
      if (entry && step.kind === "reduce") this.#orders.set(entry.nonce, { ...entry, market: step.market });
    } catch (error) {
      if (!(error instanceof TacitError) || error.code !== "DEFAULT") throw error;
      const { expected } = error.details;
      throw new Contradiction("account", `entry ${n} of the log, told as ${step.kind}, may not be: expected ${String(expected)}`, { step }); // prettier-ignore
    }
  }

  #item(item: Item, verdict: Verdict, terms: Terms): void {
    const decoded = decodeItem(item);
    if (!decoded) return;
    // Clients count without gaps, and take a nonce again that was of no use: a gap is what another one with this key has sent.
    const next = this.#account.nonce + 1n;
    if (decoded.head.nonce > next) throw new UnknownItem(next);
    const orders = decoded.kind === "order" || decoded.kind === "quotes";
    if (verdict === "admitted" && orders && !terms.prices.markets[slotOf(terms.rules, decoded.head.market)])
      throw new Contradiction(
        "account",
        `the ${decoded.kind} of nonce ${decoded.head.nonce} is told to be admitted to a market that is not there`,
      );
    const effect = admissionEffect({ ...terms, account: this.#account }, decoded, verdict);
    if (effect.account) this.#account = effect.account;
    for (const { nonce, side, limit, rho, remaining } of effect.entries ?? [])
      this.#orders.set(nonce, { market: decoded.head.market, side, limit, rho, remaining });
  }
}

/** Fields in which what is proved differs from what the owner expects. */
export function accountDifferences(expected: Account, proved: Account): string[] {
  const names = ["keyX", "keyY", "view", "seq", "cash", "nonce", "reserved", "open", "flagged", "pushedAt"] as const;
  const numbers: string[] = names.filter((name) => expected[name] !== proved[name]);
  const positions = expected.positions.some((lots, i) => lots !== proved.positions[i]);
  return positions ? [...numbers, "positions"] : numbers;
}
