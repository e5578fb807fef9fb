/** What the venue will say to an item, and why: from the rules, the prices and the own account. */
import type { Account } from "../protocol/account.ts";
import type { Terms } from "../protocol/rules.ts";
import { ENOUGH } from "../protocol/defaults.ts";
import { admissionEffect, admit, holdsStale, marginChange, ORDER_RULES, ordersOf } from "../protocol/admission.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { lastNonce, type Decoded } from "../protocol/item.ts";
import { equities } from "../protocol/margin.ts";
import { fee, slotOf } from "../protocol/market.ts";
import { max, min } from "../protocol/numbers.ts";
import {
  REDUCTION_NONCE,
  LIST_ORDERS,
  MARKETS,
  MAX_POSITION_SQUARES,
  NONCE_WINDOW,
  type Verdict,
} from "../protocol/parameters.ts";
import { rulesRoot } from "../protocol/rules.ts";

/** An item, the account that it names as it is before it, and when it comes. */
export interface Foreseen {
  readonly decoded: Decoded;
  readonly account: Account;
  /** seconds since 1970, by the venue's clock */
  readonly time: bigint;
}

/** Verdicts on own items, as far as their owner can know: how full a market is, only the venue knows. */
export class Verdicts {
  readonly #terms: () => Terms;
  readonly #maxOpen: number;

  /** @param terms  in force */
  constructor({ profile }: Pick<GenesisFile, "profile">, terms: () => Terms) {
    this.#terms = terms;
    this.#maxOpen = PROFILES[profile].maxOpen;
  }

  /** The verdict where the market has room for one more. */
  of({ decoded, account, time }: Foreseen): Verdict {
    const { rules, prices } = this.#terms();
    const empty = Array<number>(MARKETS).fill(0);
    const context = { rules, rulesInForce: rulesRoot(rules), prices, entries: empty, cancels: empty, lists: empty };
    // What all have together, only the venue knows.
    return admit({ ...context, held: ENOUGH, maxOpen: this.#maxOpen, account, signed: true, time }, decoded).verdict;
  }

  /** The account after an item that has a verdict; null where the rules do not give it such a one. */
  after(verdict: Verdict, { decoded, account }: Pick<Foreseen, "decoded" | "account">): Account | null {
    const terms = this.#terms();
    const slot = slotOf(terms.rules, decoded.head.market);
    const orders = decoded.kind === "order" || decoded.kind === "quotes";
    if (verdict === "admitted" && orders && !terms.prices.markets[slot]) return null;
    return admissionEffect({ ...terms, account }, decoded, verdict).account ?? null;
  }

  /** What the verdict asks for and the item misses, in numbers where there are any. */
  reason(verdict: Verdict, { decoded, account, time }: Foreseen): string {
    const { rules, prices } = this.#terms();
    const { head } = decoded;
    const slot = slotOf(rules, head.market);
    const [row, quoted] = [rules.markets[slot], prices.markets[slot]];
    const ofMarket: readonly Verdict[] = ["offTick", "size", "band", "maxFee", "margin"];
    if (ofMarket.includes(verdict) && decoded.kind !== "withdrawal" && !(row && quoted))
      return "there is no such market, or it has no prices";
    const orders = decoded.kind === "withdrawal" ? [] : ordersOf(decoded);
    const maxFee = decoded.kind === "withdrawal" ? 0n : decoded.body.maxFee;
    // Of a list of quotes the first one that breaks the rule.
    const rule = ORDER_RULES.find((it) => it.verdict === verdict);
    const at = rule ? orders.findIndex((order) => rule.isBroken(order, { row: row!, quoted, maxFee })) : -1;
    const { limit, size } = orders[at] ?? { limit: 0n, size: 0n };
    const of = decoded.kind === "quotes" && at >= 0 ? ` (order ${at + 1} of ${orders.length})` : "";
    switch (verdict) {
      case "admitted":
        return "the rules admit it";
      case "malformed":
        return "its words are outside their columns";
      case "unsigned":
        return "it is not signed by the account's key";
      case "nonce":
        return decoded.kind === "quotes" && lastNonce(decoded) >= REDUCTION_NONCE
          ? `a list of quotes takes ${LIST_ORDERS} nonces below ${REDUCTION_NONCE}, and this begins at ${head.nonce}`
          : `nonces go from ${account.nonce + 1n} to ${account.nonce + NONCE_WINDOW}, and this is ${head.nonce}`;
      case "tooLate":
        return `it was valid until ${head.validUntil}, and came at ${time} (seconds since 1970)`;
      case "unknownMarket":
        return `there is no market ${head.market}`;
      case "badTarget":
        return "it names an order that is not before it";
      case "tooManyCancels":
        return decoded.kind === "quotes"
          ? `at most ${row?.listCapacity} lists of quotes of a market wait for its auction`
          : `at most ${row?.cancelCapacity} cancels of a market wait for its auction`;
      case "marketNotOpen":
        return "the market takes no orders";
      case "offTick": {
        const below = limit - (((limit % row!.tick) + row!.tick) % row!.tick);
        return `limits are multiples of ${row!.tick}: ${below} or ${below + row!.tick}, not ${limit}${of}`;
      }
      case "size":
        if (decoded.kind === "withdrawal") return "the amount is 0";
        return `an order has 1 to ${row!.lotLimit} lots, and this has ${size}${of}`;
      case "band": {
        const [low, high] = [quoted!.mark - row!.band, quoted!.mark + row!.band];
        return `limits lie from ${low} to ${high}, within ${row!.band} of the mark, and this is ${limit}${of}`;
      }
      case "maxFee":
        return `one lot at the limit pays a fee of ${fee(row!, limit, 1n)}, more than ${maxFee}${of}`;
      case "flags":
        return "it has flags that no order has";
      case "marketFull":
        return `at most ${row?.capacity} orders of a market are open`;
      case "tooManyOpen":
        return `at most ${this.#maxOpen} orders of an account are open, and ${account.open} are`;
      case "positionLimit":
        return `the squares of the positions, each times the weight of its instrument, sum to more than ${MAX_POSITION_SQUARES}`;
      case "pricesNotFresh":
        return holdsStale(account, prices)
          ? "the account holds something that has no new price"
          : prices.halted
            ? "the index moved too far: nothing is taken until the next prices"
            : "the venue's prices are too old, or it has none of this market";
      case "margin":
        return this.#marginMissing({ decoded, account, time });
      case "inLiquidation":
        return "the account is being sold down: it trades again with full margin in every scenario";
    }
  }

  /** The scenario in which most is missing. @source docs/protocol.md, section 6 */
  #marginMissing({ decoded, account }: Foreseen): string {
    const { rules, prices } = this.#terms();
    const change = decoded.kind === "cancel" ? () => 0n : marginChange(rules, prices, decoded);
    const all = equities(account, prices);
    const scenarios = prices.values.map((_, k) => {
      const free = all[k] - account.reserved;
      return { k, free, loses: max(0n, -change(k)), left: change(k) < 0n ? free + change(k) : 0n };
    });
    const least = scenarios.map(({ left }) => left).reduce(min);
    // A fill came between, or a withdrawal; or less would have been paid, and that was not accepted.
    if (least === 0n) return "the account was another one then, or the venue is short of what it has to pay";
    const worst = scenarios.find(({ left }) => left === least)!;
    return (
      `in scenario ${worst.k} it may lose ${worst.loses}, of ${worst.free} that are free there: ` +
      `${-worst.left} cash units are missing`
    );
  }
}
