import {
  coSignedHeadJson,
  readCoSignedHead,
  readField,
  readHashedEntry,
  readLogHead,
  readSignature,
} from "../../protocol/coSigners.ts";
import type { HashedEntry } from "../../protocol/item.ts";
import { asList, asObject, asWhole, badFormat } from "../../protocol/json.ts";
import type { SignedLogHead } from "../../protocol/logHead.ts";
import { LONGEST_SEALED, MOST_ENTRIES, type CoSignedEntry, type Shown, type Vouched } from "./coSigner.ts";

export interface CoSignerState {
  readonly address: string;
  readonly epoch: number;
  /** entries of the log that it has */
  readonly n: number;
  readonly head: bigint;
}

/** @throws FORMAT  naming the place */
export function readCoSignerState(json: unknown): CoSignerState {
  const { address, epoch, n, head } = asObject("state", json);
  if (typeof address !== "string" || !/^0x[0-9a-f]{40}$/.test(address)) throw badFormat("state.address", "an address");
  return {
    address,
    epoch: asWhole("state.epoch", epoch),
    n: asWhole("state.n", n),
    head: readField("state.head", head),
  };
}

export function shownText({ first, entries, signed, final }: Shown): string {
  return JSON.stringify({
    first,
    entries: entries.map(coSignedEntryJson),
    signed: signedJson(signed),
    final: final && coSignedHeadJson(final),
  });
}

/** @throws FORMAT  naming the place */
export function readShown(json: unknown): Shown {
  const { first, entries, signed, final } = asObject("body", json);
  return {
    first: asWhole("first", first),
    entries: readCoSignedEntries("entries", entries),
    signed: readSigned("signed", signed),
    final: final === null ? null : readCoSignedHead("final", final),
  };
}

export function coSignedEntryJson({ sealed, ...entry }: CoSignedEntry) {
  return { ...hashedJson(entry), sealed: Buffer.from(sealed).toString("base64") };
}

/** @throws FORMAT  naming the place */
export function readCoSignedEntries(at: string, json: unknown): CoSignedEntry[] {
  return limited(at, json).map((it, i) => {
    const { sealed } = asObject(`${at}[${i}]`, it);
    if (typeof sealed !== "string" || sealed.length > 1.4 * LONGEST_SEALED || !/^[A-Za-z0-9+/]*={0,2}$/.test(sealed))
      throw badFormat(`${at}[${i}].sealed`, `at most ${LONGEST_SEALED} bytes in base64`);
    return { ...readHashedEntry(`${at}[${i}]`, it), sealed: new Uint8Array(Buffer.from(sealed, "base64")) };
  });
}

export function vouchedJson({ head, signed, signature, entries }: Vouched) {
  return { head: `${head}`, signed: signedJson(signed), signature, entries: entries && entries.map(hashedJson) };
}

export const hashedJson = ({ item, auth, time }: HashedEntry) => ({
  item: `${item}`,
  auth: `${auth}`,
  time: `${time}`,
});

function signedJson({ domain, epoch, n, head, signature }: SignedLogHead) {
  return { domain: `${domain}`, epoch, n, head: `${head}`, signature };
}

function readSigned(at: string, json: unknown): SignedLogHead {
  return { ...readLogHead(at, json), signature: readSignature(`${at}.signature`, asObject(at, json).signature) };
}

function limited(at: string, json: unknown): unknown[] {
  const list = asList(at, json);
  if (list.length > MOST_ENTRIES) throw badFormat(at, `at most ${MOST_ENTRIES} entries`);
  return list;
}
