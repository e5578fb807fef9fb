#!/usr/bin/env node
// Starts the command from any working directory: as it was built, or, where its sources are younger, from them by tsx.
import { fileURLToPath } from "node:url";
import { isFresh } from "../scripts/kernels/fresh.js";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const built = path("build/cli/main.js");
let command = "../src/cli/main.ts";
if (isFresh(built, ["src", "scripts", "package.json"].map(path))) command = "../build/cli/main.js";
else {
  const { register } = await import("tsx/esm/api");
  register({ tsconfig: path("tsconfig.json") });
}
const { main } = await import(command);
process.exitCode = await main(process.argv.slice(2));
