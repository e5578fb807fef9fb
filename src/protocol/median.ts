/** The middle one of an odd number of values, in order of size. @twins circuits/lib/report.circom (Median) */
export function median(values: readonly bigint[]): bigint {
  return [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))[values.length >> 1];
}
