import { readManifest } from "../setup/keys/manifest.ts";
import {
  INSTRUCTION_NAMES,
  instruction,
  PROFILES,
  publicInputNames,
  templateArguments,
  type InstructionName,
  type ProfileName,
} from "../protocol/instructions.ts";
import { requireBits, requireField } from "../protocol/numbers.ts";
import { BITS, MARKETS, PHASE, RANK } from "../protocol/parameters.ts";
import { REGISTERS, stateWord, type Register, type State } from "../protocol/state.ts";
import { TacitError } from "../protocol/errors.ts";
import { isoTime, short, table, thousands } from "../setup/format.ts";
import { parseFeed, parseNumbers, parseReport } from "../feeds/reportJson.ts";
import { asInteger, asList, asObject, badFormat, toJson } from "../protocol/json.ts";
import { medians, NUMBERS, type Numbers } from "../protocol/report.ts";
import { readJson } from "../setup/readJson.ts";
import { holdsRounds, readRounds, type RoundClaim } from "../verifier/roundFile.ts";
import { payoutInWords } from "./verify.ts";

/** What an instruction proves, and what it takes. */
const MEANING: Record<InstructionName, string> = {
  deposit: "credits the next deposits of the contract's chain, in order, each once",
  admit: "judges the next items of the log, in order, none left out; admits orders with their margin reserved",
  quote: "judges the next items of the log as admit does, lists of quotes among them",
  auction: "clears a market at one price: the clearing price closest to the mark",
  midpoint: "clears a market at the mark",
  settle: "books fills of clears, each once, and releases their reservations",
  settleRuns: "books fills as settle does, where many neighbouring ones are of one account",
  reprice: "makes the prices of an epoch: medians of what a quorum of feeds signed, and all that follows from them",
  configure: "brings other rules into force, as far as they may follow those before",
  fold: "turns positions in what is settled into cash",
  enforce:
    "flags accounts under their maintenance, drops their orders, or sells them down through an auction, as far as it takes",
  assume: "has the insurance account take over what accounts in default own",
  withdraw: "makes recipients and amounts of pending withdrawals public, so that the contract pays them",
};

const REGISTER_NAMES = Object.values(REGISTERS).flat() as Register[];

/** `tacit inspect`. @returns the exit code */
export async function inspect(subject: string, { json, round }: { json?: boolean; round?: number }): Promise<number> {
  const found = INSTRUCTION_NAMES.includes(subject as InstructionName)
    ? await explainInstruction(subject as InstructionName)
    : explainFile(await readJson(subject, { missing: `nor an instruction: ${INSTRUCTION_NAMES.join(", ")}` }), round);
  process.stdout.write(json ? toJson(found.facts, 2) + "\n" : found.text);
  return 0;
}

/** The same twice: for programs, and in words. */
interface Explained {
  facts: unknown;
  text: string;
}

function explainFile(file: unknown, round: number | undefined): Explained {
  const opening = asObject("file", file);
  if (holdsRounds(file)) return explainRounds(readRounds(file), opening, round);
  const changes = "quorum" in opening ? [opening] : opening.changes;
  if (Array.isArray(changes)) return explainReprices(changes.flatMap(repriceOfChange));
  if ("domain" in opening && "phase" in opening) return explainState(opening);
  const expected =
    "`rounds` (a replay), `instructions` (a round) or `domain`, `phase`, ... (the opening of a state), or `quorum` (a reprice, of /v1/changes)";
  throw new TacitError("FORMAT", `the file is none that can be explained: expected an object with ${expected}`);
}

/** What a quorum of feeds reported, where the file says of which entry of the log. */
interface Reported {
  readonly n: bigint | undefined;
  readonly time: bigint | undefined;
  readonly epoch: bigint;
  readonly quorum: readonly { readonly feed: number; readonly report: Numbers }[];
}

/** Of /v1/changes; none of a change of rules. @throws FORMAT, OUT_OF_RANGE */
function repriceOfChange(json: unknown): Reported[] {
  const { n, time, epoch, quorum } = asObject("change", json);
  if (quorum === undefined) return [];
  const at = "change.quorum";
  return [{ ...placeOf("change", { n, time, epoch }), quorum: quorumIn(at, asList(at, quorum).map(parseReport)) }];
}

