import { Api } from "../client/api.ts";
import { TacitError } from "../protocol/errors.ts";
import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import { asInteger, asObject, asWhole, badFormat, printable, toJson } from "../protocol/json.ts";
import { SURVEYED, type Surveyed } from "../protocol/survey.ts";
import { counted, short, table, thousands } from "../setup/format.ts";
import { readKeyFile, readKeys } from "../setup/keyFiles.ts";
import { withProgress } from "../setup/progress.ts";
import { writeWhole } from "../setup/writeWhole.ts";
import { fittingSurveyKey } from "../verifier/survey.ts";
import {
  NO_LAG_LIMIT,
  readCircuitKey,
  readRounds,
  readSurvey,
  surveyJson,
  verifyClaim,
  verifySurvey,
  type CircuitKey,
  type Survey,
} from "../verifier/index.ts";
import { operatorApi } from "./venue/operatorApi.ts";

const WORDS: Record<keyof Surveyed, string> = {
  accounts: "accounts",
  under: "under maintenance",
  flagged: "flagged",
  cash: "cash, cash units",
  lacking: "negative equities, cash units",
};
/** Between two looks at a survey that is made. */
const LOOK_MS = 500;

/** Whether a survey holds, and what it comes to. @returns the exit code */
function tell(
  survey: Survey,
  key: CircuitKey,
  { state, shownBy, json }: { state: bigint | undefined; shownBy: string; json?: boolean },
): number {
  const result = verifySurvey(key, survey);
  const wrong = result.ok && state !== undefined && result.state !== state;
  const message = result.ok ? (wrong ? "it is of another state" : null) : result.message;
  const trust = { developmentKeys: key.development, forgeable: key.forgeable, stateClaimed: state === undefined };
  const { round, proofs } = survey;
  if (json) {
    const told = result.ok && !wrong ? { ok: true, state: result.state, ...result.sums } : { ok: false, message };
    process.stdout.write(toJson({ trust, round, proofs: proofs.length, ...told }, 2) + "\n");
    return result.ok && !wrong ? 0 : 1;
  }
  if (key.development) process.stdout.write("these are development keys: anybody can forge proofs for them\n");
  else if (key.forgeable) process.stdout.write(`anybody can forge proofs for this key: ${key.forgeable}\n`);
  if (!result.ok || wrong) {
    process.stdout.write(`REFUSED: ${message}\n`);
    return 1;
  }
  const rows = SURVEYED.map((name) => [WORDS[name], thousands(result.sums[name])]);
  process.stdout.write(
    `all accounts of state ${short(result.state)}, by ${counted(proofs.length, "proof")}; ${shownBy}\n`,
  );
  process.stdout.write(table([["", "in all"], ...rows]));
  return 0;
}

/** `tacit verify` of the file of a survey. @returns the exit code */
export async function verifySurveyFile(
  file: unknown,
  { profile, keys, state, json }: { profile?: ProfileName; keys?: string; state?: bigint; json?: boolean },
): Promise<number> {
  const survey = readSurvey(file);
  const keyOf = async (name: ProfileName) => readCircuitKey(await readKeyFile(name, "survey", keys), `keys of ${name}`);
  const names = profile ? [profile] : (Object.keys(PROFILES) as ProfileName[]);
  const read = await Promise.allSettled(names.map(keyOf));
  const all = read.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
  // A folder of one's own may have the key of one profile alone.
  for (const it of read)
    if (it.status === "rejected" && (all.length === 0 || !keys || it.reason.code !== "FILE")) throw it.reason;
  const shownBy =
    state === undefined ? `that round ${survey.round} left it, the file claims: --state checks it` : "that of --state";
  return tell(survey, fittingSurveyKey(all, survey), { state, shownBy, json });
}

export interface SurveyOptions {
  venue: string;
  make?: boolean;
  tokenFile?: string;
  output?: string;
  json?: boolean;
}

/**
 * `tacit survey`: the last survey of a venue, checked with the round whose state it is of; with `make`, a new one before.
 * @returns the exit code
 */
export async function survey({ venue, make, tokenFile, output, json }: SurveyOptions): Promise<number> {
  const api = new Api(venue);
  if (make) await makeOne(await operatorApi({ venue, tokenFile }));
  const file = await api.get("/survey");
  const found = readSurvey(file);
  const { profile, genesisState } = asObject("venue", await api.get("/venue"));
  if (typeof profile !== "string" || !Object.hasOwn(PROFILES, profile)) throw badFormat("venue.profile", "a known profile"); // prettier-ignore
  const name = profile as ProfileName;
  const state =
    found.round === 0 ? asInteger("venue.genesisState", genesisState) : await leftBy(api, name, found.round);
  if (output !== undefined) await writeWhole(output, toJson(surveyJson(found)) + "\n");
  const shownBy =
    found.round === 0
      ? "that of the genesis"
      : `round ${found.round} left it, and holds (tacit watch verifies all before it)`;
  return tell(found, readCircuitKey(await readKeyFile(name, "survey"), "the key"), { state, shownBy, json });
}

/** The state that a round of the venue leaves, whose proofs hold. @throws REFUSED */
async function leftBy(api: Api, profile: ProfileName, round: number): Promise<bigint> {
  const [claim] = readRounds(await api.get(`/rounds/${round}`));
  const result = verifyClaim(claim, null, { keys: await readKeys(profile), now: NO_LAG_LIMIT });
  if (!result.ok) throw new TacitError("REFUSED", `round ${round}, whose state is surveyed, does not hold: ${result.message}`, { round }); // prettier-ignore
  return result.after.state;
}

/** Has the venue make one, and waits for it. @throws SURVEY, UNAUTHORISED */
async function makeOne(api: Api): Promise<void> {
  const read = (json: unknown) => {
    const { making } = asObject("survey", json);
    if (making === null) return null;
    const { proofs, done, trouble } = asObject("survey.making", making);
    if (trouble !== null)
      throw new TacitError("SURVEY", `the survey failed (${printable(String(trouble)).slice(0, 200)}): the venue's log says why`); // prettier-ignore
    return { proofs: asWhole("survey.making.proofs", proofs), done: asWhole("survey.making.done", done) };
  };
  await withProgress("survey", async (progress) => {
    for (let at = read(await api.post("/survey", {})); at !== null; at = read(await api.get("/survey/progress"))) {
      progress.update(at.done / at.proofs, `${at.done} of ${counted(at.proofs, "proof")}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  });
}
