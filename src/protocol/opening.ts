import { accountLeaf, type Account } from "./account.ts";
import { TacitError } from "./errors.ts";
import { BITS, INSTRUMENTS } from "./parameters.ts";
import { asInteger, asList, asObject, badFormat } from "./json.ts";
import { FIELD, requireField, requireSigned } from "./numbers.ts";
import { OPEN_REGISTERS, openedWord, type OpenRegister } from "./state.ts";
import { rootOf } from "./tree.ts";

/**
 * What shows that an account stands in a state: the account, its path in the tree of accounts, and what the state word
 * hashes beside the root of that tree. For the owner of the account: it tells how many accounts hold each instrument (to
 * who tries all numbers), and of the channels only a hash.
 */
export interface AccountOpening {
  readonly index: number;
  readonly account: Account;
  /** the three siblings of each level, from the leaf upwards */
  readonly path: readonly bigint[][];
  /** all but `accounts`, which the path gives */
  readonly registers: Readonly<Record<Exclude<OpenRegister, "accounts">, bigint>>;
  readonly channels: bigint;
}

/** The state word that an opening opens: the account stands there if it is a proven one. */
export function openingWord({ index, account, path, registers, channels }: AccountOpening): bigint {
  const accounts = rootOf({ index, leaf: accountLeaf(account), path });
  return openedWord({ ...registers, accounts }, channels);
}

const SHOWN = OPEN_REGISTERS.filter((name) => name !== "accounts") as Exclude<OpenRegister, "accounts">[];

/** Registers of a state that an opening shows. */
export function shownRegisters(state: Readonly<Record<OpenRegister, bigint>>): AccountOpening["registers"] {
  return Object.fromEntries(SHOWN.map((name) => [name, state[name]])) as AccountOpening["registers"];
}

const ACCOUNT_NUMBERS = [
  "keyX",
  "keyY",
  "view",
  "seq",
  "cash",
  "nonce",
  "reserved",
  "open",
  "flagged",
  "pushedAt",
] as const;

/** An account in JSON: every number a decimal string. */
export function accountJson(account: Account) {
  const numbers = Object.fromEntries(ACCOUNT_NUMBERS.map((name) => [name, String(account[name])]));
  return { ...(numbers as Record<(typeof ACCOUNT_NUMBERS)[number], string>), positions: account.positions.map(String) };
}

/** @throws TacitError FORMAT, OUT_OF_RANGE naming the place */
export function readAccount(at: string, json: unknown): Account {
  const { positions, ...fields } = asObject(at, json);
  const numbers = Object.fromEntries(ACCOUNT_NUMBERS.map((name) => [name, asInteger(`${at}.${name}`, fields[name])]));
  const held = asList(`${at}.positions`, positions).map((x, i) => asInteger(`${at}.positions[${i}]`, x));
  if (held.length !== INSTRUMENTS) throw badFormat(`${at}.positions`, `${INSTRUMENTS} integers`);
  // Beyond these ranges two accounts could have one leaf.
  held.forEach((x, i) => requireSigned(`${at}.positions[${i}]`, x, BITS.position));
  requireSigned(`${at}.cash`, numbers.cash, BITS.cash);
  for (const name of ACCOUNT_NUMBERS) if (name !== "cash") requireField(`${at}.${name}`, numbers[name]);
  return { ...(numbers as unknown as Account), positions: held };
}

export function openingJson({ index, account, path, registers, channels }: AccountOpening) {
  return {
    index: String(index),
    account: accountJson(account),
    path: path.map((siblings) => siblings.map(String)),
    registers: Object.fromEntries(SHOWN.map((name) => [name, String(registers[name])])),
    channels: String(channels),
  };
}

/** @throws TacitError FORMAT naming the place */
export function readOpening(json: unknown): AccountOpening {
  const { index, account, path, registers, channels } = asObject("opening", json);
  const element = (at: string, value: unknown) => {
    const x = asInteger(at, value);
    if (x < 0n || x >= FIELD) throw badFormat(at, "a field element");
    return x;
  };
  const levels = asList("opening.path", path).map((siblings, level) => {
    const words = asList(`opening.path[${level}]`, siblings).map((x) => element(`opening.path[${level}]`, x));
    if (words.length !== 3) throw badFormat(`opening.path[${level}]`, "three field elements");
    return words;
  });
  if (levels.length < 1 || levels.length > 24) throw badFormat("opening.path", "1 to 24 levels");
  const at = Number(asInteger("opening.index", index));
  if (!(at >= 0 && at < 4 ** levels.length))
    throw new TacitError("FORMAT", "opening.index lies beyond the tree: expected an index below 4^levels");
  const shown = asObject("opening.registers", registers);
  return {
    index: at,
    account: readAccount("opening.account", account),
    path: levels,
    registers: Object.fromEntries(
      SHOWN.map((name) => [name, element(`opening.registers.${name}`, shown[name])]),
    ) as AccountOpening["registers"],
    channels: element("opening.channels", channels),
  };
}
