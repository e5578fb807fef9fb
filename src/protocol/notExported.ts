/** What an import of anything that package.json does not name comes to. */
import { TacitError } from "./errors.ts";

throw new TacitError(
  "NOT_EXPORTED",
  "tacit has no module of this name: expected tacit, or tacit/ and one of client, chain, service, verifier, recheck, matcher, prover, hash, keys/PROFILE/INSTRUCTION.json",
);
