import type { Point } from "./babyjub.ts";
import type { Contract, Instruments } from "./instrument.ts";
import type { Profile } from "./instructions.ts";
import { jsonFields, type Json, type JsonFields, type JsonObject } from "./jsonFields.ts";
import { MARKET_RULES, type MarketRules } from "./market.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, MARKET_STATE, MARKETS, RULE, TENORS } from "./parameters.ts";
import type { Level } from "./optionValue.ts";
import { LEVEL, type Pricing, type Scenario } from "./prices.ts";
import { DEFAULTS, PRICING, requireRules, type Defaults, type Group, type Rules } from "./rules.ts";

/** Rules as a file has them (docs/formats.md): numbers as decimal strings, codes by name, free slots null or left out. */

const CONTRACT = ["expiry", "strike", "forward", "volatility"] as const satisfies readonly (keyof Contract)[];
/** Words of a market that are numbers, beside its id. */
export const MARKET_NUMBERS = MARKET_RULES.filter((name) => name !== "legs" && name !== "rule" && name !== "state");
const TIMES = ["epochLength", "lag", "grid"] as const satisfies readonly (keyof Pricing)[];

type Fields = JsonFields<string>;

/**
 * @param json    rules as `rulesJson` writes them; markets may have a `name`, which is no rule
 * @param fields  of the file that they stand in; none: a file of rules
 * @throws RULES_FILE, or the code of `fields`, naming the field; OUT_OF_RANGE as `requireRules`
 */
export function parseRules(
  json: unknown,
  profile: Profile,
  { bounded = true, fields = jsonFields("RULES_FILE", "rules file") as Fields } = {},
): Rules {
  const root = fields.object("rules", json, ["group", "instruments", "markets"]);
  const slots = <Row>(name: string, count: number, read: (at: string, row: Json) => Row): (Row | null)[] => {
    const rows = fields.list(name, root[name], 0, count);
    return Array.from({ length: count }, (_, i) => {
      const row = rows[i] ?? null;
      return row === null ? null : read(`${name}[${i}]`, row);
    });
  };
  const rules = {
    group: parseGroup(fields, root.group, profile),
    instruments: slots("instruments", INSTRUMENTS, (at, row) => parseInstrument(fields, at, row)),
    markets: slots("markets", MARKETS, (at, row) => parseMarket(fields, at, row)),
  };
  return requireRules(rules, profile, { bounded });
}

function words<Name extends string>(fields: Fields, at: string, of: JsonObject, names: readonly Name[]) {
  return Object.fromEntries(names.map((name) => [name, fields.integer(`${at}.${name}`, of[name])])) as Record<Name, bigint>; // prettier-ignore
}

/** One instrument slot that is not free. */
export function parseInstrument(fields: Fields, at: string, json: Json) {
  const charges = ["longCharge", "shortCharge", "weight"] as const;
  const of = fields.object(at, json, ["kind", ...CONTRACT, ...charges]);
  const contract = Object.fromEntries(
    CONTRACT.map((name) => [name, of[name] === undefined ? 0n : fields.integer(`${at}.${name}`, of[name])]),
  ) as Record<(typeof CONTRACT)[number], bigint>;
  return {
    contract: { kind: fields.choice(`${at}.kind`, of.kind, INSTRUMENT_KIND), ...contract },
    ...words(fields, at, of, charges),
  };
}

function parseMarket(fields: Fields, at: string, json: Json): MarketRules {
  const of = fields.object(at, json, ["name", ...MARKET_RULES, "id"]);
  const legs = fields
    .list(`${at}.legs`, of.legs, INSTRUMENTS, INSTRUMENTS)
    .map((leg, i) => fields.integer(`${at}.legs[${i}]`, leg));
  return {
    ...words(fields, at, of, ["id", ...MARKET_NUMBERS]),
    legs,
    rule: fields.choice(`${at}.rule`, of.rule, RULE),
    state: fields.choice(`${at}.state`, of.state, MARKET_STATE),
  };
}

function parseGroup(fields: Fields, json: Json, { scenarios, feeds }: Profile): Group {
  const at = "group";
  const own = ["operatorKeyX", "operatorKeyY", "slack", "greatestId"] as const;
  const of = fields.object(at, json, [...own, "feeds", "pricing", "defaults", "payout"]);
  const key = (where: string, from: Json): Point => {
    const { x, y } = fields.object(where, from, ["x", "y"]);
    return { x: fields.integer(`${where}.x`, x), y: fields.integer(`${where}.y`, y) };
  };
  const defaults = fields.object(`${at}.defaults`, of.defaults, DEFAULTS);
  const payout = of.payout ?? null;
  const paid = ["recipient", "amount", "time"] as const;
  return {
    ...words(fields, at, of, own),
    feeds: fields.list(`${at}.feeds`, of.feeds, feeds, feeds).map((it, i) => key(`${at}.feeds[${i}]`, it)),
    pricing: parsePricing(fields, `${at}.pricing`, of.pricing, scenarios),
    defaults: words(fields, `${at}.defaults`, defaults, DEFAULTS) satisfies Defaults,
    payout: payout === null ? null : words(fields, `${at}.payout`, fields.object(`${at}.payout`, payout, paid), paid),
  };
}

