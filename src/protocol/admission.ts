import type { Account } from "./account.ts";
import { ENOUGH, isInLiquidation, paidFor, shortOf, type Held } from "./defaults.ts";
import { FLAG, INSURANCE, MAX_POSITION_SQUARES, NONCE_WINDOW, REDUCTION_NONCE, VENUE, VERDICT, type Verdict } from "./parameters.ts"; // prettier-ignore
import { lastNonce, WITHDRAWAL_COLUMNS, type Decoded, type Quote } from "./item.ts";
import type { BookEntry, Cancel } from "./book.ts";
import { marginOf, orderDelta, reservation } from "./margin.ts";
import { fee, isMarketOpen, slotOf, type MarketRules } from "./market.ts";
import { abs, pack } from "./numbers.ts";
import { pricesFresh, type MarketPrices, type Prices } from "./prices.ts";
import type { Rules } from "./rules.ts";

/** Everything but the item that a verdict depends on. */
export interface AdmissionContext {
  readonly rules: Rules;
  /** root of `rules` */
  readonly rulesInForce: bigint;
  readonly prices: Prices;
  readonly held: Held;
  /** entries in book and admitted, by slot */
  readonly entries: readonly number[];
  /** cancels pending, by slot, those of lists of quotes left out */
  readonly cancels: readonly number[];
  /** lists of quotes pending, by slot */
  readonly lists: readonly number[];
  /** most open orders of one account */
  readonly maxOpen: number;
  /** the account that the item names, or undefined when there is none */
  readonly account: Account | undefined;
  /** whether the signature is valid for the account's key */
  readonly signed: boolean;
  /** time of the entry */
  readonly time: bigint;
}

/** A verdict, and what follows from it. Without `account` nothing changes. */
export interface Admission {
  readonly verdict: Verdict;
  readonly decoded: Decoded | null;
  /** market slot, or -1 */
  readonly slot: number;
  readonly account?: Account;
  /** in the order in which they join the book: one of an order, those of a list of quotes */
  readonly entries?: readonly BookEntry[];
  readonly cancel?: Cancel;
  /** payout word: recipient and what is paid */
  readonly payout?: bigint;
}

/**
 * The verdict on one item of the log and its effects (docs/protocol.md, section 7). Total: any item has one.
 * @param decoded  the item, null of what is malformed
 * @twins circuits/instructions/admit.circom
 */
export function admit(context: AdmissionContext, decoded: Decoded | null): Admission {
  const slot = decoded && decoded.kind !== "withdrawal" ? slotOf(context.rules, decoded.head.market) : -1;
  const verdict = decoded ? judge(context, decoded, slot) : "malformed";
  return { verdict, decoded, slot, ...(decoded ? admissionEffect(context, decoded, verdict) : {}) };
}

/**
 * What an item does to the account that it names, to its market, and to what is paid out, given its verdict.
 * @param held  only a payout depends on it
 */
export function admissionEffect(
  {
    rules,
    prices,
    account: before,
    held = ENOUGH,
  }: Pick<AdmissionContext, "rules" | "prices" | "account"> & { held?: Held },
  decoded: Decoded,
  verdict: Verdict,
): Pick<Admission, "account" | "entries" | "cancel" | "payout"> {
  const admitted = verdict === "admitted";
  if (!admitted && VERDICT[verdict] < VERDICT.tooLate) return {};
  const { head } = decoded;
  const raised: Account = { ...before!, nonce: lastNonce(decoded) };
  const account = Number(head.account);
  if (decoded.kind === "withdrawal") {
    if (!admitted) return { account: raised };
    const { amount } = decoded.body;
    const paid = { ...raised, seq: raised.seq + 1n, cash: raised.cash - amount, flagged: 0n };
    return { account: paid, payout: pack(WITHDRAWAL_COLUMNS, { ...decoded.body, amount: paidFor(amount, held) }) };
  }
  if (decoded.kind === "cancel") {
    const all = head.flags === BigInt(FLAG.all);
    const cancel = { account, nonce: all ? head.nonce : decoded.body.replaces, all };
    return admitted ? { account: raised, cancel } : { account: raised };
  }
  const cancel = admitted || VERDICT[verdict] >= VERDICT.marketNotOpen ? replaced(decoded) : undefined;
  if (!admitted) return { account: raised, cancel };
  const slot = slotOf(rules, head.market);
  const [row, quoted] = [rules.markets[slot]!, prices.markets[slot]!];
  const thisAuction = decoded.kind === "order" && head.flags === BigInt(FLAG.thisAuction);
  const entries = ordersOf(decoded).map(({ side, limit, size }, j): BookEntry => {
    const rho = reservation(row, quoted, rules.group.slack, side, limit);
    return {
      account,
      nonce: head.nonce + BigInt(j),
      side,
      limit,
      remaining: size,
      rho,
      expiry: head.expiry,
      thisAuction,
    };
  });
  const reserved = entries.reduce((sum, { rho, remaining }) => sum + rho * remaining, raised.reserved);
  // With full margin the flag goes.
  const stays = raised.flagged !== 0n && !marginOf(before!, prices, marginChange(rules, prices, decoded)).full;
  const flagged = stays ? raised.flagged : 0n;
  return { account: { ...raised, reserved, open: raised.open + BigInt(entries.length), flagged }, entries, cancel };
}

