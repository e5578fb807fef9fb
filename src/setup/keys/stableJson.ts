/** JSON as our formatter leaves it: two spaces, short lists on one line. Keys stay in the order they have. */
export function stableJson(value: unknown): string {
  return `${print(value, 0, 0)}\n`;
}

const LINE = 120;

/** @param column  where the value begins on its line */
function print(value: unknown, indent: number, column: number): string {
  const inner = " ".repeat(indent + 2);
  const outer = " ".repeat(indent);
  if (Array.isArray(value)) {
    const short = JSON.stringify(value).replaceAll('","', '", "');
    const nested = value.some((part) => typeof part === "object" && part !== null);
    if (!nested && column + short.length + 1 <= LINE) return short;
    return `[\n${value.map((part) => inner + print(part, indent + 2, indent + 2)).join(",\n")}\n${outer}]`;
  }
  if (typeof value === "object" && value !== null) {
    const rows = Object.entries(value).map(([key, part]) => {
      const head = `${inner}${JSON.stringify(key)}: `;
      return head + print(part, indent + 2, head.length);
    });
    return rows.length === 0 ? "{}" : `{\n${rows.join(",\n")}\n${outer}}`;
  }
  return JSON.stringify(value);
}
