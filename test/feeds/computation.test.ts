// Goal: every number of a report is what docs/feeds.md says.
// Method: random observations, and each number again second by second from all of them; edges of windows and expiries by hand.
import assert from "node:assert/strict";
import {
  advance,
  forwardOfRest,
  HALF_LIFE,
  historyText,
  noHistory,
  numbersOf,
  readHistory,
  requireTerms,
  YEAR,
  type History,
} from "../../src/feeds/computation.ts";
import type { Observation } from "../../src/feeds/observation.ts";
import { settlement } from "../../src/protocol/prices.ts";
import { NO_PREMIUM, reportWords, type Numbers } from "../../src/protocol/report.ts";
import { Random } from "../../src/replay/random.ts";
import { EXPIRY, instruments, LENGTH, observation, pricing, WINDOW } from "./setting.ts";

const terms = { instruments: instruments(), pricing: pricing() };
const NAMES = ["perpetual", `future/${EXPIRY}`, `volatility/${EXPIRY}/100000`, `volatility/${EXPIRY}/120000`];

/** The history of all epochs from one to another. */
function run(seen: readonly Observation[], from: bigint, to: bigint, all = [terms]): History {
  let history = noHistory(LENGTH, from - 1n);
  for (let epoch = from; epoch <= to; epoch++) {
    const of = seen.filter(({ time }) => time > (epoch - 1n) * LENGTH && time <= epoch * LENGTH);
    history = advance(history, epoch, of, all);
  }
  return history;
}
function numbers(history: History, of = terms): Numbers {
  const outcome = numbersOf(history, of, { warmUp: 1 });
  assert.ok(outcome.ok, outcome.ok ? "" : outcome.lacks);
  return outcome.numbers;
}

function randomly(seed: number, from: bigint, to: bigint, meanSeconds: number): Observation[] {
  const random = new Random(seed);
  const seen: Observation[] = [];
  let index = 100_000;
  for (let time = Number(from); time <= Number(to); time += random.integer(1, 2 * meanSeconds)) {
    index += random.integer(-300, 300);
    const values: Record<string, bigint> = {};
    for (const name of NAMES) if (random.unit() < 0.7) values[name] = BigInt(index + random.integer(-90, 90));
    seen.push(observation(BigInt(time), random.unit() < 0.9 ? BigInt(index) : null, values));
  }
  return seen;
}

/** What counts in the second that ends at `at`, or at that very time. */
function known(seen: readonly Observation[], at: bigint, pick: (it: Observation) => bigint | null, during = true) {
  let last: Observation | null = null;
  for (const it of seen) {
    if (it.time > at || (during && it.time === at)) break;
    if (pick(it) !== null) last = it;
  }
  return last && (during ? at - last.time <= LENGTH : at - last.time < LENGTH) ? pick(last)! : null;
}
const indexOf = (it: Observation) => it.index;
const valueOf = (name: string) => (it: Observation) => it.values.get(name) ?? null;

/** Mean over the seconds of (from, to] in which it is known. */
function mean(from: bigint, to: bigint, at: (second: bigint) => bigint | null): bigint {
  const found: bigint[] = [];
  for (let s = from + 1n; s <= to; s++) {
    const value = at(s);
    if (value !== null) found.push(value);
  }
  const [sum, count] = [found.reduce((a, b) => a + b, 0n), BigInt(found.length)];
  return sum < 0n ? -((-sum + count - 1n) / count) : sum / count;
}

