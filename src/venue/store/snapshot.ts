import { TacitError } from "../../protocol/errors.ts";
import { fromTypedJson, toTypedJson } from "../../protocol/json.ts";
import type { LedgerSnapshot } from "../../witness/ledger.ts";

/** What a venue goes on from, as of the end of a round. */
export interface VenueSnapshot {
  /** of the last record that it covers, and its checksum in hexadecimal */
  readonly sequence: number;
  readonly checksum: string;
  readonly logCount: number;
  readonly head: bigint;
  /** number of the round that ended */
  readonly round: number;
  /** deposits that the log has credited */
  readonly deposits: number;
  /** `export` of the matcher */
  readonly matcher: string;
  /** null where nothing is proved */
  readonly ledger: LedgerSnapshot | null;
}

const VERSION = 1;

export function encodeSnapshot(snapshot: VenueSnapshot): Uint8Array {
  return new TextEncoder().encode(toTypedJson({ version: VERSION, ...snapshot }));
}

/** @throws SNAPSHOT when the bytes are not a snapshot of this version */
export function decodeSnapshot(bytes: Uint8Array): VenueSnapshot {
  let json;
  try {
    json = fromTypedJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new TacitError("SNAPSHOT", "the venue's snapshot is not valid JSON: expected what this program wrote");
  }
  if (json?.version !== VERSION)
    throw new TacitError("SNAPSHOT", `unknown version of the venue's snapshot: expected ${VERSION}`);
  const { version: _, ...snapshot } = json;
  return snapshot as VenueSnapshot;
}
