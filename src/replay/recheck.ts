import type { Event } from "../matcher/events.ts";
import { Matcher, type Command, type ItemCommand } from "../matcher/matcher.ts";
import { TacitError } from "../protocol/errors.ts";
import { parseGenesis } from "../protocol/genesis.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { contractsHash } from "../protocol/instrument.ts";
import { asInteger, asList, asObject, badFormat, shown } from "../protocol/json.ts";
import { quorumOf } from "../protocol/report.ts";
import type { Rules } from "../protocol/rules.ts";
import { rulesJson } from "../protocol/rulesJson.ts";
import { refusalMeaning, type RecordRefusal } from "../verifier/index.ts";
import { Ledger } from "../witness/ledger.ts";
import { readElement, readEntry, type RoundJson } from "./record.ts";
import { Registers } from "./registers.ts";
import { Report } from "./report.ts";

/** What a record comes to, or the first place where it says what the rules do not give. */
export type RecheckResult =
  | {
      ok: true;
      rounds: number;
      entries: number;
      auctions: number;
      fills: number;
      /** that the rounds wrote */
      accounts: number;
      /** whether signatures were checked; else each item counts as signed */
      signed: boolean;
      /** that it has, and that were not looked at */
      proofs: number;
    }
  | {
      ok: false;
      code: RecordRefusal;
      /** from 1 */
      round: number;
      /** place in the file: "rounds[2].clearings[0].price" */
      at: string;
      /** for a person; `message` is the detail */
      meaning: string;
      message: string;
    };

/** Parts of a round after its first state, in the order in which they are compared: what follows from a false value is not blamed. */
const PARTS = [
  ["number", "wrongLog"],
  ["logCount", "wrongLog"],
  ["head", "wrongLog"],
  ["entries", "wrongLog"],
  ["log", "wrongLog"],
  ["clearings", "wrongClearing"],
  ["accounts", "wrongAccount"],
  ["stateAfter", "wrongState"],
] as const satisfies readonly (readonly [keyof RoundJson, RecordRefusal])[];
/** Items of which the signatures are checked at once. */
const QUEUED = 64;

/** Whether the JSON is a record that can be rechecked: rounds with the genesis that they began from. */
export function isRecord(json: unknown): boolean {
  return typeof json === "object" && json !== null && "genesis" in json && "rounds" in json;
}

/** Rules of the genesis of a record, or null: where there is none, or it is wrong, which `recheck` tells. */
export function rulesOfGenesis(json: unknown): Rules | null {
  try {
    return isRecord(json) ? parseGenesis(asObject("file", json).genesis, { bounded: false }).rules : null;
  } catch (error) {
    if (!(error instanceof TacitError)) throw error;
    return null;
  }
}

/**
 * Runs the replay of a record again, from its genesis and its log, and compares all that the record says came of it: hashes
 * and heads of the log, verdicts, prices of each epoch, auctions, fills, fees, accounts, state words. Proofs are not looked at.
 * @param onRound  called after each round, with the share that is done
 * @throws TacitError FORMAT, GENESIS  what is no record, naming the place
 */
