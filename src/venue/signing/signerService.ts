import type { Hono } from "hono";
import { bodyOf, jsonApp, replyJson, requireToken } from "../../feeds/jsonService.ts";
import { Measured } from "../../feeds/measure.ts";
import { outOfRange, type TacitError } from "../../protocol/errors.ts";
import type { Signatures } from "./signatures.ts";
import { readSignRequest, stateJson } from "./signerWire.ts";

/** Longest request, bytes: a run of 4,096 heads has a tenth of it. */
const LONGEST = 4 * 1024 * 1024;

export interface SignerServiceOptions {
  /** with a book */
  readonly signatures: Signatures;
  /** that who asks for signatures must have */
  readonly token: string;
  readonly ofProcess?: boolean;
  readonly onUnexpected?: (error: Error) => void;
  /** told why something was not signed */
  readonly onRefused?: (error: TacitError) => void;
}

/** A token that nobody guesses. @throws OUT_OF_RANGE */
export function requireLongToken(name: string, token: string | undefined): string {
  if (token === undefined || !/^[!-~]{32,1024}$/.test(token))
    throw outOfRange(name, "32 to 1024 printable characters without spaces");
  return token;
}

/** The service of a signer, without a socket: signs by its book, for one venue, whoever of its processes asks. */
export function createSignerApp(options: SignerServiceOptions): Hono {
  const { signatures, ofProcess = false, onUnexpected, onRefused } = options;
  const token = requireLongToken("token", options.token);
  const metrics = new Measured({ ofProcess });
  const counts = { signed: 0, refused: 0, heads: 0, epoch: 0 };
  metrics.gauge("tacit_signer_heads", "Entries of the log whose heads are in the book", () => counts.heads);
  metrics.gauge("tacit_signer_epoch", "The newest epoch that has written to it", () => counts.epoch);
  metrics.counter("tacit_signer_signatures_total", "Signatures made since the start", () => counts.signed);
  metrics.counter("tacit_signer_refused_total", "Requests that the book did not allow", () => counts.refused);
  const look = async () => {
    const state = await signatures.state();
    if (state) [counts.heads, counts.epoch] = [state.n, state.epoch];
    return state;
  };
  void look().catch(() => {});

  const app = jsonApp({
    metrics,
    longest: LONGEST,
    admit: (c) => {
      if (["/v1/signer", "/v1/sign"].includes(c.req.path)) requireToken(c, token);
    },
    status: { FENCED: 409, GAP: 409, FORKED: 409, OTHER_VENUE: 409, OUT_OF_RANGE: 400, STORAGE: 503 },
    ...(onUnexpected ? { onUnexpected } : {}),
  });
  app.get("/v1/health", async (c) => {
    await look();
    return replyJson(c, { ok: true, address: signatures.address });
  });
  app.get("/v1/signer", async (c) => {
    return replyJson(c, { address: signatures.address, state: stateJson(await look()) });
  });
  app.post("/v1/sign", async (c) => {
    const request = readSignRequest(await bodyOf(c));
    try {
      const { receipts, logHeads } = await signatures.sign(request);
      counts.signed += receipts.length + logHeads.length;
      if (request.run) {
        counts.epoch = request.run.epoch;
        counts.heads = Math.max(counts.heads, request.run.first + request.run.heads.length);
      }
      return replyJson(c, { receipts, logHeads });
    } catch (error) {
      counts.refused++;
      onRefused?.(error as TacitError);
      throw error;
    }
  });
  return app;
}
