import { createRequire } from "node:module";
import { join } from "node:path";
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

/**
 * Path of a file of a tool, or of its main module: as this package finds it, else as the working directory does.
 * @throws TacitError MISSING_TOOL  with the command that installs it
 */
export function toolFile(tool: Tool, file = ""): string {
  const path = found(tool, file);
  if (path === undefined) throw missing([tool]);
  return path;
}

/** Says at once which of them are not installed. @throws TacitError MISSING_TOOL  with the command that installs them */
export function requireTools(...tools: readonly Tool[]): void {
  const absent = tools.filter((tool) => found(tool, "/package.json") === undefined);
  if (absent.length > 0) throw missing(absent);
}

/** A tool's main module. @throws TacitError MISSING_TOOL */
export async function importTool<Module>(tool: Tool): Promise<Module> {
  return (await import(pathToFileURL(toolFile(tool)).href)) as Module;
}

function found(tool: Tool, file: string): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), "package.json"))])
    try {
      return createRequire(from).resolve(`${tool}${file}`);
    } catch {
      // The next may have it.
    }
  return undefined;
}

function missing(tools: readonly Tool[]): TacitError {
  const purposes = [...new Set(tools.map((tool) => TOOLS[tool]))].join(", ");
  const text = `packages are missing (${purposes}): run \`npm install ${tools.join(" ")}\``;
  return new TacitError("MISSING_TOOL", text, { tools });
}