/** Of the record of a replay. @throws FORMAT, OUT_OF_RANGE */
function repriceOfRecord(json: unknown, i: number): Reported {
  const at = `reprices[${i}]`;
  const { n, time, epoch, quotes } = asObject(at, json);
  const quorum = asList(`${at}.quotes`, quotes).map((quote, j) => {
    const here = `${at}.quotes[${j}]`;
    const fields = asObject(here, quote);
    return { feed: parseFeed(`${here}.feed`, fields.feed), report: parseNumbers(here, fields) };
  });
  return { ...placeOf(at, { n, time, epoch }), quorum: quorumIn(`${at}.quotes`, quorum) };
}

/** Where it stands: number and time may be left out. */
function placeOf(at: string, { n, time, epoch }: Record<"n" | "time" | "epoch", unknown>): Omit<Reported, "quorum"> {
  const number = (name: string, json: unknown) =>
    requireBits(`${at}.${name}`, asInteger(`${at}.${name}`, typeof json === "number" ? String(json) : json), BITS.time);
  const orNone = (name: string, json: unknown) => (json === undefined ? undefined : number(name, json));
  return { n: orNone("n", n), time: orNone("time", time), epoch: number("epoch", epoch) };
}

/** An odd number, each of another feed: else there is no median. */
function quorumIn<Report extends { readonly feed: number }>(at: string, reports: readonly Report[]): readonly Report[] {
  if (reports.length % 2 === 0 || new Set(reports.map(({ feed }) => feed)).size < reports.length)
    throw badFormat(at, "reports of an odd number of feeds, each once");
  return reports;
}

/** Who signed what for an epoch, and which number is the median. */
function explainReprices(all: readonly Reported[]): Explained {
  const facts = all.map(({ n, time, epoch, quorum }) => {
    const middle = medians(quorum);
    const names = [
      ...NUMBERS,
      ...middle.values.flatMap((_, i) =>
        quorum.some(({ report: { values } }) => values[i] !== 0n) ? [`values[${i}]`] : [],
      ),
    ];
    const of = (numbers: Numbers, name: string) =>
      name.startsWith("values") ? numbers.values[Number(name.slice(7, -1))] : numbers[name as (typeof NUMBERS)[number]];
    const numbers = names.map((name) => {
      const reports = quorum.map(({ feed, report }) => ({ feed, value: of(report, name) }));
      const median = of(middle, name);
      return { name, median, by: reports.filter(({ value }) => value === median).map(({ feed }) => feed), reports };
    });
    return { n, time, epoch, numbers };
  });
  const text = facts.map(({ n, time, epoch, numbers }) => {
    const feeds = numbers[0].reports.map(({ feed }) => feed);
    const rows = numbers.map(({ name, median, by, reports }) => [
      name,
      ...reports.map(({ value }) => thousands(value)),
      thousands(median),
      by.join(", "),
    ]);
    const where = n === undefined ? "" : `, entry ${n} of the log`;
    const when = time === undefined ? "" : `, at ${isoTime(time)}`;
    const head = ["number", ...feeds.map((feed) => `feed ${feed}`), "median", "of feed"];
    return `epoch ${epoch}${where}${when}; signatures are checked with the keys of the rules (tacit watch)\n${table([head, ...rows])}`;
  });
  return { facts, text: text.join("\n") };
}

async function explainInstruction(name: InstructionName): Promise<Explained> {
  const { code, template } = instruction(name);
  const inputs = publicInputNames(name);
  const manifest = await readManifest();
  const circuits = (Object.keys(PROFILES) as ProfileName[]).map((profile) => {
    const entry = manifest[profile]?.[name];
    const main = `${template}(${templateArguments(name, PROFILES[profile]).join(", ")})`;
    return { profile, main, constraints: entry?.constraints ?? null, r1cs: entry?.r1cs ?? null };
  });
  const rows = circuits.map(({ profile, main, constraints, r1cs }) => [
    profile,
    main,
    constraints === null ? "not built" : thousands(constraints),
    r1cs?.slice(0, 12) ?? "",
  ]);
  const text = [
    `${name} (code ${code}): ${MEANING[name]}`,
    `public inputs: ${inputs.join(", ")}`,
    "",
    table([["profile", "circuit", "constraints", "r1cs"], ...rows]),
  ].join("\n");
  return { facts: { name, code, template, meaning: MEANING[name], publicInputs: inputs, circuits }, text };
}

