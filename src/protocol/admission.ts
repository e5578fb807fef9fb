import type { Account } from "./account.ts";
import { FLAG, MARKET_STATE, MAX_POSITION_SQUARES, NONCE_WINDOW, VERDICT, type Verdict } from "./parameters.ts";
import { WITHDRAWAL_COLUMNS, type Decoded } from "./item.ts";
import { fee, pricesFresh, slotOf, type Prices, type Rules } from "./market.ts";
import { marginHolds, orderDelta, reservation } from "./margin.ts";
import { abs, pack } from "./numbers.ts";
import type { BookEntry, Cancel } from "./book.ts";

/** Everything but the item that a verdict depends on. */
export interface AdmissionContext {
  readonly rules: Rules;
  /** root of `rules` */
  readonly rulesInForce: bigint;
  readonly prices: Prices;
  /** entries in book and admitted, by slot */
  readonly entries: readonly number[];
  /** cancels pending, by slot */
  readonly cancels: readonly number[];
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
  readonly entry?: BookEntry;
  readonly cancel?: Cancel;
  /** payout word: recipient and amount */
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

/** What an item does to the account that it names, to its market, and to what is paid out, given its verdict. */
export function admissionEffect(
  { rules, prices, account: before }: Pick<AdmissionContext, "rules" | "prices" | "account">,
  decoded: Decoded,
  verdict: Verdict,
): Pick<Admission, "account" | "entry" | "cancel" | "payout"> {
  const admitted = verdict === "admitted";
  if (!admitted && VERDICT[verdict] < VERDICT.tooLate) return {};
  const { head } = decoded;
  const raised: Account = { ...before!, nonce: head.nonce };
  const account = Number(head.account);
  if (decoded.kind === "withdrawal") {
    if (!admitted) return { account: raised };
    const { amount } = decoded.body;
    const paid = { ...raised, seq: raised.seq + 1n, cash: raised.cash - amount };
    return { account: paid, payout: pack(WITHDRAWAL_COLUMNS, decoded.body) };
  }
  const { body } = decoded;
  if (decoded.kind === "cancel") {
    const all = head.flags === BigInt(FLAG.all);
    const cancel = { account, nonce: all ? head.nonce : body.replaces, all };
    return admitted ? { account: raised, cancel } : { account: raised };
  }
  const replaces = body.replaces !== 0n && (admitted || VERDICT[verdict] >= VERDICT.marketNotOpen);
  const cancel = replaces ? { account, nonce: body.replaces, all: false } : undefined;
  if (!admitted) return { account: raised, cancel };
  const slot = slotOf(rules, head.market);
  const side = Number(head.side);
  const rho = reservation(rules.markets[slot]!, prices.markets[slot]!, side, body.limit);
  const reserved = raised.reserved + rho * body.size;
  const entry: BookEntry = {
    account,
    nonce: head.nonce,
    side,
    limit: body.limit,
    remaining: body.size,
    rho,
    expiry: head.expiry,
    thisAuction: head.flags === BigInt(FLAG.thisAuction),
  };
  return { account: { ...raised, reserved, open: raised.open + 1n }, entry, cancel };
}

/** The first check that fails, in the order of VERDICTS. */
function judge(context: AdmissionContext, decoded: Decoded, slot: number): Verdict {
  const { rules, rulesInForce, prices, account, time } = context;
  const { head } = decoded;
  if (!account || !context.signed) return "unsigned";
  if (head.nonce <= account.nonce || head.nonce > account.nonce + NONCE_WINDOW) return "nonce";
  if (time > head.validUntil) return "tooLate";
  const fresh = pricesFresh(prices, rules, rulesInForce, time);
  if (decoded.kind === "withdrawal") {
    const { amount } = decoded.body;
    if (amount === 0n) return "size";
    if (!fresh) return "pricesNotFresh";
    return marginHolds(account, prices, () => -amount) ? "admitted" : "margin";
  }
  const { body } = decoded;
  if (slot < 0) return "unknownMarket";
  const row = rules.markets[slot]!;
  const isOrder = decoded.kind === "order";
  const { flags } = head;
  const all = !isOrder && flags === BigInt(FLAG.all);
  const targetGood =
    body.replaces < head.nonce && (isOrder || (all ? body.replaces === 0n : flags === 0n && body.replaces !== 0n));
  if (!targetGood) return "badTarget";
  if ((!isOrder || body.replaces !== 0n) && BigInt(context.cancels[slot]) >= row.cancelCapacity)
    return "tooManyCancels";
  if (!isOrder) return "admitted";

  const { limit, size } = body;
  const side = Number(head.side);
  const quoted = prices.markets[slot];
  if (row.state !== BigInt(MARKET_STATE.open)) return "marketNotOpen";
  if (limit % row.tick !== 0n) return "offTick";
  if (size === 0n || size > row.lotLimit) return "size";
  if (quoted && abs(limit - quoted.mark) > row.band) return "band";
  if (fee(row, limit, 1n) > body.maxFee) return "maxFee";
  if (flags !== 0n && flags !== BigInt(FLAG.thisAuction)) return "flags";
  if (BigInt(context.entries[slot]) >= row.capacity) return "marketFull";
  if (account.open >= BigInt(context.maxOpen)) return "tooManyOpen";
  if (account.positions.reduce((sum, p) => sum + p * p, 0n) > MAX_POSITION_SQUARES) return "positionLimit";
  if (!fresh || !quoted) return "pricesNotFresh";
  const holds = marginHolds(account, prices, (k) => size * orderDelta(row, quoted, side, limit, k));
  return holds ? "admitted" : "margin";
}
