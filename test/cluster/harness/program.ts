import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";

/** Milliseconds until a program that has ended is started again. */
const AGAIN_MS = 500;

export interface ProgramOptions {
  /** of the installation: bin/tacit.js is in it */
  readonly root: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command of Tacit as a process of its own, that is started again whenever it ends, as an operator would have it. */
export class Program {
  readonly name: string;
  readonly #options: ProgramOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #isWanted = false;
  #isStopped = false;
  #again: NodeJS.Timeout | null = null;
  /** lines of its log since the start, the last ones */
  readonly said: string[] = [];
  /** codes or signals by which it has ended */
  readonly ends: (number | string)[] = [];

  constructor(name: string, options: ProgramOptions) {
    this.name = name;
    this.#options = options;
    this.#log = createWriteStream(join(options.folder, `${name}.log`), { flags: "a" });
  }

  start(): void {
    this.#isWanted = true;
    if (this.isRunning || this.#again) return;
    const { root, args, folder, env } = this.#options;
    const child = spawn(process.execPath, [join(root, "bin/tacit.js"), ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (chunk: Buffer) => {
        this.#log.write(chunk);
        this.said.push(...chunk.toString().split("\n").filter(Boolean));
        this.said.splice(0, this.said.length - 200);
      });
    child.once("exit", (code, signal) => {
      this.#isStopped = false;
      this.#log.write(`-- ended: ${signal ?? code}\n`);
      this.ends.push(signal ?? code ?? -1);
      if (!this.#isWanted) return;
      this.#again = setTimeout(() => {
        this.#again = null;
        if (this.#isWanted) this.start();
      }, AGAIN_MS);
    });
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends it; it is not started again until it is asked for. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#isWanted = false;
    if (this.#again) clearTimeout(this.#again);
    this.#again = null;
    if (!this.isRunning) return;
    const gone = once(this.#child!, "exit");
    this.#child!.kill(signal);
    // Who stands still hears of nothing but SIGKILL.
    if (signal !== "SIGKILL") this.go();
    await gone;
  }

  hold(): void {
    if (!this.isRunning) return;
    this.#isStopped = true;
    this.#child!.kill("SIGSTOP");
  }

  go(): void {
    this.#isStopped = false;
    if (this.isRunning) this.#child!.kill("SIGCONT");
  }
}
