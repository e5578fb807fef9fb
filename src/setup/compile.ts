import { stripVTControlCharacters } from "node:util";
import * as fs from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type circom2 from "circom2";
import { TacitError } from "../protocol/errors.ts";
import { readR1csHeader } from "../prover/r1cs.ts";
import { WitnessProgram } from "../prover/witness.ts";
import { builtFiles, LIBRARIES, ROOT } from "./folders.ts";
import type { TaskResults } from "./messages.ts";
import { CIRCOM_FLAGS } from "./sources.ts";
import { stampFile } from "./stamp.ts";
import { importTool, toolFile } from "./tools.ts";
import { writeWhole } from "./writeWhole.ts";

/** Lines by which the compiler shows how far it is. The shares are those of a large circuit. */
const MILESTONES: [begin: RegExp, fraction: number][] = [
  [/template instances/, 0.2],
  [/non-linear constraints/, 0.8],
  [/main\.r1cs/, 0.85],
  [/main\.sym/, 0.9],
  [/main\.wasm/, 0.95],
];

/** No circuit takes so long: a folder that is older is that of a build that was killed. */
const LEFTOVER_MS = 3_600_000;

let circom: Promise<WebAssembly.Module> | undefined;

/**
 * Compiles `main.circom` of a build folder.
 * @param outputs  if given, the names that the public values must have, in this order
 * @throws TacitError CIRCUIT_COMPILE, CIRCUIT_WARNING (with the compiler's words), PUBLIC_INPUTS
 */
export async function compile(
  folder: string,
  outputs: readonly string[] | undefined,
  onProgress: (fraction: number) => void,
): Promise<TaskResults["compile"]> {
  await removeLeftovers(folder);
  const temporary = join(folder, `.compile-${process.pid}-${threadId}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await runCircom(folder, temporary, onProgress);
    const [r1cs, sym, wasm] = ["main.r1cs", "main.sym", "main_js/main.wasm"].map((name) => join(temporary, name));
    const { constraints, wires, publicInputs } = publicCount(readR1csHeader(await readFile(r1cs)));
    const labels = await readFile(sym, "utf8");
    if (outputs) checkOutputs(labels, publicInputs, outputs);
    const program = await WitnessProgram.start(await WebAssembly.compile(await readFile(wasm)));

    const files = builtFiles(folder);
    await rename(r1cs, files.r1cs);
    await rename(sym, files.sym);
    await rename(wasm, files.wasm);
    await writeWhole(files.inputs, `${JSON.stringify(program.inputSignals(labels), null, 1)}\n`);
    return {
      constraints,
      wires,
      publicInputs,
      files: {
        r1cs: await stampFile(files.r1cs),
        wasm: await stampFile(files.wasm),
        sym: await stampFile(files.sym),
        inputs: await stampFile(files.inputs),
      },
    };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function publicCount({ constraints, wires, outputs, publicInputs }: ReturnType<typeof readR1csHeader>) {
  return { constraints, wires, publicInputs: outputs + publicInputs };
}

/** Words of circom, which no signal can bear: such a public value has another name in its circuit. */
const RESERVED = new Set(["log", "signal", "input", "output", "component", "template", "bus", "var", "assert"]);

/** The public values are the first wires after the constant: `payout[0]` counts as `payout0`. */
function checkOutputs(labels: string, count: number, expected: readonly string[]): void {
  const actual: string[] = [];
  for (const line of labels.split("\n", count + expected.length)) {
    const [, wire, , label] = line.split(",");
    if (label && Number(wire) >= 1 && Number(wire) <= count)
      actual[Number(wire) - 1] = label.slice(label.indexOf(".") + 1).replace(/\[(\d+)\]/g, "$1");
  }
  const same = expected.every((name, index) => RESERVED.has(name) || actual[index] === name);
  if (same && count === expected.length) return;
  const message = `the circuit's public values must be ${expected.join(", ")}; they are ${actual.join(", ")}`;
  throw new TacitError("PUBLIC_INPUTS", message, { expected, actual });
}

async function runCircom(folder: string, output: string, onProgress: (fraction: number) => void): Promise<void> {
  const { CircomRunner, bindings } = (await importTool<{ default: typeof circom2 }>("circom2")).default;
  const said = { 1: "", 2: "" };
  const decoder = new TextDecoder();
  const listening = {
    ...fs,
    writeSync(fd: number, buffer: Uint8Array, offset = 0, length = buffer.length, position: number | null = null) {
      if (fd !== 1 && fd !== 2) return fs.writeSync(fd, buffer, offset, length, position);
      said[fd] += decoder.decode(buffer.subarray(offset, offset + length));
      const passed = MILESTONES.filter(([begin]) => begin.test(said[1])).at(-1);
      if (fd === 1 && passed) onProgress(passed[1]);
      return length;
    },
  };
  const libraries = LIBRARIES.flatMap((library) => ["-l", library]);
  const runner = new CircomRunner({
    args: [join(folder, "main.circom"), ...CIRCOM_FLAGS, ...libraries, "-o", output],
    env: {},
    preopens: { "/": "/" },
    bindings: { ...bindings, fs: listening },
  });
  circom ??= readFile(toolFile("circom2", "/circom.wasm")).then((bytes) => WebAssembly.compile(bytes));
  const program = await circom;
  runner.compile = async () => program;
  let failed = false;
  try {
    await runner.execute(new Uint8Array());
  } catch {
    failed = true;
  }
  const text = plain(said[2]);
  if (failed) throw refused("CIRCUIT_COMPILE", "the circuit does not compile", text || plain(said[1]));
  if (text.includes("warning[")) throw refused("CIRCUIT_WARNING", "the compiler warns about the circuit", text);
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(".compile-") && (await stat(path)).mtimeMs < Date.now() - LEFTOVER_MS)
      await rm(path, { recursive: true, force: true });
  }
}

function refused(code: string, what: string, text: string): TacitError {
  return new TacitError(code, `${what}:\n${text}`, { text });
}

/** Without colours, and with paths from the top of the project. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(ROOT, "").trim();
}
