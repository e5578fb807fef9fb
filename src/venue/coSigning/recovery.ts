import { fetchJson, shownUrl, type Fetch } from "../../feeds/fetchJson.ts";
import { TacitError } from "../../protocol/errors.ts";
import { chainHeads, hashEntries } from "../../protocol/item.ts";
import { asObject } from "../../protocol/json.ts";
import { logEntry, splitRecords, type Digest, type JournalRecord } from "../store/journal.ts";
import type { Seal } from "./seal.ts";
import { readCoSignedEntries } from "./wire.ts";

const PATIENCE = 10_000;
/** Longest answer, bytes: 256 entries, rules among them. */
const LONGEST = 64 * 1024 * 1024;

export interface Lost {
  readonly domain: bigint;
  /** what the journal has: entries, and the head after them */
  readonly first: number;
  readonly head: bigint;
  /** what was signed: the same */
  readonly signed: { readonly n: number; readonly head: bigint };
  readonly urls: readonly string[];
  readonly seal: Seal;
  readonly digest?: Digest;
  readonly fetch?: Fetch;
}

/**
 * Records of entries that the journal has lost and the venue's signer has signed, as co-signers have kept them: those whose heads lead
 * to the one that was signed, and no others.
 * @throws SIGNER_AHEAD  when no co-signer has all of them
 */
export async function recoverRecords(lost: Lost): Promise<JournalRecord[]> {
  const faults: string[] = [];
  for (const url of lost.urls)
    try {
      return await recordsOf(url, lost);
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      faults.push(`${shownUrl(url)}: ${error.message}`);
    }
  const { first, signed } = lost;
  throw new TacitError(
    "SIGNER_AHEAD",
    `the signer has signed ${signed.n} entries, the journal has ${first}, and no co-signer has the rest (docs/cluster.md says what to do): ${faults.join("; ")}`,
    { signed: signed.n, journal: first },
  );
}

async function recordsOf(
  url: string,
  { domain, first, head, signed, seal, digest, fetch = globalThis.fetch }: Lost,
): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  let [n, last] = [first, head];
  while (n < signed.n) {
    const at = `${url.replace(/\/+$/, "")}/v1/entries/${n}`;
    const { status, json } = await fetchJson(fetch, at, { timeoutMs: PATIENCE, most: LONGEST });
    if (status !== 200) throw new TacitError("UNREACHABLE", `it answered with status ${status}`);
    const found = readCoSignedEntries("entries", asObject("answer", json).entries);
    if (found.length === 0) throw new TacitError("NOT_FOUND", `it has ${n} entries`);
    // Opened as they come: of what is not the venue's own no more than one answer is kept.
    const page = found.slice(0, signed.n - n).map(({ sealed }) => splitRecords(seal.open(sealed), digest));
    const log = page.map((it) => it.flatMap(({ entry }) => logEntry(entry) ?? []));
    if (log.some(({ length }) => length !== 1)) throw new TacitError("FORKED", "its entries are not those that were asked for"); // prettier-ignore
    records.push(...page.flat());
    last = chainHeads(last, hashEntries(domain, log.flat())).at(-1)!;
    if (records.at(-1)!.head !== last) throw forked();
    n += page.length;
  }
  // What was sealed is what was hashed: the head was signed, so all before it is as it was.
  if (last !== signed.head) throw forked();
  return records;
}

const forked = () => new TacitError("FORKED", "its entries do not lead to what was signed");
