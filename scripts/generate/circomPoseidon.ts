import { FULL_ROUNDS, MAX_ARITY, invert, poseidonConstants } from "../../src/protocol/poseidonConstants.ts";

/**
 * Constants of Poseidon for circuits/lib/poseidon.circom, as functions of the arity n; see
 * src/protocol/poseidonConstants.ts for their meaning. Matrices are flat, line by line.
 */
export function circomPoseidon(): string {
  const arities = Array.from({ length: MAX_ARITY }, (_, i) => i + 1);
  const table = (name: string, values: (n: number) => bigint[] | bigint) =>
    [
      `function POSEIDON_${name}(n) {`,
      ...arities.map((n) => {
        const value = values(n);
        const text = typeof value === "bigint" ? value : `[${value.join(", ")}]`;
        return n === MAX_ARITY ? `    return ${text};` : `    if (n == ${n}) { return ${text}; }`;
      }),
      `}`,
    ].join("\n");
  return [
    "pragma circom 2.2.0;",
    "",
    `function POSEIDON_FULL_ROUNDS() { return ${FULL_ROUNDS}; }`,
    table("PARTIAL_ROUNDS", (n) => BigInt(poseidonConstants(n).partialRounds)),
    table("MATRIX", (n) => poseidonConstants(n).matrix.flat()),
    table("ENTRY", (n) => poseidonConstants(n).entry.flat()),
    table("FULL", (n) => poseidonConstants(n).full.flat()),
    table("PARTIAL", (n) => poseidonConstants(n).partial),
    table("ROWS", (n) => poseidonConstants(n).rows.flat()),
    table("COLUMNS", (n) => poseidonConstants(n).columns.flat()),
    table("CORNER_INVERSE", (n) => invert(poseidonConstants(n).matrix[0][0])),
    "",
  ].join("\n");
}
