/** What the pool needs of a browser: the files of `npm run build:kernels`, served side by side. */
import { TacitError } from "../protocol/errors.ts";
import type { AnyWorker } from "./thread.ts";

export const defaultWorkers = (): number => navigator.hardwareConcurrency || 2;

/** Bytes of a kernel module. @throws TacitError NOT_BUILT */
export async function readKernel(name: string): Promise<Uint8Array> {
  const url = new URL(`./${name}.wasm`, import.meta.url);
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) throw new TacitError("NOT_BUILT", `the prover's kernel is not at ${url.pathname}`, { name });
  return new Uint8Array(await response.arrayBuffer());
}

export function startThread(): AnyWorker {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}
