import { allowRelaxedSimd } from "#prover-runtime";
import type { Backend } from "./engine.ts";

/**
 * (a, c: f64) -> i32: whether a a + c and c - a a, by `f64x2.relaxed_madd` and `relaxed_nmadd`, are what they are when
 * rounded once, in both lanes: for a = 1 + 2^-30 and c = -+(1 + 2^-29), these are 2^-60 and -2^-60 and not 0. The last
 * parameter is 2^-60. Numbers are parameters so that no compiler computes with them.
 */
const PROBE = Uint8Array.from(
  [
    // "\0asm", version 1
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    // types: (f64, f64, f64) -> i32
    [0x01, 0x08, 0x01, 0x60, 0x03, 0x7c, 0x7c, 0x7c, 0x01, 0x7f],
    // functions: one of type 0
    [0x03, 0x02, 0x01, 0x00],
    // exports: function 0 as "f"
    [0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
    // code: one body of 51 bytes without locals
    [0x0a, 0x35, 0x01, 0x33, 0x00],
    // f64x2.splat of a, a and c; relaxed_madd
    [0x20, 0x00, 0xfd, 0x14, 0x20, 0x00, 0xfd, 0x14, 0x20, 0x01, 0xfd, 0x14, 0xfd, 0x87, 0x02],
    // f64x2.eq with 2^-60
    [0x20, 0x02, 0xfd, 0x14, 0xfd, 0x47],
    // f64x2.splat of a, a and -c; relaxed_nmadd
    [0x20, 0x00, 0xfd, 0x14, 0x20, 0x00, 0xfd, 0x14, 0x20, 0x01, 0x9a, 0xfd, 0x14, 0xfd, 0x88, 0x02],
    // f64x2.eq with -2^-60; v128.and; i64x2.all_true; end
    [0x20, 0x02, 0x9a, 0xfd, 0x14, 0xfd, 0x47, 0xfd, 0x4e, 0xfd, 0xc3, 0x01, 0x0b],
  ].flat(),
);

/** Which kernels this engine runs best: "fma" where `relaxed_madd` exists and is fused, as the standard does not say. */
export function detectBackend(): Backend {
  if (!WebAssembly.validate(PROBE)) return "scalar";
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(PROBE)).exports;
  const isFused = (f as (a: number, c: number, rest: number) => number)(1 + 2 ** -30, -(1 + 2 ** -29), 2 ** -60);
  return isFused ? "fma" : "scalar";
}

/** Asks for relaxed SIMD where there is none yet. */
export function enableRelaxedSimd(): void {
  if (!WebAssembly.validate(PROBE)) allowRelaxedSimd();
}
