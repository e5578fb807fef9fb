import type { Hono } from "hono";
import { bodyOf, jsonApp, pathNumber, replyJson } from "../../feeds/jsonService.ts";
import { Measured } from "../../feeds/measure.ts";
import { badFormat } from "../../protocol/json.ts";
import { TacitError } from "../../protocol/errors.ts";
import { isSecondHead, type CoSigner } from "./coSigner.ts";
import { coSignedEntryJson, readShown, vouchedJson } from "./wire.ts";

/** Longest request, bytes. */
const LONGEST = 8 * 1024 * 1024;

export interface CoSignerServiceOptions {
  readonly coSigner: CoSigner;
  readonly ofProcess?: boolean;
  readonly onUnexpected?: (error: Error) => void;
  /** told why a head that was signed by the venue is not signed */
  readonly onRefused?: (error: TacitError) => void;
}

/** The service of a co-signer, without a socket. Whoever asks may read: what it has tells nothing of any order. */
export function createCoSignerApp({
  coSigner,
  ofProcess = false,
  onUnexpected,
  onRefused,
}: CoSignerServiceOptions): Hono {
  const metrics = new Measured({ ofProcess });
  const counts = { signed: 0, refused: 0, forked: 0 };
  metrics.gauge("tacit_cosigner_heads", "Entries of the log whose heads are here", () => coSigner.state.n);
  metrics.gauge("tacit_cosigner_epoch", "The newest epoch that has shown a head", () => coSigner.state.epoch);
  metrics.gauge("tacit_cosigner_time", "Stamp of the last entry, seconds since 1970", () => Number(coSigner.lastTime));
  metrics.counter("tacit_cosigner_signed_total", "Heads signed since the start", () => counts.signed);
  metrics.counter("tacit_cosigner_refused_total", "Heads that were not signed", () => counts.refused);
  metrics.counter("tacit_cosigner_forked_total", "Second heads, signed by the venue, that were not signed", () => counts.forked); // prettier-ignore

  const app = jsonApp({
    metrics,
    longest: LONGEST,
    status: { NOT_SIGNED: 403, GAP: 409, FORKED: 409, FENCED: 409, CLOCK: 409, OUT_OF_RANGE: 400, STORAGE: 503 },
    ...(onUnexpected ? { onUnexpected } : {}),
  });
  app.get("/v1/health", (c) => replyJson(c, { ok: true }));
  app.get("/v1/state", (c) => {
    const { epoch, n, head } = coSigner.state;
    return replyJson(c, { address: coSigner.address, epoch, n, head: `${head}` });
  });
  app.post("/v1/heads", async (c) => {
    const shown = readShown(await bodyOf(c));
    try {
      const signature = await coSigner.sign(shown);
      counts.signed++;
      return replyJson(c, { signature });
    } catch (error) {
      counts.refused++;
      // What the venue's signer has signed, against what it has signed before.
      if (isSecondHead(error)) counts.forked++;
      if (error instanceof TacitError && error.code !== "GAP") onRefused?.(error);
      throw error;
    }
  });
  app.get("/v1/heads/:n", (c) => {
    const n = countOf(pathNumber(c, "n"));
    if (n === 0) throw badFormat("path n", "at least 1");
    const vouched = coSigner.vouch(n);
    if (!vouched) throw new TacitError("NOT_FOUND", `no head is signed after ${n} entries, or later`);
    return replyJson(c, vouchedJson(vouched));
  });
  app.get("/v1/entries/:first", (c) => {
    const entries = coSigner.entries(countOf(pathNumber(c, "first")), ANSWERED);
    return replyJson(c, { entries: entries.map(coSignedEntryJson) });
  });
  return app;
}

/** Entries with what is sealed of them, in one answer. */
const ANSWERED = 256;

function countOf(n: bigint): number {
  if (n >= 1n << 48n) throw badFormat("path", "a number of entries");
  return Number(n);
}
