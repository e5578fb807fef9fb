/** The package as npm installs it from its tarball, in an empty folder; examples of READMEs; programs that run there. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../src/setup/folders.ts";

/** What a program said and how it ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

export function run(
  program: string,
  args: readonly string[],
  { cwd, env }: { cwd: string; env?: Record<string, string> },
): Promise<Ended> {
  // Programs of others know nothing of the conditions under which the tests run.
  const { NODE_OPTIONS: _, ...outer } = process.env;
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd, env: { ...outer, ...env }, encoding: "utf8", maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr }),
    );
  });
}

/** The same, where only success is expected. */
export async function done(program: string, args: readonly string[], options: Parameters<typeof run>[2]) {
  const ended = await run(program, args, options);
  if (ended.code !== 0) throw new Error(`${program} ${args.join(" ")}: ${ended.code}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

/** Makes the tarball. @returns its path */
export async function packed(folder: string): Promise<string> {
  const out = await done("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: ROOT });
  const [{ filename }] = JSON.parse(out) as { filename: string }[];
  return join(folder, filename);
}

/** A new folder with packages installed. */
export async function installed(name: string, packages: readonly string[]): Promise<string> {
  const folder = join(scratch(), name);
  await mkdir(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  await done("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], { cwd: folder });
  return folder;
}

let made: string | undefined;
export function scratch(): string {
  return (made ??= mkdtempSync(join(tmpdir(), "tacit-package-")));
}
export function removeScratch(): void {
  if (made) rmSync(made, { recursive: true });
  made = undefined;
}

/** Bytes of all files in a folder. */
export async function bytesIn(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The TypeScript example of a README. */
export function exampleOf(readme: string): string {
  const blocks = [...readFileSync(join(ROOT, readme), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, text]) => text,
  );
  if (blocks.length !== 1) throw new Error(`${readme}: expected one example, found ${blocks.length}`);
  return blocks[0];
}

/** The lines of docs/package.md that bundle an application for a platform. */
export function documented(platform: string): string[] {
  const text = readFileSync(join(ROOT, "docs/package.md"), "utf8");
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`bash ${platform}\n(.*?)^\`\`\``, "gms"))].map(
    ([, lines]) => lines,
  );
  if (blocks.length === 0) throw new Error(`docs/package.md has no line for ${platform}`);
  return blocks.map((lines) => lines.trim());
}
