import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";

/**
 * Address of a file that the build puts beside the module that uses it, such as a thread's script. A module that runs from
 * src/, as in tests, has it in dist/, where the build put it.
 * @throws TacitError NOT_BUILT  there is none: nothing was built, or an application's bundle left it behind
 */
export function builtFile(file: URL): URL {
  const [sources, built] = ["../../src/", "../../dist/"].map((folder) => new URL(folder, import.meta.url).href);
  const href = file.href.startsWith(sources) ? built + file.href.slice(sources.length) : file.href;
  if (existsSync(new URL(href))) return new URL(href);
  const path = fileURLToPath(file);
  const name = path.replace(/^.*[\\/]/, "");
  throw new TacitError(
    "NOT_BUILT",
    `there is no ${path}: expected ${name} of tacit's dist/ beside the module that uses it. Where an application is ` +
      "bundled, copy it there or leave tacit out of the bundle; in a checkout, `npm run build:package` makes it; otherwise install tacit again",
    { path },
  );
}

/**
 * Starts a thread from a script that was built. It gets none of the process's flags: a loader or a condition of whoever runs
 * this one is not for it.
 * @throws TacitError NOT_BUILT
 */
export function startWorker(script: URL): Worker {
  return new Worker(builtFile(script), { execArgv: [] });
}
