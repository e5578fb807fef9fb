/** 1234567 as 1,234,567. */
export function thousands(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** "1 proof", "2 proofs", "3 log entries" */
export function count(value: number | bigint, one: string, many = `${one}s`): string {
  return `${thousands(value)} ${Number(value) === 1 ? one : many}`;
}

/** First and last digits of a long number: enough to tell two apart. */
export function short(value: bigint | string): string {
  const text = String(value);
  return text.length <= 14 ? text : `${text.slice(0, 6)}…${text.slice(-6)}`;
}

/** Seconds since 1970 as "2026-01-01 00:00:00 UTC". */
export function utc(seconds: bigint | number): string {
  if (BigInt(seconds) > 253_402_300_799n) return `${seconds} s after 1970`;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Milliseconds as "1.2 ms", "84 ms", "15.2 s". */
export function duration(ms: number): string {
  if (ms >= 10_000) return `${thousands(Math.round(ms / 100) / 10)} s`;
  return `${thousands(ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))} ms`;
}

/** What went wrong, to be read by people. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