function parsePricing(fields: Fields, at: string, json: Json, rows: number): Pricing {
  const of = fields.object(at, json, [...TIMES, ...PRICING, "scenarios", "tenors"]);
  const scenarios = fields.list(`${at}.scenarios`, of.scenarios, rows, rows).map((row, k): Scenario => {
    const where = `${at}.scenarios[${k}]`;
    const of = fields.object(where, row, ["move", "level", "weight"]);
    const level = nameOf(LEVEL, fields.choice(`${where}.level`, of.level, LEVEL)) as Level;
    return { level, ...words(fields, where, of, ["move", "weight"]) };
  });
  const tenors = fields
    .list(`${at}.tenors`, of.tenors, TENORS, TENORS)
    .map((it, i) => fields.integer(`${at}.tenors[${i}]`, it));
  return { ...words(fields, at, of, [...TIMES, ...PRICING]), scenarios, tenors };
}

const nameOf = (names: Readonly<Record<string, number>>, code: bigint | number) =>
  Object.keys(names).find((name) => BigInt(names[name]) === BigInt(code))!;
const texts = <Name extends string>(of: Readonly<Record<Name, bigint>>, names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, `${of[name]}`])) as Record<Name, string>;

/** The JSON that `parseRules` reads as these. */
export function rulesJson({ group, instruments, markets }: Rules) {
  return { group: groupJson(group), instruments: instrumentsJson(instruments), markets: markets.map(marketJson) };
}

export function instrumentsJson(instruments: Instruments) {
  return instruments.map(
    (it) =>
      it && {
        kind: nameOf(INSTRUMENT_KIND, it.contract.kind),
        ...texts(it.contract, CONTRACT),
        ...texts(it, ["longCharge", "shortCharge", "weight"]),
      },
  );
}

function marketJson(row: MarketRules | null) {
  if (!row) return null;
  const codes = { rule: nameOf(RULE, row.rule), state: nameOf(MARKET_STATE, row.state) };
  return { ...texts(row, ["id"]), legs: row.legs.map(String), ...texts(row, MARKET_NUMBERS), ...codes };
}

function groupJson(group: Group) {
  const { feeds, pricing, defaults, payout } = group;
  return {
    ...texts(group, ["operatorKeyX", "operatorKeyY", "slack", "greatestId"]),
    feeds: feeds.map(({ x, y }) => ({ x: `${x}`, y: `${y}` })),
    pricing: {
      ...texts(pricing, [...TIMES, ...PRICING]),
      scenarios: pricing.scenarios.map(({ move, level, weight }) => ({ move: `${move}`, level, weight: `${weight}` })),
      tenors: pricing.tenors.map(String),
    },
    defaults: texts(defaults, DEFAULTS),
    payout: payout && texts(payout, ["recipient", "amount", "time"]),
  };
}

/** To be printed, and told apart: nothing that moves a cursor or is not seen, and no number, which is an id. */
const NAME = /^(?![\d ]*$)(?! )[\p{L}\p{N}\p{P}\p{S} ]{1,64}(?<! )$/u;
const UNSEEN = /[\u115f\u1160\u3164\uffa0\u2800]/;

/** Names that a file of rules gives its markets, by id: for people, and part of no rule. What is no name is left out. */
export function marketNames(json: unknown): Record<string, string> {
  const { markets } = (json ?? {}) as { markets?: unknown };
  const names: Record<string, string> = {};
  for (const row of Array.isArray(markets) ? (markets as unknown[]) : []) {
    const { id, name } = (row ?? {}) as Record<string, unknown>;
    if (typeof id !== "string" && typeof id !== "number") continue;
    if (typeof name === "string" && NAME.test(name) && !UNSEEN.test(name)) names[String(id)] = name;
  }
  return names;
}

/** Rules as a file has them, with the names that are known. */
export function namedRulesJson(rules: Rules, names: Readonly<Record<string, string>>) {
  const json = rulesJson(rules);
  const markets = json.markets.map(
    (row) => row && { ...(Object.hasOwn(names, row.id) && { name: names[row.id] }), ...row },
  );
  return { ...json, markets };
}
