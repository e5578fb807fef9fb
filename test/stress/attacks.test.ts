// Goal: who owns several accounts, and an operator that chooses order and time of commands within the rules, gain nothing beyond what
// each test says; and no account, and no position of the insurance account, is stuck.
// Method: attacks as programs (desk.ts): each is tried as far as the rules let it, and what came of it is compared with a bound that
// follows from the rules alone.
import assert from "node:assert/strict";
import { isBelow } from "../../src/protocol/defaults.ts";
import { max, min } from "../../src/protocol/numbers.ts";
import { INSURANCE, SIDE } from "../../src/protocol/parameters.ts";
import { Desk, type Owned } from "./desk.ts";

const START = 100_000;
const [LOSER, WINNER, FRIEND] = [2, 3, 4];
/** A pair of one owner's, long and short, and a friend with money. @param equity  of the long one, 1024ths of its worst loss */
const pair = (lots: number, equity: number): Owned[] => [
  { lots: [lots], equity },
  { lots: [-lots], equity: 3_000 },
  { lots: [0], equity: 1_000_000_000 },
];

/** Lets minutes pass at a price, in which the operator takes no step. */
function wait(desk: Desk, index: number, until: bigint): void {
  while (desk.time < until) desk.reprice(index);
}

/** The worst limit and the most lots that a reduction may have now, by trying all on a fork. @param step  lots */
function worstReduction(desk: Desk, account: number, side: number, time: bigint, held: bigint, slot = 0) {
  const { tick, band } = desk.row(slot);
  const { mark } = desk.prices.markets[slot]!;
  const isAllowed = (limit: bigint, size: bigint) => {
    const fork = desk.matcher.fork();
    try {
      fork.apply({ kind: "enforce", time, step: { kind: "reduce", account, slot, side, limit, size }, salt: 1n });
      return true;
    } catch {
      return false;
    }
  };
  let best = { limit: mark, size: 0n, gain: 0n };
  for (let size = held; size > 0n; size -= max(1n, held / 5n)) {
    // What is allowed at a limit is allowed nearer the mark: by halves.
    let [good, bad] = [-1n, band / tick + 1n];
    while (bad - good > 1n) {
      const middle = (good + bad) / 2n;
      if (isAllowed(mark - (side === SIDE.sell ? middle : -middle) * tick, size)) good = middle;
      else bad = middle;
    }
    if (good < 0n) continue;
    const gain = good * tick * size;
    if (gain >= best.gain) best = { limit: mark - (side === SIDE.sell ? good : -good) * tick, size, gain };
  }
  return best.size > 0n ? best : null;
}

describe("attacks: a lone friend's bid", () => {
  it("gains of an owner's reductions at most size x the open width, and all of them together at most the owner's equity", () => {
    const desk = new Desk(pair(50, 700));
    desk.reprice(97_600);
    assert.ok(desk.step({ kind: "flag", account: LOSER }));
    const before = desk.of(LOSER);
    assert.ok(before.equity > 0n);
    const { grace, slope } = desk.defaults;
    const flagged = desk.time;
    wait(desk, 97_600, flagged + grace + slope);
    const friendAtFirst = desk.of(FRIEND).equity;
    let reductions = 0;
    for (let i = 0; i < 30; i++) {
      const auction = desk.auction;
      const { equity, risk } = desk.of(LOSER);
      const found = worstReduction(desk, LOSER, SIDE.sell, auction, desk.account(LOSER).positions[0]);
      if (!found) break;
      const { mark, low, high } = desk.prices.markets[0]!;
      assert.equal(desk.order(FRIEND, SIDE.buy, found.limit, found.size), "admitted");
      const friend = desk.of(FRIEND).equity;
      assert.ok(desk.reduce(LOSER, 0, SIDE.sell, found.limit, found.size, auction));
      desk.close(auction);
      reductions++;
      const gained = desk.of(FRIEND).equity - friend;
      const after = desk.of(LOSER);
      assert.ok(gained <= found.size * min(high - low, (3n * desk.row(0).band) / 4n), "size x the open width");
      assert.ok(gained <= found.size * (mark - found.limit));
      // E_0 (M - M') >= M x what it costs: each unit of the worst loss that is left keeps its equity.
      assert.ok(after.equity * risk >= equity * after.risk, "E_0 / M falls");
      assert.ok(gained * risk <= equity * (risk - after.risk));
      desk.reprice(97_600);
    }
    assert.ok(reductions > 0);
    assert.ok(desk.of(FRIEND).equity - friendAtFirst <= before.equity);
    assert.ok(desk.of(LOSER).equity >= 0n);
    // Of fees it has its share, and pays nothing.
    assert.ok(desk.insurance >= 0n);
  });

  it("gains nothing of an owner without equity: it cannot be reduced", () => {
    const desk = new Desk(pair(50, 600));
    desk.reprice(90_000);
    assert.ok(desk.of(LOSER).equity < 0n);
    desk.step({ kind: "flag", account: LOSER });
    wait(desk, 90_000, desk.time + desk.defaults.grace + desk.defaults.slope);
    assert.equal(worstReduction(desk, LOSER, SIDE.sell, desk.auction, 50n), null);
  });
});