export function recheck(json: unknown, onRound: (fraction: number) => void = () => {}): RecheckResult {
  if (!isRecord(json)) throw badFormat("file", "the record of a replay: an object with `genesis` and `rounds`");
  const file = asObject("file", json);
  const genesis = parseGenesis(file.genesis, { bounded: false });
  const { signed } = file;
  if (typeof signed !== "boolean") throw badFormat("signed", "true or false");
  const rules = difference("", "rules", file.rules, rulesJson(genesis.rules));
  if (rules) return refusal("wrongState", { round: 1, at: rules.place, message: `${rules.place}: ${inWords(rules, "its genesis gives")}` }); // prettier-ignore
  const rounds = asList("rounds", file.rounds);
  if (rounds.length === 0) throw badFormat("rounds", "at least one round");

  const reprices = asList("reprices", file.reprices);

  let blind = readElement("blind", file.blind);
  /** Of the accounts that the command in hand opens. */
  let views: bigint[] = [];
  const profile = PROFILES[genesis.profile];
  // Where the record has none for an account, the comparison tells.
  const view = () => views.shift() ?? 0n;
  const matcher = new Matcher({ ...genesis, profile }, { view });
  const ledger = new Ledger({ ...genesis, profile, blind: () => blind });
  const registers = new Registers(ledger, { blind: () => blind });
  const report = new Report(genesis, signed);
  const counts = { entries: 0, auctions: 0, fills: 0, proofs: 0 };
  const written = new Set<string>();

  for (const [i, row] of rounds.entries()) {
    const at = `rounds[${i}]`;
    const refused = (code: RecordRefusal, place: string, message: string): RecheckResult =>
      refusal(code, { round: i + 1, at: `${at}.${place}`, message: `${place}: ${message}` });
    const differs = (
      said: Record<string, unknown>,
      given: RoundJson,
      names?: readonly string[],
    ): RecheckResult | null => {
      for (const [name, code] of PARTS) {
        const found = names && !names.includes(name) ? null : difference(at, name, said[name], given[name]);
        if (!found) continue;
        const { place, said: told, rules } = found;
        if (told === undefined && place.endsWith(".view"))
          throw badFormat(`${at}.${place}`, "the view key of the account that it opens");
        const [, entry, part] = /^entries\[(\d+)\]\[(\d)\]$/.exec(place) ?? [];
        if (entry === undefined)
          return refused(place.endsWith(".verdict") ? "wrongVerdict" : code, place, inWords(found));
        const what = ["its item hashes to", "its signature hashes to", "it is stamped"][Number(part)];
        return refused(code, `log[${entry}]`, `${what} ${text(rules)}, entries[${entry}] says ${text(told)}`);
      }
      return null;
    };
    const round = asObject(at, row);
    const state = ledger.word;
    const begins = difference(at, "state", round.state, `${state}`);
    if (begins) return refused("wrongState", "state", inWords(begins, i === 0 ? "its genesis gives" : undefined));
    blind = readElement(`${at}.blind`, round.blind);
    const log = asList(`${at}.log`, round.log).map((entry, j) =>
      readEntry(`${at}.log[${j}]`, entry, { signed, profile }),
    );
    const repricedBefore = report.reprices.length;
    let j = 0;
    for (const command of queued(
      matcher,
      log.map(({ command }) => command),
    )) {
      let events: Event[];
      views = [...log[j].views];
      try {
        events = matcher.apply(completed(matcher, genesis.domain, command));
      } catch (error) {
        if (!(error instanceof TacitError)) throw error;
        // What it follows from may be what is false.
        const before = report.close({ state, stateAfter: 0n, blind }, []);
        const upTo = (name: "entries" | "log") => asList(`${at}.${name}`, round[name]).slice(0, j);
        const found = differs({ ...round, entries: upTo("entries"), log: upTo("log") }, before, ["entries", "log"]);
        return found ?? refused("wrongLog", `log[${j}]`, error.message);
      }
      for (const event of events) {
        registers.add(event);
        report.add(event);
      }
      j++;
    }
    const stateAfter = registers.close(report.head);
    const given = report.close({ state, stateAfter, blind }, []);
    const found = differs(round, given);
    if (found) return found;
    for (let k = repricedBefore; k < report.reprices.length; k++) {
      const found = difference("", `reprices[${k}]`, reprices[k], report.reprices[k]);
      if (found) return refusal("wrongClearing", { round: i + 1, at: found.place, message: `${found.place}: ${inWords(found)}` }); // prettier-ignore
    }
    counts.entries += log.length;
    counts.proofs += asList(`${at}.instructions`, round.instructions).length;
    counts.auctions += given.clearings.length;
    for (const { fills } of given.clearings) counts.fills += fills.length;
    for (const { index } of given.accounts) written.add(index);
    onRound((i + 1) / rounds.length);
  }
  const more = difference("", "reprices", reprices, report.reprices);
  if (more) return refusal("wrongClearing", { round: rounds.length, at: more.place, message: `${more.place}: ${inWords(more)}` }); // prettier-ignore
  return { ok: true, rounds: rounds.length, ...counts, accounts: written.size, signed };
}

