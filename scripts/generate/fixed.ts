import { FIXED } from "../../src/protocol/parameters.ts";
import { circomTable, exp, fit, ln, moebius, nearest, ONE, ratio, typescriptTable } from "./precise.ts";

/** Points of a piece that are fitted. */
const SAMPLES = 256n;
const scaled = (x: bigint, bits: number) => nearest(x << BigInt(bits), ONE);
const sampled = (bits: number) => {
  const step = (1n << BigInt(bits)) / SAMPLES;
  return Array.from({ length: Number(SAMPLES) }, (_, i) => step / 2n + step * BigInt(i));
};

/**
 * Tables of circuits/lib/fixed.circom and src/protocol/fixed.ts, coefficients highest first:
 *
 * - LN_PIECES: 32 pieces of ln x for 1 <= x < 2, x = 1 + (piece + (t + 1/2) / 2^16) / 32, at scale 2^54
 * - LN_2: ln 2 at that scale
 * - EXP_UNITS, EXP_EIGHTHS, EXP_PARTS: exp of n - 4, n / 8 and n / 64 for n = 0 to 7, at scales 2^31, 2^27 and 2^27
 * - EXP_REST: exp of t / 2^24, t < 2^18, at scale 2^57
 */
function tables() {
  const lnPoints = sampled(FIXED.lnPoint);
  const piece = (i: bigint) =>
    lnPoints.map((t) => {
      const width = 1n << BigInt(FIXED.lnPiece);
      return ln(ratio(((width + i) << BigInt(FIXED.lnPoint + 1)) + 2n * t + 1n, width << BigInt(FIXED.lnPoint + 1)));
    });
  const LN_PIECES = Array.from({ length: 1 << FIXED.lnPiece }, (_, i) =>
    fit(lnPoints, piece(BigInt(i)), 2, FIXED.lnScale),
  );
  const LN_2 = [[scaled(ln(2n * ONE), FIXED.lnScale)]];
  const powers = (of: (n: bigint) => bigint, bits: number) =>
    Array.from({ length: 1 << FIXED.expPiece }, (_, n) => [scaled(exp(of(BigInt(n))), bits)]);
  const restPoints = sampled(FIXED.expPoint);
  const rests = restPoints.map((t) => exp(ratio(t, 1n << BigInt(FIXED.fraction))));
  return {
    LN_PIECES,
    LN_2,
    EXP_UNITS: powers((n) => (n - 4n) * ONE, FIXED.expUnitsScale),
    EXP_EIGHTHS: powers((n) => ratio(n, 8n), FIXED.expEighthsScale),
    EXP_PARTS: powers((n) => ratio(n, 64n), FIXED.expPartsScale),
    EXP_REST: [fit(restPoints, rests, 2, FIXED.expRestScale)],
  };
}

/** Each table as rows for products of bits: precise.ts, moebius. */
export function fixedCircom(): string {
  const functions = Object.entries(tables()).map(([name, rows]) => circomTable(name, moebius(rows)));
  return [
    "// Pieces of ln and exp, as rows for products of bits; scripts/generate/fixed.ts says which.",
    "pragma circom 2.2.0;",
    "",
    ...functions,
    "",
  ].join("\n");
}

/** The same tables by piece. */
export function fixedTypescript(): string {
  const constants = Object.entries(tables()).map(([name, rows]) => typescriptTable(name, rows));
  return [
    "",
    "/** Pieces of ln and exp; scripts/generate/fixed.ts says which. */",
    "",
    constants.join("\n\n"),
    "",
  ].join("\n");
}
