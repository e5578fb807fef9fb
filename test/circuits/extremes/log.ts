/** Logs at the ends of what traders and the operator may write. */
import type { Deposit } from "../../../src/matcher/events.ts";
import type { Command, Matcher } from "../../../src/matcher/matcher.ts";
import { MAX_HELD, type Account } from "../../../src/protocol/account.ts";
import { depositKey, ORDER, sign } from "../../../src/protocol/eddsa.ts";
import type { GenesisFile } from "../../../src/protocol/genesis.ts";
import {
  A_COLUMNS,
  decodeItem,
  itemHash,
  ORDER_COLUMNS,
  quotesItem,
  WITHDRAWAL_COLUMNS,
  type Auth,
  type Decoded,
  type Head,
  type Item,
  type OrderBody,
} from "../../../src/protocol/item.ts";
import { shortOf } from "../../../src/protocol/defaults.ts";
import { equity, orderDelta } from "../../../src/protocol/margin.ts";
import { weighedSquares } from "../../../src/protocol/admission.ts";
import { fee, isMarketOpen, type MarketRules } from "../../../src/protocol/market.ts";
import type { MarketPrices } from "../../../src/protocol/prices.ts";
import { divFloor, FIELD, max, min, pack } from "../../../src/protocol/numbers.ts";
import {
  BITS,
  FLAG,
  KIND,
  REDUCTION_NONCE,
  LIST_ORDERS,
  MARKETS,
  MAX_POSITION_SQUARES,
  NONCE_WINDOW,
  RANK,
  SIDE,
} from "../../../src/protocol/parameters.ts";
import { below, type Draw } from "./draw.ts";
import { Steps } from "./steps.ts";
import { keyOf, LAST_TIME, ownerOf, PLACES, PROFILE, secretOf } from "./venue.ts";

/** Points of order 1, 2 and 4 of BabyJubJub; a x^2 = 1 of the latter. */
const SMALL: [bigint, bigint][] = [
  [0n, 1n],
  [0n, FIELD - 1n],
  [18930368022820495955728484915491405972470733850014661777449844430438130630919n, 0n],
];

/** Cash units with which most orders can be paid for. */
const RICH = 1n << 70n;
const LAST_ACCOUNT = Number(below(BITS.account));

/** Where the column of the side begins in A; that of the flags follows. */
const SIDE_AT = BigInt(BITS.kind + BITS.market + BITS.account + BITS.nonce);
type DecodedOrder = Extract<Decoded, { kind: "order" }>;

/** Words that are of no list of quotes: those come with a list, or not into a log. */
function unlisted(A: bigint): bigint {
  return BigInt.asUintN(BITS.kind, A) === BigInt(KIND.quotes) ? A + 1n : A;
}

/** Draws commands for a matcher that applies each before the next is asked for. */
export class Log {
  readonly #draw: Draw;
  readonly #genesis: GenesisFile;
  readonly #matcher: Matcher;
  /** slot that most items are for */
  readonly #focus: number;
  #time: bigint;
  /** what is done about defaults, if anything */
  readonly #steps: Steps | null;
  /** deposits that the contract still takes: one for each leaf that genesis left free */
  #left: number;
  /** whether several have as much as they may */
  readonly #shared: boolean;
  /** limit that most orders of a stage have, so that the price is there */
  #anchor: bigint | undefined;

  constructor(draw: Draw, genesis: GenesisFile, matcher: Matcher) {
    this.#draw = draw;
    this.#genesis = genesis;
    this.#matcher = matcher;
    const taken = this.#slots();
    const { markets } = genesis.prices;
    const open = taken.filter((slot) => markets[slot] && isMarketOpen(genesis.rules.markets[slot]!, genesis.time));
    this.#focus = draw.pick(open.length > 0 && draw.chance(0.95) ? open : taken);
    this.#time = genesis.time;
    this.#left = PLACES - genesis.accounts.length;
    this.#shared = draw.chance(0.7);
    this.#steps = draw.chance(genesis.accounts.some(({ cash }) => cash !== 0n) ? 0.95 : 0.3)
      ? new Steps(draw, genesis, matcher)
      : null;
  }

