import type { CoSigners } from "../protocol/coSigners.ts";
import { TacitError } from "../protocol/errors.ts";
import { parseGenesis } from "../protocol/genesis.ts";
import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import { isRecord, recheckedInWords, rulesOfGenesis, type RecheckResult } from "../replay/recheck.ts";
import {
  explainRefusal,
  fittingProfile,
  isDevelopmentKey,
  isSurvey,
  verifyClaim,
  type Payout,
  type Reached,
  type RoundEffect,
  type VerifyingKeys,
} from "../verifier/index.ts";
import { broughtInWords, broughtRules, rulesAfter, type BroughtRules } from "../verifier/broughtRules.ts";
import { isoTime, short, thousands } from "../setup/format.ts";
import { asObject, toJson } from "../protocol/json.ts";
import { readJson } from "../setup/readJson.ts";
import { readKeys } from "../setup/keyFiles.ts";
import { readRounds, type RoundClaim } from "../verifier/roundFile.ts";
import { verifySurveyFile } from "./survey.ts";
import { recheckWithProgress, refusalText, type RefusedRound } from "./recheck.ts";

export interface VerifyOptions {
  /** default: the one under whose keys the proofs hold */
  profile?: ProfileName;
  /** it changes the coefficients of the batch, and so not what is accepted */
  domain?: bigint;
  state?: bigint;
  keys?: string;
  /** file of a genesis, or with one, as a venue's /v1/venue is: its co-signers must have made each round final */
  genesis?: string;
  json?: boolean;
}

/** What a verification took on trust. */
interface Trust {
  /** the state that the first round starts from, and whether only the file says so */
  startState: bigint;
  startStateClaimed: boolean;
  /** heads of the chain of deposits are not compared with a contract's */
  depositsClaimed: true;
  /** whether the file tells of orders, prices and accounts, and has no genesis from which they could be recomputed */
  recordClaimed: boolean;
  /** whether signatures of co-signers come with a round, and no co-signers were given to check them against */
  finalClaimed: boolean;
  /** anybody can forge proofs for these keys */
  developmentKeys: boolean;
}

/** Rules that it brings in, with what they change where the file shows it. */
type VerifiedRound = Omit<RoundEffect, "rules"> & { rules: Omit<BroughtRules, "rules">[] };

export type Verified = { trust: Trust } & (
  | {
      ok: true;
      rounds: VerifiedRound[];
      rechecked: (RecheckResult & { ok: true }) | null;
      /** whether the co-signers that were given made each round final; null: none were */
      final: true | null;
    }
  | RefusedRound
);

/** `tacit verify`. @returns the exit code */
export async function verify(path: string, options: VerifyOptions): Promise<number> {
  const tell = options.json ? () => {} : (line: string) => void process.stdout.write(`${line}\n`);
  const file = await readJson(path);
  if (isSurvey(file)) return verifySurveyFile(file, options);
  const result = await verifyFile(file, options, tell);
  if (options.json) process.stdout.write(toJson(result, 2) + "\n");
  else if (!result.ok) process.stdout.write(refusalText(result));
  return result.ok ? 0 : 1;
}

interface Chosen {
  keys: VerifyingKeys;
  profile: ProfileName;
}

/** The keys of the profile that is asked for, or else of the one that fits. */
async function keysFor(claims: readonly RoundClaim[], { profile, keys: folder }: VerifyOptions): Promise<Chosen> {
  if (profile) return { profile, keys: await readKeys(profile, folder) };
  const all = new Map<ProfileName, VerifyingKeys>();
  for (const name of Object.keys(PROFILES) as ProfileName[])
    try {
      all.set(name, await readKeys(name, folder));
    } catch (error) {
      // A folder of one's own may have keys of one profile alone.
      if (!folder || !(error instanceof TacitError) || error.code !== "FILE") throw error;
    }
  const fits = fittingProfile(claims, all);
  return { profile: fits, keys: all.get(fits) ?? (await readKeys(fits, folder)) };
}

/**
 * Checks the rounds of a file, each of which must begin where the one before it ended, then its record if it is one.
 * @throws TacitError REFUSED where nothing is proved; FORMAT, GENESIS and others where something cannot be read
 */
