import { bytesToHex } from "@noble/hashes/utils.js";
import { Matcher } from "../matcher/matcher.ts";
import { viewKey } from "../protocol/account.ts";
import { publicKey, secretScalar, sharedX } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { Ledger } from "../witness/ledger.ts";
import { blindsOf, hiddenOf } from "./proving/blinds.ts";
import { SUMMARIES, type RoundSummary } from "./proving/pipeline.ts";
import { decodeSnapshot, type VenueSnapshot } from "./store/snapshot.ts";
import type { Store } from "./store/store.ts";

/** What a venue starts from: its genesis, or a snapshot that its journal agrees with. */
export interface Start {
  readonly genesisState: bigint;
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  readonly snapshot: VenueSnapshot | null;
  /** newer snapshots that cannot be used so far */
  readonly passed: number;
  /** the last round that is proved, its time and number of log entries; null before the first */
  readonly proven: { readonly round: number; readonly time: bigint; readonly logCount: bigint } | null;
}

interface StartOptions {
  readonly genesis: GenesisFile;
  readonly secret: Uint8Array;
  readonly signer: { readonly address: string };
  readonly storage: Store;
  readonly prover?: unknown;
}

const CHECKSUM_BYTES = 32;

/**
 * @throws OPERATOR_KEY  when the secret is not that of the operator key in the genesis
 * @throws OTHER_VENUE   when the store is one of another genesis or signer
 */
export async function startOf({ genesis, secret, signer, storage, prover }: StartOptions): Promise<Start> {
  const { group } = genesis.rules;
  const key = publicKey(secret);
  if (key.x !== group.operatorKeyX || key.y !== group.operatorKeyY)
    throw new TacitError("OPERATOR_KEY", "the secret is not the one of the genesis' operator key");
  const ledger = ledgerOf(genesis, secret);
  const genesisState = ledger.word;
  await requireSame(storage, { genesis: String(genesisState), signer: signer.address });

  const [last] = await storage.list(SUMMARIES, { limit: 1, reverse: true });
  const summary = last && (JSON.parse(last.text) as RoundSummary);
  const proven = summary
    ? { round: summary.number, time: BigInt(summary.time), logCount: BigInt(summary.logCount) }
    : null;
  const { snapshot, passed } = await usableSnapshot(storage, prover ? Number(proven?.logCount ?? 0n) : null);
  const scalar = secretScalar(secret);
  const view = (of: { keyX: bigint; keyY: bigint }, index: number) =>
    viewKey(sharedX(scalar, { x: of.keyX, y: of.keyY }), index);
  const sizes = { ...genesis, profile: PROFILES[genesis.profile] };
  if (!snapshot) return { genesisState, matcher: new Matcher(sizes, { view }), ledger, snapshot: null, passed, proven };
  const matcher = Matcher.restore(sizes, { view }, new TextEncoder().encode(snapshot.matcher));
  if (snapshot.ledger) ledger.resume(snapshot.ledger);
  return { genesisState, matcher, ledger, snapshot, passed, proven };
}

/** The state word that a contract of this venue must start from. @param secret  of the operator key */
export function genesisState(genesis: GenesisFile, secret: Uint8Array): bigint {
  return ledgerOf(genesis, secret).word;
}

function ledgerOf(genesis: GenesisFile, secret: Uint8Array): Ledger {
  const blindOf = blindsOf(secret);
  let ledger: Ledger | null = null;
  const blind = () => blindOf(ledger ? ledger.word : genesis.domain);
  ledger = new Ledger({ ...genesis, profile: PROFILES[genesis.profile], blind, hidden: hiddenOf(secret) });
  return ledger;
}

/** The first opening of a store says whose it is; every later one must be the same. */
async function requireSame(storage: Store, own: { genesis: string; signer: string }): Promise<void> {
  const known = await storage.get("venue");
  if (known === undefined) {
    if ((await storage.last()) >= 0)
      throw new TacitError("OTHER_VENUE", "the store has a journal and does not say whose: expected one of a venue");
    return storage.put({ venue: JSON.stringify(own) });
  }
  const { genesis, signer } = JSON.parse(known) as typeof own;
  if (genesis !== own.genesis)
    throw new TacitError("OTHER_VENUE", "the store is of a venue with another genesis or operator secret");
  if (signer !== own.signer)
    throw new TacitError("OTHER_VENUE", "the store is of a venue with another signer of receipts");
}

/**
 * The newest snapshot that is whole, that the journal agrees with, and that no round is proved beyond which must be assembled
 * again. @param provenCount  entries that are proved, null where nothing is proved
 */
async function usableSnapshot(
  storage: Store,
  provenCount: number | null,
): Promise<{ snapshot: VenueSnapshot | null; passed: number }> {
  let passed = -1;
  for await (const { sequence, bytes } of storage.snapshots()) {
    passed++;
    let snapshot;
    try {
      snapshot = decodeSnapshot(bytes);
    } catch {
      continue;
    }
    if (snapshot.sequence !== sequence) continue;
    if (provenCount !== null && (!snapshot.ledger || snapshot.logCount > provenCount)) continue;
    if ((await checksumAt(storage, sequence)) === snapshot.checksum) return { snapshot, passed };
  }
  return { snapshot: null, passed: passed + 1 };
}

async function checksumAt(storage: Store, sequence: number): Promise<string | null> {
  for await (const bytes of storage.read(sequence, 1)) return bytesToHex(bytes.slice(-CHECKSUM_BYTES));
  return null;
}