  *commands(): Generator<Command> {
    const draw = this.#draw;
    if (draw.chance(this.#time === 0n ? 0.6 : 0.05)) yield* this.#clear();
    for (let i = this.#shared ? 3 : draw.count(1, 3); i > 0; i--) yield this.#deposit();
    if (this.#steps && draw.chance(0.5)) yield* this.#clear();
    yield* this.#late();
    for (let stage = draw.count(1, 2); stage > 0; stage--) {
      this.#anchor = undefined;
      for (let i = draw.count(6, 13); i > 0; i--) {
        if (draw.chance(0.15)) this.#time = min(this.#time + draw.pick([1n, 1n, 60n]), LAST_TIME);
        yield this.#item();
        if (draw.chance(0.1)) yield* this.#late();
      }
      if (draw.chance(0.25)) {
        yield* this.#manyCancels();
        for (let i = draw.count(3, 6); i > 0; i--) yield this.#item("order");
      }
      if (draw.chance(0.2)) yield this.#deposit();
      yield* this.#clear();
      yield* this.#late();
    }
    if (draw.chance(0.1)) this.#time = LAST_TIME;
    if (draw.chance(0.3)) yield* this.#late();
    for (let i = draw.count(0, 2); i > 0; i--) yield this.#item();
    if (draw.chance(0.3)) yield { kind: "purge", time: this.#time, slot: draw.count(0, MARKETS - 1) };
    yield* this.#folds();
  }

  /** What is done about defaults but reductions, and withdrawals where something is short then. */
  *#late(): Generator<Command> {
    const draw = this.#draw;
    if (!this.#steps || draw.chance(0.3)) return;
    yield* this.#steps.late(this.#time);
    if (shortOf(this.#matcher.held) === 0n) return;
    for (let i = draw.count(1, 4); i > 0; i--) yield this.#item("withdrawal");
  }

  /** Of accounts that have something to fold, and now and then of others; nothing follows that reads their cash. */
  *#folds(): Generator<Command> {
    const draw = this.#draw;
    const time = max(this.#time, this.#matcher.clock >> 5n);
    if (this.#genesis.prices.payoffs.every((payoff) => payoff === 0n) && draw.chance(0.9)) return;
    for (let i = draw.count(1, 3); i > 0; i--) {
      const last = this.#matcher.accounts.length - 1;
      const from = draw.pick([draw.pick([...this.#matcher.unfolded(), last]), last, draw.count(0, last)]);
      yield { kind: "fold", time, from, count: Math.min(draw.count(1, PROFILE.fold), last + 1 - from) };
    }
  }

  #slots(): number[] {
    return this.#genesis.rules.markets.flatMap((row, slot) => (row ? [slot] : []));
  }

  /** CLOSE of the focus, of some other slots at the same time, and perhaps a PURGE. */
  *#clear(): Generator<Command> {
    const draw = this.#draw;
    const interval = this.#genesis.rules.markets[this.#focus]?.interval ?? 1n;
    const { clock } = this.#matcher;
    const next = max(this.#time, (clock >> 5n) + (clock % 32n === BigInt(RANK.other) ? 1n : 0n));
    const due = next + ((interval - (next % interval)) % interval);
    const time = draw.rarely(0.06, [next, LAST_TIME], due);
    if (time <= LAST_TIME) {
      this.#time = time;
      if (this.#steps) yield* this.#steps.reductions(time);
      for (let slot = 0; slot < MARKETS; slot++) {
        const given = this.#genesis.rules.markets[slot] !== null;
        const asked = slot === this.#focus || draw.chance(given ? (this.#steps ? 0.8 : 0.4) : 0.02);
        if (asked && 32n * time + BigInt(RANK.close(slot)) > this.#matcher.clock) yield { kind: "close", time, slot };
      }
    }
    if (draw.chance(0.2))
      yield { kind: "purge", time: this.#time, slot: draw.pick([this.#focus, draw.count(0, MARKETS - 1)]) };
  }

  /** More cancels than one sweep takes, of one kind or both. */
  *#manyCancels(): Generator<Command> {
    const draw = this.#draw;
    const alls = draw.pick([0, 0, 3, 5]);
    const singles = alls === 0 ? draw.pick([16, 17, 17, 33]) : draw.count(0, 3);
    const kinds = Array.from({ length: alls + singles }, (_, i) => i < alls);
    while (kinds.length > 0) {
      const [all] = kinds.splice(draw.count(0, kinds.length - 1), 1);
      const by = this.#trader();
      const nonce = min(this.#account(by).nonce + 2n, below(BITS.nonce));
      const head = this.#head(by, "cancel", { market: this.#id(this.#focus), nonce });
      yield this.#signed(by, this.#cancelItem(by, head, all));
    }
  }

  #account(index: number): Account {
    return this.#matcher.accounts[index];
  }

  /** Who writes next: mostly one who can pay for an order; some have as large a position as lets them place one. */
  #trader(): number {
    const draw = this.#draw;
    const { accounts } = this.#matcher;
    const all = [...accounts.keys()];
    const able = all.filter((index) => this.#spare(accounts[index]) > 0n);
    // An order that closes may be admitted all the same.
    if (this.#steps && able.length < all.length && draw.chance(0.15))
      return draw.pick(all.filter((index) => !able.includes(index)));
    const full = able.filter((index) => weighedSquares(accounts[index], this.#genesis.prices) === MAX_POSITION_SQUARES);
    if (full.length > 0 && draw.chance(0.25)) return draw.pick(full);
    const rich = all.filter(
      (index) =>
        this.#spare(accounts[index]) >= RICH &&
        weighedSquares(accounts[index], this.#genesis.prices) <= MAX_POSITION_SQUARES,
    );
    return draw.pick(rich.length > 0 && draw.chance(0.88) ? rich : all);
  }

  /** What the account may lose. */
  #spare(account: Account): bigint {
    const { prices } = this.#genesis;
    return prices.values.map((_, k) => equity(account, prices, k) - account.reserved).reduce(min);
  }

  #id(slot: number): bigint {
    return this.#genesis.rules.markets[slot]?.id ?? this.#draw.ends(0n, below(BITS.market));
  }

  /** Deposits, as a contract takes them; where it takes none, a purge. */
  #deposit(): Command {
    const draw = this.#draw;
    const deposits: Deposit[] = [];
    const owners = this.#matcher.accounts.map(ownerOf);
    // Payouts are sent at once.
    let held = this.#matcher.held.vault;
    for (
      let i = this.#shared ? PROFILE.deposit : draw.count(1, PROFILE.deposit);
      i > 0 && this.#left > 0 && held < MAX_HELD;
      i--
    ) {
      this.#left--;
      const next = owners.length;
      const at = draw.chance(0.5) ? next : draw.count(0, next - 1);
      const owner = owners[at] ?? next;
      const index = draw.rarely(0.03, [0, LAST_ACCOUNT, PLACES, next], at);
      if (owners[index] !== owner) owners.push(owner);
      const free = MAX_HELD - held;
      const half = max(free / 2n, 1n);
      const part = min(MAX_HELD / 6n, free);
      const amount = this.#shared ? part : draw.pick([free, half, half, free / 3n + 1n, 1n, draw.ends(1n, free)]);
      held += amount;
      const { x, y } = depositKey(keyOf(owner));
      // With the point of order 2 added it names the same key.
      const [keyX, keyY] = draw.chance(0.2) ? [(FIELD - x) % FIELD, FIELD - y] : [x, y];
      deposits.push({ keyX, keyY, index, amount });
    }
    if (deposits.length === 0) return { kind: "purge", time: this.#time, slot: draw.count(0, MARKETS - 1) };
    return { kind: "deposits", time: this.#time, deposits };
  }

  #item(asked?: "order" | "withdrawal"): Command {
    const draw = this.#draw;
    const kind = asked === "order" ? 0 : asked ? 0.8 : draw.random.unit();
    const by = this.#trader();
    if (kind < 0.55) return this.#signed(by, this.#order(by));
    if (kind < 0.7) return this.#signed(by, this.#quotes(by));
    if (kind < 0.78) return this.#signed(by, this.#cancel(by));
    if (kind < 0.86) {
      const all = [...this.#matcher.accounts.keys()];
      const richest = all.reduce((a, b) => (this.#spare(this.#account(b)) > this.#spare(this.#account(a)) ? b : a));
      const any = draw.pick([by, richest, draw.pick(all)]);
      return this.#signed(any, this.#withdrawal(any));
    }
    return kind < 0.95 ? this.#garbage() : this.#mutant(by);
  }

  #salt(): bigint {
    return this.#draw.ends(0n, FIELD - 1n);
  }

  /** Columns of A; those that the kind does not use hold anything. */
  #head(by: number, kind: "order" | "cancel" | "withdrawal", changes: Partial<Head> = {}): Head {
    const draw = this.#draw;
    const { nonce } = this.#account(by);
    const last = below(BITS.nonce);
    const next = draw.rarely(
      0.006,
      [nonce, nonce + NONCE_WINDOW, nonce + NONCE_WINDOW, nonce + NONCE_WINDOW + 1n, last, last],
      nonce + draw.pick([1n, 2n]),
    );
    return {
      kind: BigInt(KIND[kind]),
      market: draw.ends(0n, below(BITS.market)),
      account: BigInt(by),
      nonce: min(next, last),
      side: BigInt(draw.count(0, 1)),
      flags: 0n,
      validUntil: draw.rarely(0.01, [max(this.#time - 1n, 0n), 0n], draw.pick([this.#time, LAST_TIME])),
      expiry: draw.rarely(
        0.03,
        [this.#time, 0n, this.#time + 1n].map((x) => min(x, LAST_TIME)),
        LAST_TIME,
      ),
      ...changes,
    };
  }

  #cancelItem(by: number, head: Head, all: boolean): Item {
    const draw = this.#draw;
    const own = this.#matcher.book(this.#focus).filter(({ account }) => account === by);
    const earlier = draw.ends(min(1n, head.nonce - 1n), max(head.nonce - 1n, 0n));
    const target = own.length > 0 && draw.chance(0.6) ? draw.pick(own).nonce : earlier;
    const replaces = all ? 0n : draw.rarely(0.03, [head.nonce, 0n, below(BITS.nonce)], max(target, 0n));
    const flags = draw.rarely(0.02, [1n, 3n, 4n, 128n], all ? BigInt(FLAG.all) : 0n);
    const body = {
      limit: draw.ends(-(1n << BigInt(BITS.price)), below(BITS.price)),
      size: draw.ends(0n, below(BITS.size)),
      replaces,
      maxFee: draw.ends(0n, below(BITS.maxFee)),
    };
    return { A: pack(A_COLUMNS, { ...head, flags }), B: pack(ORDER_COLUMNS, body), salt: this.#salt() };
  }

  /** The slot of an order or a cancel. */
  #market(): number {
    const draw = this.#draw;
    return draw.chance(0.12) ? draw.pick(this.#slots()) : this.#focus;
  }

  /** A list of quotes: orders as they are drawn alone, often smaller, so that there is margin for all. */
  #quotes(by: number): Item {
    const draw = this.#draw;
    const count = draw.pick([1, LIST_ORDERS, LIST_ORDERS, draw.count(1, LIST_ORDERS)]);
    const drawn = Array.from({ length: count }, () => decodeItem(this.#order(by)) as DecodedOrder);
    const [{ head, body }] = drawn;
    const less = draw.pick([0n, 3n, 6n, 6n]);
    const orders = drawn.map(({ head: { side }, body: { limit, size } }) => {
      return { side: Number(side), limit: draw.chance(0.8) ? body.limit : limit, size: size >> less || min(size, 1n) };
    });
    const nonce = draw.rarely(0.02, [REDUCTION_NONCE - 8n, REDUCTION_NONCE - 7n], head.nonce);
    const { maxFee } = body;
    const item = quotesItem({ ...head, nonce, orders, maxFee, salt: this.#salt() });
    const flags = BigInt(draw.rarely(0.03, [0, 9, 15, 16 + count, 128 + count, Math.max(count - 1, 0)], count) - count);
    const side = draw.chance(0.2) ? 1n << SIDE_AT : 0n;
    return { ...item, A: item.A + (flags << (SIDE_AT + 1n)) + side };
  }

  #cancel(by: number): Item {
    const draw = this.#draw;
    const market = draw.rarely(0.03, [0n, below(BITS.market)], this.#id(this.#market()));
    return this.#cancelItem(by, this.#head(by, "cancel", { market }), draw.chance(0.35));
  }

  #withdrawal(by: number): Item {
    const draw = this.#draw;
    const account = this.#account(by);
    const most = max(0n, min(this.#spare(account), below(BITS.amount)));
    const { held } = this.#matcher;
    // The least of which something is paid, and the least of which all that is there is.
    const [some, all] = [1n, held.vault].map((paid) => {
      const owed = paid * (held.vault + shortOf(held));
      return min(held.vault === 0n ? 1n : (owed + held.vault - 1n) / held.vault, below(BITS.amount));
    });
    const amount = draw.pick([
      ...(shortOf(held) > 0n ? [some, max(0n, some - 1n), all, all + 1n].filter((it) => it <= most) : []),
      most,
      most,
      min(most + 1n, below(BITS.amount)),
      draw.ends(0n, below(BITS.amount)),
      most / 2n,
    ]);
    const body = { recipient: draw.ends(0n, below(BITS.recipient)), amount };
    const less = draw.chance(shortOf(held) > 0n ? 0.8 : 0) ? BigInt(FLAG.lessAccepted) : 0n;
    const flags = draw.ends(0n, below(BITS.flags)) | less;
    const head = this.#head(by, "withdrawal", { flags });
    return { A: pack(A_COLUMNS, { ...head }), B: pack(WITHDRAWAL_COLUMNS, body), salt: this.#salt() };
  }

  /** Limits that say something of this market: around the mark, at the ends of the band and of the range. */
  #limits({ tick, band }: MarketRules, { mark }: MarketPrices): { good: bigint[]; bad: bigint[] } {
    const [low, high] = [-(1n << BigInt(BITS.price)), below(BITS.price)];
    const fits = (limit: bigint) => limit >= low && limit <= high;
    const floor = (x: bigint) => divFloor(x, tick) * tick;
    const reach = (band / tick) * tick;
    const [least, most] = [max(mark - reach, -floor(-low)), min(mark + reach, floor(high))];
    return {
      good: [mark, least, least, most, most, mark + tick, mark - tick].filter(
        (x) => x >= least && x <= most && fits(x),
      ),
      bad: [most + tick, least - tick, low, high, mark + 1n].filter(fits),
    };
  }

  #order(by: number): Item {
    const draw = this.#draw;
    const slot = this.#market();
    const { rules, prices } = this.#genesis;
    const [row, quoted] = [rules.markets[slot], prices.markets[slot]];
    const flags = draw.rarely(0.008, [2n, 4n, 129n], draw.chance(0.2) ? BigInt(FLAG.thisAuction) : 0n);
    const market = draw.rarely(0.01, [0n, below(BITS.market)], this.#id(slot));
    let head = this.#head(by, "order", { market, flags });
    let limit = draw.ends(-(1n << BigInt(BITS.price)), below(BITS.price));
    let size = draw.ends(0n, below(BITS.size));
    let maxFee = draw.ends(0n, below(BITS.maxFee));
    if (row && quoted) {
      const { good, bad } = this.#limits(row, quoted);
      // The other side of the order before it.
      const answered = draw.chance(0.45) ? this.#matcher.book(slot).at(-1) : undefined;
      if (slot === this.#focus) {
        const ends = good.filter((x) => x === -(1n << BigInt(BITS.price)) || x === below(BITS.price));
        this.#anchor ??= draw.pick(ends.length > 0 && draw.chance(0.6) ? ends : good);
      }
      const anchored = slot === this.#focus && draw.chance(0.6) ? this.#anchor! : draw.pick(good);
      limit = draw.chance(0.06) && bad.length > 0 ? draw.pick(bad) : (answered?.limit ?? anchored);
      const account = this.#account(by);
      const affordable = [SIDE.buy, SIDE.sell].map((side) => this.#most(account, row, quoted, side, limit));
      // Who holds as much as lets it place an order wants more of it.
      const held = row.legs.reduce((sum, leg, i) => sum + leg * account.positions[i], 0n);
      const full = weighedSquares(account, this.#genesis.prices) === MAX_POSITION_SQUARES && held !== 0n;
      const grows = held > 0n ? SIDE.buy : SIDE.sell;
      const wanted = full ? grows : answered ? 1 - answered.side : Number(head.side);
      // The side that the account can pay for, if there is but one.
      const side = draw.rarely(0.05, [0, 1], affordable[wanted] === 0n ? 1 - wanted : wanted);
      head = { ...head, side: BigInt(side) };
      size = this.#size(row, side, affordable[side]);
      const charged = fee(row, limit, 1n);
      maxFee = draw.rarely(
        0.015,
        [charged - 1n, draw.ends(0n, charged)].map((x) => max(x, 0n)),
        draw.pick([charged, below(BITS.maxFee)]),
      );
    }
    const own = this.#matcher.book(slot).filter(({ account }) => account === by);
    const earlier = [head.nonce, below(BITS.nonce), max(head.nonce - 1n, 0n)];
    const replaces = draw.rarely(0.01, earlier, own.length > 0 && draw.chance(0.15) ? draw.pick(own).nonce : 0n);
    const body: OrderBody = { limit, size, replaces, maxFee };
    return { A: pack(A_COLUMNS, { ...head }), B: pack(ORDER_COLUMNS, { ...body }), salt: this.#salt() };
  }

  /** Lots that margin and market allow at most. */
  #most(account: Account, row: MarketRules, quoted: MarketPrices, side: number, limit: bigint): bigint {
    const { prices } = this.#genesis;
    return prices.values
      .map((_, k) => {
        const delta = orderDelta(row, quoted, side, limit, k);
        const spare = equity(account, prices, k) - account.reserved;
        return delta >= 0n ? row.lotLimit : spare < 0n ? 0n : spare / -delta;
      })
      .reduce(min, row.lotLimit);
  }

  /** Lots: mostly as many as may be, or as the other side offers. */
  #size({ lotLimit }: MarketRules, side: number, most: bigint): bigint {
    const draw = this.#draw;
    const other = this.#matcher.book(this.#focus).filter((entry) => entry.side !== side);
    const offered = min(
      other.reduce((sum, { remaining }) => sum + remaining, 0n),
      most,
    );
    const good = draw.pick([most, most, most - 1n, most >> 3n, most >> 7n, 1n, offered, offered]);
    return min(draw.rarely(0.012, [most + 1n, lotLimit + 1n, below(BITS.size), 0n], max(good, 1n)), below(BITS.size));
  }

  #signed(by: number, item: Item): Command {
    const draw = this.#draw;
    const { R8x, R8y, S } = sign(secretOf(ownerOf(this.#account(by))), itemHash(this.#genesis.domain, item));
    const command = { kind: "item" as const, time: this.#time, item, auth: { R8x, R8y, S } };
    return draw.chance(0.03) ? { ...command, auth: this.#spoilt({ R8x, R8y, S }) } : command;
  }

  /** A signature that is none, in the ways in which it may not be one. */
  #spoilt({ R8x, R8y, S }: Auth): Auth {
    const draw = this.#draw;
    const [x, y] = draw.pick(SMALL);
    return draw.pick([
      { R8x, R8y, S: S + ORDER },
      { R8x, R8y, S: ORDER - S },
      { R8x: (FIELD - R8x) % FIELD, R8y: (FIELD - R8y) % FIELD, S },
      { R8x: x, R8y: y, S: draw.pick([0n, S]) },
      { R8x: R8y, R8y: R8x, S },
      { R8x: this.#element(), R8y: this.#element(), S: this.#element() },
    ]);
  }

  /** Any field element: most are near some power of 2, near the modulus, or near the order of the curve. */
  #element(): bigint {
    const draw = this.#draw;
    const power = 1n << BigInt(draw.count(0, 253));
    const near = draw.pick([0n, power, FIELD - 1n, ORDER, FIELD - power, FIELD >> 1n, draw.random.bits(253)]);
    return (near + draw.pick([0n, 0n, 1n, FIELD - 1n])) % FIELD;
  }

  /** What a stranger may write: no account, or one that did not sign. */
  #garbage(): Command {
    const draw = this.#draw;
    const item: Item = { A: this.#element(), B: this.#element(), salt: this.#element() };
    const by = this.#trader();
    // Well formed, so that more than its form is looked at.
    const strange = draw.pick([LAST_ACCOUNT, PLACES, PLACES - 1, by]);
    const good = draw.pick([() => this.#order(by), () => this.#cancel(by), () => this.#withdrawal(by)])();
    const moved = good.A + (BigInt(strange) - BigInt(by)) * (1n << BigInt(BITS.kind + BITS.market));
    const words = draw.pick([item, item, { ...item, A: moved }, { ...good, A: moved }, { ...good, A: moved }]);
    const [A, B] = [unlisted(words.A), words.B];
    const [x, y] = draw.pick(SMALL);
    const auth: Auth = draw.chance(0.3)
      ? { R8x: x, R8y: y, S: draw.pick([0n, 1n, ORDER - 1n, ORDER]) }
      : { R8x: this.#element(), R8y: this.#element(), S: this.#element() };
    return { kind: "item", time: this.#time, item: { A, B, salt: item.salt }, auth };
  }

  /** Well signed, but with bits beyond the columns, or of a kind that is none of a trader's. */
  #mutant(by: number): Command {
    const draw = this.#draw;
    const good = draw.pick([() => this.#order(by), () => this.#cancel(by), () => this.#withdrawal(by)])();
    const kinds = [0n, 4n, 5n, 6n, 7n, 15n, 17n, 32n, 48n, 255n];
    const { A, B, salt } = good;
    const kindless = A - (A % 256n);
    const bent = draw.pick<Item>([
      { A: kindless + draw.pick(kinds), B, salt },
      { A: A + (1n << BigInt(draw.count(189, 252))), B, salt },
      { A, B: (B + (1n << BigInt(draw.count(174, 252)))) % FIELD, salt },
      { A, B: this.#element(), salt },
      { A: (A + (this.#element() << 189n)) % FIELD, B, salt },
      // An order or cancel read as a withdrawal, and the reverse.
      { A: kindless + draw.pick([1n, 2n, 3n]), B, salt },
    ]);
    return this.#signed(by, { ...bent, A: unlisted(bent.A) });
  }
}
