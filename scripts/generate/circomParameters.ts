import * as parameters from "../../src/protocol/parameters.ts";

/**
 * One function for each number that src/protocol/parameters.ts exports, alone or in a table: `BITS.maxFee` becomes
 * `BITS_MAX_FEE()`. Of a number that depends on a slot (`RANK.close`, `PHASE.clearing`) it is the one of slot 0: add the
 * slot.
 */
export function circomParameters(): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value) || typeof value === "function") continue;
    lines.push(`\n// ${name}`);
    const table = typeof value === "object" ? Object.entries(value) : [["", value] as const];
    for (const [key, entry] of table) {
      const full = key === "" ? name : `${name}_${upperSnake(key)}`;
      lines.push(`function ${full}() { return ${typeof entry === "function" ? entry(0) : entry}; }`);
    }
  }
  return `// The home of these numbers is src/protocol/parameters.ts.\npragma circom 2.2.0;\n${lines.join("\n")}\n`;
}

function upperSnake(name: string): string {
  return name.replace(/[A-Z0-9]+/g, (upper) => `_${upper}`).toUpperCase();
}
