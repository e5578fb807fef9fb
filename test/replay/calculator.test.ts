// Goal: a record tells enough to compute prices, margins and settlements anew with a calculator of one's own.
// Method: this one reads the JSON of records and shares no code with what wrote it: medians, range, funding, payoffs, marks, rows
// and margins come out the same to the unit; moved values of what is no option to what an exponential in floating point allows.
import assert from "node:assert/strict";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { Random } from "../../src/replay/random.ts";
import { replay, scenario } from "./records.ts";

const SEED = Number(process.env.SEED ?? 31);

const abs = (x: bigint) => (x < 0n ? -x : x);
const min = (...xs: bigint[]) => xs.reduce((a, b) => (a < b ? a : b));
const max = (...xs: bigint[]) => xs.reduce((a, b) => (a > b ? a : b));
const floor = (a: bigint, b: bigint) => (a - (((a % b) + b) % b)) / b;
const ceil = (a: bigint, b: bigint) => -floor(-a, b);
const sum = (xs: bigint[]) => xs.reduce((a, b) => a + b, 0n);
const big = (xs: string[]) => xs.map(BigInt);
const SLOTS = 16;
const UNIT = 2 ** 24;

/** What prices carry from epoch to epoch. */
interface History {
  epoch: bigint;
  index: bigint;
  range: bigint;
  funding: bigint;
  fundingRest: bigint;
  payoffs: bigint[];
  last: bigint[];
}

interface Account {
  cash: bigint;
  positions: bigint[];
  reserved: bigint;
}

const NONE: History = {
  epoch: 0n,
  index: 0n,
  range: 0n,
  funding: 0n,
  fundingRest: 0n,
  payoffs: Array<bigint>(SLOTS).fill(0n),
  last: Array<bigint>(SLOTS).fill(0n),
};

const isOption = (it: any) => it.kind === "call" || it.kind === "put";

