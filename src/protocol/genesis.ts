import { openAccount, type Account } from "./account.ts";
import { inSubgroup } from "./eddsa.ts";
import { outOfRange } from "./errors.ts";
import { jsonFields, type Json } from "./jsonFields.ts";
import { PROFILES, type ProfileName } from "./instructions.ts";
import { computePrices, type MarketRules, type Prices, type Rules } from "./market.ts";
import { requireBits, requireField, requireSigned } from "./numbers.ts";
import { BITS, FEE_DENOMINATOR, INSTRUMENTS, MARKET_STATE, MARKETS, RULE } from "./parameters.ts";
import { fitsTransaction, worstClear } from "./transaction.ts";

/** What a venue starts from, as read from a genesis file. */
export interface GenesisFile {
  readonly profile: ProfileName;
  readonly domain: bigint;
  readonly rules: Rules;
  readonly prices: Prices;
  readonly accounts: readonly Account[];
  readonly time: bigint;
}

const { bad, object, list, integer, choice } = jsonFields("GENESIS", "genesis file");

/**
 * Reads a genesis file: JSON with every number a decimal string or a safe integer (schema: docs/formats.md).
 * @param bounded  false: capacities may be such that a clear fits no transaction; a replay sends none
 * @throws GENESIS naming the field, and what was expected
 */
export function parseGenesis(json: unknown, { bounded = true } = {}): GenesisFile {
  const root = object("genesis", json);
  const profile = root.profile as ProfileName;
  if (typeof profile !== "string" || !Object.hasOwn(PROFILES, profile))
    throw bad("profile", `one of ${Object.keys(PROFILES).join(", ")}`);
  const { scenarios } = PROFILES[profile];
  const group = object("group", root.group);
  const markets = list("markets", root.markets, 0, MARKETS).map((row, slot) =>
    row === null ? null : market(`markets[${slot}]`, row),
  );
  while (markets.length < MARKETS) markets.push(null);
  const ids = markets.flatMap((row) => (row ? [row.id] : []));
  for (const [slot, row] of markets.entries())
    if (row && bounded && !fitsTransaction(worstClear(row, PROFILES[profile])))
      throw bad(`markets[${slot}]`, "capacities whose clear fits one transaction at worst");
  if (new Set(ids).size !== ids.length) throw bad("markets", "every id once");
  const operatorKey = key("group", group.operatorKeyX, group.operatorKeyY);
  const rules: Rules = {
    group: {
      operatorKeyX: operatorKey.x,
      operatorKeyY: operatorKey.y,
      maxAge: requireBits("group.maxAge", integer("group.maxAge", group.maxAge), BITS.time),
    },
    markets,
  };
  const prices = object("prices", root.prices);
  const row = (at: string, from: Json) =>
    list(at, from, INSTRUMENTS, INSTRUMENTS).map((v, i) =>
      requireSigned(`${at}[${i}]`, integer(at, v), BITS.value - 1),
    );
  const values = list("prices.values", prices.values, scenarios, scenarios).map((v, k) =>
    row(`prices.values[${k}]`, v),
  );
  const funding = row("prices.funding", prices.funding);
  const time = requireBits("time", integer("time", root.time), BITS.time);
  const accounts = list("accounts", root.accounts, 2, 4 ** PROFILES[profile].depth).map((entry, index) => {
    const at = `accounts[${index}]`;
    const { keyX, keyY, view, positions } = object(at, entry);
    const { x, y } = key(at, keyX, keyY);
    const opened = openAccount({ keyX: x, keyY: y, view: requireField(`${at}.view`, integer(`${at}.view`, view)) });
    if (positions === undefined) return opened;
    const held = list(`${at}.positions`, positions, INSTRUMENTS, INSTRUMENTS).map((p, i) =>
      requireSigned(`${at}.positions[${i}]`, integer(`${at}.positions[${i}]`, p), BITS.position - 1),
    );
    return { ...opened, positions: held };
  });
  for (let i = 0; i < INSTRUMENTS; i++)
    if (accounts.reduce((sum, { positions }) => sum + positions[i], 0n) !== 0n)
      throw bad("accounts", `positions of instrument ${i} that sum to zero`);
  return {
    profile,
    domain: requireField("domain", integer("domain", root.domain)),
    rules,
    prices: computePrices(rules, {
      values,
      funding,
      epoch: requireBits("prices.epoch", integer("prices.epoch", prices.epoch), BITS.time),
      time: requireBits("prices.time", integer("prices.time", prices.time), BITS.time),
    }),
    accounts,
    time,
  };
}

