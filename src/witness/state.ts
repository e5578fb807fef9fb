import type { Register, State } from "../protocol/state.ts";
import type { Signals } from "./ledger.ts";

/** Where each register is in the bus of the circuits. @twins circuits/lib/state.circom (State) */
export const REGISTER_SIGNALS: Readonly<Record<Register, string>> = {
  domain: "fixed.domain",
  rules: "roots.rules",
  prices: "roots.prices",
  published: "fixed.published",
  inbox: "fixed.inbox",
  relief: "losses.relief",
  deficit: "losses.deficit",
  dirtyPut: "fixed.dirty.put",
  dirtyTaken: "fixed.dirty.taken",
  phase: "phase",
  logHead: "logged.head",
  logCount: "logged.count",
  clock: "logged.clock",
  accounts: "accounts.root",
  accountCount: "accounts.count",
  deposits: "accounts.deposits",
  holders: "accounts.holders",
  vault: "accounts.vault",
  blind: "blind",
  books: "markets.books",
  admitted: "markets.admitted",
  cancels: "markets.cancels",
  counts: "markets.counts",
  sweep: "clearing.sweep",
  fees: "clearing.fees",
  share: "clearing.share",
  fillsPut: "clearing.fills.put",
  fillsTaken: "clearing.fills.taken",
  payoutsPut: "payouts.put",
  payoutsTaken: "payouts.taken",
};

type Bus = { [name: string]: bigint | Bus };

/** A state as a bus of buses. */
export function stateSignals(state: Readonly<State>): Signals {
  const signals: Bus = {};
  for (const [register, path] of Object.entries(REGISTER_SIGNALS) as [Register, string][]) {
    const buses = path.split(".");
    const name = buses.pop()!;
    const bus = buses.reduce((outer, inner) => (outer[inner] ??= {}) as Bus, signals);
    bus[name] = state[register];
  }
  return signals;
}
