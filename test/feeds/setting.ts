/** Terms of a small venue, and ways to watch feeds of it: a perpetual, a future, options with and without their own volatility. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publicKey } from "../../src/protocol/eddsa.ts";
import { NO_INSTRUMENTS, type Contract, type Instrument } from "../../src/protocol/instrument.ts";
import { INSTRUMENT_KIND, TENORS } from "../../src/protocol/parameters.ts";
import type { Pricing } from "../../src/protocol/prices.ts";
import type { Observation } from "../../src/feeds/observation.ts";
import type { FeedRules } from "../../src/feeds/feed.ts";

export const LENGTH = 60n;
export const GRID = 3_600n;
export const WINDOW = 1_800n;
export const EXPIRY = 100n * GRID;
export const DOMAIN = 77n;
export const SECRETS = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte));
export const KEYS = SECRETS.map(publicKey);

function instrument(kind: keyof typeof INSTRUMENT_KIND, change: Partial<Contract> = {}): Instrument {
  const expiry = kind === "perpetual" ? 0n : EXPIRY;
  const contract = { kind: BigInt(INSTRUMENT_KIND[kind]), expiry, strike: 0n, forward: 0n, volatility: 0n, ...change };
  return { contract, longCharge: 10n, shortCharge: 20n, weight: 1n };
}

/** Slots: perpetual, future, call, put with the volatility of the call, call on the future. */
export function instruments(): (Instrument | null)[] {
  const used = [
    instrument("perpetual"),
    instrument("future"),
    instrument("call", { strike: 100_000n, volatility: 2n }),
    instrument("put", { strike: 100_000n, volatility: 2n }),
    instrument("call", { strike: 120_000n, forward: 1n, volatility: 4n }),
  ];
  return NO_INSTRUMENTS.map((_, slot) => used[slot] ?? null);
}

export function pricing(change: Partial<Pricing> = {}): Pricing {
  return {
    epochLength: LENGTH,
    lag: 5n,
    grid: GRID,
    window: WINDOW,
    scenarios: [{ move: 0n, level: "asItIs", weight: 64n }],
    raised: 24n,
    lowered: -16n,
    tenors: Array<bigint>(TENORS).fill(64n),
    leastVolatility: 1n << 21n,
    horizon: 109_739n,
    rangeFloor: 20_000n,
    rangeCap: 200_000n,
    fundingEvery: 20n,
    fundingDivisor: 8n,
    fundingClamp: 655n,
    step: 6_554n,
    markBand: 3_277n,
    ...change,
  };
}

export function feedRules(change: Partial<FeedRules> = {}): FeedRules {
  return { instruments: instruments(), pricing: pricing(), feeds: KEYS, ...change };
}

export function observation(time: bigint, index: bigint | null, values: Record<string, bigint> = {}): Observation {
  return { time, index, values: new Map(Object.entries(values)) };
}

/** A folder that is gone after the tests of the block. */
export function temporary(): () => string {
  const folders: string[] = [];
  after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  return () => {
    const folder = mkdtempSync(join(tmpdir(), "tacit-feed-"));
    folders.push(folder);
    return folder;
  };
}
