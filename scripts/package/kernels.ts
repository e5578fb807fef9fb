import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** The generator runs as it was compiled, in a thread of its own: wasmati needs a deep stack for long functions. */
const GENERATOR = `
  import(process.argv[2]).then(({ emitKernels }) => require("node:worker_threads").parentPort.postMessage(emitKernels()));
`;

/**
 * Writes the prover's modules of WebAssembly beside the compiled prover.
 * @param dist  folder of the compiled package
 */
export async function writeKernels(dist: string): Promise<void> {
  const generator = pathToFileURL(join(dist, "prover/kernels/module.js")).href;
  const thread = new Worker(GENERATOR, { eval: true, argv: [generator], resourceLimits: { stackSizeMb: 64 } });
  const modules = await new Promise<Record<string, Uint8Array>>((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
  });
  await thread.terminate();
  for (const [name, bytes] of Object.entries(modules)) await writeFile(join(dist, `prover/${name}.wasm`), bytes);
}
