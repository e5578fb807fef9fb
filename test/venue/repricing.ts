/** A venue whose feeds report of each minute, on a clock that stands. */
import { publicKey } from "../../src/protocol/eddsa.ts";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import type { Numbers } from "../../src/protocol/report.ts";
import { developmentGenesis } from "../../src/venue/developmentGenesis.ts";
import { readJournal } from "../../src/venue/store/journal.ts";
import type { Store } from "../../src/venue/store/store.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { FEED_SECRETS } from "../priced.ts";
import { INTERVAL, ManualClock, openTestVenue, reportsOf, SECRET, START, turns, values } from "./fixture.ts";

export const [LENGTH, LAG] = [60n, 5n];
/** Ends at START. */
export const FIRST = START / LENGTH;
/** Of the call and the put. */
export const EXPIRY = START + 3_600n;
export const CALL = 102n;
export const CROSS = 105n;

export const minutelyJson = developmentGenesis({
  secret: SECRET,
  insurance: new Uint8Array(32).fill(3),
  domain: 77n,
  time: START,
  interval: Number(INTERVAL),
  pricing: { epochLength: LENGTH, lag: LAG, grid: 3_600n, window: 600n, fundingEvery: 2n },
  expiry: EXPIRY,
  feeds: FEED_SECRETS.slice(0, PROFILES.demo.feeds).map(publicKey),
});
export const minutely = parseGenesis(minutelyJson);

/** As prices of the first epoch begin to count. */
export const openMinutely = (options: Parameters<typeof openTestVenue>[0] = {}) =>
  openTestVenue({ genesis: minutely, clock: new ManualClock(START + LAG), ...options });

/** What the feeds say of the epoch that counts now, or another, under the rules in force. */
export function reportsFor(venue: Venue, numbers: Parameters<typeof reportsOf>[0] = {}) {
  const epoch = (venue.clock.now() - LAG) / LENGTH;
  return reportsOf({ epoch, ...numbers }, { rules: venue.terms.rules, domain: venue.genesis.domain });
}

/** Turns of the event loop until it holds, as long as the venue goes on. */
export async function until(venue: Venue, holds: () => boolean): Promise<void> {
  while (!holds()) {
    const { reason, status } = venue.health();
    if (reason !== null || status !== "open") throw new Error(`the venue is ${status}: ${reason}`);
    await turns(1);
  }
}

/** Three feeds report, and the venue has made prices of it. Call and put settle at 1, as soon as they have expired. */
export async function priceNow(venue: Venue, numbers: Partial<Numbers> & { epoch?: bigint } = {}): Promise<void> {
  const isExpired = venue.clock.now() - LAG >= EXPIRY;
  const settled = isExpired ? { values: values(numbers.index ?? 100_000n, 1n, 1n) } : {};
  const reports = reportsFor(venue, { ...settled, ...numbers });
  for (const report of reports.slice(0, 3)) venue.feeds.add(report);
  await until(venue, () => venue.terms.prices.epoch === reports[0].report.epoch);
}

/** Seconds pass one by one, and all that is due is done. */
export async function passTo(clock: ManualClock, time: bigint): Promise<void> {
  while (clock.now() < time) {
    clock.advance(1n);
    await turns(5);
  }
}

/** What the log has: "reprice +5", "close 0 +10", times since START. */
export async function logOf(storage: Store): Promise<string[]> {
  const lines: string[] = [];
  for await (const { entry } of readJournal(storage)) {
    if (entry.kind === "round") continue;
    const of = entry.kind === "fold" ? ` ${entry.from}+${entry.count}` : "slot" in entry ? ` ${entry.slot}` : "";
    lines.push(`${entry.kind}${of} +${entry.time - START}`);
  }
  return lines;
}
