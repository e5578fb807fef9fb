/**
 * Says whether a cluster has kept its promises, by what can be seen from outside: receipts that clients hold, the journal as databases have
 * it, rounds as venues publish them, and the verifier. It asks nothing of the venues' own code but how an entry is written and hashed.
 */
import { coSignersOf, isFinal, type CoSignedHead } from "../../../src/protocol/coSigners.ts";
import { chainHeads, hashEntries, type HashedEntry } from "../../../src/protocol/item.ts";
import { logHeadSigner, type LogHead } from "../../../src/protocol/logHead.ts";
import { receiptDefect } from "../../../src/protocol/receipt.ts";
import {
  NO_LAG_LIMIT,
  readRounds,
  verifyClaim,
  type Reached,
  type VerifyingKeys,
} from "../../../src/verifier/index.ts";
import { logEntry, readJournal } from "../../../src/venue/store/journal.ts";
import type { Acknowledged, Sent } from "./traffic.ts";

/** What a venue can have done wrong. */
export type FindingKind =
  /** the journal is not whole, or its heads do not follow from its entries */
  | "journal"
  /** an item that was acknowledged is not in the log, or not where its receipt says */
  | "lost"
  /** an item is in the log more than once */
  | "doubled"
  /** two receipts, or two heads, that cannot both be true */
  | "fork"
  /** a receipt that is not signed by the signer, or does not follow from its entry */
  | "receipt"
  /** acknowledged by who led no more */
  | "stale"
  /** acknowledged though no standby could have it */
  | "oneDisk"
  /** a round that is not accepted, does not follow the one before it, or is of another log */
  | "round"
  /** entries that no round has proved */
  | "unproved"
  /** a round that was another before */
  | "changed"
  /** two venues, or two databases, that show different things */
  | "differs"
  /** a client that has found a contradiction */
  | "client";

export interface Finding {
  readonly kind: FindingKind;
  readonly what: string;
}

export interface Evidence {
  readonly domain: bigint;
  /** address of who signs receipts */
  readonly signer: string;
  readonly firstState: bigint;
  readonly sent: readonly Sent[];
  readonly acknowledged: readonly Acknowledged[];
  readonly contradictions: readonly string[];
  /** records of the journal, of each database that was read; the primary's first */
  readonly journals: readonly { readonly name: string; readonly records: readonly Uint8Array[] }[];
  /** null where nothing is proved */
  readonly proved: {
    readonly keys: VerifyingKeys;
    /** files of all rounds, of each venue */
    readonly venues: readonly { readonly name: string; readonly rounds: readonly unknown[] }[];
    /** texts of rounds, by number, as they were seen while the venue ran */
    readonly seen: ReadonlyMap<number, ReadonlySet<string>>;
  } | null;
  /** times between which no standby wrote anything, milliseconds: nothing sent in it was on two disks at its end */
  readonly oneDisk: readonly { readonly from: number; readonly to: number; readonly acknowledged: number }[];
  /** null without co-signers */
  readonly coSigned: {
    readonly addresses: readonly string[];
    /** heads that a venue called final */
    readonly final: readonly CoSignedHead[];
    /** heads that a co-signer has signed, with its signature */
    readonly heads: readonly { readonly name: string; readonly head: LogHead; readonly signature: string }[];
  } | null;
}

/** An entry of the log, with the head after it, and the epoch of the store that wrote it. */
interface Entry extends HashedEntry {
  readonly head: bigint;
  readonly epoch: number;
}

/** @returns what is wrong; nothing where all promises were kept */
export async function judge(evidence: Evidence): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = (kind: FindingKind, what: string) => void findings.push({ kind, what });
  const [primary, ...others] = evidence.journals;
  const log = await readLog(evidence.domain, primary.records, find);
  for (const { name, records } of others) judgeCopy(primary.records, { name, records }, find);
  judgeItems(evidence, log, find);
  judgeReceipts(evidence, find);
  for (const { from, to, acknowledged } of evidence.oneDisk)
    if (acknowledged > 0) find("oneDisk", `${acknowledged} items were sent and acknowledged in ${Math.round(to - from)} ms in which no standby wrote`); // prettier-ignore
  for (const what of evidence.contradictions) find("client", what);
  if (evidence.proved) judgeRounds(evidence, log, find);
  if (evidence.coSigned) judgeCoSigned(evidence, log, find);
  return findings;
}

type Find = (kind: FindingKind, what: string) => void;

/** The log that a journal holds: its chain of heads is computed anew from its entries. */
async function readLog(domain: bigint, records: readonly Uint8Array[], find: Find): Promise<Entry[]> {
  const store = {
    last: async () => records.length - 1,
    async *read(from: number, most = Infinity) {
      yield* records.slice(from, from + most);
    },
  };
  const log: Entry[] = [];
  try {
    for await (const { entry, head, epoch, logCount } of readJournal(store)) {
      const written = logEntry(entry);
      if (written) log.push({ ...hashEntries(domain, [written])[0], head, epoch });
      if (logCount !== log.length) find("journal", `a record says that the log has ${logCount} entries, where it has ${log.length}`); // prettier-ignore
    }
  } catch (error) {
    find("journal", (error as Error).message);
  }
  chainHeads(0n, log).forEach((head, n) => {
    if (head !== log[n].head) find("journal", `the head after entry ${n} does not follow from the entries`);
  });
  return log;
}

