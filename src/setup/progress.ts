import type { WriteStream } from "node:tty";

/** How far a long piece of work is, told to a person on standard error. */
export interface Progress {
  /** @param fraction  0 to 1 */
  update(fraction: number, detail?: string): void;
  /** Ends it, with a last word. */
  done(detail?: string): void;
  /** Ends it without one: the work failed, and the error says more. */
  stop(): void;
}

const WIDTH = 24;
const REDRAW_MS = 80;

/** On a terminal a bar that is redrawn in place; elsewhere a line at its beginning and at each quarter, so that logs stay short. */
export function startProgress(label: string, stream: WriteStream = process.stderr as WriteStream): Progress {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  if (!stream.isTTY) {
    let quarter = -1;
    return {
      update(fraction, detail = "") {
        if (Math.floor(fraction * 4) <= quarter || fraction >= 1) return;
        quarter = Math.floor(fraction * 4);
        stream.write(`${label}: ${quarter * 25}% ${detail}`.trimEnd() + "\n");
      },
      done: (detail = "done") => void stream.write(`${label}: ${detail} (${seconds()})\n`),
      stop() {},
    };
  }
  let drawn = -Infinity;
  let open = true;
  const clear = () => void stream.write("\r\x1b[K");
  return {
    update(fraction, detail = "") {
      if (!open || performance.now() - drawn < REDRAW_MS) return;
      drawn = performance.now();
      const full = Math.round(Math.min(Math.max(fraction, 0), 1) * WIDTH);
      const bar = "█".repeat(full) + "░".repeat(WIDTH - full);
      const text = `${label} ${bar} ${String(Math.floor(fraction * 100)).padStart(3)}% ${detail}`;
      stream.write(`\r${text.slice(0, (stream.columns || 100) - 1)}\x1b[K`);
    },
    done(detail = "done") {
      open = false;
      clear();
      stream.write(`${label}: ${detail} (${seconds()})\n`);
    },
    stop() {
      if (open) clear();
      open = false;
    },
  };
}

/** Runs work under a progress bar, which it ends whatever happens. */
export async function withProgress<T>(label: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = startProgress(label);
  try {
    const result = await work(progress);
    progress.done();
    return result;
  } finally {
    progress.stop();
  }
}
