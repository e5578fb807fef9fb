/** What the operator does about defaults, at the ends of what the matcher lets it do. */
import type { Command, Matcher } from "../../../src/matcher/matcher.ts";
import { closes, widthOf, type Enforcement } from "../../../src/protocol/defaults.ts";
import { TacitError } from "../../../src/protocol/errors.ts";
import type { GenesisFile } from "../../../src/protocol/genesis.ts";
import { abs, divFloor, FIELD, max, min } from "../../../src/protocol/numbers.ts";
import { INSURANCE, MARKETS, SIDE } from "../../../src/protocol/parameters.ts";
import type { Draw } from "./draw.ts";

type Reduction = Extract<Enforcement, { kind: "reduce" }>;

/** Draws steps for a matcher that takes each before the next is asked for. */
export class Steps {
  readonly #draw: Draw;
  readonly #genesis: GenesisFile;
  readonly #matcher: Matcher;
  /** how often of what may be done it is */
  readonly #chances: Readonly<Record<"flag" | "sweep" | "reduce" | "assume", number>>;

  constructor(draw: Draw, genesis: GenesisFile, matcher: Matcher) {
    this.#draw = draw;
    this.#genesis = genesis;
    this.#matcher = matcher;
    const chance = () => draw.pick([0.1, 0.5, 1]);
    this.#chances = { flag: chance(), sweep: chance(), reduce: draw.pick([0.5, 1]), assume: draw.pick([0, 0.3, 1]) };
  }

  /** FLAG, SWEEP and ASSUME, of a second in which markets have closed. */
  *late(time: bigint): Generator<Command> {
    const draw = this.#draw;
    for (const account of this.#accounts()) {
      yield* this.#enforce(time, { kind: "flag", account });
      const slot = draw.count(0, MARKETS - 1);
      // The same orders may be cancelled once more, as long as there is room.
      for (let i = draw.rarely(0.1, [20], 1); i > 0; i--)
        yield* this.#enforce(time, { kind: "sweep", account, slot: this.#slot(slot) });
      if (!draw.chance(this.#chances.assume)) continue;
      yield* this.#taken({ kind: "assume", time, account, salt: this.#salt() });
    }
  }

  /** REDUCE, of a second in which markets will close. */
  *reductions(time: bigint): Generator<Command> {
    const { markets } = this.#genesis.rules;
    let left = this.#draw.pick([2, 4, 24]);
    for (const account of [INSURANCE, ...this.#accounts()])
      for (let slot = 0; slot < MARKETS && left > 0; slot++) {
        if (!markets[slot]) continue;
        for (const command of this.#enforce(time, this.#reduction(time, account, slot))) {
          left--;
          yield command;
        }
      }
  }

  /** All of them, from one on. */
  #accounts(): number[] {
    const count = this.#matcher.accounts.length;
    const first = this.#draw.count(0, count - 1);
    return Array.from({ length: count }, (_, i) => (first + i) % count);
  }

  #slot(otherwise: number): number {
    const given = this.#genesis.rules.markets.flatMap((row, slot) => (row ? [slot] : []));
    return this.#draw.chance(0.9) ? this.#draw.pick(given) : otherwise;
  }

  #salt(): bigint {
    return this.#draw.ends(0n, FIELD - 1n);
  }

  *#enforce(time: bigint, step: Enforcement | null): Generator<Command> {
    if (step && this.#draw.chance(this.#chances[step.kind]))
      yield* this.#taken({ kind: "enforce", time, step, salt: this.#salt() });
  }

  *#taken(command: Command): Generator<Command> {
    if (this.#takes(command)) yield command;
  }

  /** Whether the matcher would take it. */
  #takes(command: Command): boolean {
    try {
      this.#matcher.fork().apply(command);
      return true;
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      return false;
    }
  }

  /** Of as many lots as it may have, of one, or of some between. */
  #reduction(time: bigint, account: number, slot: number): Reduction | null {
    const draw = this.#draw;
    const row = this.#genesis.rules.markets[slot]!;
    const { positions } = this.#matcher.accounts[account];
    const side = [SIDE.buy, SIDE.sell].find((it) => closes(row, positions, it, 1n));
    if (side === undefined || !this.#genesis.prices.markets[slot]) return null;
    const most = row.legs.reduce(
      (lots, leg, i) => (leg === 0n ? lots : min(lots, abs(positions[i] / leg))),
      row.lotLimit,
    );
    const limit = this.#limit(time, account, slot, side);
    const of = (size: bigint): Reduction => ({ kind: "reduce", account, slot, side, limit, size });
    const takes = (size: bigint) => this.#takes({ kind: "enforce", time, step: of(size), salt: 0n });
    if (takes(most)) return of(draw.chance(0.7) ? most : draw.ends(1n, most));
    if (!takes(1n)) return null;
    if (draw.chance(0.3)) return of(1n);
    let [low, high] = [1n, most];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (takes(middle)) low = middle;
      else high = middle;
    }
    return of(low);
  }

  /** As wide as it may be, a tick less, a part of it, at the mark, better, or what an order of the book asks for. */
  #limit(time: bigint, account: number, slot: number, side: number): bigint {
    const draw = this.#draw;
    const { defaults } = this.#genesis.rules.group;
    const { tick, band } = this.#genesis.rules.markets[slot]!;
    const { mark, funding, low, high } = this.#genesis.prices.markets[slot]!;
    const { parts, of } =
      account === INSURANCE
        ? { parts: defaults.insuranceLimit, of: 1n << 16n }
        : widthOf(this.#matcher.accounts[account], defaults, time);
    const net = mark - funding;
    const way = max(0n, side === SIDE.sell ? net - low : high - net);
    const sign = side === SIDE.sell ? -1n : 1n;
    const rounded = (away: bigint) => divFloor(away, tick) * tick;
    const widest = rounded(min((parts * way) / of, (3n * band) / 4n));
    const other = this.#matcher.book(slot).filter((entry) => entry.side !== side);
    const asked = other.length > 0 ? draw.pick(other).limit : mark;
    return draw.pick([
      mark + sign * widest,
      mark + sign * widest,
      mark + sign * max(0n, widest - tick),
      mark + sign * rounded(widest / 2n),
      mark + sign * rounded(widest / 4n),
      mark + sign * rounded(widest / 16n),
      mark,
      mark - sign * tick,
      mark - sign * rounded(band),
      asked,
      asked,
    ]);
  }
}
