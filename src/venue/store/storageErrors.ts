import { TacitError } from "../../protocol/errors.ts";

export function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw storageError(what, error);
  }
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

const REASONS: readonly (readonly [prefix: string, reason: string, what: string])[] = [
  ["SQLITE_FULL", "full", "the disk is full"],
  ["ENOSPC", "full", "the disk is full"],
  ["SQLITE_CORRUPT", "damaged", "the file is damaged"],
  ["SQLITE_NOTADB", "foreign", "the file is no database of SQLite, or its first page is damaged"],
  ["SQLITE_CONSTRAINT_UNIQUE", "key", "a record has this key already"],
  ["SQLITE_BUSY", "busy", "another program has locked the file"],
];

/** What went wrong, by SQLite's or the system's code only: their messages are not ours to answer for. */
export function storageError(what: string, error: unknown): TacitError {
  if (error instanceof TacitError) return error;
  const code = codeOf(error);
  const [, reason, text] = REASONS.find(([prefix]) => code?.startsWith(prefix)) ?? [
    "",
    "io",
    "the file cannot be used",
  ];
  return new TacitError("STORAGE", `${what}: ${text} (${code ?? (error as Error)?.name ?? "no code"})`, {
    reason,
    sqlite: code,
  });
}

/** Whether a checkpoint that failed so may be made later: all pages are in the log. */
export function isPassing(error: unknown): boolean {
  return ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED"].includes(codeOf(error) ?? "");
}
