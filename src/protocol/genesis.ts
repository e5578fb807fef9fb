import { openAccount, type Account } from "./account.ts";
import { coSignersOf, MAX_CO_SIGNERS, type CoSigners } from "./coSigners.ts";
import { inSubgroup } from "./eddsa.ts";
import { TacitError } from "./errors.ts";
import { PROFILES, type ProfileName } from "./instructions.ts";
import { jsonFields, type Json } from "./jsonFields.ts";
import { requireBits, requireField, requireSigned } from "./numbers.ts";
import { BITS, INSTRUMENTS } from "./parameters.ts";
import { noPrices, type Prices } from "./prices.ts";
import type { Rules } from "./rules.ts";
import { parseRules, rulesJson } from "./rulesJson.ts";

/** What a venue starts from, as read from a genesis file. */
export interface GenesisFile {
  readonly profile: ProfileName;
  readonly domain: bigint;
  readonly rules: Rules;
  /** none: the first REPRICE makes them */
  readonly prices: Prices;
  readonly accounts: readonly Account[];
  readonly time: bigint;
  /** who signs heads of its log beside the operator */
  readonly coSigners?: CoSigners;
}

const fields = jsonFields("GENESIS", "genesis file");
const { bad, object, list, integer } = fields;

/**
 * Reads a genesis file: JSON with every number a decimal string or a safe integer (schema: docs/formats.md).
 * @param bounded  false: capacities may be such that a clear fits no transaction; a replay sends none
 * @throws GENESIS, OUT_OF_RANGE naming the field, and what was expected
 */
export function parseGenesis(json: unknown, { bounded = true } = {}): GenesisFile {
  const root = object("genesis", json, ["profile", "domain", "time", "rules", "coSigners", "accounts"]);
  const profile = root.profile as ProfileName;
  if (typeof profile !== "string" || !Object.hasOwn(PROFILES, profile))
    throw bad("profile", `one of ${Object.keys(PROFILES).join(", ")}`);
  const rules = parseRules(root.rules, PROFILES[profile], { bounded, fields });
  if (rules.group.payout) throw bad("rules.group.payout", "none: nothing can be paid out yet");
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
  for (let i = 0; i < INSTRUMENTS; i++) {
    if (accounts.reduce((sum, { positions }) => sum + positions[i], 0n) !== 0n)
      throw bad("accounts", `positions of instrument ${i} that sum to zero`);
    if (!rules.instruments[i] && accounts.some(({ positions }) => positions[i] !== 0n))
      throw bad("accounts", `no position in instrument ${i}, which is free`);
  }
  const domain = requireField("domain", integer("domain", root.domain));
  const coSigners = root.coSigners === undefined ? {} : { coSigners: readCoSigners(root.coSigners) };
  return { profile, domain, rules, prices: noPrices({ ...rules, ...rules.group }), accounts, time, ...coSigners };
}

function readCoSigners(json: Json): CoSigners {
  const addresses = list("coSigners", json, 1, MAX_CO_SIGNERS).map((it, i) => {
    if (typeof it !== "string") throw bad(`coSigners[${i}]`, "an address");
    return it;
  });
  try {
    return coSignersOf(addresses);
  } catch (error) {
    throw error instanceof TacitError && error.code === "ADDRESS" ? new TacitError("GENESIS", error.message) : error;
  }
}

/** The file that `parseGenesis` reads as this. */
export function genesisJson({ profile, domain, rules, accounts, time, coSigners }: Omit<GenesisFile, "prices">) {
  return {
    profile,
    domain: `${domain}`,
    time: `${time}`,
    rules: rulesJson(rules),
    ...(coSigners ? { coSigners: coSigners.addresses } : {}),
    accounts: accounts.map(({ keyX, keyY, view, positions }) => ({
      keyX: `${keyX}`,
      keyY: `${keyY}`,
      view: `${view}`,
      positions: positions.map(String),
    })),
  };
}

/** A key that signs: the circuits take for granted that it is in the prime subgroup, and not the identity. */
function key(at: string, x: Json, y: Json): { x: bigint; y: bigint } {
  const point = { x: integer(`${at} key x`, x), y: integer(`${at} key y`, y) };
  if (point.x === 0n || !inSubgroup(point))
    throw bad(`${at} key`, "a point of BabyJubJub's prime subgroup, not the identity");
  return point;
}
