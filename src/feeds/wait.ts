/** Waits so many milliseconds, or until it is told to stop. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export const wait: Wait = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });

/** Seconds before the next attempt after so many failures: 1, 2, 4, ... 30. */
export function backoff(failures: number): number {
  return Math.min(30, 2 ** Math.min(5, failures - 1));
}
