/** Where a venue takes the time from: in tests, not from the wall. */
export interface Clock {
  /** seconds since 1970 */
  now(): bigint;
  /** Calls once when `now()` has reached the time, at once if it has. @returns what takes the order back */
  wake(at: bigint, call: () => void): () => void;
}

/** Longest delay that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** The clock of this machine. An order that waits keeps the process alive. */
export const systemClock: Clock = {
  now: () => BigInt(Math.floor(Date.now() / 1000)),
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
