import type { ItemCommand } from "../matcher/matcher.ts";
import { orderItem, withdrawalItem, type Item } from "../protocol/item.ts";
import { abs, max, min } from "../protocol/numbers.ts";
import { RULE, SIDE } from "../protocol/parameters.ts";
import type { Random } from "../replay/random.ts";
import type { Venue } from "./laws.ts";
import { VOLATILITY } from "./paths.ts";
import { freeOf, heldIn, type Population } from "./population.ts";

const NO_SIGNATURE = { R8x: 0n, R8y: 0n, S: 0n };

/** An item whose signature counts as checked: nobody signs here. */
export function itemCommand(time: bigint, item: Item): ItemCommand {
  return { kind: "item", time, item, auth: NO_SIGNATURE, signed: true };
}

/** Of the orders of a maker: how far from the mark, 10^-4 of the index; and their parts of what it quotes on a side. */
const LEVELS = [
  { away: 5n, part: 0.1 },
  { away: 30n, part: 0.2 },
  { away: 100n, part: 0.3 },
  { away: 300n, part: 0.4 },
] as const;
/** Of the buyer's. */
const CHEAP = [100n, 200n, 400n, 800n] as const;
/** Part of all lots held that makers quote on each side in an auction; with volatility they quote less. */
const DEPTH = 0.02;
/** How far beyond the mark traders go who want to trade, and who must, 10^-4 of the index. */
const [WANT, MUST] = [30n, 150n];
/** Of traders, who acts in an auction; of those with a flag, who tries to close by an own order; who withdraws, and who does in a run. */
const [ACTIVE, IN_NEED, WITHDRAWS, RUNS] = [0.002, 0.05, 0.1, 0.01];
/** A market has room for so many orders beside those of makers; and so many withdraw in one interval of a run. */
const [MOST_ACTIVE, MOST_RUNNING] = [60, 250];

/** What everybody but the operator does, from a seed: the same seed and the same venue give the same items. */
export class Traders {
  readonly #random: Random;
  readonly #population: Population;
  #salt = 0n;

  constructor(random: Random, population: Population) {
    this.#random = random;
    this.#population = population;
  }

  /**
   * Items for the auctions at `auction`, one after the other: each follows from what those before it have come to.
   * @param flagged     traders with a flag
   * @param isRunning   whether money is known to be short: then many withdraw
   * @param volatility  of options, as feeds see it
   */
  *items(
    venue: Venue,
    { time, auction, flagged, isRunning, volatility }: { time: bigint; auction: bigint; flagged: ReadonlySet<number>; isRunning: boolean; volatility: number }, // prettier-ignore
  ): Generator<ItemCommand> {
    if (!venue.isFresh(auction)) return;
    const random = this.#random;
    for (const maker of this.#population.makers) yield* this.#quotes(venue, maker, time, auction, volatility);
    yield* this.#bargains(venue, time, auction);
    const [first, last] = this.#population.traders;
    const count = last - first + 1;
    const acting = Math.max(1, Math.min(MOST_ACTIVE, Math.round(count * ACTIVE)));
    for (let i = 0; i < acting; i++) {
      const account = random.integer(first, last);
      if (random.unit() < WITHDRAWS) yield* this.#withdraws(venue, account, time, random.unit());
      else yield* this.#trades(venue, account, time, auction, WANT, random.unit() < 0.5);
    }
    for (const account of flagged)
      if (random.unit() < IN_NEED) yield* this.#trades(venue, account, time, auction, MUST, true);
    if (!isRunning) return;
    for (let i = Math.min(MOST_RUNNING, Math.ceil(count * RUNS)); i > 0; i--)
      yield* this.#withdraws(venue, random.integer(first, last), time, 1);
  }

  *#quotes(venue: Venue, maker: number, time: bigint, auction: bigint, volatility: number): Generator<ItemCommand> {
    const { rules, prices } = venue.terms;
    const { makers, held } = this.#population;
    for (const [slot, row] of rules.markets.entries()) {
      const quoted = prices.markets[slot];
      if (!row || !quoted || row.rule !== BigInt(RULE.auction)) continue;
      const legs = row.legs.flatMap((leg, i) => (leg === 0n ? [] : [i]));
      if (legs.length > 1) continue;
      const most = Number(held[legs[0]]) * DEPTH * Math.min(1, VOLATILITY / volatility);
      for (const side of [SIDE.buy, SIDE.sell])
        for (const { away, part } of LEVELS) {
          const size = BigInt(Math.ceil((most * part) / makers.length));
          yield* this.#order(venue, { account: maker, slot, side, away: -away, size, time, auction });
        }
    }
  }

