import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./cluster.ts";

/** A place of the built package, and what it is broken to. */
export interface Break {
  /** in dist/ */
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/** A copy of the built package with some places changed, each of which is there once. @returns its folder, to be removed */
export function brokenBuild(breaks: readonly Break[]): string {
  const root = mkdtempSync(join(tmpdir(), "tacit-broken-"));
  for (const name of ["bin", "dist", "package.json"]) cpSync(join(ROOT, name), join(root, name), { recursive: true });
  for (const name of ["node_modules", "keys", "build", "circuits"]) symlinkSync(join(ROOT, name), join(root, name));
  for (const { file, text, by } of breaks) {
    const path = join(root, "dist", file);
    const parts = readFileSync(path, "utf8").split(text);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places of ${text}: expected one`);
    writeFileSync(path, parts.join(by));
  }
  return root;
}
