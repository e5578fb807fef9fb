import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { TacitError } from "../protocol/errors.ts";
import {
  CLAIMS,
  instruction,
  PROFILES,
  templateArguments,
  type CircuitName,
  type Profile,
  type ProfileName,
} from "../protocol/instructions.ts";
import { LIBRARIES, ROOT } from "./folders.ts";
import { findTool } from "./tools.ts";

export const CIRCOM_FLAGS = ["--r1cs", "--wasm", "--sym", "--O2", "--inspect"];
/** Raise it when compiling writes other files than before. */
const COMPILE_VERSION = 1;

/** The main of a circuit: derived from the table, written to its build folder. */
export function mainOf(profileName: ProfileName, name: CircuitName): string {
  return mainWith(PROFILES[profileName], name, `profile ${profileName}`);
}

/** The same for any sizes. @param of  ends a sentence about it */
export function mainWith(profile: Profile, name: CircuitName, of: string): string {
  const claim = CLAIMS.find((row) => row.name === name);
  const { template } = claim ?? instruction(name);
  const file = template[0].toLowerCase() + template.slice(1);
  return [
    `// Written by src/setup from src/protocol/instructions.ts: ${name}, ${of}.`,
    `pragma circom 2.2.0;`,
    `include "${claim ? "claims" : "instructions"}/${file}.circom";`,
    `component main = ${template}(${templateArguments(name, profile).join(", ")});`,
    ``,
  ].join("\n");
}

/**
 * A hash of all that decides what the compiler writes: the main, every file it includes, the compiler and its flags.
 * @param compiler  its version
 * @throws TacitError CIRCUIT_SOURCE  when an included file does not exist
 */
export async function sourcesHash(main: string, text: string, compiler: string | undefined): Promise<string> {
  const files = new Map<string, string>([[main, text]]);
  for (const [file, content] of files)
    for (const include of includesOf(content)) {
      const found = await readInclude(file, include);
      if (!files.has(found.path)) files.set(found.path, found.content);
    }
  const hash = createHash("sha256");
  const add = (part: string) => hash.update(`${Buffer.byteLength(part)}:${part}`);
  add(`${COMPILE_VERSION} ${compiler} ${CIRCOM_FLAGS.join(" ")}`);
  for (const path of [...files.keys()].sort()) {
    // Wherever it is built, a main is the same.
    add(path === main ? "main" : relative(ROOT, path));
    add(files.get(path)!);
  }
  return hash.digest("hex");
}

/** Of the compiler, or undefined where there is none: what is up to date needs none. */
export function circomVersion(): string | undefined {
  const file = findTool("circom2", "/package.json");
  return file && (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function includesOf(content: string): string[] {
  const code = content.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  return [...code.matchAll(/\binclude\s*"([^"]+)"/g)].map(([, path]) => path);
}

async function readInclude(from: string, include: string): Promise<{ path: string; content: string }> {
  for (const folder of [dirname(from), ...LIBRARIES]) {
    const path = resolve(join(folder, include));
    try {
      return { path, content: await readFile(path, "utf8") };
    } catch {
      // The next folder may have it.
    }
  }
  throw new TacitError("CIRCUIT_SOURCE", `${relative(ROOT, from)} includes ${include}, which does not exist`, {
    file: relative(ROOT, from),
    include,
  });
}
