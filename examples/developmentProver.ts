import { readFile } from "node:fs/promises";
import { byInstruction, localProver, type RoundProver } from "tacit";

const at = (path: string) => new URL(`../${path}`, import.meta.url);

/**
 * Proofs with this repository's development keys and circuits, which `npm start` or `npx tacit build` makes in build/. With
 * keys of your own ceremony the paths are yours.
 */
export async function developmentProver(profile: "demo" | "standard"): Promise<RoundProver> {
  const file = (name: string, what: string) => at(`build/${profile}/${name}/${what}`).pathname;
  const circuits = byInstruction((name) => ({ zkey: file(name, "main.zkey"), wasm: file(name, "main.wasm") }));
  const texts = byInstruction((name) => readFile(at(`keys/${profile}/${name}.json`), "utf8"));
  const keys = byInstruction((): unknown => null);
  for (const [name, text] of Object.entries(texts)) keys[name as keyof typeof keys] = JSON.parse(await text);
  return localProver({ circuits, keys });
}
