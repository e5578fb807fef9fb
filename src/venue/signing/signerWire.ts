import { readField, readLogHead, readSignature } from "../../protocol/coSigners.ts";
import { asList, asObject, asWhole, toJson } from "../../protocol/json.ts";
import type { Receipt } from "../../protocol/receipt.ts";
import type { HeadRun, SignedState } from "./signedHeads.ts";
import type { Signed, SignRequest } from "./signatures.ts";

/** What a signer is asked, as JSON. */
export function signRequestText({ run, receipts, logHeads }: SignRequest): string {
  return toJson({ run, receipts, logHeads });
}

/** @throws FORMAT  naming the place */
export function readSignRequest(json: unknown): SignRequest {
  const { run, receipts, logHeads } = asObject("request", json);
  return {
    run: run === null ? null : readRun("run", run),
    receipts: asList("receipts", receipts).map((it, i) => readReceipt(`receipts[${i}]`, it)),
    logHeads: asList("logHeads", logHeads).map((it, i) => readLogHead(`logHeads[${i}]`, it)),
  };
}

/** @throws FORMAT  naming the place */
export function readRun(at: string, json: unknown): HeadRun {
  const { domain, epoch, first, heads } = asObject(at, json);
  return {
    domain: readField(`${at}.domain`, domain),
    epoch: asWhole(`${at}.epoch`, epoch),
    first: asWhole(`${at}.first`, first),
    heads: asList(`${at}.heads`, heads).map((it, i) => readField(`${at}.heads[${i}]`, it)),
  };
}

function readReceipt(at: string, json: unknown): Receipt {
  const object = asObject(at, json);
  const field = (name: string) => readField(`${at}.${name}`, object[name]);
  const [domain, n, item, auth, time, head] = ["domain", "n", "item", "auth", "time", "head"].map(field);
  return { domain, n, item, auth, time, head };
}

/** @throws FORMAT */
export function readSigned(json: unknown): Signed {
  const { receipts, logHeads } = asObject("answer", json);
  const signatures = (at: string, list: unknown) => asList(at, list).map((it, i) => readSignature(`${at}[${i}]`, it));
  return { receipts: signatures("receipts", receipts), logHeads: signatures("logHeads", logHeads) };
}

export function stateJson(state: SignedState | null) {
  return state && { epoch: state.epoch, n: state.n, head: `${state.head}` };
}

/** @throws FORMAT */
export function readState(json: unknown): SignedState | null {
  if (json === null) return null;
  const { epoch, n, head } = asObject("state", json);
  return { epoch: asWhole("state.epoch", epoch), n: asWhole("state.n", n), head: readField("state.head", head) };
}
