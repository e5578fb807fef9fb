import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const BUILD = join(ROOT, "build");
export const KEYS = join(ROOT, "keys");
/** Whether this is a checkout, whose keys/ the build writes. Of an installed package they are what others trust. */
export const IS_CHECKOUT = existsSync(join(ROOT, "scripts/package"));
/** The pages, as the package has them. */
export const PAGES = join(ROOT, "dist/web");
/** Of this package. */
export const VERSION = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
/** Where circuits may include from by name, as mains do: `include "instructions/admit.circom"`. */
export const LIBRARIES = [join(ROOT, "circuits"), join(ROOT, "node_modules")];

/** Files of a built circuit. All but `vkey` lie in its build folder and are not committed. */
export interface BuiltFiles {
  r1cs: string;
  wasm: string;
  sym: string;
  /** names and sizes of the inputs, for the prover's error messages */
  inputs: string;
  zkey: string;
  vkey: string;
}

export function builtFiles(folder: string): BuiltFiles {
  const file = (name: string) => join(folder, name);
  return {
    r1cs: file("main.r1cs"),
    wasm: file("main.wasm"),
    sym: file("main.sym"),
    inputs: file("inputs.json"),
    zkey: file("main.zkey"),
    vkey: file("vkey.json"),
  };
}

/** Build folder of an instruction's circuit. */
export function circuitFolder(profile: string, name: string, build: string = BUILD): string {
  return join(build, profile, name);
}
