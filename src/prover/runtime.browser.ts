/** What the prover needs of a browser: its thread and kernels, served beside this module. */
import { TacitError } from "../protocol/errors.ts";
import type * as runtime from "./runtime.ts";
import type { AnyWorker } from "./thread.ts";

const KERNELS: Record<runtime.KernelName, () => URL> = {
  fma: () => new URL("./fma.wasm", import.meta.url),
  scalar: () => new URL("./scalar.wasm", import.meta.url),
  rows: () => new URL("./rows.wasm", import.meta.url),
  hashFma: () => new URL("./hashFma.wasm", import.meta.url),
  hashScalar: () => new URL("./hashScalar.wasm", import.meta.url),
};

export type { FileHandle, KernelName } from "./runtime.ts";

export const defaultWorkers = (): number => navigator.hardwareConcurrency || 2;

/** Bytes of a kernel module. @throws TacitError NOT_BUILT */
export async function readKernel(name: runtime.KernelName): Promise<Uint8Array> {
  const { pathname, href } = KERNELS[name]();
  const response = await fetch(href).catch(() => undefined);
  if (!response?.ok)
    throw new TacitError(
      "NOT_BUILT",
      `the prover's kernel is not at ${pathname}: expected ${name}.wasm of tacit's dist/prover there, beside the bundle`,
      { name },
    );
  return new Uint8Array(await response.arrayBuffer());
}

export function startThread(): AnyWorker {
  return new Worker(new URL("./proverThread.browser.js", import.meta.url), { type: "module" });
}

/** A browser opens no files by name. */
export const openFile: typeof runtime.openFile = undefined;

export function allowRelaxedSimd(): void {}
