import demoDeposit from "../../keys/demo/deposit.json" with { type: "json" };
import demoAdmit from "../../keys/demo/admit.json" with { type: "json" };
import demoQuote from "../../keys/demo/quote.json" with { type: "json" };
import demoAuction from "../../keys/demo/auction.json" with { type: "json" };
import demoMidpoint from "../../keys/demo/midpoint.json" with { type: "json" };
import demoSettle from "../../keys/demo/settle.json" with { type: "json" };
import demoSettleRuns from "../../keys/demo/settleRuns.json" with { type: "json" };
import demoReprice from "../../keys/demo/reprice.json" with { type: "json" };
import demoConfigure from "../../keys/demo/configure.json" with { type: "json" };
import demoFold from "../../keys/demo/fold.json" with { type: "json" };
import demoEnforce from "../../keys/demo/enforce.json" with { type: "json" };
import demoAssume from "../../keys/demo/assume.json" with { type: "json" };
import demoSurvey from "../../keys/demo/survey.json" with { type: "json" };
import demoWithdraw from "../../keys/demo/withdraw.json" with { type: "json" };
import standardDeposit from "../../keys/standard/deposit.json" with { type: "json" };
import standardAdmit from "../../keys/standard/admit.json" with { type: "json" };
import standardQuote from "../../keys/standard/quote.json" with { type: "json" };
import standardAuction from "../../keys/standard/auction.json" with { type: "json" };
import standardMidpoint from "../../keys/standard/midpoint.json" with { type: "json" };
import standardSettle from "../../keys/standard/settle.json" with { type: "json" };
import standardSettleRuns from "../../keys/standard/settleRuns.json" with { type: "json" };
import standardReprice from "../../keys/standard/reprice.json" with { type: "json" };
import standardConfigure from "../../keys/standard/configure.json" with { type: "json" };
import standardFold from "../../keys/standard/fold.json" with { type: "json" };
import standardEnforce from "../../keys/standard/enforce.json" with { type: "json" };
import standardAssume from "../../keys/standard/assume.json" with { type: "json" };
import standardSurvey from "../../keys/standard/survey.json" with { type: "json" };
import standardWithdraw from "../../keys/standard/withdraw.json" with { type: "json" };
import type { InstructionName, ProfileName } from "../protocol/instructions.ts";
import { badFormat } from "../protocol/json.ts";
import { prepareKeys, readCircuitKey, type CircuitKey, type VerifyingKeys } from "../verifier/index.ts";

/** The verification keys that come with these pages: what they trust. */
const FILES: Record<ProfileName, Record<InstructionName, unknown>> = {
  demo: {
    deposit: demoDeposit,
    admit: demoAdmit,
    quote: demoQuote,
    auction: demoAuction,
    midpoint: demoMidpoint,
    settle: demoSettle,
    settleRuns: demoSettleRuns,
    withdraw: demoWithdraw,
    reprice: demoReprice,
    configure: demoConfigure,
    fold: demoFold,
    enforce: demoEnforce,
    assume: demoAssume,
  },
  standard: {
    deposit: standardDeposit,
    admit: standardAdmit,
    quote: standardQuote,
    auction: standardAuction,
    midpoint: standardMidpoint,
    settle: standardSettle,
    settleRuns: standardSettleRuns,
    withdraw: standardWithdraw,
    reprice: standardReprice,
    configure: standardConfigure,
    fold: standardFold,
    enforce: standardEnforce,
    assume: standardAssume,
  },
};

const SURVEYS: Record<ProfileName, unknown> = { demo: demoSurvey, standard: standardSurvey };

/** The keys of surveys, of all profiles. */
export function surveyKeys(): Map<ProfileName, CircuitKey> {
  const profiles = Object.keys(SURVEYS) as ProfileName[];
  return new Map(profiles.map((profile) => [profile, readCircuitKey(SURVEYS[profile], `survey of ${profile}`)]));
}

const prepared = new Map<string, VerifyingKeys>();

/** The keys of a profile, read once. @throws TacitError FORMAT when there is no such profile */
export function keysOf(profile: string): VerifyingKeys {
  const known = prepared.get(profile);
  if (known) return known;
  if (!Object.hasOwn(FILES, profile)) throw badFormat("profile", `one of ${Object.keys(FILES).join(", ")}`);
  const keys = prepareKeys(FILES[profile as ProfileName]);
  prepared.set(profile, keys);
  return keys;
}

/** The keys of all profiles. */
export function allKeys(): Map<ProfileName, VerifyingKeys> {
  return new Map((Object.keys(FILES) as ProfileName[]).map((profile) => [profile, keysOf(profile)]));
}