/**
 * One turn through the insurance account: the loser is flagged, not reduced, assumed, and what the insurance account has is sold to the
 * friend alone, at the worst limit. @returns what owner and friend gained, and what bounds it
 */
function turn(desk: Desk, index: number, lots: bigint) {
  const owners = () => desk.of(LOSER).equity + desk.of(WINNER).equity + desk.of(FRIEND).equity;
  desk.step({ kind: "flag", account: LOSER });
  const { grace, slope, penalty, insuranceLimit } = desk.defaults;
  wait(desk, index, desk.time + grace + 2n * slope);
  const before = owners();
  const insurance = desk.insurance;
  const { risk, equity } = desk.of(LOSER);
  assert.ok(desk.step({ kind: "assume", account: LOSER }));
  const paid = equity - desk.of(LOSER).equity;
  const found = worstReduction(desk, INSURANCE, SIDE.sell, desk.auction, lots)!;
  const { mark, low } = desk.prices.markets[0]!;
  const auction = desk.auction;
  assert.equal(desk.order(FRIEND, SIDE.buy, found.limit, found.size), "admitted");
  assert.ok(desk.reduce(INSURANCE, 0, SIDE.sell, found.limit, found.size, auction));
  desk.close(auction);
  const bound = found.size * min((insuranceLimit * (mark - low)) >> 16n, (3n * desk.row(0).band) / 4n);
  return { gained: owners() - before, insurance: desk.insurance - insurance, paid, bound, most: (penalty * risk) >> 10n };
} // prettier-ignore

describe("attacks: cycling through the insurance account", () => {
  it("has rules in which a limit of half the width, for a penalty of a twentieth, cannot be", () =>
    assert.throws(
      () => new Desk(pair(50, 700), { insurance: 100_000_000n, set: ["group.defaults.insuranceLimit=32768"] }),
      { code: "OUT_OF_RANGE", message: /insuranceLimit/ },
    ));

  it("gains nothing with the development rules, where insuranceLimit is 32 times the penalty: the discount is below what the owner leaves", () => {
    const desk = new Desk(pair(50, 700), { insurance: 100_000_000n });
    assert.equal(desk.defaults.insuranceLimit, 32n * desk.defaults.penalty);
    desk.reprice(97_600);
    const { gained, insurance } = turn(desk, 97_600, 50n);
    assert.ok(gained <= 0n);
    assert.ok(insurance >= 0n);
  });
});