/** Checks all numbers of one element of `reprices` but the values of options. */
function requireReprice(rules: any, before: History, told: any): History {
  const { pricing } = rules.group;
  const p = (name: string) => BigInt(pricing[name]);
  const median = (of: (quote: any) => string) => {
    const numbers = told.quotes.map((quote: any) => BigInt(of(quote)));
    return numbers.sort((a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0))[numbers.length >> 1] as bigint;
  };
  assert.equal(3 * told.quotes.length, 2 * rules.group.feeds.length + 1, "2f + 1 of 3f + 1");
  const epoch = BigInt(told.epoch);
  const end = epoch * p("epochLength");
  assert.ok(BigInt(told.time) >= end + p("lag"));
  const values = Array.from({ length: SLOTS }, (_, i) => median((quote) => quote.values[i]));
  const after = { ...before, epoch };
  const isFirst = before.epoch === 0n;
  const live = (i: number) => rules.instruments[i] && after.payoffs[i] === 0n;
  const expired = (i: number) => {
    const expiry = BigInt(rules.instruments[i]?.expiry ?? 0);
    return expiry !== 0n && expiry <= end;
  };
  if (epoch === before.epoch) after.range = max(p("rangeFloor"), min(p("rangeCap"), before.range));
  else {
    const index = median(({ index }) => index);
    assert.equal(told.halted, !isFirst && abs(index - before.index) * 65_536n > p("step") * before.index);
    let risen = isFirst ? p("rangeCap") : before.range * 5n ** min(16n, epoch - before.epoch);
    if (!isFirst) risen /= 4n ** min(16n, epoch - before.epoch);
    const wanted = (p("horizon") * median(({ sigma }) => sigma)) >> 24n;
    after.range = max(p("rangeFloor"), min(p("rangeCap"), wanted, risen));
    const every = p("fundingEvery");
    if (!isFirst && rules.instruments[0]?.kind === "perpetual" && epoch / every > before.epoch / every) {
      const told = median(({ premium }) => premium);
      const bound = (p("fundingClamp") * index) >> 16n;
      const premium = told === 0n ? 0n : max(-bound, min(bound, told - 2n ** 39n));
      const paid = floor(premium + before.fundingRest, p("fundingDivisor"));
      after.funding += paid;
      after.fundingRest = premium + before.fundingRest - paid * p("fundingDivisor");
    }
    after.index = index;
    after.payoffs = before.payoffs.map((payoff, i) => {
      if (payoff !== 0n || !rules.instruments[i] || !expired(i) || values[i] === 0n) return payoff;
      const { kind, strike } = rules.instruments[i];
      const [average, K] = [values[i] - 1n, BigInt(strike)];
      return 1n + (kind === "future" ? average : max(0n, kind === "call" ? average - K : K - average));
    });
  }
  after.last = before.last.map((last, i) => {
    if (!rules.instruments[i]) return 0n;
    const value = live(i) && !expired(i) && values[i] !== 0n ? values[i] : last;
    const band = (p("markBand") * after.index) >> 16n;
    return rules.instruments[i].kind === "perpetual" ? max(after.index - band, min(after.index + band, value)) : value;
  });
  const missing = (i: number) =>
    live(i) && values[i] === 0n && !(isOption(rules.instruments[i]) && rules.instruments[i].volatility !== `${i}`);
  const stale = after.last.map((_, i) => {
    const it = rules.instruments[i];
    return !!live(i) && !!(missing(i) || (isOption(it) && (missing(Number(it.forward)) || missing(Number(it.volatility))))); // prettier-ignore
  });
  for (const name of ["epoch", "index", "range", "funding", "fundingRest"] as const)
    assert.equal(told[name], `${after[name]}`, name);
  assert.deepEqual(told.payoffs, after.payoffs.map(String));
  assert.deepEqual(told.last, after.last.map(String));
  assert.deepEqual(told.stale, stale);

  const U: bigint[][] = told.values.map(big);
  assert.equal(U.length, pricing.scenarios.length);
  for (let i = 0; i < SLOTS; i++) {
    const it = rules.instruments[i];
    const carried = i === 0 ? after.funding : 0n;
    if (!it || after.payoffs[i] !== 0n) {
      for (const scenario of U) assert.equal(scenario[i], it ? after.payoffs[i] - 1n - carried : 0n);
      continue;
    }
    // Of a future in its settlement window a part is fixed already: none of these records has one.
    if (isOption(it)) continue;
    const mark = after.last[i];
    pricing.scenarios.forEach(({ move, weight }: any, k: number) => {
      const moved = Number(mark) * Math.exp((Number(move) * Number(after.range)) / UNIT);
      const value = Number(mark) + (Number(weight) * (moved - Number(mark))) / 64;
      const off = Math.abs(Number(U[k][i] + carried) - value);
      assert.ok(k === 0 ? off === 0 : off <= 2 + (3 * Number(mark)) / UNIT, `U[${k}][${i}] is off by ${off}`);
    });
  }
  rules.markets.forEach((row: any, slot: number) => {
    const legs: bigint[] = row ? big(row.legs) : [];
    const isOut = !row || legs.some((leg, i) => leg !== 0n && (!live(i) || stale[i]));
    if (isOut) return assert.equal(told.rows[slot], null);
    const W = U.map((scenario) => sum(legs.map((leg, i) => leg * scenario[i])));
    const carried = legs[0] * after.funding;
    const gross = sum(legs.map((leg, i) => abs(leg) * chargeOf(rules, after, i)));
    assert.deepEqual(told.rows[slot], {
      mark: `${floor(W[0] + carried, BigInt(row.tick)) * BigInt(row.tick)}`,
      funding: `${carried}`,
      gross: `${gross}`,
      low: `${min(...W) - gross}`,
      high: `${max(...W) + gross}`,
      values: W.map(String),
    });
  });
  return after;
}

/** Of a lot, in either direction; a contract that has settled costs nothing. */
function chargeOf(rules: any, { payoffs }: History, i: number, lots?: bigint): bigint {
  const it = rules.instruments[i];
  if (!it || payoffs[i] !== 0n) return 0n;
  const [long, short] = [BigInt(it.longCharge), BigInt(it.shortCharge)];
  return lots === undefined ? max(long, short) : lots < 0n ? -lots * short : lots * long;
}

const feeOf = (row: any, price: bigint, lots: bigint) =>
  ceil(BigInt(row.feeRate) * abs(price) * lots, 1_000_000n) + BigInt(row.feePerLot) * lots;

/** rho: what a lot reserves. */
function reservation(rules: any, row: any, quoted: any, side: string, limit: bigint): bigint {
  const [low, high, funding] = [quoted.low, quoted.high, quoted.funding].map(BigInt);
  const worst = (side === "buy" ? limit - funding - low : high - limit + funding) + feeOf(row, limit, 1n);
  return max(BigInt(row.rhoMin), worst + (((high - low) * BigInt(rules.group.slack)) >> 6n));
}

