/** Runs circom, once for each circuit however many processes want it at the same time. */
import fs from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

const require = createRequire(import.meta.url);

/** What compiles, and in which version. */
export const COMPILER = `circom2 ${require("circom2/package.json").version}`;

const POLL_MS = 50;
/** No circuit takes so long: a lock that is older is that of a process that was killed. */
const LEFTOVER_MS = 1_200_000;

interface Task {
  /** where main.r1cs, main.sym and main.wasm shall be: it appears when they are complete */
  folder: string;
  /** text of main.circom */
  main: string;
  level: string;
  /** in which includes are looked up */
  folders: readonly string[];
  allowWarnings: boolean;
  /** what alone is made, and is there sooner: main.wasm, or main.r1cs */
  only?: "program" | "constraints";
}

/** Compiles, unless the folder is there; waits for another process that compiles the same. Fails on a warning. */
export async function compile(task: Task): Promise<void> {
  const { folder } = task;
  const lock = `${folder}.lock`;
  fs.mkdirSync(dirname(folder), { recursive: true });
  while (!fs.existsSync(folder)) {
    if (!acquire(lock)) {
      await setTimeout(POLL_MS);
      continue;
    }
    try {
      // Another process may have ended between the two questions.
      if (!fs.existsSync(folder)) await run(task);
    } finally {
      fs.rmSync(lock, { force: true });
    }
  }
}

/**
 * Takes the lock, which names its process. That of a process that is gone is removed; should two processes do that at
 * once, both may compile, and one result is kept.
 */
function acquire(lock: string): boolean {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (isLeftover(lock)) fs.rmSync(lock, { force: true });
  return false;
}

function isLeftover(lock: string): boolean {
  try {
    if (fs.statSync(lock).mtimeMs < Date.now() - LEFTOVER_MS) return true;
    // A file that is still empty is being written.
    const holder = Number(fs.readFileSync(lock, "utf8"));
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    // No such process; all else, that the lock is gone or that the process is another user's, is none of ours.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

let compiler: Promise<WebAssembly.Module> | undefined;

async function run({ folder, main, level, folders, allowWarnings, only }: Task): Promise<void> {
  const { CircomRunner, bindings } = require("circom2");
  compiler ??= WebAssembly.compile(fs.readFileSync(require.resolve("circom2/circom.wasm")));
  const work = fs.mkdtempSync(join(dirname(folder), "work-"));
  fs.writeFileSync(join(work, "main.circom"), main);
  let output = "";
  let exitCode = 0;
  const writeSync = (fd: number, bytes: Uint8Array, offset = 0, length = bytes.byteLength, ...rest: never[]) => {
    if (fd !== 1 && fd !== 2) return fs.writeSync(fd, bytes, offset, length, ...rest);
    output += Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString();
    return length;
  };
  const exit = (code: number) => {
    exitCode = code;
    throw new Error(`exit ${code}`);
  };
  const libraries = folders.flatMap((path) => ["-l", path]);
  const made = { all: ["--wasm", "--r1cs", "--sym", "--inspect"], program: ["--wasm"], constraints: ["--r1cs"] };
  const args = [join(work, "main.circom"), level, ...made[only ?? "all"], ...libraries, "-o", work];
  const runner = new CircomRunner({
    args,
    env: {},
    preopens: { "/": "/" },
    bindings: { ...bindings, exit, fs: { ...fs, writeSync } },
  });
  const module = await compiler;
  try {
    runner.wasi.start(await WebAssembly.instantiate(module, runner.wasi.getImports(module)));
  } catch (error) {
    if (!(error as Error).message.startsWith("exit")) output += String(error);
  }
  const written = join(work, only === "constraints" ? "main.r1cs" : "main_js/main.wasm");
  if (exitCode !== 0 || (output.includes("warning[") && !allowWarnings) || !fs.existsSync(written)) {
    fs.rmSync(work, { recursive: true });
    throw new Error(`circom refuses ${main}\n${output}`);
  }
  if (only !== "constraints") {
    fs.renameSync(written, join(work, "main.wasm"));
    fs.rmSync(join(work, "main_js"), { recursive: true });
  }
  try {
    fs.renameSync(work, folder);
  } catch {
    fs.rmSync(work, { recursive: true }); // another process was first
  }
}
