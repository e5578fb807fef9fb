/** Runs the tests of circuits, which keep what they show (test/circuits/record.ts). */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
/** Tests that show nothing of one circuit's answers or cheats. */
const LEFT_OUT = ["determined", "extremes", "planted"];

/**
 * @param folder  for what they show; what is there goes
 * @throws where a test fails
 */
export function recordTests(folder: string, jobs: number): void {
  fs.rmSync(folder, { recursive: true, force: true });
  const left = LEFT_OUT.flatMap((name) => ["--ignore", `test/circuits/${name}.test.ts`]);
  const options = ["--no-config", "--parallel", "--jobs", `${jobs}`, "--timeout", "0", "--reporter", "dot", ...left];
  const node = ["--node-option", "import=tsx", "--node-option", "conditions=tacit-source"];
  const env = { ...process.env, TACIT_RECORD: folder };
  const { status } = spawnSync("npx", ["mocha", ...options, ...node, "test/circuits/*.test.ts"], { cwd: ROOT, env, stdio: "inherit" }); // prettier-ignore
  if (status !== 0) throw new Error("the tests of circuits fail");
}
