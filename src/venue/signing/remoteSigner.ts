import { fetchJson, shownUrl, type Fetch } from "../../feeds/fetchJson.ts";
import { wait as waitFor, type Wait } from "../../feeds/wait.ts";
import { TacitError } from "../../protocol/errors.ts";
import { badFormat } from "../../protocol/json.ts";
import { receiptDigest, recoverSigner } from "../../protocol/receipt.ts";
import { logHeadSigner } from "../../protocol/logHead.ts";
import { checkingThread, type Signatures, type Signed, type SignRequest } from "./signatures.ts";
import { requireLongToken } from "./signerService.ts";
import { readSigned, readState, signRequestText } from "./signerWire.ts";

export interface RemoteSignerOptions {
  readonly url: string;
  readonly token: string;
  readonly fetch?: Fetch;
  readonly wait?: Wait;
  /** told why it does not sign, once, and null when it does again */
  readonly onFault?: (fault: string | null) => void;
  /** where signatures of items are checked: a thread of its own when left out */
  readonly checks?: Pick<Signatures, "check" | "close">;
}

/** Milliseconds until an answer is given up, and those between attempts: doubled, up to the last. */
const PATIENCE = 5_000;
const PAUSES = { first: 100, last: 2_000 };
const LONGEST = 4 * 1024 * 1024;
/** What a signer says that asking again does not change. */
const FINAL = ["FENCED", "GAP", "FORKED", "OTHER_VENUE", "OUT_OF_RANGE", "FORMAT", "TOO_LARGE"];

/**
 * A signer that is a program of its own (`tacit signer`), perhaps on another machine. While it is away what is asked of it waits, and
 * `fault` says so: the same may be asked again. A venue closes it.
 * @throws UNREACHABLE, UNAUTHORISED, FORMAT, OUT_OF_RANGE  when it is not there at the start, or no signer
 */
export async function remoteSigner(options: RemoteSignerOptions): Promise<Signatures> {
  const { fetch = globalThis.fetch, wait = waitFor } = options;
  const token = requireLongToken("token", options.token);
  const base = options.url.replace(/\/+$/, "");
  const closed = new AbortController();
  const givenUp = new AbortController();
  let fault: string | null = null;
  const become = (now: string | null) => {
    const isOther = (now === null) !== (fault === null);
    fault = now;
    if (isOther) options.onFault?.(now);
  };

  async function once(path: string, body?: string): Promise<Record<string, unknown>> {
    const { status, json } = await fetchJson(fetch, `${base}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) }, // prettier-ignore
      ...(body === undefined ? {} : { body }),
      timeoutMs: PATIENCE,
      most: LONGEST,
      signal: closed.signal,
    });
    const answer = (json ?? {}) as { error?: { code?: unknown; message?: unknown; details?: unknown } };
    if (status === 200) return answer as Record<string, unknown>;
    const { code, message, details } = answer.error ?? {};
    if (typeof code === "string" && [...FINAL, "UNAUTHORISED"].includes(code))
      throw new TacitError(code, `the signer refuses: ${String(message)}`, (details ?? {}) as Record<string, unknown>);
    throw new TacitError("UNREACHABLE", `${shownUrl(base)} does not sign: it answered with status ${status}`);
  }

  /** Asks until there is an answer that stands. */
  async function ask<T>(
    path: string,
    body: string | undefined,
    read: (json: Record<string, unknown>) => T,
  ): Promise<T> {
    for (let pause = PAUSES.first; ; pause = Math.min(2 * pause, PAUSES.last)) {
      try {
        const found = readAnswer(read, await once(path, body));
        become(null);
        return found;
      } catch (error) {
        if (givenUp.signal.aborted) throw new TacitError("CLOSED", "the signer was closed: nothing is signed any more");
        if (!(error instanceof TacitError) || FINAL.includes(error.code)) throw error;
        become(error.message);
        await wait(pause, givenUp.signal);
      }
    }
  }

  const { address } = await once("/v1/signer");
  if (typeof address !== "string" || !/^0x[0-9a-f]{40}$/.test(address))
    throw badFormat("address of the signer", "0x and 40 digits");
  const checks = options.checks ?? checkingThread();
  return {
    address,
    check: (domain, items) => checks.check(domain, items),
    state: () => ask("/v1/signer", undefined, ({ state }) => readState(state ?? null)),
    sign: (request) =>
      ask("/v1/sign", signRequestText(request), (json) => requireSigned(address, request, readSigned(json))),
    get fault() {
      return fault;
    },
    giveUp: () => givenUp.abort(),
    async close() {
      givenUp.abort();
      closed.abort();
      await checks.close();
    },
  };
}

/** What is no answer of a signer is one of something between, which may pass. */
function readAnswer<T>(read: (json: Record<string, unknown>) => T, json: Record<string, unknown>): T {
  try {
    return read(json);
  } catch (error) {
    throw new TacitError("UNREACHABLE", `the signer answers what cannot be read: ${(error as Error).message}`);
  }
}

/** That as much is signed as was asked for; of each kind the last signature is looked at. */
function requireSigned(address: string, { receipts, logHeads }: SignRequest, signed: Signed): Signed {
  const [receipt, logHead] = [signed.receipts.at(-1), signed.logHeads.at(-1)];
  const isSigned =
    signed.receipts.length === receipts.length &&
    signed.logHeads.length === logHeads.length &&
    (receipt === undefined || recoverSigner(receiptDigest(receipts.at(-1)!), receipt) === address) &&
    (logHead === undefined || logHeadSigner(logHeads.at(-1)!, logHead) === address);
  if (!isSigned) throw new TacitError("UNREACHABLE", "the signer does not sign what it is asked for");
  return signed;
}
