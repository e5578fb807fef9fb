import { A, D } from "../../protocol/babyjub.ts";
import { FIELD } from "../../protocol/numbers.ts";
import { inverse, mod } from "../curve.ts";

/**
 * BabyJubJub in numbers: what the kernels' constants are derived from.
 * @source https://eips.ethereum.org/EIPS/eip-2494
 */
/** A point of order 8: l times the generator of the whole group. */
export const ORDER_8 = {
  x: 4342719913949491028786768530115087822524712248835451589697801404893164183326n,
  y: 4826523245007015323400664741523384119579596407052839571721035538011798951543n,
};

const over = (x: bigint, y: bigint) => mod(x * inverse(y, FIELD), FIELD);

/** A square root of -A; there are two, and either will do. */
export const ROOT = squareRoot(-A);
/** 2 d where a = -1. */
export const TWICE_D = over(-2n * D, A);

/** Slope and intercept of the tangents at the point of order 8 and at its double, on v^2 = u^3 + 168698 u^2 + u. */
export function tangents(): { slope: bigint; intercept: bigint }[] {
  const curve = over(2n * (A + D), A - D);
  let u = over(1n + ORDER_8.y, 1n - ORDER_8.y);
  let v = over(u, ORDER_8.x);
  return [0, 1].map(() => {
    const slope = over(3n * u * u + 2n * curve * u + 1n, 2n * v);
    const intercept = mod(v - slope * u, FIELD);
    const next = mod(slope * slope - curve - 2n * u, FIELD);
    [u, v] = [next, mod(-(slope * next + intercept), FIELD)];
    return { slope, intercept };
  });
}

/** By Tonelli and Shanks; x is a square. */
function squareRoot(x: bigint): bigint {
  const power = (base: bigint, exponent: bigint): bigint => {
    let result = 1n;
    for (let square = mod(base, FIELD), e = exponent; e > 0n; e >>= 1n, square = (square * square) % FIELD)
      if (e & 1n) result = (result * square) % FIELD;
    return result;
  };
  const TWOS = 28n;
  const odd = (FIELD - 1n) >> TWOS;
  // 5 is no square.
  let root = power(x, (odd + 1n) / 2n);
  let rest = power(x, odd);
  let unit = power(5n, odd);
  let order = TWOS;
  while (rest !== 1n) {
    let twos = 0n;
    for (let square = rest; square !== 1n; twos++) square = (square * square) % FIELD;
    const factor = power(unit, 1n << (order - twos - 1n));
    root = (root * factor) % FIELD;
    unit = (factor * factor) % FIELD;
    rest = (rest * unit) % FIELD;
    order = twos;
  }
  return root;
}