describe("feeds/computation", () => {
  it("computes what a second-by-second calculation gives, at whatever density of observations", () => {
    for (const [seed, density] of [
      [1, 3],
      [2, 20],
      [3, 45],
    ]) {
      // Two windows end in it; the expiry is the last of them.
      const from = (EXPIRY - 5_400n) / LENGTH;
      const seen = randomly(seed, (from - 1n) * LENGTH + 1n, EXPIRY + 600n, density);
      let returns: { at: bigint; index: bigint }[] = [];
      let history = noHistory(LENGTH, from - 1n);
      for (let epoch = from; epoch <= EXPIRY / LENGTH + 8n; epoch++) {
        const end = epoch * LENGTH;
        const index = known(seen, end, indexOf, false);
        if (index !== null) returns = [...returns, { at: epoch, index }];
        const of = seen.filter(({ time }) => time > end - LENGTH && time <= end);
        history = advance(history, epoch, of, [terms]);
        if (epoch % 4n !== 0n && (end < EXPIRY - 120n || end > EXPIRY + 60n)) continue;
        if (index === null || returns.length < 2) {
          assert.equal(numbersOf(history, terms, { warmUp: 1 }).ok, false);
          continue;
        }
        const got = numbers(history);
        assert.equal(got.index, index);

        const start = end - 1n - ((end - 1n) % 3_600n) + 1_800n;
        const average = end > start ? mean(start, end, (s) => known(seen, s, indexOf)) : index;
        assert.equal(got.average, average, `average of ${epoch}`);

        let [sum, weight] = [0, 0];
        returns.slice(1).forEach(({ at, index }, i) => {
          // Each epoch between the two has an equal part of the return.
          const span = Number(at - returns[i].at);
          const square = Math.log(Number(index) / Number(returns[i].index)) ** 2 / span;
          for (let k = 0; k < span; k++) {
            const age = Number(returns.at(-1)!.at - at) + k;
            sum += 2 ** ((-age * 60) / HALF_LIFE) * square;
            weight += 2 ** ((-age * 60) / HALF_LIFE);
          }
        });
        const sigma = Math.sqrt(((sum / weight) * YEAR) / 60) * 2 ** 24;
        assert.ok(Math.abs(Number(got.sigma) - sigma) <= 1 + sigma * 1e-9, `${got.sigma} ${sigma}`);

        const first = end - 20n * LENGTH > (from - 1n) * LENGTH ? end - 20n * LENGTH : (from - 1n) * LENGTH;
        const premium = mean(first, end, (s) => {
          const [a, b] = [known(seen, s, valueOf("perpetual")), known(seen, s, indexOf)];
          return a === null || b === null ? null : a - b;
        });
        assert.equal(got.premium, NO_PREMIUM + premium);

        const settled = end >= EXPIRY ? 1n + mean(EXPIRY - WINDOW, EXPIRY, (s) => known(seen, s, indexOf)) : null;
        const now = (name: string) => known(seen, end, valueOf(name), false) ?? 0n;
        assert.equal(got.values[0], now("perpetual"));
        assert.deepEqual(
          [got.values[2], got.values[3], got.values[4]],
          settled === null ? [now(NAMES[2]), 0n, now(NAMES[3])] : [settled, settled, settled],
        );
        if (settled !== null) assert.equal(got.values[1], settled);
        else if (end <= EXPIRY - WINDOW || now(NAMES[1]) === 0n) assert.equal(got.values[1], now(NAMES[1]));
        else {
          const { fixed, live } = settlement(pricing(), instruments()[1]!.contract, end, got.values[1], average);
          assert.equal(fixed + live, now(NAMES[1]));
        }
        assert.deepEqual(got.values.slice(5), Array(11).fill(0n));
        reportWords(got);
      }
    }
  });

  it("averages from the first second after a window's begin to its end, and not after it", () => {
    // The index is 1,000 up to the window, and 2,000 in it; the last price of each epoch is its last second's.
    const seen: Observation[] = [];
    for (let time = EXPIRY - WINDOW - 300n; time <= EXPIRY + 300n; time += 10n) {
      const inWindow = time >= EXPIRY - WINDOW && time < EXPIRY;
      seen.push(observation(time, inWindow ? 2_000n : time % 20n === 0n ? 1_000n : 1_010n));
    }
    const from = (EXPIRY - WINDOW - 240n) / LENGTH;
    const averageAt = (end: bigint) => numbers(run(seen, from, end / LENGTH)).average;
    assert.equal(averageAt(EXPIRY - WINDOW - LENGTH), 1_000n, "the index before it");
    assert.equal(averageAt(EXPIRY - WINDOW), 2_000n, "the index at its begin, as nothing has elapsed");
    assert.equal(averageAt(EXPIRY - WINDOW + LENGTH), 2_000n);
    assert.equal(averageAt(EXPIRY), 2_000n, "of the window that ends, not the index, which is 1,000");
    assert.equal(numbers(run(seen, from, EXPIRY / LENGTH)).index, 1_000n);
    assert.equal(averageAt(EXPIRY + LENGTH), 1_000n, "the index after it");
  });

  it("knows a settlement average for as long as rules name the expiry, though epochs were missed, and none it did not see", () => {
    const seen = randomly(4, EXPIRY - 2_400n, EXPIRY - 300n, 5);
    const before = run(seen, (EXPIRY - 2_340n) / LENGTH, EXPIRY / LENGTH - 5n);
    const later = EXPIRY / LENGTH + 500n;
    const at = later * LENGTH;
    const history = advance(before, later, [observation(at, 90_000n)], [terms]);
    const settled = 1n + mean(EXPIRY - WINDOW, EXPIRY - 300n, (s) => known(seen, s, indexOf));
    assert.equal(numbers(history).values[1], settled);
    const longAfter = advance(history, later + 9_960n, [observation(at + 9_960n * LENGTH, 90_000n)], [terms]);
    assert.equal(numbers(longAfter).values[2], settled);
    assert.equal(advance(longAfter, later + 9_961n, [], [{ ...terms, instruments: [] }]).settled.size, 0);
    const short = run(seen, (EXPIRY - 2_340n) / LENGTH, EXPIRY / LENGTH - 16n);
    const half = numbers(advance(short, later, [observation(at, 90_000n)], [terms]));
    assert.equal(half.values[1], 0n, "less than half of it was seen");
  });

  it("gives the forward of what is not fixed so that the mark comes out of it", () => {
    const random = new Random(5);
    const { contract } = instruments()[1]!;
    for (let i = 0; i < 2_000; i++) {
      const left = BigInt(random.integer(1, 1_799));
      const average = BigInt(random.integer(50_000, 150_000));
      const mark = BigInt(random.integer(50_000, 150_000));
      const forward = forwardOfRest({ mark, average, left, window: WINDOW });
      assert.ok(forward >= 1n && forward < 1n << 40n);
      const { fixed, live } = settlement(pricing(), contract, EXPIRY - left, forward, average);
      // A mark below what is fixed already has no forward: it is as low as one can be.
      if (mark > fixed) assert.equal(fixed + live, mark);
      else assert.equal(forward, 1n);
    }
  });

  it("has no report of an epoch without an index, and says what is missing", () => {
    const seen = [observation(30n, 1_000n), observation(90n, 1_001n)];
    assert.deepEqual(numbersOf(run(seen, 1n, 1n), terms, { warmUp: 1 }), { ok: false, lacks: "sigma" });
    assert.equal(numbersOf(run(seen, 1n, 2n), terms, { warmUp: 1 }).ok, true);
    assert.deepEqual(numbersOf(run(seen, 1n, 2n), terms), { ok: false, lacks: "sigma" });
    assert.deepEqual(numbersOf(run(seen, 1n, 3n), terms, { warmUp: 1 }), { ok: false, lacks: "index" });
    const late = [observation(EXPIRY - 180n, 1_000n), observation(EXPIRY - 60n, 1_000n), observation(EXPIRY, 1_000n)];
    assert.deepEqual(
      numbersOf(run(late, EXPIRY / LENGTH - 3n, EXPIRY / LENGTH), terms, { warmUp: 1 }),
      { ok: false, lacks: "average" },
      "the begin of the window was not seen",
    );
  });

  it("gives no premium where there is no mark, and none of contracts without a perpetual", () => {
    const seen = [observation(30n, 1_000n), observation(90n, 1_001n), observation(91n, null, { perpetual: 990n })];
    assert.equal(numbers(run(seen.slice(0, 2), 1n, 2n)).premium, 0n);
    assert.equal(numbers(run(seen, 1n, 2n)).premium, NO_PREMIUM - 11n);
    const others = { ...terms, instruments: [null, ...instruments().slice(1)] };
    assert.equal(numbers(run(seen, 1n, 2n, [others]), others).premium, 0n);
  });

  it("keeps every number in range, whatever was seen", () => {
    const TOP = (1n << 40n) - 1n;
    const end = EXPIRY - LENGTH;
    for (const [a, b] of [
      [1n, TOP],
      [TOP, 1n],
      [5n, 5n],
      [TOP, TOP],
    ]) {
      const values = (x: bigint) => Object.fromEntries(NAMES.map((name) => [name, x]));
      const seen: Observation[] = [];
      for (let time = EXPIRY - WINDOW; time <= EXPIRY; time += 30n)
        seen.push(observation(time, time < EXPIRY - 100n ? a : b, values(time < EXPIRY - 100n ? b : a)));
      for (const epoch of [end / LENGTH, EXPIRY / LENGTH]) {
        const got = numbers(run(seen, (EXPIRY - WINDOW) / LENGTH, epoch));
        reportWords(got);
        for (const name of ["index", "average", "sigma", "premium"] as const) assert.ok(got[name] > 0n, name);
        for (const value of got.values.slice(0, 3)) assert.ok(value > 0n);
      }
    }
  });

  it("remembers no more than its rules need, and the same after a file", () => {
    const seen = randomly(6, 1n, 40_000n, 30).map((it) => ({
      ...it,
      values: new Map([...it.values, [`future/${it.time}`, 1n] as const]),
    }));
    let history = noHistory(LENGTH, 0n);
    for (let epoch = 1n; epoch <= 600n; epoch++) {
      const of = seen.filter(({ time }) => time > (epoch - 1n) * LENGTH && time <= epoch * LENGTH);
      const again = readHistory(historyText(history));
      assert.deepEqual(again, history);
      history = advance(epoch % 2n === 0n ? again : history, epoch, of, [terms]);
      assert.ok(history.samples.length <= 30 && history.values.size <= NAMES.length && history.settled.size <= 1);
    }
    for (const text of ["", "{}", '{"epoch":"1n"}', "[]", "null"])
      assert.throws(() => readHistory(text), { code: "HISTORY" });
  });

  it("refuses observations of another epoch or order, and rules with other epochs", () => {
    const history = noHistory(LENGTH, 9n);
    const times = [[540n], [601n], [570n, 560n]];
    for (const of of times)
      assert.throws(() => advance(history, 10n, of.map((time) => observation(time, 1n)), [terms]), { code: "OUT_OF_RANGE" }); // prettier-ignore
    for (const epochLength of [30n, 120n])
      assert.throws(() => requireTerms({ ...terms, pricing: pricing({ epochLength }) }, LENGTH), { code: "OUT_OF_RANGE" }); // prettier-ignore
  });
});