function judgeCopy(of: readonly Uint8Array[], { name, records }: Evidence["journals"][number], find: Find): void {
  const differs = of.findIndex((bytes, i) => records[i] === undefined || Buffer.compare(bytes, records[i]) !== 0);
  if (differs >= 0 || records.length !== of.length) find("differs", `${name} has another journal than the primary, from record ${differs < 0 ? of.length : differs} on`); // prettier-ignore
}

/** What was acknowledged is in the log, once, where its receipt says; what was not is there once at most. */
function judgeItems({ sent, acknowledged }: Evidence, log: readonly Entry[], find: Find): void {
  const places = new Map<bigint, number[]>();
  for (const [n, { item }] of log.entries()) places.set(item, [...(places.get(item) ?? []), n]);
  for (const { item } of sent) {
    const at = places.get(item) ?? [];
    if (at.length > 1) find("doubled", `an item is entries ${at.join(" and ")} of the log`);
  }
  for (const { item, auth, epoch, receipt } of acknowledged) {
    const { n, head, time } = receipt;
    const entry = log[Number(n)];
    if (!entry) find("lost", `entry ${n} was acknowledged, the log has ${log.length} entries`);
    else if (entry.item !== item || entry.auth !== auth || entry.time !== time) find("lost", `entry ${n} is not the item that was acknowledged`); // prettier-ignore
    else if (entry.head !== head) find("fork", `entry ${n} follows another history than its receipt`);
    else if (entry.epoch < epoch) find("stale", `entry ${n} was sent when epoch ${epoch} led, and written by epoch ${entry.epoch}`); // prettier-ignore
  }
}

/** Receipts are the signer's, and no two of them contradict each other. */
function judgeReceipts({ domain, signer, acknowledged }: Evidence, find: Find): void {
  const heads = new Map<bigint, bigint>();
  const isHead = (n: bigint, head: bigint) => {
    const known = heads.get(n);
    if (known !== undefined && known !== head) find("fork", `two heads after ${n} entries stand in receipts`);
    heads.set(n, head);
  };
  for (const { receipt } of acknowledged) {
    const defect = receipt.domain === domain ? receiptDefect(receipt, signer) : "it is of another venue";
    if (defect) find("receipt", `the receipt for entry ${receipt.n}: ${defect}`);
    isHead(receipt.n, receipt.previous);
    isHead(receipt.n + 1n, receipt.head);
  }
}

/** The file of a round without what co-signers add to it, at the venue that leads and once they have signed. */
export function bareText(round: unknown): string {
  const { final: _, ...bare } = round as Record<string, unknown>;
  return JSON.stringify(bare);
}

/** Each round is accepted, begins where the one before it ended, and consumed the log as the journal has it. */
function judgeRounds({ domain, firstState, acknowledged, proved }: Evidence, log: readonly Entry[], find: Find): void {
  const { keys, venues, seen } = proved!;
  const [first, ...others] = venues;
  let reached: Reached = { state: firstState, logCount: 0n, head: 0n };
  for (const [i, file] of first.rounds.entries()) {
    const [claim] = readRounds(file);
    if (claim.number !== i + 1) find("round", `round ${i + 1} has the number ${claim.number}`);
    const result = verifyClaim(claim, reached, { keys, domain, now: NO_LAG_LIMIT });
    if (!result.ok) {
      find("round", `round ${i + 1}: ${result.message}`);
      break;
    }
    if (claim.final && log[claim.final.n - 1]?.head !== claim.final.head) find("fork", `round ${i + 1} is final by another log`);
    const from = Number(claim.segment!.logCount);
    result.heads.forEach((head, k) => {
      if (log[from + k]?.head !== head) find("fork", `round ${i + 1} proves another entry ${from + k} than the journal has`);
    }); // prettier-ignore
    reached = result.after;
  }
  const last = acknowledged.reduce((most, { receipt: { n } }) => (n > most ? n : most), -1n);
  if (reached.logCount! <= last) find("unproved", `${reached.logCount} entries are proved, entry ${last} was acknowledged`);
  const texts = first.rounds.map(bareText);
  for (const { name, rounds } of others)
    texts.forEach((text, i) => {
      if (bareText(rounds[i]) !== text) find("differs", `${name} shows another round ${i + 1} than ${first.name}`);
    }); // prettier-ignore
  for (const [number, all] of seen)
    for (const text of all)
      if (texts[number - 1] !== text) find("changed", `round ${number} was another one before`);
} // prettier-ignore

/** Final heads are of the log, and no co-signer has signed another. */
function judgeCoSigned({ coSigned, domain }: Evidence, log: readonly Entry[], find: Find): void {
  const { addresses, final, heads } = coSigned!;
  const coSigners = coSignersOf(addresses);
  for (const head of final) {
    if (!isFinal(coSigners, head)) find("fork", `the head after ${head.n} entries is called final, and has no quorum`);
    if (head.domain !== domain || log[head.n - 1]?.head !== head.head) find("fork", `the final head after ${head.n} entries is not that of the log`); // prettier-ignore
  }
  for (const { name, head, signature } of heads) {
    const by = logHeadSigner(head, signature);
    if (by === null || !coSigners.addresses.includes(by)) find("receipt", `${name} has a head that it has not signed`);
    if (log[head.n - 1]?.head !== head.head) find("fork", `${name} has signed another head after ${head.n} entries than that of the log`); // prettier-ignore
  }
}
