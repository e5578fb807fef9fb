/** A venue to embed: `openVenue`, and what it is made of. In Node. */
import { type VenueOptions } from "./options.ts";
import type { SqliteOptions } from "./store/sqliteStore.ts";
import type { Store } from "./store/store.ts";
import { Venue } from "./venue.ts";

export { systemClock, type Clock } from "./clock.ts";
export { developmentFeeds, developmentGenesis, DEVELOPMENT_MARKETS } from "./developmentGenesis.ts";
export { DevelopmentFeeds, type DevelopmentFeedsOptions } from "../feeds/developmentFeeds.ts";
export { VenueFeeds, type FeedStatus, type ReportQuestion, type ReportSource } from "./feeds.ts";
export { developmentSource, httpSource } from "./reportSources.ts";
export type { Announcement } from "./announcements.ts";
export type { FillReport } from "../protocol/wire.ts";
export type { AuctionReport } from "./history.ts";
export { memoryStore } from "./store/memoryStore.ts";
export type { RoundSummary } from "./proving/pipeline.ts";
export type { AuctionJson, ChangeJson, HistoryJson } from "./reports.ts";
export type { ChainOptions } from "./chain/chainLink.ts";
export { openJobsProver, type JobsOptions, type JobsProver, type JobsStatus } from "./proving/jobs/jobsProver.ts";
export { runProver, type RunProverOptions } from "./proving/jobs/runProver.ts";
export { localProver } from "./proving/localProver.ts";
export { byInstruction, poolProver, type CircuitFiles, type ProverFiles, type RoundProver } from "./proving/provers.ts";
export {
  signaturesOf,
  threadSigner,
  type CheckedItem,
  type KeyedItem,
  type Signatures,
  type Signed,
  type SignRequest,
} from "./signing/signatures.ts";
export { remoteSigner, type RemoteSignerOptions } from "./signing/remoteSigner.ts";
export { createSignerApp, type SignerServiceOptions } from "./signing/signerService.ts";
export { CoSigner, type CoSignerOptions } from "./coSigning/coSigner.ts";
export { createCoSignerApp, type CoSignerServiceOptions } from "./coSigning/service.ts";
export { SignedHeads, type HeadRun, type SignedState } from "./signing/signedHeads.ts";
export { localSigner, type Signer } from "./signing/signer.ts";
export { nodeDigest } from "./store/digest.ts";
export { openThreadStore } from "./store/threadStore.ts";
export { genesisState } from "./start.ts";
export type { Store } from "./store/store.ts";
export {
  DEFAULT_LIMITS,
  type Acknowledgement,
  type Limits,
  type OpenOrder,
  type Publish,
  type VenueEvent,
  type VenueOptions,
} from "./options.ts";
export { type Venue } from "./venue.ts";
export { depositKey, publicKey, sign } from "../protocol/eddsa.ts";
export { TacitError } from "../protocol/errors.ts";
export { parseGenesis, type GenesisFile } from "../protocol/genesis.ts";
export { cancelItem, itemHash, orderItem, withdrawalItem, type Auth, type Item } from "../protocol/item.ts";
export { PROFILES, type Profile, type ProfileName } from "../protocol/instructions.ts";
export { parseRules, rulesJson } from "../protocol/rulesJson.ts";
export type { Rules } from "../protocol/rules.ts";
export { SIDE, type Verdict } from "../protocol/parameters.ts";
export { receiptDefect, type SignedReceipt } from "../protocol/receipt.ts";

/** A store in a file. One in a thread, `openThreadStore`, lets a venue go on while the disk syncs. @throws as `openThreadStore` */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  // The binding to SQLite is loaded where it is used.
  return (await import("./store/sqliteStore.ts")).openSqliteStore(path, options);
}

/**
 * Opens a venue on its store: the first time from its genesis, later from where it was.
 * @throws OPERATOR_KEY, OTHER_VENUE  when secret, signer or store are of another venue
 * @throws JOURNAL_DAMAGED, STORAGE, LOCKED, FENCED  when the store cannot be gone on from
 * @throws WRONG_CONTRACT  when the chain has another venue
 */
export function openVenue(options: VenueOptions): Promise<Venue> {
  return Venue.open(options);
}