/**
 * The file that `parseGenesis` reads as this.
 * @param funding  cumulative, by instrument: the prices hold values net of it
 */
export function genesisJson(
  { profile, domain, rules, prices, accounts, time }: GenesisFile,
  funding: readonly bigint[] = Array<bigint>(INSTRUMENTS).fill(0n),
) {
  const nameOf = (names: Record<string, number>, code: bigint) =>
    Object.keys(names).find((name) => BigInt(names[name]) === code)!;
  const { group, markets } = rules;
  return {
    profile,
    domain: `${domain}`,
    time: `${time}`,
    group: {
      operatorKeyX: `${group.operatorKeyX}`,
      operatorKeyY: `${group.operatorKeyY}`,
      maxAge: `${group.maxAge}`,
    },
    markets: markets.map((row) => {
      if (!row) return null;
      const { legs, rule, state, ...numbers } = row;
      return {
        ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, `${value}`])),
        legs: legs.map(String),
        rule: nameOf(RULE, rule),
        state: nameOf(MARKET_STATE, state),
      };
    }),
    prices: {
      epoch: `${prices.epoch}`,
      time: `${prices.time}`,
      funding: funding.map(String),
      values: prices.values.map((scenario) => scenario.map((value, i) => `${value + funding[i]}`)),
    },
    accounts: accounts.map(({ keyX, keyY, view, positions }) => ({
      keyX: `${keyX}`,
      keyY: `${keyY}`,
      view: `${view}`,
      positions: positions.map(String),
    })),
  };
}

function market(at: string, json: Json): MarketRules {
  const row = object(at, json);
  const number = (name: string, low: bigint, high: bigint) => {
    const value = integer(`${at}.${name}`, row[name]);
    if (value < low || value > high) throw outOfRange(`${at}.${name}`, `an integer from ${low} to ${high}`);
    return value;
  };
  const below = (bits: number) => (1n << BigInt(bits)) - 1n;
  const legs = list(`${at}.legs`, row.legs, INSTRUMENTS, INSTRUMENTS).map((leg, i) =>
    requireSigned(`${at}.legs[${i}]`, integer(`${at}.legs[${i}]`, leg), BITS.leg),
  );
  return {
    id: number("id", 1n, below(BITS.market)),
    legs,
    tick: number("tick", 1n, below(BITS.tick)),
    lotLimit: number("lotLimit", 1n, below(BITS.size)),
    band: number("band", 0n, below(BITS.price)),
    feeRate: number("feeRate", 0n, FEE_DENOMINATOR),
    feePerLot: number("feePerLot", 0n, below(BITS.feePerLot)),
    rhoMin: number("rhoMin", 1n, below(BITS.rhoMin)),
    rule: choice(`${at}.rule`, row.rule, RULE),
    interval: number("interval", 1n, below(BITS.market)),
    state: choice(`${at}.state`, row.state, MARKET_STATE),
    capacity: number("capacity", 1n, below(BITS.count)),
    cancelCapacity: number("cancelCapacity", 1n, below(BITS.count)),
    listCapacity: number("listCapacity", 1n, below(BITS.count)),
  };
}

/** A key that signs: the circuits take for granted that it is in the prime subgroup, and not the identity. */
function key(at: string, x: Json, y: Json): { x: bigint; y: bigint } {
  const point = { x: integer(`${at} key x`, x), y: integer(`${at} key y`, y) };
  if (point.x === 0n || !inSubgroup(point))
    throw bad(`${at} key`, "a point of BabyJubJub's prime subgroup, not the identity");
  return point;
}
