import { Api } from "../../client/api.ts";
import { parseGenesis } from "../../protocol/genesis.ts";
import { PROFILES, type ProfileName } from "../../protocol/instructions.ts";
import { asInteger, asList, asObject, badFormat } from "../../protocol/json.ts";
import { readRounds, type Reached, type RoundClaim } from "../../verifier/index.ts";
import { reason } from "../format.ts";
import { allKeys, keysOf, surveyKeys } from "../keys.ts";
import { checkRound } from "./check.ts";
import { checkSource, noSource, readSource, type Source, type SourceEnd } from "./source.ts";
import type { News, Profile, Task } from "./messages.ts";

/** The thread that checks, so that the page stays alive. It is ended to stop it. */

const tell = (news: News) => globalThis.postMessage(news);

/** Longest file that is read, bytes: no engine holds a longer text, nor does the command. */
const LONGEST = 2 ** 29 - 24;
/** Milliseconds between two looks for a new round. */
const LOOK = 3_000;
const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK));

globalThis.addEventListener("message", ({ data }: MessageEvent<Task>) => {
  const work = data.kind === "files" ? checkFiles(data.files, data.profile) : checkVenue(data);
  work
    .catch((error: unknown) => tell({ kind: "malformed", message: reason(error) }))
    .finally(() => tell({ kind: "end" }));
});

async function checkFiles(files: readonly File[], choice: Profile): Promise<void> {
  const sources = await Promise.all(files.map(readFile));
  // Files of one venue in the order of its rounds, whatever order they were dropped in; a survey after the round that left its state.
  const place = ({ claims, survey }: Source) => claims[0]?.number ?? (survey ? survey.round + 0.5 : 0);
  sources.sort((a, b) => place(a) - place(b));
  tell({ kind: "total", rounds: sources.reduce((sum, { claims }) => sum + claims.length, 0) });
  let ended: SourceEnd = { after: null };
  for (const source of sources) {
    tell({ kind: "source", name: source.name });
    const news = checkSource(source, ended, { choice, keys: allKeys(), surveys: surveyKeys() });
    let next = news.next();
    for (; !next.done; next = news.next()) tell(next.value);
    ended = next.value;
  }
}

async function readFile(file: File): Promise<Source> {
  const { name, size } = file;
  if (size > LONGEST) return noSource(name, "the file is larger than any text that can be read");
  const text = await file.text().catch((error: unknown) => error);
  return typeof text === "string" ? readSource(name, text) : noSource(name, reason(text));
}

async function checkVenue({ url, first, only, profile: choice }: Task & { kind: "venue" }): Promise<void> {
  const api = new Api(url);
  tell({ kind: "source", name: api.url });
  const venue = asObject("venue", await api.get("/venue"));
  const profile = choice === "auto" ? profileOf(venue.profile) : choice;
  const checked = { keys: keysOf(profile), profile, rechecked: false };
  const start = asInteger("venue.genesisState", venue.genesisState);
  // As the venue began: of a later round those before it are not known.
  let rules = first === 1 ? parseGenesis(venue.genesis).rules : null;
  let before: Reached | null = first === 1 ? { state: start, time: 0n, logCount: 0n, head: 0n } : null;
  if (before) tell({ kind: "trust", sentence: "The state at which the venue began: only the venue says so." });
  let newest = only ? first : await newestRound(api);
  for (let number = first; ; number++) {
    const file = await ask(() => api.find(`/rounds/${number}`));
    if (file === null) {
      if (number <= newest) return malformed(`the venue tells of round ${newest}, and has no round ${number}`);
      tell({ kind: "waiting", next: number });
      await pause();
      number--;
      continue;
    }
    newest = Math.max(newest, number);
    tell({ kind: "total", rounds: newest - first + 1 });
    let claim;
    try {
      [claim] = readRounds(file);
    } catch (error) {
      return malformed(`round ${number}: ${reason(error)}`);
    }
    if (claim.number !== number || !claim.segment)
      return malformed(`round ${number}: what the venue gives is another round, or shows no log`);
    const shown = { ...claim, rules: await rulesIn(api, claim) };
    const outcome = checkRound(shown, before, { ...checked, rules });
    const { after } = outcome;
    tell({ kind: "round", report: outcome.report });
    before = after;
    ({ rules } = outcome);
    if (!after || only) return;
  }
}

/** @throws TacitError FORMAT */
function profileOf(json: unknown): ProfileName {
  if (typeof json === "string" && Object.hasOwn(PROFILES, json)) return json as ProfileName;
  throw badFormat("venue.profile", `one of ${Object.keys(PROFILES).join(", ")}`);
}

/** Rules that the venue shows of a round which brings some in: its file has their roots alone. */
async function rulesIn(api: Api, { instructions, segment }: RoundClaim): Promise<unknown[]> {
  const wanted = instructions.filter(({ name }) => name === "configure").length;
  if (wanted === 0 || !segment) return [];
  const found: unknown[] = [];
  const end = segment.logCount + BigInt(segment.entries.length);
  for (let after = segment.logCount - 1n; found.length < wanted;) {
    const { changes } = asObject("changes", await ask(() => api.get(`/changes?after=${after}`)));
    const rows = asList("changes.changes", changes).map((it) => asObject("change", it));
    found.push(...rows.filter(({ kind }) => kind === "rules").map((it) => it.rules));
    const last = rows.at(-1)?.n;
    if (typeof last !== "number" || BigInt(last) >= end || BigInt(last) <= after) break;
    after = BigInt(last);
  }
  return found;
}

function malformed(message: string): void {
  tell({ kind: "malformed", message });
}

async function newestRound(api: Api): Promise<number> {
  const [row] = asList("rounds", asObject("rounds", await api.get("/rounds?limit=1")).rounds);
  if (row === undefined) return 0;
  const { number } = asObject("rounds[0]", row);
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw badFormat("rounds[0].number", "a number");
  return number;
}

/** Asks until there is an answer: a venue that is away may come back. */
async function ask(question: () => Promise<unknown>): Promise<unknown> {
  for (let troubled = false; ; troubled = true)
    try {
      const answer = await question();
      if (troubled) tell({ kind: "trouble", message: null });
      return answer;
    } catch (error) {
      tell({ kind: "trouble", message: reason(error) });
      await pause();
    }
}