function refusal(
  code: RecordRefusal,
  { round, at, message }: Record<"at" | "message", string> & { round: number },
): RecheckResult & { ok: false } {
  // prettier-ignore
  return { ok: false, code, round, at, meaning: refusalMeaning(code), message };
}

/**
 * Reports as the matcher takes them: of the venue, and of the contracts of the rules in force.
 * @throws TacitError QUORUM  where nobody signs, as the matcher does where feeds sign
 */
function completed(matcher: Matcher, domain: bigint, command: Command): Command {
  if (command.kind !== "reprice") return command;
  const { instruments, group } = matcher.terms.rules;
  const contracts = contractsHash(instruments);
  const quorum = command.quorum.map(({ report, ...rest }) => ({ ...rest, report: { ...report, domain, contracts } }));
  if (!command.checked) return { ...command, quorum };
  const rises = quorum.every(({ feed }, i) => feed > (quorum[i - 1]?.feed ?? -1) && feed < group.feeds.length);
  if (quorum.length !== quorumOf(group.feeds.length) || !rises)
    throw new TacitError("QUORUM", `no quorum: expected ${quorumOf(group.feeds.length)} feeds in rising order`);
  if (quorum.some(({ report: { index, average, sigma } }) => index === 0n || average === 0n || sigma === 0n))
    throw new TacitError("QUORUM", "no quorum: expected index, average and sigma above 0");
  return { ...command, quorum };
}

/** What was rechecked, in numbers. */
export function recheckedInWords({ entries, auctions, fills, accounts }: RecheckResult & { ok: true }): string {
  const counted = [
    [entries, entries === 1 ? "log entry" : "log entries"],
    [auctions, auctions === 1 ? "auction" : "auctions"],
    [fills, fills === 1 ? "fill" : "fills"],
    [accounts, accounts === 1 ? "account" : "accounts"],
  ] as const;
  return counted.map(([count, what]) => `${count.toLocaleString("en-US")} ${what}`).join(", ");
}

/** The commands, each before the next is asked for; signatures of items that follow each other are checked at once. */
function* queued(matcher: Matcher, commands: readonly Command[]): Generator<Command> {
  for (let at = 0; at < commands.length;) {
    const items: ItemCommand[] = [];
    for (let next = commands[at]; next?.kind === "item" && items.length < QUEUED; next = commands[at + items.length])
      items.push(next);
    yield* items.length > 0 ? matcher.checked(items) : [commands[at]];
    at += items.length || 1;
  }
}

interface Difference {
  place: string;
  said: unknown;
  rules: unknown;
}

/**
 * The first place at which two values differ, or null.
 * @param at  where the place is, "" at the top
 * @throws TacitError FORMAT where a number is expected and something else stands
 */
function difference(at: string, place: string, said: unknown, rules: unknown): Difference | null {
  if (said === rules) return null;
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  if (isObject(said) && isObject(rules) && Array.isArray(said) === Array.isArray(rules)) {
    const [one, other] = [rules, said] as Record<string, unknown>[];
    const inside = (name: string) => (Array.isArray(rules) ? `${place}[${name}]` : `${place}.${name}`);
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const found = difference(at, inside(name), other[name], one[name]);
      if (found) return found;
    }
    return null;
  }
  if (typeof rules === "string" && /^-?\d+$/.test(rules) && said !== undefined)
    asInteger(at ? `${at}.${place}` : place, said);
  return { place, said, rules };
}

function inWords({ said, rules }: Difference, source = "the rules give"): string {
  return `the record says ${text(said)}, ${source} ${text(rules)}`;
}

/** A value of a record for a message. */
function text(value: unknown): string {
  if (value === undefined) return "nothing";
  const written = typeof value === "string" ? value : inJson(value);
  return written.length <= 100 ? written : `${written.slice(0, 97)}...`;
}

function inJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deep.
    return shown(value);
  }
}
