import { Counter, Gauge, Histogram } from "prom-client";
import { Measured } from "../../feeds/measure.ts";
import { max } from "../../protocol/numbers.ts";
import type { ProofPace } from "../proving/pace.ts";
import type { FeedStatus } from "../feeds.ts";
import type { VenueEvent } from "../options.ts";
import type { DefaultsReport } from "../questions.ts";
import { DEFAULT_KINDS, type DefaultKind } from "../reports.ts";
import type { ServedVenue } from "./views.ts";

const isStep = (kind: string): kind is DefaultKind => DEFAULT_KINDS.some((it) => it === kind);

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const ROUND_SECONDS = [1, 2.5, 5, 10, 20, 40, 60, 90, 120, 240, 480];
const GAS = [250_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000];

/** What is measured of a venue. Nothing here tells one account from another. */
export class Metrics extends Measured {
  readonly #items: Counter<"item" | "verdict">;
  readonly #steps: Counter<"step">;
  readonly #rejects: Counter<"code">;
  readonly #requests: Counter<"status">;
  readonly #acknowledgement: Histogram;
  readonly #proving: Histogram;
  readonly #gas: Histogram;
  /** of the last transaction that brought rounds to the chain */
  #lastHash: string | null = null;

  /** @param ofProcess  as of `Measured` */
  constructor(
    venue: ServedVenue,
    {
      streams,
      ofProcess,
      measure,
    }: { streams: () => number; ofProcess: boolean; measure?: (measured: Measured) => void },
  ) {
    super({ ofProcess });
    const registers = [this.registry];
    measure?.(this);
    this.#items = new Counter({
      name: "tacit_items_total",
      help: "Items in the log, by kind and verdict",
      labelNames: ["item", "verdict"],
      registers,
    });
    this.#rejects = new Counter({
      name: "tacit_rejects_total",
      help: "Requests that were answered with an error, by code",
      labelNames: ["code"],
      registers,
    });
    this.#requests = new Counter({
      name: "tacit_http_requests_total",
      help: "HTTP requests, by status",
      labelNames: ["status"],
      registers,
    });
    this.#steps = new Counter({
      name: "tacit_default_steps_total",
      help: "Steps against accounts in default: flags, sweeps of orders, reductions, assumptions",
      labelNames: ["step"],
      registers,
    });
    const seconds = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, buckets, registers });
    this.#acknowledgement = seconds("tacit_acknowledgement_seconds", "From an item to its receipt", SECONDS);
    this.#proving = seconds("tacit_round_proving_seconds", "From the end of a round to its last proof", ROUND_SECONDS);
    this.#gas = seconds("tacit_round_gas", "Gas of transactions by which the contract accepted rounds", GAS);
    this.gauge("tacit_up", "1 when the venue takes items and proves, and its chain does not hold it up", () =>
      Number(venue.health().ok),
    );
    this.gauge("tacit_queue", "Items that wait to be written", () => venue.health().queue);
    this.gauge("tacit_log_entries", "Entries of the log", () => venue.health().logCount);
    this.gauge("tacit_unproved_entries", "Entries of the log that are not proved", () => venue.health().unproved);
    const proofs = (of: (pace: ProofPace) => number) => () => {
      const { proofs: pace } = venue.health();
      return pace ? of(pace) : 0;
    };
    this.gauge(
      "tacit_proofs_waiting",
      "Proofs to be made",
      proofs(({ waiting }) => waiting),
    );
    this.gauge("tacit_proof_lag_seconds", "Since the oldest entry that is not proved was stamped", proofs(({ lagSeconds }) => lagSeconds)); // prettier-ignore
    this.gauge(
      "tacit_proofs_asked",
      "Proofs that the market asked for since the start",
      proofs(({ asked }) => asked),
    );
    this.gauge(
      "tacit_proofs_made",
      "Proofs made since the start",
      proofs(({ made }) => made),
    );
    this.gauge("tacit_proofs_keep_up", "0 when orders will be turned away within an hour, as things go", proofs(({ busyIn }) => Number(busyIn === null))); // prettier-ignore
    this.gauge("tacit_rounds_waiting", "Rounds that are not proved", () => venue.health().roundsWaiting);
    this.gauge(
      "tacit_chain_rounds_waiting",
      "Rounds that the contract has not accepted",
      () => venue.health().chain?.rounds ?? 0,
    );
    this.gauge(
      "tacit_chain_failures",
      "Failures of the chain since the start",
      () => venue.health().chain?.failuresTotal ?? 0,
    );
    this.gauge(
      "tacit_chain_deposit_failures",
      "Failures of looking for deposits since the start",
      () => venue.health().chain?.deposits.failuresTotal ?? 0,
    );
    this.gauge("tacit_prices_epoch", "Epoch of the prices", () => Number(venue.terms.prices.epoch));
    this.gauge("tacit_prices_fresh", "1 when orders are judged by the prices", () =>
      Number(venue.isFresh(max(venue.clock.now(), venue.health().time))),
    );
    this.gauge("tacit_prices_halted", "1 when the index moved too far", () => Number(venue.terms.prices.halted));
    const ofFeeds = (name: string, help: string, value: (status: FeedStatus) => number | null) =>
      new Gauge({
        name,
        help,
        labelNames: ["feed"],
        registers,
        collect() {
          for (const status of venue.feeds.status) this.set({ feed: status.feed }, value(status) ?? NaN);
        },
      });
    ofFeeds("tacit_feed_epoch", "Last epoch that a feed reported", ({ epoch }) => epoch === null ? null : Number(epoch)); // prettier-ignore
    ofFeeds("tacit_feed_delay_seconds", "From the end of that epoch to its report", ({ after }) => after);
    ofFeeds("tacit_feed_off", "Of its index from the median, millionths", ({ off }) => off);
    ofFeeds(
      "tacit_feed_lacked",
      "Numbers that its report lacked, of those that the rules need",
      ({ lacked }) => lacked,
    );
    ofFeeds("tacit_feed_missed", "Epochs that were priced without the feed", ({ missed }) => missed);
    const ofDefaults = (name: string, help: string, value: (of: DefaultsReport) => bigint | number) =>
      this.gauge(name, help, () => Number(value(venue.defaults())));
    ofDefaults("tacit_flagged_accounts", "Accounts whose flag counts", ({ flagged }) => flagged);
    ofDefaults("tacit_insurance_equity", "Equity of the insurance account, cash units", (it) => it.insurance.equity);
    ofDefaults("tacit_short", "Cash units by which payouts are in proportion, when above 0", ({ short }) => short);
    this.gauge("tacit_final_entries", "Entries of the log that are final", () => venue.coSigning?.final ?? 0);
    const signing = new Gauge({
      name: "tacit_cosigner_up",
      help: "1 when a co-signer signs",
      labelNames: ["address"],
      registers,
      collect: () => {
        signing.reset();
        for (const { address, fault } of venue.coSigning?.coSigners ?? [])
          if (address) signing.set({ address }, Number(fault === null));
      },
    });
    this.gauge("tacit_accounts", "Accounts", () => venue.health().accounts);
    this.gauge("tacit_streams", "Open streams", streams);
  }

  /** Counts what a venue tells. */
  event(event: VenueEvent): void {
    if (event.kind === "booked" && isStep(event.entry.kind)) this.#steps.inc({ step: event.entry.kind });
    if (event.kind === "order") this.#items.inc({ item: event.item, verdict: event.verdict });
    if (event.kind !== "round") return;
    const { assembledAt, provedAt, accepted } = event.round;
    // The chain takes a round after it is proved: it is told of twice.
    if (!accepted) return this.#proving.observe((provedAt - assembledAt) / 1000);
    // One transaction may bring several rounds, and a stranger's is paid by the stranger.
    if (!accepted.hash || !accepted.gasUsed || accepted.hash === this.#lastHash) return;
    this.#lastHash = accepted.hash;
    this.#gas.observe(Number(accepted.gasUsed));
  }

  reject(code: string): void {
    this.#rejects.inc({ code });
  }

  request(status: number): void {
    this.#requests.inc({ status });
  }

  acknowledged(seconds: number): void {
    this.#acknowledgement.observe(seconds);
  }
}
