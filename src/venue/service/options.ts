import type { Measured } from "../../feeds/measure.ts";
/** What a service can be told, and what it takes for granted. */
import type { Log } from "../log.ts";
import type { StaticFile } from "./files.ts";
import type { Rate } from "./limits.ts";

export interface ServiceLimits {
  /** of a request's body, and of a frame */
  readonly bodyBytes: number;
  readonly sessions: number;
  readonly streams: number;
  readonly streamsPerAddress: number;
  /** requests of one stream that may wait for an answer */
  readonly inFlight: number;
  /** bytes that may wait for the client of a stream to read, beyond which it is closed */
  readonly bufferedBytes: number;
}

export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  bodyBytes: 16_384,
  sessions: 20_000,
  streams: 4_096,
  streamsPerAddress: 256,
  inFlight: 64,
  bufferedBytes: 1 << 20,
};

export interface Rates {
  /** items of one account */
  readonly account: Rate;
  /** requests and frames of one address, or of one /64 of IPv6 */
  readonly address: Rate;
}

export const DEFAULT_RATES: Rates = {
  account: { rate: 200, burst: 400 },
  address: { rate: 2_000, burst: 4_000 },
};

export interface ServiceOptions {
  /** the genesis file as JSON: clients compute with it what the venue does */
  readonly genesisJson: unknown;
  readonly version: string;
  /** Default: only failures of our own, on standard error */
  readonly log?: Log;
  /** whether deposits are open to all: play money. Default: no */
  readonly development?: boolean;
  /** names by market id, beside those in the genesis file */
  readonly marketNames?: Readonly<Record<string, string>>;
  /**
   * names of the venue's host, such as "venue.example", beside those of this machine: who logs in signs for one of them, so that
   * another site cannot pass the login on. Default: none
   */
  readonly hosts?: readonly string[];
  /** of other sites whose pages may submit and see accounts, such as "https://app.example" */
  readonly origins?: readonly string[];
  readonly rates?: Partial<Rates>;
  readonly limits?: Partial<ServiceLimits>;
  /** who may read metrics from elsewhere than this machine: Authorization: Bearer. Default: nobody */
  readonly metricsToken?: string | null;
  /** who may announce rules and bring them into force: Authorization: Bearer. Default: nobody */
  readonly operatorToken?: string | null;
  /** whether memory, processor time and the like of the process are measured. Default: no */
  readonly processMetrics?: boolean;
  /** adds to what is measured */
  readonly measure?: (measured: Measured) => void;
  /** files by path, "/" among them */
  readonly files?: { get(path: string): StaticFile | undefined };
  /** milliseconds, never falling. Default: performance.now */
  readonly now?: () => number;
}
