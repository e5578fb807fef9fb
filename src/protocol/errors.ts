/**
 * Base of every error that Tacit throws. `code` is permanent and meant for programs; the message says what was wrong,
 * where, and what was expected, and never carries a secret value.
 */
export class TacitError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: Code, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "TacitError";
    this.code = code;
    this.details = details;
  }
}

/** A value left its range. Names the field and the bound, never the value: it may be secret. */
export function outOfRange(field: string, expected: string): TacitError<"OUT_OF_RANGE"> {
  return new TacitError("OUT_OF_RANGE", `${field} is out of range: expected ${expected}`, { field, expected });
}