describe("attacks: options of the insurance account", () => {
  it("a call that is worth next to nothing is not sold below it: a friend gains what it is worth, and what may be charged for it", () => {
    const desk = new Desk([{ lots: [0, 20], equity: 600 }, { lots: [0, -20], equity: 6_000 }, { lots: [0], equity: 2 ** 40 }], { insurance: 1_000_000_000n, set: ["group.defaults.penalty=512", "group.defaults.insuranceLimit=16384"] }); // prettier-ignore
    for (const index of [97_000, 90_000, 80_000]) desk.reprice(index);
    assert.ok(desk.step({ kind: "flag", account: LOSER }));
    wait(desk, 80_000, desk.time + desk.defaults.grace + 2n * desk.defaults.slope);
    assert.ok(desk.step({ kind: "assume", account: LOSER }));
    const { mark, gross } = desk.prices.markets[1]!;
    const { limit } = worstReduction(desk, INSURANCE, SIDE.sell, desk.auction, 20n, 1)!;
    assert.ok(limit >= -gross);
    const before = desk.insurance;
    const auction = desk.auction;
    assert.equal(desk.order(FRIEND, SIDE.buy, limit, 20n, { slot: 1 }), "admitted");
    assert.ok(!desk.reduce(INSURANCE, 1, SIDE.sell, limit - desk.row(1).tick, 20n, auction));
    assert.ok(desk.reduce(INSURANCE, 1, SIDE.sell, limit, 20n, auction));
    desk.close(auction);
    const lost = before - desk.insurance;
    assert.ok(lost <= 20n * (mark - limit + 10n + 2n + 1n));
  });
});

describe("attacks: a losing and a winning account", () => {
  /** What the pair has beyond what it brought: the loser's debt, which is the insurance's. */
  const debt = (desk: Desk) => max(0n, -desk.of(LOSER).equity);

  it("flagged at each epoch, take of the insurance at most the move of an epoch beyond the maintenance", () => {
    for (const fall of [0.01, 0.03, 0.06, 0.12]) {
      const desk = new Desk(pair(50, 1_024), { insurance: 100_000_000n });
      let index = START;
      for (let i = 0; i < 30 && !desk.account(LOSER).positions.every((lots) => lots === 0n); i++) {
        const { equity, risk } = desk.of(LOSER);
        const isFine = !isBelow(desk.defaults.maintenance, { equity, risk });
        index *= 1 - fall;
        const mark = desk.prices.markets[0]!.mark;
        desk.reprice(index);
        const moved = mark - desk.prices.markets[0]!.mark + desk.row(0).tick;
        // Healthy before: E_0 >= maintenance M; so of 50 lots it can lack their move less that.
        const bound = max(0n, 50n * moved - ((desk.defaults.maintenance * risk) >> 10n));
        if (isFine) assert.ok(debt(desk) <= bound, `${fall}`);
        desk.look();
        desk.time = desk.auction;
        if (desk.of(LOSER).equity < 0n) assert.ok(desk.step({ kind: "assume", account: LOSER }), "taken over at once");
      }
    }
  });

  it("flagged late, take all of the later move: what the operator is trusted with, and no rule bounds", () => {
    const desk = new Desk(pair(50, 1_024), { insurance: 100_000_000n });
    const had = desk.of(LOSER).equity;
    for (const index of [95_000, 90_000, 85_000, 80_000]) desk.reprice(index);
    const lost = 50n * 20_000n;
    assert.ok(desk.prices.funding === 0n && debt(desk) >= lost - had - 50n && debt(desk) <= lost - had + 50n);
    // The winner is paid in full as long as nobody has assumed the loser: a debt that is nobody's is not short.
    const free = desk.of(WINNER).equity - desk.of(WINNER).risk;
    assert.equal(desk.withdraw(WINNER, free), free);
    desk.step({ kind: "flag", account: LOSER });
    assert.ok(desk.step({ kind: "assume", account: LOSER }));
  });

  it("get nothing of sham attempts: they delay an assumption by no more than the auction they are in", () => {
    const desk = new Desk(pair(50, 700), { insurance: 100_000_000n });
    desk.reprice(97_600);
    assert.ok(desk.step({ kind: "flag", account: LOSER }));
    const due = desk.time + desk.defaults.grace + 2n * desk.defaults.slope;
    let attempts = 0;
    while (desk.time < due) {
      desk.reprice(97_600);
      for (let i = 0; i < 2; i++) {
        const auction = desk.auction;
        const { mark } = desk.prices.markets[0]!;
        // Far above the mark, where nobody buys.
        if (desk.reduce(LOSER, 0, SIDE.sell, mark + 10_000n, 1n, auction)) attempts++;
        assert.equal(desk.account(LOSER).open, 1n);
        desk.close(auction);
        assert.equal(desk.account(LOSER).open, 0n);
        assert.equal(desk.account(LOSER).reserved, 0n);
      }
    }
    assert.ok(attempts > 40);
    assert.ok(desk.step({ kind: "assume", account: LOSER }));
  });
});

