import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startWorker } from "../../src/prover/startWorker.ts";
import { writeWhole } from "../build/writeWhole.ts";
import { isFresh } from "./fresh.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const KERNEL_FOLDER = join(ROOT, "build/kernels");
/** The thread that makes a venue's proofs, and checks them. */
const PROOF_THREAD = ["src/venue/proofThread.ts", "src/venue/provers.ts", "src/venue/threads.ts"];
/** The thread that checks a venue's signatures, and makes them. */
const SIGNATURE_THREAD = ["src/venue/signatureThread.ts", "src/venue/signatures.ts", "src/venue/signer.ts"];
/** The thread that keeps a venue's store. */
const STORE_THREAD = ["storeThread", "packedRecords", "sqliteStore", "store", "journal"].map(
  (name) => `src/venue/${name}.ts`,
);
/** The thread that helps it with checkpoints. */
const CHECKPOINT_THREAD = ["src/venue/checkpointThread.ts"];
/** What the files are made of. */
const SOURCES = [
  "src/prover",
  "src/protocol",
  "src/verifier",
  ...PROOF_THREAD,
  ...SIGNATURE_THREAD,
  ...STORE_THREAD,
  ...CHECKPOINT_THREAD,
  "scripts/kernels",
  "package-lock.json",
].map((path) => join(ROOT, path));
/** Written last: tells of when all was made. */
const LAST = join(KERNEL_FOLDER, "worker.js");

/**
 * Writes the kernel modules, and five threads as one script each, which start without a loader: the prover's, which runs in
 * Node and in browsers, and those of a venue's proofs, signatures, store and checkpoints. Modules are emitted in a thread of
 * its own, as wasmati needs a deep stack for long functions.
 * @returns bytes by file name
 */
export async function buildKernels(): Promise<Record<string, number>> {
  const emitter = startWorker(new URL("./worker.ts", import.meta.url), { resourceLimits: { stackSizeMb: 64 } });
  const modules = await new Promise<Record<string, Uint8Array>>((resolve, reject) => {
    emitter.once("message", resolve);
    emitter.once("error", reject);
  });
  await emitter.terminate();
  await mkdir(KERNEL_FOLDER, { recursive: true });
  const files: Record<string, Uint8Array> = {};
  for (const [name, bytes] of Object.entries(modules)) files[`${name}.wasm`] = bytes;
  for (const [entry] of [PROOF_THREAD, SIGNATURE_THREAD, STORE_THREAD, CHECKPOINT_THREAD])
    files[`${basename(entry, ".ts")}.js`] = await bundleThread(entry, "node");
  files["worker.js"] = await bundleThread("src/prover/worker.ts", "neutral");
  for (const [name, bytes] of Object.entries(files)) await writeWhole(join(KERNEL_FOLDER, name), bytes);
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.length]));
}

/** Builds where a source is younger than what was built. */
export async function ensureKernels(): Promise<void> {
  if (!isFresh(LAST, SOURCES)) await buildKernels();
}

async function bundleThread(entry: string, platform: "node" | "neutral"): Promise<Uint8Array> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform,
    mainFields: ["module", "main"],
    target: "es2022",
    // They read what lies beside them.
    external: ["node:*", "secp256k1", "libsql"],
    logLevel: "error",
  });
  return outputFiles[0].contents;
}
