import { readFile } from "node:fs/promises";
import { localProver } from "tacit";
import { prepareKeys } from "tacit/verifier";

const INSTRUCTIONS = ["deposit", "admit", "auction", "midpoint", "settle", "withdraw"] as const;
const at = (path: string) => new URL(`../${path}`, import.meta.url);

/**
 * Proofs with this repository's development keys, which `npm start` or `npx tacit build` makes in build/. With keys of your
 * own ceremony the paths are yours.
 */
export async function developmentProver(profile: "demo" | "standard") {
  const files = INSTRUCTIONS.map(async (name) => {
    return [name, JSON.parse(await readFile(at(`keys/${profile}/${name}.json`), "utf8"))] as const;
  });
  const keys = prepareKeys(Object.fromEntries(await Promise.all(files)));
  const file = (name: string, what: string) => at(`build/${profile}/${name}/${what}`).pathname;
  const prover = localProver((name) => ({ zkey: file(name, "main.zkey"), wasm: file(name, "main.wasm") }));
  return { prover, keys };
}