function explainRounds(
  claims: readonly RoundClaim[],
  file: Record<string, unknown>,
  only: number | undefined,
): Explained {
  if (only !== undefined && only > claims.length)
    throw new TacitError("OUT_OF_RANGE", `--round is out of range: the file has ${claims.length}`);
  const chosen = claims.filter((_, i) => only === undefined || i === only - 1);
  const facts = chosen.map(({ at, state, stateAfter, instructions, clearings }) => ({
    round: at,
    state,
    stateAfter,
    instructions: instructions.map(({ name, publicInputs }) => ({ name, publicInputs: named(name, publicInputs) })),
    clearings,
  }));
  const text = facts.map(({ round, state, stateAfter, instructions, clearings }) => {
    const states =
      state === undefined ? "" : `: state ${short(state)} -> ${stateAfter === undefined ? "?" : short(stateAfter)}`;
    const steps = instructions.map(({ name, publicInputs }, i) => {
      const values = Object.entries(publicInputs).map(([input, value]) => `${input} ${inWords(input, value)}`);
      return `  ${String(i).padStart(3)} ${name.padEnd(9)} ${values.join(", ")}\n`;
    });
    const told = clearings.map(
      ({ market, rule, price, volume, fills, fee }) =>
        `  market ${market}, ${rule}: ${thousands(volume)} lots at ${price}, ${thousands(fills)} fills, fees ${thousands(fee)}\n`,
    );
    return `${round}${states}\n${told.join("")}${steps.length > 0 ? steps.join("") : "  not proved\n"}`;
  });
  if (Array.isArray(file.reprices) && only === undefined)
    text.push(explainReprices(file.reprices.map(repriceOfRecord)).text);
  else if (chosen.some(({ instructions }) => instructions.some(({ name }) => name === "reprice")))
    text.push(
      "who signed the prices, and which numbers are the medians: inspect what the venue's /v1/changes answers\n",
    );
  return { facts, text: text.join("\n") };
}

/** Public inputs by name; those beyond the table, if any, by number. */
function named(name: InstructionName, publicInputs: readonly bigint[]): Record<string, bigint> {
  const names = publicInputNames(name);
  return Object.fromEntries(publicInputs.map((value, i) => [names[i] ?? `input${i}`, value]));
}

function inWords(name: string, value: bigint): string {
  if (name === "time") return isoTime(value);
  if (name === "logCount") return thousands(value);
  if (name === "phaseAfter") return phaseInWords(value);
  if (!name.startsWith("payout")) return short(value);
  if (value === 0n) return "none";
  const recipient = `0x${BigInt.asUintN(BITS.recipient, value).toString(16).padStart(40, "0")}` as const;
  return payoutInWords({ recipient, amount: value >> BigInt(BITS.recipient) });
}

function phaseInWords(phase: bigint): string {
  const at = Number(phase);
  if (at === PHASE.open) return "open";
  if (at === PHASE.paying) return "paying";
  if (at >= PHASE.clearing(0) && at < PHASE.clearing(MARKETS)) return `clearing slot ${at - PHASE.clearing(0)}`;
  if (at === PHASE.settling) return "settling";
  return `unknown (${short(phase)})`;
}

function explainState(opening: Record<string, unknown>): Explained {
  const unknown = Object.keys(opening).filter((name) => !REGISTER_NAMES.includes(name as Register));
  if (unknown.length > 0) throw new TacitError("FORMAT", `the state has no register ${unknown.join(", ")}`);
  const state = Object.fromEntries(
    REGISTER_NAMES.map((name) => [name, requireField(name, asInteger(name, opening[name]))]),
  ) as State;
  const word = stateWord(state);
  const phase = phaseInWords(state.phase);
  const rank = Number(state.clock % 32n);
  const last =
    rank === RANK.other
      ? "an item or command"
      : rank === RANK.reprice
        ? "no entry yet, or a reprice"
        : `close of slot ${rank - 1}`;
  const time = state.clock >> 5n;
  const rows = REGISTER_NAMES.map((name) => [name, short(state[name])]);
  const text = [
    `state word ${word}`,
    `phase      ${phase}`,
    `clock      ${isoTime(time)}, ${last}`,
    `log        ${thousands(state.logCount)} entries`,
    `fills      ${state.fillsPut === state.fillsTaken ? "all booked" : "some not booked yet"}`,
    `payouts    ${state.payoutsPut === state.payoutsTaken ? "all made" : "some not made yet"}`,
    `accounts   ${thousands(state.accountCount)}`,
    "",
    table([["register", "value"], ...rows]),
  ].join("\n");
  return { facts: { stateWord: word, phase, time, registers: state }, text };
}
