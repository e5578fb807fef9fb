import { TacitError } from "../protocol/errors.ts";

/** Where a venue takes the time from: in tests, not from the wall. */
export interface Clock {
  /** seconds since 1970 */
  now(): bigint;
  /** Calls once when `now()` has reached the time, at once if it has. @returns what takes the order back */
  wake(at: bigint, call: () => void): () => void;
}

/** Longest delay that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** A jump of the clock that a venue does not follow: stamps never fall, so one set years ahead could not be taken back. */
const JUMP_MS = 3_600_000;
const started = Date.now() - performance.now();

/**
 * The clock of this machine. An order that waits keeps the process alive.
 * @throws CLOCK  when it was set ahead by more than an hour since the process began
 */
export const systemClock: Clock = {
  now() {
    const now = Date.now();
    if (now - performance.now() - started > JUMP_MS)
      throw new TacitError("CLOCK", "the clock was set ahead by more than an hour: start anew if that is right");
    return BigInt(Math.floor(now / 1000));
  },
  wake(at, call) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const rest = Number(at) * 1000 - Date.now();
      timer = setTimeout(() => (rest > LONGEST_MS ? wait() : call()), Math.min(Math.max(rest, 0), LONGEST_MS));
    };
    wait();
    return () => clearTimeout(timer);
  },
};