type DecodedOrders = Extract<Decoded, { kind: "order" | "quotes" }>;

/** The orders of an item: one, or those of a list of quotes; a cancel has none. */
export function ordersOf(decoded: DecodedOrders | Extract<Decoded, { kind: "cancel" }>): readonly Quote[] {
  if (decoded.kind === "quotes") return decoded.body.orders;
  if (decoded.kind === "cancel") return [];
  const { head, body } = decoded;
  return [{ side: Number(head.side), limit: body.limit, size: body.size }];
}

/** The cancel that comes with orders: of the one that an order replaces, or of all that a list of quotes finds. */
function replaced(decoded: DecodedOrders): Cancel | undefined {
  const account = Number(decoded.head.account);
  if (decoded.kind === "quotes") return { account, nonce: decoded.head.nonce, all: true };
  const { replaces } = decoded.body;
  return replaces === 0n ? undefined : { account, nonce: replaces, all: false };
}

/** What each order of an item must keep by itself, in the order of the verdicts. */
export const ORDER_RULES: readonly {
  readonly verdict: Verdict;
  readonly isBroken: (
    order: Quote,
    terms: { readonly row: MarketRules; readonly quoted: MarketPrices | null; readonly maxFee: bigint },
  ) => boolean;
}[] = [
  { verdict: "offTick", isBroken: ({ limit }, { row }) => limit % row.tick !== 0n },
  { verdict: "size", isBroken: ({ size }, { row }) => size === 0n || size > row.lotLimit },
  { verdict: "band", isBroken: ({ limit }, { row, quoted }) => !!quoted && abs(limit - quoted.mark) > row.band },
  { verdict: "maxFee", isBroken: ({ limit }, { row, maxFee }) => fee(row, limit, 1n) > maxFee },
];

/** Why an item's nonce is none that may follow `last`: it is spent, or too far ahead, or it, or one of a list's, is none of an item. */
export function nonceFault(last: bigint, decoded: Decoded): "spent" | "ahead" | null {
  const { nonce } = decoded.head;
  if (nonce <= last) return "spent";
  const roomless = lastNonce(decoded) >= REDUCTION_NONCE;
  return roomless || nonce > last + NONCE_WINDOW ? "ahead" : null;
}

/** The first check that fails, in the order of VERDICTS. */
function judge(context: AdmissionContext, decoded: Decoded, slot: number): Verdict {
  const verdict = firstFault(context, decoded, slot);
  if (verdict) return verdict;
  if (decoded.kind === "cancel") return "admitted";
  const { rules, prices, held, time } = context;
  const account = context.account!;
  const { holds, full } = marginOf(account, prices, marginChange(rules, prices, decoded));
  const short = shortOf(held);
  const isKept = Number(decoded.head.account) === VENUE && short > 0n;
  if (!holds || isKept || (decoded.kind === "withdrawal" && !isPayable(decoded, held))) return "margin";
  return !full && isInLiquidation(account, rules.group.defaults, time) ? "inLiquidation" : "admitted";
}

/** Whether there is something to pay for a withdrawal, and, where it is less than was asked for, that is accepted. */
function isPayable({ head, body: { amount } }: Extract<Decoded, { kind: "withdrawal" }>, held: Held): boolean {
  const paid = paidFor(amount, held);
  const isLessAccepted = (head.flags & BigInt(FLAG.lessAccepted)) !== 0n;
  return paid > 0n && paid <= held.vault && (shortOf(held) === 0n || isLessAccepted);
}

