import type { Terms } from "../protocol/rules.ts";
import type { Account } from "../protocol/account.ts";
import { charges, equity } from "../protocol/margin.ts";
import { contractValues } from "../protocol/prices.ts";

/** What an account holds of margin, and why: all in cash units, recomputed from terms and account. */
export interface MarginReport {
  /** E_k of each row of the table of scenarios, the mark first */
  readonly scenarios: readonly {
    /** 24ths of the range */
    readonly move: bigint;
    /** the same as a factor of the index, e^(move range) */
    readonly factor: number;
    readonly level: string;
    /** 64ths of the change of value that count */
    readonly weight: bigint;
    readonly equity: bigint;
    /** less what open orders hold */
    readonly free: bigint;
  }[];
  /** the scenario with the least equity */
  readonly worst: number;
  /** what positions cost beside their values, in every scenario but the mark */
  readonly charges: bigint;
  readonly reserved: bigint;
  /** by instrument that is held: what changes in the worst scenario, the most adverse first */
  readonly drivers: readonly {
    readonly instrument: number;
    readonly lots: bigint;
    readonly value: bigint;
    readonly change: bigint;
    readonly charge: bigint;
    readonly stale: boolean;
  }[];
  /** equity at the mark, volatilities as they are, over moves of the underlying to three ranges */
  readonly curve: readonly { readonly factor: number; readonly equity: bigint }[];
}

/** Points of the curve on each side, and how far they reach: 24ths of the range. */
const [POINTS, REACH] = [24, 72n];

/**
 * @param average  that the feeds reported with the prices, null where it is not known: within a settlement window it has fixed a
 *                 part of what a contract pays, and the curve moves the rest
 * @source docs/protocol.md, section 6
 */
export function marginOf(
  account: Pick<Account, "cash" | "positions" | "reserved">,
  terms: Terms,
  average: bigint | null,
): MarginReport {
  const { rules, prices } = terms;
  const { pricing } = rules.group;
  const factorOf = (move: bigint) => Math.exp(Number(move * prices.range) / 2 ** 24);
  const scenarios = pricing.scenarios.map(({ move, level, weight }, k) => {
    const own = equity(account, prices, k);
    return { move, factor: factorOf(move), level, weight, equity: own, free: own - account.reserved };
  });
  const worst = scenarios.reduce((least, { equity: own }, k) => (own < scenarios[least].equity ? k : least), 0);
  const drivers = account.positions.flatMap((lots, instrument) => {
    if (lots === 0n) return [];
    const value = prices.values[0][instrument];
    const charge = lots > 0n ? lots * prices.longCharges[instrument] : -lots * prices.shortCharges[instrument];
    const change = lots * (prices.values[worst][instrument] - value);
    return { instrument, lots, value, change, charge: worst === 0 ? 0n : charge, stale: prices.stale[instrument] };
  });
  drivers.sort((a, b) => Number(a.change - a.charge - (b.change - b.charge)));
  return {
    scenarios,
    worst,
    charges: charges(account, prices),
    reserved: account.reserved,
    drivers,
    curve: curveOf(account, terms, average ?? prices.index).map(({ move, equity: own }) => ({
      factor: factorOf(move),
      equity: own,
    })),
  };
}

function curveOf({ cash, positions }: Pick<Account, "cash" | "positions">, { rules, prices }: Terms, average: bigint) {
  const { pricing } = rules.group;
  const moves = Array.from({ length: 2 * POINTS + 1 }, (_, i) => (BigInt(i - POINTS) * REACH) / BigInt(POINTS));
  const shocks = {
    ...pricing,
    range: prices.range,
    scenarios: moves.map((move) => ({ move, level: "asItIs" as const })),
  };
  const at = { last: prices.last, end: prices.epoch * pricing.epochLength, average };
  const equities = moves.map(() => cash);
  positions.forEach((lots, slot) => {
    const contract = rules.instruments[slot]?.contract;
    if (lots === 0n || !contract) return;
    const carried = slot === 0 ? prices.funding : 0n;
    const settled = prices.payoffs[slot];
    const values =
      settled === 0n ? contractValues(pricing, contract, slot, at, shocks).slice(1) : moves.map(() => settled - 1n);
    values.forEach((value, i) => (equities[i] += lots * (value - carried)));
  });
  return moves.map((move, i) => ({ move, equity: equities[i] }));
}