for (const [name, make] of Object.entries({ scenario, replay }))
  describe(`a calculator of one's own (${name}, seed ${SEED})`, () => {
    let record: any;
    before(async () => {
      await useHashKernels();
      record = make(new Random(SEED));
    });

    it("makes the prices of each epoch of the quotes and the prices before", () => {
      let rules = record.rules;
      let history = NONE;
      let next = 0;
      for (const { log } of record.rounds)
        for (const entry of log) {
          if (entry.kind === "rules") rules = entry.rules;
          if (entry.kind !== "reprice") continue;
          const told = record.reprices[next++];
          assert.deepEqual([told.n, told.time, told.epoch], [entry.n, entry.t, entry.epoch]);
          const unsigned = (name: string, value: unknown) => (["R8x", "R8y", "S"].includes(name) ? undefined : value);
          assert.deepEqual(told.quotes, JSON.parse(JSON.stringify(entry.reports, unsigned)));
          history = requireReprice(rules, history, told);
        }
      assert.ok(next >= 2 && next === record.reprices.length, `${next} epochs`);
    });

    it("makes verdicts on margin, reservations, and what is owned at the end", () => {
      let rules = record.rules;
      let prices: any = null;
      let history = NONE;
      let next = 0;
      let judged = 0;
      /** of fees, 2^-16 */
      let share = 0n;
      const equityOf = ({ cash, positions }: Account, k: number): bigint => {
        const value = sum(positions.map((lots, i) => lots * BigInt(prices.values[k][i])));
        const charges = sum(positions.map((lots, i) => chargeOf(rules, history, i, lots)));
        return cash + value - (k === 0 ? 0n : charges);
      };
      const refused: string[] = [];
      const owned = new Map<number, Account>();
      /** By account and nonce: what an order reserves a lot, and whether it leaves at the next auction. */
      const rested = new Map<string, { rho: bigint; leaves: boolean }>();
      const nobody = (positions: string[] = Array<string>(SLOTS).fill("0")) => ({ cash: 0n, positions: big(positions), reserved: 0n }); // prettier-ignore
      const at = (index: string | number) => {
        if (!owned.has(Number(index))) owned.set(Number(index), nobody());
        return owned.get(Number(index))!;
      };
      record.genesis.accounts.forEach(({ positions }: any, i: number) => owned.set(i, nobody(positions)));
      for (const [number, { log, clearings, accounts }] of record.rounds.entries()) {
        // What orders reserve is known until the first clear; what that drops, accounts at the end of the round tell.
        let isKnown = true;
        let clearing = 0;
        for (const entry of log) {
          const slot = rules.markets.findIndex((row: any) => row && row.id === entry.market);
          const row = rules.markets[slot];
          if (entry.kind === "rules") rules = entry.rules;
          if (entry.kind === "reprice") {
            prices = record.reprices[next++];
            history = requireReprice(rules, history, prices);
            at(1).cash += share >> 16n;
            share &= 0xffffn;
          }
          if (entry.kind === "reduce") {
            const own = rules.markets[Number(entry.market)];
            const quoted = prices.rows[Number(entry.market)];
            at(entry.account).reserved += BigInt(entry.size) * reservation(rules, own, quoted, entry.side, BigInt(entry.limit)); // prettier-ignore
          }
          if (entry.kind === "assume") {
            const [from, to] = [at(entry.account), at(1)];
            const equities = prices.values.map((_: unknown, k: number) => equityOf(from, k));
            const risk = equities[0] - min(...equities);
            const kept = max(0n, equities[0] - ((BigInt(rules.group.defaults.penalty) * risk) >> 10n));
            to.cash += from.cash - kept;
            to.positions = to.positions.map((lots, i) => lots + from.positions[i]);
            Object.assign(from, { cash: kept, positions: from.positions.map(() => 0n) });
          }
          if (entry.kind === "deposit")
            for (const { account, amount } of entry.deposits) at(account).cash += BigInt(amount);
          if (entry.kind === "withdrawal" && entry.verdict === "admitted")
            at(entry.account).cash -= BigInt(entry.amount);
          if (entry.kind === "fold")
            for (let n = Number(entry.from); n < Number(entry.from) + Number(entry.count); n++) {
              const account = at(n);
              account.positions = account.positions.map((lots, i) => {
                if (history.payoffs[i] === 0n) return lots;
                account.cash += lots * (history.payoffs[i] - 1n - (i === 0 ? history.funding : 0n));
                return 0n;
              });
            }
          if (entry.kind === "close" || entry.kind === "purge") {
            isKnown = false;
            const traded = clearings[clearing];
            const own = rules.markets[Number(entry.market)];
            const matched = entry.kind === "close" && !!own && traded?.market === own.id;
            if (!matched) continue;
            clearing++;
            const quoted = prices.rows[Number(entry.market)];
            assert.equal(traded.mark, quoted.mark);
            for (const { account, lots, cash, fee } of traded.fills) {
              const [size, price, paid] = [BigInt(lots), BigInt(traded.price), feeOf(own, BigInt(traded.price), abs(BigInt(lots)))]; // prettier-ignore
              assert.equal(fee, `${paid}`);
              assert.equal(cash, `${-size * (price - BigInt(quoted.funding)) - paid}`);
              const it = at(account);
              it.cash += BigInt(cash);
              it.positions = it.positions.map((held, i) => held + BigInt(own.legs[i]) * size);
            }
            // Part of the fees is the insurance account's, which gets whole units with the next prices.
            const more = share + BigInt(traded.fee) * BigInt(rules.group.defaults.insuranceShare);
            at(0).cash += BigInt(traded.fee) - ((more >> 16n) - (share >> 16n));
            share = more;
          }
          if ((entry.kind !== "order" && entry.kind !== "quotes") || !isKnown) continue;
          if (entry.verdict !== "admitted" && entry.verdict !== "margin") continue;
          const account = at(entry.account);
          const quoted = prices.rows[slot];
          const orders: any[] = entry.orders ?? [entry];
          const reserves = sum(orders.map(({ side, limit, size }) => BigInt(size) * reservation(rules, row, quoted, side, BigInt(limit)))); // prettier-ignore
          const holds = prices.values.every((_: unknown, k: number) => {
            const equity = equityOf(account, k);
            const [limit, size] = [BigInt(entry.limit ?? 0), BigInt(entry.size ?? 0)];
            const gain = BigInt(quoted.values[k]) - limit + BigInt(quoted.funding);
            const change = entry.orders
              ? -reserves
              : size * ((entry.side === "buy" ? gain : -gain) - feeOf(row, limit, 1n) - (k === 0 ? 0n : BigInt(quoted.gross))); // prettier-ignore
            return change >= 0n || equity - account.reserved + change >= 0n;
          });
          assert.equal(holds, entry.verdict === "admitted", `entry ${entry.n}`);
          judged++;
          if (!holds) refused.push(entry.n);
          else {
            account.reserved += reserves;
            orders.forEach(({ side, limit }, j) => {
              const rho = reservation(rules, row, quoted, side, BigInt(limit));
              rested.set(`${entry.account}/${BigInt(entry.nonce) + BigInt(j)}`, { rho, leaves: entry.flags === "1" });
            });
          }
        }
        assert.equal(clearing, clearings.length);
        for (const { index, cash, positions, reserved } of accounts) {
          const it = at(index);
          assert.deepEqual(
            [cash, positions],
            [`${it.cash}`, it.positions.map(String)],
            `account ${index}, round ${number}`,
          );
          it.reserved = BigInt(reserved);
          if (name !== "replay") continue;
          // Its one market has just been matched: what rests is what was eligible, and neither filled nor for this auction only.
          const [{ entries, fills }] = clearings;
          const rests = entries.filter(({ account }: any) => account === index);
          const reservations = rests.map(({ account, nonce, remaining }: any) => {
            const { rho, leaves } = rested.get(`${account}/${nonce}`)!;
            const fill = fills.find((fill: any) => fill.account === account && fill.nonce === nonce);
            return leaves ? 0n : rho * (BigInt(remaining) - abs(BigInt(fill?.lots ?? 0)));
          });
          assert.equal(it.reserved, sum(reservations), `account ${index}, round ${number}`);
        }
      }
      assert.ok(judged >= 15, `${judged} verdicts`);
      assert.equal(refused.length > 0, name === "scenario", "a verdict of want of margin");
    });
  });
