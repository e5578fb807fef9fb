import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { TacitError } from "../protocol/errors.ts";

/** Packages that some commands need and Tacit does not bring along, and what for. */
const TOOLS = {
  circom2: "compiling circuits",
  solc: "compiling contracts",
  "poseidon-solidity": "compiling contracts",
  "@foundry-rs/anvil": "a chain of its own",
  viem: "a chain",
} as const;
export type Tool = keyof typeof TOOLS;

const { resolve } = createRequire(import.meta.url);

/**
 * Path of a file of a tool, or of its main module, as this package finds it: never as the working directory does, which may
 * be anybody's.
 * @throws TacitError MISSING_TOOL  with the command that installs it
 */
export function toolFile(tool: Tool, file = ""): string {
  const path = findTool(tool, file);
  if (path === undefined) throw missing([tool]);
  return path;
}

/** Says at once which of them are not installed. @throws TacitError MISSING_TOOL  with the command that installs them */
export function requireTools(...tools: readonly Tool[]): void {
  const absent = tools.filter((tool) => findTool(tool, "/package.json") === undefined);
  if (absent.length > 0) throw missing(absent);
}

/** A tool's main module. @throws TacitError MISSING_TOOL */
export async function importTool<Module>(tool: Tool): Promise<Module> {
  return (await import(pathToFileURL(toolFile(tool)).href)) as Module;
}

/** The same, or undefined where it is not installed. */
export function findTool(tool: Tool, file: string): string | undefined {
  try {
    return resolve(`${tool}${file}`);
  } catch {
    return undefined;
  }
}

function missing(tools: readonly Tool[]): TacitError {
  const purposes = [...new Set(tools.map((tool) => TOOLS[tool]))].join(", ");
  const text = `packages are missing (${purposes}): run \`npm install ${tools.join(" ")}\` where tacit is installed`;
  return new TacitError("MISSING_TOOL", text, { tools });
}
