import { outOfRange } from "./errors.ts";
import { vectorHash } from "./market.ts";
import { requireBits } from "./numbers.ts";
import { BITS, INSTRUMENT_KIND, INSTRUMENTS } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";

/**
 * What is traded through the legs of markets (docs/protocol.md, section 9). Every word is an integer, 0 where the kind has no
 * use for it. All instruments of a group have one lot, so strikes and prices are cash units a lot.
 */
export interface Contract {
  /** INSTRUMENT_KIND; a perpetual stands in slot 0 only */
  readonly kind: bigint;
  /** seconds since 1970, a multiple of the settlement grid; 0 of a perpetual */
  readonly expiry: bigint;
  /** of an option: 1 to 2^40 - 1 */
  readonly strike: bigint;
  /** of an option: slot of its forward, a perpetual or a future of equal expiry */
  readonly forward: bigint;
  /** of an option: slot whose value is its volatility, its own or that of an option of equal expiry with its own */
  readonly volatility: bigint;
}

/** A contract, and what a position in it costs of margin. */
export interface Instrument {
  readonly contract: Contract;
  /** cash units that a lot held long, or short, costs in every scenario but the mark; below 2^40 */
  readonly longCharge: bigint;
  readonly shortCharge: bigint;
  /** of its square in the limit on positions: 1 to 2^16 - 1 */
  readonly weight: bigint;
}

/** By slot, null for a free one. */
export type Instruments = readonly (Instrument | null)[];

export const NO_INSTRUMENTS: readonly null[] = Array<null>(INSTRUMENTS).fill(null);

const isKind = ({ kind }: Contract, ...names: (keyof typeof INSTRUMENT_KIND)[]) =>
  names.some((name) => kind === BigInt(INSTRUMENT_KIND[name]));

export const isPerpetual = (contract: Contract): boolean => isKind(contract, "perpetual");
export const isOption = (contract: Contract): boolean => isKind(contract, "call", "put");
export const isPut = (contract: Contract): boolean => isKind(contract, "put");

/** H_contract(kind, expiry, strike, forward, volatility); 0 of a free slot. */
export function contractHash(contract: Contract): bigint {
  const { kind, expiry, strike, forward, volatility } = contract;
  return hash("contract", [kind, expiry, strike, forward, volatility]);
}

/** H_contract by slot. */
export function contractHashes(instruments: Instruments): bigint[] {
  return instruments.map((it) => (it ? contractHash(it.contract) : 0n));
}

/** What a feed's report is about: H_vector of the contracts' hashes. */
export function contractsHash(instruments: Instruments): bigint {
  return vectorHash(contractHashes(instruments));
}

/** Rows of the rules: H_instrument(H_contract, long charge, short charge, weight), 0 of a free slot. */
export function instrumentRows(instruments: Instruments): bigint[] {
  const contracts = contractHashes(instruments);
  const used = instruments.flatMap((it, i) => (it ? [[contracts[i], it.longCharge, it.shortCharge, it.weight]] : []));
  const hashes = hashMany("instrument", used);
  let next = 0;
  return instruments.map((it) => (it ? hashes[next++] : 0n));
}

/**
 * @param instruments  one a slot
 * @param grid         seconds that expiries are multiples of
 * @throws OUT_OF_RANGE naming `at`[slot] and its word
 */
export function requireInstruments(at: string, instruments: Instruments, grid: bigint): Instruments {
  if (instruments.length !== INSTRUMENTS) throw outOfRange(at, `${INSTRUMENTS} slots`);
  for (const [slot, instrument] of instruments.entries()) {
    if (!instrument) continue;
    const where = `${at}[${slot}]`;
    const { contract, longCharge, shortCharge, weight } = instrument;
    requireContract(where, instruments, slot, contract, grid);
    requireBits(`${where}.longCharge`, longCharge, BITS.charge);
    requireBits(`${where}.shortCharge`, shortCharge, BITS.charge);
    if (requireBits(`${where}.weight`, weight, BITS.weight) === 0n) throw outOfRange(`${where}.weight`, "at least 1");
  }
  return instruments;
}

function requireContract(at: string, instruments: Instruments, slot: number, contract: Contract, grid: bigint): void {
  const { kind, expiry, strike, forward, volatility } = contract;
  const require = (name: keyof Contract, holds: boolean, expected: string) => {
    if (!holds) throw outOfRange(`${at}.${name}`, expected);
  };
  const kinds = Object.values(INSTRUMENT_KIND);
  require("kind", kinds.some((it) => kind === BigInt(it)), `one of ${kinds.join(", ")}`);
  requireBits(`${at}.expiry`, expiry, BITS.time);
  if (isPerpetual(contract)) {
    require("kind", slot === 0, "a perpetual in slot 0 only");
    require("expiry", expiry === 0n, "0 of a perpetual");
  } else require("expiry", expiry > 0n && expiry % grid === 0n, `a multiple of ${grid}, above 0`);
  if (!isOption(contract)) {
    for (const name of ["strike", "forward", "volatility"] as const)
      require(name, contract[name] === 0n, "0 of what is no option");
    return;
  }
  require("strike", strike > 0n && strike < 1n << BigInt(BITS.price), `an integer from 1 to 2^${BITS.price} - 1`);
  const named = (of: bigint) => (of >= 0n && of < BigInt(INSTRUMENTS) ? instruments[Number(of)]?.contract : undefined);
  const under = named(forward);
  require("forward", !!under &&
    (isPerpetual(under) ||
      (isKind(under, "future") && under.expiry === expiry)), "the slot of a perpetual, or of a future of equal expiry");
  const marked = named(volatility);
  require("volatility", !!marked &&
    isOption(marked) &&
    marked.expiry === expiry &&
    marked.volatility === volatility, "its own slot, or that of an option of equal expiry which names its own");
}
