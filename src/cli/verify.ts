import { TacitError } from "../protocol/errors.ts";
import type { ProfileName } from "../protocol/instructions.ts";
import { isDevelopmentKey, verifyClaim, type Payout, type Reached, type RoundEffect } from "../verifier/index.ts";
import { isoTime, short, thousands } from "../setup/format.ts";
import { toJson } from "../protocol/json.ts";
import { readJson } from "../setup/readJson.ts";
import { readKeys } from "../setup/keyFiles.ts";
import { readRounds, type RoundClaim } from "../verifier/roundFile.ts";

export interface VerifyOptions {
  profile: ProfileName;
  /** it changes the coefficients of the batch, and so not what is accepted */
  domain?: bigint;
  state?: bigint;
  keys?: string;
  json?: boolean;
}

/** What a verification took on trust. */
interface Trust {
  /** the state that the first round starts from, and whether only the file says so */
  startState: bigint;
  startStateClaimed: boolean;
  /** heads of the chain of deposits are not compared with a contract's */
  depositsClaimed: true;
  /** what the file says of prices, orders and accounts is not compared with what is proved */
  recordClaimed: true;
  /** anybody can forge proofs for these keys */
  developmentKeys: boolean;
}

type Verified = { trust: Trust } & (
  { ok: true; rounds: RoundEffect[] } | { ok: false; round: number; code: string; message: string }
);

/** `tacit verify`: each round must begin where the one before it ended. @returns the exit code */
export async function verify(file: string, options: VerifyOptions): Promise<number> {
  const claims = readRounds(await readJson(file));
  if (claims.every(({ instructions }) => instructions.length === 0))
    throw new TacitError("REFUSED", `${file} has no proofs to verify: \`tacit replay --prove\` makes some`);
  const keys = await readKeys(options.profile, options.keys);
  const tell = options.json ? () => {} : (line: string) => void process.stdout.write(`${line}\n`);
  const result = verifyAll(claims, options, keys, tell);
  if (options.json) process.stdout.write(toJson(result, 2) + "\n");
  else if (!result.ok) process.stdout.write(`round ${result.round} is REFUSED (${result.code}): ${result.message}\n`);
  return result.ok ? 0 : 1;
}

function verifyAll(
  claims: readonly RoundClaim[],
  { domain = 0n, state: start }: VerifyOptions,
  keys: Awaited<ReturnType<typeof readKeys>>,
  tell: (line: string) => void,
): Verified {
  const rounds: RoundEffect[] = [];
  const first = start ?? claims[0].state ?? claims[0].instructions[0]?.publicInputs[0] ?? 0n;
  const trust: Trust = {
    startState: first,
    startStateClaimed: start === undefined,
    depositsClaimed: true,
    recordClaimed: true,
    developmentKeys: Object.values(keys).some(isDevelopmentKey),
  };
  if (trust.developmentKeys) tell("these are development keys: anybody can forge proofs for them");
  if (start === undefined) tell(`starts from state ${short(first)}, which the file claims: --state checks it`);
  let reached: Reached = { state: first };
  for (const [i, claim] of claims.entries()) {
    const result = verifyClaim(claim, reached, { keys, domain });
    if (!result.ok) {
      const hint = result.code === "pairing" ? "; was it made with another --profile?" : "";
      return { ok: false, trust, round: i + 1, code: result.code, message: result.message + hint };
    }
    const { effect, after } = result;
    tell(inWords(i + 1, claim, reached.state, effect, rounds.at(-1)));
    reached = after;
    rounds.push(effect);
  }
  tell(`accepted: ${claims.length} ${claims.length === 1 ? "round" : "rounds"}, all proofs hold`);
  tell("not checked: what the file says of prices, orders and accounts");
  return { ok: true, trust, rounds };
}

function inWords(
  round: number,
  { instructions, segment }: RoundClaim,
  state: bigint,
  effect: RoundEffect,
  last?: RoundEffect,
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
