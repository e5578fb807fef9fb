import { TacitError } from "../../protocol/errors.ts";
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

/** Bigints are strings that end in n. */
export function encodeSnapshot(snapshot: VenueSnapshot): Uint8Array {
  const text = JSON.stringify({ version: VERSION, ...snapshot }, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
  return new TextEncoder().encode(text);
}

/** @throws SNAPSHOT when the bytes are not a snapshot of this version */
export function decodeSnapshot(bytes: Uint8Array): VenueSnapshot {
  let json;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), (key, value: unknown) =>
      typeof value === "string" && key !== "matcher" && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
    );
  } catch {
    throw new TacitError("SNAPSHOT", "the venue's snapshot is not valid JSON: expected what this program wrote");
  }
  if (json?.version !== VERSION)
    throw new TacitError("SNAPSHOT", `unknown version of the venue's snapshot: expected ${VERSION}`);
  const { version: _, ...snapshot } = json;
  return snapshot as VenueSnapshot;
}
