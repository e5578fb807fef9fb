import { hash } from "./poseidon.ts";

/**
 * The registers of the machine (docs/protocol.md, section 2), and the one word that the world sees of them. The order
 * within a group is the order of its hash.
 */
export const REGISTERS = {
  state: ["domain", "phase", "published", "rules", "prices"],
  core: ["accounts", "accountCount", "logHead", "logCount", "clock", "deposits", "inbox", "holders", "blind"],
  channels: [
    "books",
    "admitted",
    "cancels",
    "counts",
    "sweep",
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
  const core = hash(
    "core",
    REGISTERS.core.map((name) => state[name]),
  );
  const channels = hash(
    "channels",
    REGISTERS.channels.map((name) => state[name]),
  );
  return hash("state", [...REGISTERS.state.map((name) => state[name]), core, channels]);
}
