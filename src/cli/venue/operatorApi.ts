import { readFile } from "node:fs/promises";
import { Api } from "../../client/api.ts";
import { TacitError } from "../../protocol/errors.ts";

/**
 * The service of a venue, asked as its operator.
 * @param tokenFile  whose first line is the token; default: TACIT_OPERATOR_TOKEN
 * @throws FILE, USAGE
 */
export async function operatorApi({ venue, tokenFile }: { venue: string; tokenFile?: string }): Promise<Api> {
  const text =
    tokenFile === undefined
      ? process.env.TACIT_OPERATOR_TOKEN
      : await readFile(tokenFile, "utf8").catch(() => {
          throw new TacitError("FILE", `${tokenFile} cannot be read`, { path: tokenFile });
        });
  const token = text?.split("\n")[0].trim();
  if (!token)
    throw new TacitError(
      "USAGE",
      "the operator's token is missing: expected it in TACIT_OPERATOR_TOKEN, or --token-file",
    );
  const api = new Api(venue);
  api.token = token;
  return api;
}