describe("attacks: flag flicker", () => {
  it("no item without full margin ends a flag, or begins its time again", () => {
    const desk = new Desk(pair(50, 700));
    desk.reprice(97_600);
    assert.ok(desk.step({ kind: "flag", account: LOSER }));
    const { flagged } = desk.account(LOSER);
    const { mark } = desk.prices.markets[0]!;
    const tries = () => {
      desk.order(LOSER, SIDE.sell, mark, 1n);
      desk.order(LOSER, SIDE.buy, mark, 1n);
      desk.order(LOSER, SIDE.sell, mark - 500n, 50n);
      desk.withdraw(LOSER, 1n);
      desk.step({ kind: "flag", account: LOSER });
      assert.equal(desk.account(LOSER).flagged, flagged);
    };
    tries();
    desk.close(desk.auction);
    wait(desk, 97_600, flagged + desk.defaults.grace);
    tries();
    assert.equal(desk.order(LOSER, SIDE.sell, mark, 1n), "inLiquidation");
    wait(desk, 97_600, flagged + desk.defaults.grace + 2n * desk.defaults.slope);
    assert.ok(desk.step({ kind: "assume", account: LOSER }));
  });

  it("who gets full margin back is free at its next order, and is flagged anew only when it is under maintenance again", () => {
    const desk = new Desk(pair(50, 700));
    desk.reprice(97_600);
    desk.step({ kind: "flag", account: LOSER });
    wait(desk, 97_600, desk.time + desk.defaults.grace);
    const { equity, risk } = desk.of(LOSER);
    desk.deposit(LOSER, risk - equity + 10_000n);
    assert.ok(!desk.step({ kind: "assume", account: LOSER }));
    assert.equal(worstReduction(desk, LOSER, SIDE.sell, desk.auction, 50n), null);
    assert.equal(desk.order(LOSER, SIDE.sell, desk.prices.markets[0]!.mark + 1_000n, 1n), "admitted");
    assert.equal(desk.account(LOSER).flagged, 0n);
    assert.ok(!desk.step({ kind: "flag", account: LOSER }));
  });
});

describe("attacks: runs on the vault", () => {
  it("whoever comes first, second or last is paid the same part, and all together no more than there is", () => {
    const outcomes = [0, 1, 2].map((shift) => {
      const savers = Array.from({ length: 6 }, (): Owned => ({ lots: [0], equity: 1_000_000 }));
      const desk = new Desk([{ lots: [50], equity: 1_024 }, { lots: [-50], equity: 2_000 }, ...savers]);
      for (const index of [92_000, 84_000]) desk.reprice(index);
      desk.step({ kind: "flag", account: LOSER });
      assert.ok(desk.step({ kind: "assume", account: LOSER }));
      const { vault, deficit } = desk.matcher.held;
      assert.ok(deficit > 0n);
      const paid = savers.map((_, i) => desk.withdraw(4 + ((i + 2 * shift) % 6), 1_000_000n) as bigint);
      const part = (1_000_000n * vault) / (vault + deficit);
      for (const it of paid) assert.ok(it >= part - 6n && it <= part + 6n, `${it} of ${part}`);
      assert.ok(desk.matcher.held.vault >= 0n);
      desk.laws.whole("the end");
      return paid[0];
    });
    assert.equal(new Set(outcomes).size, 1);
  });

  it("the assumption that prices make due is of their second, before any withdrawal", () => {
    const desk = new Desk([
      { lots: [50], equity: 1_024 },
      { lots: [-50], equity: 2_000 },
      { lots: [0], equity: 1_000_000 },
    ]);
    desk.reprice(92_000);
    desk.reprice(80_000);
    desk.look();
    assert.ok(desk.matcher.held.deficit > 0n);
    assert.ok((desk.withdraw(4, 500_000n) as bigint) < 500_000n);
  });

  it("an owner without equity keeps no position by orders that come after each sweep", () => {
    const outcomes = [false, true].map((dodges) => {
      const desk = new Desk([{ lots: [50], equity: 700 }, { lots: [-50], equity: 3_000 }, { lots: [0], equity: 1_000_000 }], { insurance: 100_000_000n, set: ["group.defaults.grace=300"] });
      // Prices are there, and nobody has looked: a sale so dear that it gains in every scenario is admitted.
      desk.reprice(92_500);
      const { high, funding, gross } = desk.prices.markets[0]!;
      const dear = ((high + funding + gross) / 10n + 20n) * 10n;
      if (dodges) assert.equal(desk.order(LOSER, SIDE.sell, dear, 1n), "admitted");
      desk.look();
      assert.deepEqual(desk.account(LOSER).positions.filter((lots) => lots !== 0n), []);
      return [desk.of(LOSER).equity, desk.insurance];
    });
    assert.deepEqual(outcomes[1], outcomes[0]);
  }); // prettier-ignore
});

