import { BASE8, ORDER, scalarMultiply, type Point } from "../../src/protocol/eddsa.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";

/** Generator of the whole group of BabyJubJub, of order 8 l. @source https://eips.ethereum.org/EIPS/eip-2494 */
const GENERATOR: Point = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
/** Windows of three bits; two bits more are the start. */
const WINDOWS = 83;

/**
 * Constants of circuits/lib/babyjub.circom, points in Montgomery form (u, v), u = (1 + y) / (1 - y), v = u / x:
 *
 * - BASE8_WINDOWS()[j][m] = (2 m + 1) 8^j BASE8 / 2, m = 0 to 3, j = 0 to 82
 * - BASE8_START()[m] = (m 8^83 + (8^83 - 1) / 2) BASE8 + (the point of order 2), m = 0 to 3
 * - BASE8_START_SIGNED()[m] = BASE8_START()[m] - 2^250 BASE8
 * - ORDER_8() = l times the generator of the whole group, and ORDER_4() = twice that
 */
export function base8Circom(): string {
  const half = (ORDER + 1n) / 2n;
  const order8 = scalarMultiply(ORDER, GENERATOR);
  const indices = [0n, 1n, 2n, 3n];
  const multiple = (scalar: bigint) => scalarMultiply(modulo(scalar, ORDER), BASE8);
  const windows = Array.from({ length: WINDOWS }, (_, j) =>
    indices.map((m) => montgomery(multiple((2n * m + 1n) * 8n ** BigInt(j) * half))),
  );
  const top = 8n ** BigInt(WINDOWS);
  const start = (offset: bigint) =>
    indices.map((m) => {
      const { x, y } = multiple(m * top + (top - 1n) * half + offset);
      return montgomery({ x: FIELD - x, y: FIELD - y }); // plus the point (0, -1) of order 2
    });
  const pair = ([u, v]: bigint[]) => `[${u}, ${v}]`;
  const list = (points: bigint[][]) => `[${points.map(pair).join(", ")}]`;
  return [
    "// Points of BabyJubJub in Montgomery form; scripts/generate/base8.ts says which.",
    "pragma circom 2.2.0;",
    "",
    `function ORDER_8() { return ${pair(montgomery(order8))}; }`,
    `function ORDER_4() { return ${pair(montgomery(scalarMultiply(2n, order8)))}; }`,
    `function BASE8_START() { return ${list(start(0n))}; }`,
    `function BASE8_START_SIGNED() { return ${list(start(-(1n << 250n)))}; }`,
    "function BASE8_WINDOWS() {",
    `    return [\n        ${windows.map(list).join(",\n        ")}\n    ];`,
    "}",
    "",
  ].join("\n");
}

function montgomery({ x, y }: Point): bigint[] {
  const u = modulo((1n + y) * inverse(1n - y), FIELD);
  return [u, modulo(u * inverse(x), FIELD)];
}

function modulo(x: bigint, n: bigint): bigint {
  return ((x % n) + n) % n;
}

function inverse(x: bigint): bigint {
  let [power, base, exponent] = [1n, modulo(x, FIELD), FIELD - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) power = (power * base) % FIELD;
    base = (base * base) % FIELD;
  }
  return power;
}
