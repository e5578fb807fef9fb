/** Metrics that programs of Tacit show, and those that expressions of Prometheus name. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import { ROOT } from "../../src/setup/folders.ts";

/** What is not of Tacit: whether a program answered, and what is known of each process. */
export function knownMetrics(): Set<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const known = new Set(["up", ...registry.getMetricsAsArray().map(({ name }) => name)]);
  registry.clear();
  const folder = join(ROOT, "src");
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts")) continue;
    const text = readFileSync(join(folder, path), "utf8");
    if (!/prom-client|Measured|measure\(/.test(text)) continue;
    for (const [, name] of text.matchAll(/"(tacit_[a-z_]+)"/g)) {
      known.add(name);
      // Of what is counted by size.
      if (new RegExp(`(seconds\\(|new Histogram\\(\\{\\s*name: )"${name}"`).test(text))
        for (const end of ["bucket", "sum", "count"]) known.add(`${name}_${end}`);
    }
  }
  return known;
}

const WORDS = new Set(["and", "or", "unless", "offset", "bool"]);

/** Names of metrics in an expression. */
export function metricsOf(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, "")
    .replace(/\{[^}]*\}/g, "")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")
    .replace(/\boffset\s+\w+/g, "");
  return [...bare.matchAll(/(?<![\w.])[a-zA-Z_:][\w:]*(?!\w*\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => !WORDS.has(name));
}
