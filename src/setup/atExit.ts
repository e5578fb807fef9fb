import { rmSync } from "node:fs";

/** What is to be done however this process ends, as long as it ends by itself: files that are half written are removed. */
const undoing = new Set<() => void>();
let listening = false;

/** @param undo  synchronous  @returns what takes it back */
export function atExit(undo: () => void): () => void {
  if (!listening) process.once("exit", () => undoing.forEach((call) => call()));
  listening = true;
  undoing.add(undo);
  return () => void undoing.delete(undo);
}

/** Removes a file at the exit, unless it is taken back. */
export function removedAtExit(path: string): () => void {
  return atExit(() => rmSync(path, { force: true }));
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Lets a signal that nobody else waits for end the process as an exit, so that what is to be done then is done: with the code
 * that a shell gives to a process that was ended so. A second signal does not wait for anybody.
 */
export function exitOnSignals(): void {
  for (const [signal, code] of Object.entries(SIGNALS))
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
}
