/** What the pool needs of Node. Browsers get runtime.browser.ts in its place, by the imports of package.json. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { TacitError } from "../protocol/errors.ts";
import { startWorker } from "./startWorker.ts";
import type { AnyWorker } from "./thread.ts";

/** Written by `npm run build`, and after `npm ci`. */
const BUILT = new URL("../../build/kernels/", import.meta.url);
const BUNDLE = new URL("worker.js", BUILT);

export const defaultWorkers = availableParallelism;

/** Bytes of a kernel module. @throws TacitError NOT_BUILT */
export async function readKernel(name: string): Promise<Uint8Array> {
  try {
    return await readFile(new URL(`${name}.wasm`, BUILT));
  } catch {
    throw new TacitError("NOT_BUILT", `the prover's kernel ${name} is not built: run \`npm run build:kernels\``, {
      name,
    });
  }
}

/** A thread from the bundle, which starts at once; from the sources, where there is none. */
export function startThread(): AnyWorker {
  return startWorker(existsSync(BUNDLE) ? BUNDLE : new URL("./worker.ts", import.meta.url));
}