/** The first check before that of margin that fails. */
function firstFault(context: AdmissionContext, decoded: Decoded, slot: number): Verdict | null {
  const { rules, rulesInForce, prices, account, time } = context;
  const { head } = decoded;
  if (!account || !context.signed || Number(head.account) === INSURANCE) return "unsigned";
  if (nonceFault(account.nonce, decoded)) return "nonce";
  if (time > head.validUntil) return "tooLate";
  const fresh = (late: bigint) =>
    pricesFresh(prices, rules.group.pricing, rulesInForce, time, late) && !holdsStale(account, prices);
  if (decoded.kind === "withdrawal") {
    const { amount } = decoded.body;
    if (amount === 0n) return "size";
    return fresh(0n) || ownsCashAlone(account) ? null : "pricesNotFresh";
  }
  if (slot < 0) return "unknownMarket";
  const row = rules.markets[slot]!;
  const { flags } = head;
  if (decoded.kind === "quotes") {
    if (BigInt(context.lists[slot]) >= row.listCapacity) return "tooManyCancels";
  } else {
    const { replaces } = decoded.body;
    const isOrder = decoded.kind === "order";
    const all = !isOrder && flags === BigInt(FLAG.all);
    const targetGood = replaces < head.nonce && (isOrder || (all ? replaces === 0n : flags === 0n && replaces !== 0n));
    if (!targetGood) return "badTarget";
    if ((!isOrder || replaces !== 0n) && BigInt(context.cancels[slot]) >= row.cancelCapacity) return "tooManyCancels";
  }
  if (decoded.kind === "cancel") return null;

  const orders = ordersOf(decoded);
  const count = BigInt(orders.length);
  const { maxFee } = decoded.body;
  const quoted = prices.markets[slot];
  if (!isMarketOpen(row, time)) return "marketNotOpen";
  for (const { verdict, isBroken } of ORDER_RULES)
    if (orders.some((order) => isBroken(order, { row, quoted, maxFee }))) return verdict;
  if (decoded.kind === "order" && flags !== 0n && flags !== BigInt(FLAG.thisAuction)) return "flags";
  if (BigInt(context.entries[slot]) + count > row.capacity) return "marketFull";
  if (account.open + count > BigInt(context.maxOpen)) return "tooManyOpen";
  if (weighedSquares(account, prices) > MAX_POSITION_SQUARES) return "positionLimit";
  return fresh(1n) && quoted ? null : "pricesNotFresh";
}

/** The sum of squares of positions, each times the weight of its instrument. */
export function weighedSquares({ positions }: Account, { weights }: Prices): bigint {
  return positions.reduce((sum, position, i) => sum + weights[i] * position * position, 0n);
}

/** Whether an account has a position in what is valued by a number of an earlier epoch. */
export function holdsStale({ positions }: Account, { stale }: Prices): boolean {
  return positions.some((position, i) => position !== 0n && stale[i]);
}

/** Whether no price says anything of an account: it has no position, and no order that may become one. */
export function ownsCashAlone({ positions, reserved, open }: Account): boolean {
  return reserved === 0n && open === 0n && positions.every((position) => position === 0n);
}

/**
 * What an item changes in a scenario at worst, cash units: d_k of one order or a withdrawal. A list of quotes takes from each
 * scenario all that it reserves, which covers the loss of its orders in any of them.
 */
export function marginChange(
  rules: Rules,
  prices: Prices,
  decoded: Exclude<Decoded, { kind: "cancel" }>,
): (k: number) => bigint {
  if (decoded.kind === "withdrawal") return () => -decoded.body.amount;
  const slot = slotOf(rules, decoded.head.market);
  const [row, quoted] = [rules.markets[slot]!, prices.markets[slot]!];
  const orders = ordersOf(decoded);
  if (decoded.kind === "order") {
    const [{ side, limit, size }] = orders;
    return (k) => size * orderDelta(row, quoted, side, limit, k);
  }
  const reserved = orders.reduce(
    (sum, { side, limit, size }) => sum + size * reservation(row, quoted, rules.group.slack, side, limit),
    0n,
  );
  return () => -reserved;
}
