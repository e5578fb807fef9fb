import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BUILD, ROOT } from "../../src/setup/folders.ts";
import { writeKernels } from "./kernels.ts";
import { buildPages } from "./pages.ts";

export const DIST = join(ROOT, "dist");
/** What the package is made of. */
const SOURCES = ["src", "keys", "scripts/package", "tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json"]; // prettier-ignore
const STAMP = join(BUILD, "dist.sha256");

/** Writes dist/: the sources as JavaScript with declarations, the kernels, and the pages. */
export async function buildPackage(): Promise<void> {
  const sources = await sourcesHash();
  const fresh = `${DIST}.${process.pid}`;
  await rm(STAMP, { force: true });
  await rm(fresh, { recursive: true, force: true });
  try {
    await run(join(ROOT, "node_modules/typescript/bin/tsc"), [
      "-p",
      join(ROOT, "tsconfig.build.json"),
      "--outDir",
      fresh,
    ]);
    await writeKernels(fresh);
    await buildPages(join(fresh, "web"));
    await exchange(fresh);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await mkdir(BUILD, { recursive: true });
  await writeFile(STAMP, sources);
}

/** Puts a new dist/ in the old one's place. Where another build has just done so, that one goes. */
async function exchange(fresh: string): Promise<void> {
  const old = `${DIST}.old.${process.pid}`;
  for (let tries = 0; ; tries++) {
    await rename(DIST, old).catch(() => {});
    await rm(old, { recursive: true, force: true });
    try {
      return await rename(fresh, DIST);
    } catch (error) {
      if (tries === 9) throw error;
    }
  }
}

/** Builds the package where its sources are others than those that dist/ was built of. */
export async function ensurePackage(): Promise<void> {
  const built = await readFile(STAMP, "utf8").catch(() => undefined);
  if (!existsSync(DIST) || built !== (await sourcesHash())) await buildPackage();
}

async function run(script: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [script, ...args]).catch(({ stdout }: { stdout?: string }) => {
    throw new Error(`the sources do not compile:\n${stdout}`);
  });
}

async function sourcesHash(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES)
    for (const file of (await filesOf(join(ROOT, source))).sort()) {
      const content = await readFile(file);
      hash.update(`${file.slice(ROOT.length)} ${content.length}\n`).update(content);
    }
  return hash.digest("hex");
}

async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return [path];
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
