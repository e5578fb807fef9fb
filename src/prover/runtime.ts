/** What the prover needs of Node. Browsers get runtime.browser.ts in its place, by the imports of package.json. */
import { open, readFile, type FileHandle } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { builtFile, startWorker } from "./startWorker.ts";
import type { AnyWorker } from "./thread.ts";

/** Modules of WebAssembly that the build writes beside this one. */
const KERNELS = {
  fma: () => new URL("./fma.wasm", import.meta.url),
  scalar: () => new URL("./scalar.wasm", import.meta.url),
  rows: () => new URL("./rows.wasm", import.meta.url),
  hashFma: () => new URL("./hashFma.wasm", import.meta.url),
  hashScalar: () => new URL("./hashScalar.wasm", import.meta.url),
};
export type KernelName = keyof typeof KERNELS;

export const defaultWorkers = availableParallelism;

/** Bytes of a kernel module. @throws TacitError NOT_BUILT */
export async function readKernel(name: KernelName): Promise<Uint8Array> {
  return readFile(builtFile(KERNELS[name]()));
}

/** @throws TacitError NOT_BUILT */
export function startThread(): AnyWorker {
  return startWorker(new URL("./proverThread.js", import.meta.url));
}

export type { FileHandle };
export const openFile: ((path: string | URL) => Promise<FileHandle>) | undefined = open;

/** Node before 22 knows relaxed SIMD only when asked, once in a process. */
export function allowRelaxedSimd(): void {
  setFlagsFromString("--experimental-wasm-relaxed-simd");
}