export async function verifyFile(
  file: unknown,
  options: VerifyOptions,
  tell: (line: string) => void = () => {},
): Promise<Verified> {
  const claims = readRounds(file);
  if (claims.every(({ instructions }) => instructions.length === 0))
    throw new TacitError("REFUSED", "the file has no proofs to verify: `tacit replay --prove` makes some");
  const { keys, profile } = await keysFor(claims, options);
  const genesis = await readGenesis(options);
  const { state: start } = options;
  const domain = options.domain ?? genesis?.domain ?? 0n;
  const rounds: VerifiedRound[] = [];
  let rules = rulesOfGenesis(file);
  const first = start ?? claims[0].state ?? claims[0].instructions[0]?.publicInputs[0] ?? 0n;
  const record = isRecord(file);
  const trust: Trust = {
    startState: first,
    startStateClaimed: start === undefined,
    depositsClaimed: true,
    recordClaimed: !record && claims.some(({ tells }) => tells),
    finalClaimed: !genesis && claims.some(({ final }) => final !== undefined),
    developmentKeys: Object.values(keys).some(isDevelopmentKey),
  };
  if (trust.developmentKeys) tell("these are development keys: anybody can forge proofs for them");
  if (start === undefined) tell(`starts from state ${short(first)}, which the file claims: --state checks it`);
  let reached: Reached = { state: first };
  for (const [i, claim] of claims.entries()) {
    const result = verifyClaim(claim, reached, { keys, domain, ...(genesis && { coSigners: genesis.coSigners }) });
    if (!result.ok) {
      const { meaning, detail } = explainRefusal(result, claim, { keys, profile });
      return { ok: false, trust, round: i + 1, code: result.code, meaning, message: detail };
    }
    const { effect, after } = result;
    const brought = broughtRules(claim, effect, { before: rules, profile });
    rules = rulesAfter(brought, rules);
    tell(inWords(i + 1, claim, reached.state, effect, rounds.at(-1)));
    for (const it of brought) {
      tell(`  rules changed at ${isoTime(it.time)}, to those of root ${short(it.root)}:`);
      for (const line of broughtInWords(it)) tell(`    ${line}`);
    }
    reached = after;
    rounds.push({ ...effect, rules: brought.map(({ root, time, changes }) => ({ root, time, changes })) });
  }
  const rechecked = record ? await recheckWithProgress(file) : null;
  if (rechecked && !rechecked.ok) return { trust, ...rechecked };
  if (rechecked) tell(`rechecked: ${recheckedInWords(rechecked)}: each is what the rules give`);
  if (trust.recordClaimed)
    tell(
      "not checked: what the file tells of orders, prices and accounts, as it has no genesis to recompute them from",
    );
  if (trust.finalClaimed)
    tell(
      "not checked: signatures that are said to make rounds final, as no co-signers are given: --genesis names them",
    );
  const proved = `accepted: ${claims.length} ${claims.length === 1 ? "round" : "rounds"}, all proofs hold`;
  tell(genesis ? `${proved}, each final by ${quorumText(genesis.coSigners)}` : proved);
  return { ok: true, trust, rounds, rechecked, final: genesis ? true : null };
}

function quorumText({ quorum, addresses }: CoSigners): string {
  return `${quorum} or more of ${addresses.length} co-signers`;
}

/** @throws TacitError NO_CO_SIGNERS, and what parseGenesis throws */
async function readGenesis({ genesis }: VerifyOptions): Promise<{ domain: bigint; coSigners: CoSigners } | undefined> {
  if (genesis === undefined) return undefined;
  const json = asObject("genesis", await readJson(genesis));
  const { domain, coSigners } = parseGenesis(json.genesis ?? json, { bounded: false });
  if (!coSigners)
    throw new TacitError(
      "NO_CO_SIGNERS",
      "the genesis names no co-signers: no round of its venue is final by signatures",
    );
  return { domain, coSigners };
}

function inWords(
  round: number,
  { instructions, segment }: RoundClaim,
  state: bigint,
  effect: RoundEffect,
  last?: Pick<RoundEffect, "logCount">,
): string {
  const { stateAfter, logCount, time, deposits, payouts } = effect;
  const entries = last
    ? `${thousands(logCount - last.logCount)} log entries more`
    : `${thousands(logCount)} log entries`;
  const parts = [
    `${instructions.length} proofs hold`,
    `state ${short(state)} -> ${short(stateAfter)}`,
    `${entries}, the last at ${isoTime(time)}`,
    ...(segment ? ["the log shown is the one that was proved"] : []),
    ...(deposits === undefined ? [] : [`deposits up to ${short(deposits)}`]),
    ...payouts.map(payoutInWords),
  ];
  return `round ${round}: ${parts.join("; ")}`;
}

export function payoutInWords({ recipient, amount }: Payout): string {
  return `pays ${thousands(amount)} to ${recipient}`;
}
