/** Milliseconds between two looks. */
const LOOK_MS = 100;

/** What was waited for did not come: not within so many looks. */
export class NeverCame extends Error {}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Looks again and again until there is something. A look that fails has found nothing. Bounded by looks, and generously: a machine may be
 * slow, and no outcome depends on how fast it is.
 * @throws NeverCame  naming what was waited for
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  tries = 3_000,
): Promise<T> {
  let last: unknown;
  for (let tried = 0; tried < tries; tried++) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      last = error;
    }
    await pause(LOOK_MS);
  }
  throw new NeverCame(`${what} did not come${last === undefined ? "" : `: ${String(last)}`}`);
}
