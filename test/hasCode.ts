import { TacitError } from "../src/protocol/errors.ts";

/** Whether an error is one of ours with this code: for `assert.throws` and `assert.rejects`. */
export const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof TacitError && error.code === code;
