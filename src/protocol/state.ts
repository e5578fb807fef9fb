import { hash } from "./poseidon.ts";

/**
 * The registers of the machine (docs/protocol.md, section 2), and the one word that the world sees of them. The order
 * within a group is the order of its hash.
 */
export const REGISTERS = {
  state: ["domain", "phase", "published", "rules", "prices"],
  core: [
    "accounts",
    "accountCount",
    "logHead",
    "logCount",
    "clock",
    "deposits",
    "inbox",
    "holders",
    "vault",
    "relief",
    "deficit",
    "blind",
  ],
  channels: [
    "books",
    "admitted",
    "cancels",
    "counts",
    "sweep",
    "fees",
    "share",
    "fillsPut",
    "fillsTaken",
    "payoutsPut",
    "payoutsTaken",
    "dirtyPut",
    "dirtyTaken",
  ],
} as const;

export type Register = (typeof REGISTERS)[keyof typeof REGISTERS][number];
/** Every register, each a field element. */
export type State = Record<Register, bigint>;

/** S = H_state(domain, phase, published, rules, prices, core, channels). @twins circuits/lib/state.circom */
export function stateWord(state: Readonly<State>): bigint {
  return openedWord(state, channelsHash(state));
}

export function channelsHash(state: Readonly<State>): bigint {
  return hash(
    "channels",
    REGISTERS.channels.map((name) => state[name]),
  );
}

/** The registers of a state that its word hashes in the open, when those of its channels stay hidden in their hash. */
export type OpenRegister = (typeof REGISTERS)["state" | "core"][number];
export const OPEN_REGISTERS: readonly OpenRegister[] = [...REGISTERS.state, ...REGISTERS.core];

/** The word of a state of which the channels are known by their hash alone. */
export function openedWord(state: Readonly<Record<OpenRegister, bigint>>, channels: bigint): bigint {
  const core = hash(
    "core",
    REGISTERS.core.map((name) => state[name]),
  );
  return hash("state", [...REGISTERS.state.map((name) => state[name]), core, channels]);
}
