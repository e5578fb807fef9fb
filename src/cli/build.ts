import { resolve } from "node:path";
import { buildAll } from "../setup/build.ts";
import { CIRCUIT_NAMES, type CircuitName, type ProfileName } from "../protocol/instructions.ts";
import { buildProgress } from "../setup/buildProgress.ts";
import { table, thousands } from "../setup/format.ts";
import { toJson } from "../protocol/json.ts";
import { withProgress } from "../setup/progress.ts";

/** `tacit build`. @returns the exit code */
export async function build(
  names: readonly CircuitName[],
  { profile, json, build: folder }: { profile: ProfileName; json?: boolean; build?: string },
): Promise<number> {
  const wanted = names.length > 0 ? names : CIRCUIT_NAMES;
  const built = await withProgress(`build ${profile}`, (progress) =>
    buildAll({ profile, names: wanted, build: folder && resolve(folder), onProgress: buildProgress(progress, wanted) }),
  );
  const circuits = built.map(({ name, folder, stamp: { compiled, key } }) => {
    const { constraints, wires, publicInputs } = compiled;
    return { name, constraints, wires, publicInputs, domainPower: key.domainPower, folder };
  });
  if (json) {
    process.stdout.write(toJson({ profile, circuits }, 2) + "\n");
    return 0;
  }
  const rows = circuits.map(({ name, constraints, wires, publicInputs, domainPower }) => [
    name,
    thousands(constraints),
    thousands(wires),
    `${publicInputs}`,
    `2^${domainPower}`,
  ]);
  process.stdout.write(table([["circuit", "constraints", "wires", "public inputs", "domain"], ...rows]));
  return 0;
}