describe("attacks: many defaults", () => {
  /** Someone who buys and sells near the mark. */
  const maker =
    (index: number, away = 200n) =>
    (desk: Desk) => {
      const { mark } = desk.prices.markets[0]!;
      desk.order(index, SIDE.buy, mark - away, 500n);
      desk.order(index, SIDE.sell, mark + away, 500n);
    };
  const nobodyIsStuck = (desk: Desk, index: number, makerAt: number) => {
    const { grace, slope } = desk.defaults;
    const end = desk.time + grace + 2n * slope + 60n;
    while (desk.time < end) desk.minute(index, maker(makerAt));
    for (const [i, account] of desk.matcher.accounts.entries())
      if (i !== INSURANCE)
        assert.ok(!isBelow(desk.defaults.maintenance, desk.of(i)) && account.reserved >= 0n, `account ${i}`);
    for (let i = 0; i < 60 && desk.account(INSURANCE).positions.some((lots) => lots !== 0n); i++)
      desk.minute(index, maker(makerAt));
    assert.ok(
      desk.account(INSURANCE).positions.every((lots) => lots === 0n),
      "a position of the insurance is stuck",
    );
    assert.equal(desk.account(INSURANCE).reserved, 0n);
  };

  it("dust: accounts of one lot, more than a market has room for, are all dealt with in the time of a flag", () => {
    const dust = Array.from({ length: 300 }, (): Owned => ({ lots: [1], equity: 600 }));
    const desk = new Desk([...dust, { lots: [40], equity: 700 }, { lots: [-340], equity: 4_000 }, { lots: [0], equity: 2 ** 45 }]); // prettier-ignore
    desk.minute(97_500, maker(304));
    assert.ok(dust.filter((_, i) => desk.account(2 + i).flagged > 0n).length > 250);
    nobodyIsStuck(desk, 97_500, 304);
    assert.ok(
      desk.insurance >= 0n,
      "nobody lacked anything, and what is taken over is sold for no more than its penalty",
    );
  });

  it("many at once, without equity: all are taken over before prices change, and the insurance lacks what they lacked", () => {
    const many = Array.from({ length: 200 }, (): Owned => ({ lots: [3], equity: 1_100 }));
    const desk = new Desk([...many, { lots: [-600], equity: 6_000 }, { lots: [0], equity: 2 ** 45 }]);
    desk.reprice(86_000);
    const lacked = many.reduce((sum, _, i) => sum + max(0n, -desk.of(2 + i).equity), 0n);
    assert.ok(lacked > 0n);
    desk.look();
    desk.time = desk.auction;
    desk.look();
    for (const [i] of many.entries()) assert.ok(desk.account(2 + i).positions.every((lots) => lots === 0n));
    assert.equal(desk.matcher.held.deficit, lacked);
    nobodyIsStuck(desk, 86_000, 203);
  });
});
