import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread from one of our modules, in plain Node and under tsx. Node does not hand tsx's loader on to
 * threads, so a TypeScript module is started by a line of JavaScript that registers it first.
 *
 * `workerData` belongs to a library below snarkjs: inside of a thread it takes itself for the thread of a browser, and
 * looks there for the script to run. It gets an empty one; our own threads learn all by messages.
 */
export function startWorker(module: URL, options: Omit<WorkerOptions, "workerData" | "eval"> = {}): Worker {
  const workerData = { mod: "data:text/javascript,0", name: "tacit", type: "classic" };
  if (!module.pathname.endsWith(".ts")) return new Worker(module, { ...options, workerData });
  // `import.meta.resolve` is missing where tsx turns modules into scripts, as under mocha; the module that `require`
  // finds is tsx's script, which lies beside the module.
  const script = createRequire(import.meta.url).resolve("tsx/esm/api");
  const loader = JSON.stringify(pathToFileURL(script.replace(/\.cjs$/, ".mjs")).href);
  const boot = `import { register } from ${loader}; register(); await import(${JSON.stringify(module.href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(boot)}`), { ...options, workerData });
}