  /** Of who buys what is sold cheap, as far as its margin goes; and sells it near the mark. */
  *#bargains(venue: Venue, time: bigint, auction: bigint): Generator<ItemCommand> {
    const { rules, prices } = venue.terms;
    const { buyer } = this.#population;
    for (const { slot, lots } of heldIn(venue.accounts[buyer], rules)) {
      const side = lots > 0n ? SIDE.sell : SIDE.buy;
      yield* this.#order(venue, { account: buyer, slot, side, away: WANT, size: abs(lots), time, auction });
    }
    const quoted = prices.markets[0];
    const free = freeOf(venue.accounts[buyer], prices);
    if (!quoted) return;
    for (const away of CHEAP)
      for (const side of [SIDE.buy, SIDE.sell]) {
        const size = free / (quoted.high - quoted.low + 1n) / BigInt(CHEAP.length);
        if (size > 0n) yield* this.#order(venue, { account: buyer, slot: 0, side, away: -away, size, time, auction });
      }
  }

  *#trades(venue: Venue, account: number, time: bigint, auction: bigint, away: bigint, closes: boolean): Generator<ItemCommand> {
    const held = heldIn(venue.accounts[account], venue.terms.rules);
    if (held.length === 0) return;
    const { slot, lots } = this.#random.pick(held);
    const side = lots > 0n === closes ? SIDE.sell : SIDE.buy;
    const size = BigInt(this.#random.integer(1, Number(abs(lots))));
    yield* this.#order(venue, { account, slot, side, away, size, time, auction });
  } // prettier-ignore

  /** @param away  how far beyond the mark its owner goes to trade, 10^-4 of the index */
  *#order(
    venue: Venue,
    order: { account: number; slot: number; side: number; away: bigint; size: bigint; time: bigint; auction: bigint },
  ): Generator<ItemCommand> {
    const { account, slot, side, away, time, auction } = order;
    const { rules, prices } = venue.terms;
    const [row, quoted] = [rules.markets[slot]!, prices.markets[slot]];
    if (!quoted) return;
    const limit = beyond(row, quoted.mark, prices.index, side === SIDE.buy ? away : -away);
    if (limit === null) return;
    const { nonce } = venue.accounts[account];
    const item = orderItem({ market: row.id, account: BigInt(account), nonce: nonce + 1n, side, limit, size: min(row.lotLimit, order.size), validUntil: time, expiry: auction, thisAuction: true, salt: this.#next() }); // prettier-ignore
    yield itemCommand(time, item);
  }

  *#withdraws(venue: Venue, account: number, time: bigint, part: number): Generator<ItemCommand> {
    const { nonce } = venue.accounts[account];
    const free = freeOf(venue.accounts[account], venue.terms.prices);
    const amount = (free * BigInt(Math.ceil(1024 * part))) / 1024n;
    if (amount === 0n) return;
    const item = withdrawalItem({ account: BigInt(account), nonce: nonce + 1n, recipient: BigInt(account), amount, lessAccepted: true, validUntil: time, salt: this.#next() }); // prettier-ignore
    yield itemCommand(time, item);
  }

  #next(): bigint {
    return ++this.#salt;
  }
}

/** A limit so far from the mark, on the tick; null where it is none: of what is worth next to nothing. */
function beyond(
  { tick, band }: { tick: bigint; band: bigint },
  mark: bigint,
  index: bigint,
  away: bigint,
): bigint | null {
  const limit = ((mark + (index * away) / 10_000n) / tick) * tick;
  return limit < tick || abs(limit - mark) > band ? null : max(tick, limit);
}
