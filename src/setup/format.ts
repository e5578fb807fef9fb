import { printable } from "../protocol/json.ts";

export { isoTime } from "../protocol/json.ts";

/** 1234567 as 1,234,567. */
export function thousands(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** A number of things: "1 round", "1,200 rounds". */
export function counted(count: number, thing: string): string {
  return `${thousands(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/** Counts by name, greatest first: "admitted 412, band 3". */
export function shares(counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts).filter(([, count]) => count > 0);
  return (
    rows
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${thousands(count)}`)
      .join(", ") || "none"
  );
}

/** First and last digits of a field element: enough to tell two apart. */
export function short(value: bigint | string): string {
  const text = String(value);
  return text.length <= 14 ? text : `${text.slice(0, 6)}…${text.slice(-6)}`;
}

/** Rows of equal length as columns; the first row is a heading. Columns after the first are right-aligned. */
export function table(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(printable));
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n") + "\n";
}
