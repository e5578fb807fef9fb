import type { BuildProgress } from "./build.ts";
import type { Progress } from "./progress.ts";

/** One bar for a whole build: compiling and making the key are a half each of a circuit. */
export function buildProgress(progress: Progress, names: readonly string[]): (report: BuildProgress) => void {
  const parts = new Map<string, number>();
  return ({ name, step, fraction }) => {
    parts.set(name, step === "compile" ? fraction / 2 : step === "key" ? (1 + fraction) / 2 : 1);
    const sum = [...parts.values()].reduce((a, b) => a + b, 0);
    const verb = step === "compile" ? "compiling" : step === "key" ? "making key of" : "built";
    progress.update(sum / names.length, `${verb} ${name}`);
  };
}
