import { TacitError } from "../../protocol/errors.ts";
import { ERROR_CODES } from "../../protocol/wire.ts";

/** What a client is told by each error that it can meet: the one table. All others are ours, and told as UNEXPECTED, 500. */
export const STATUS = {
  FORMAT: 400,
  OUT_OF_RANGE: 400,
  BAD_POINT: 400,
  UNAUTHORISED: 401,
  FORBIDDEN: 403,
  NO_CO_SIGNERS: 404,
  NOT_FOUND: 404,
  UNKNOWN_MARKET: 404,
  ON_CHAIN: 404,
  METHOD: 405,
  TIMEOUT: 408,
  TOO_LARGE: 413,
  MEDIA_TYPE: 415,
  ACCOUNTS_FULL: 422,
  ADDRESS: 422,
  ANNOUNCEMENT: 409,
  DECLINED: 422,
  EARLY: 425,
  REPORT: 422,
  RULES: 409,
  RULES_FILE: 400,
  SURVEY: 409,
  VAULT_FULL: 422,
  WRONG_KIND: 422,
  RATE_LIMITED: 429,
  UNEXPECTED: 500,
  BUSY: 503,
  CLOCK: 503,
  STANDBY: 503,
  STOPPED: 503,
} as const satisfies Record<(typeof ERROR_CODES)[number], number>;
export type ErrorCode = keyof typeof STATUS;

export interface ErrorJson {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    /** seconds */
    readonly retryAfter?: number;
    readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  };
}

export interface ErrorReport {
  readonly status: (typeof STATUS)[ErrorCode];
  readonly json: ErrorJson;
  /** for the log, when the fault is ours: where it was thrown. Messages of unknown errors may quote what was sent, so none */
  readonly unexpected?: { readonly name: string; readonly code?: string; readonly at: readonly string[] };
}

/** How an error is told to a client. Never throws. */
export function reportError(error: unknown): ErrorReport {
  if (!(error instanceof TacitError) || !isTold(error.code)) {
    const { name, stack } = error instanceof Error ? error : { name: typeof error, stack: "" };
    const at = (stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
    const code = error instanceof TacitError ? { code: error.code } : {};
    const json: ErrorJson = { error: { code: "UNEXPECTED", message: "the service failed: it has been logged" } };
    return { status: STATUS.UNEXPECTED, json, unexpected: { name, ...code, at: at.map((line) => line.trim()) } };
  }
  const { code } = error;
  // Why a venue stopped is for its operator: the reason may name files.
  const message = code === "STOPPED" ? "the venue takes nothing any more" : error.message;
  const { retryAfter, ...rest } = error.details;
  const details = Object.fromEntries(Object.entries(rest).filter(([, value]) => isPlain(value)));
  return {
    status: STATUS[code],
    json: {
      error: {
        code,
        message,
        ...(typeof retryAfter === "number" ? { retryAfter } : {}),
        ...(Object.keys(details).length > 0 ? { details: details as ErrorJson["error"]["details"] } : {}),
      },
    },
  };
}

function isTold(code: string): code is Exclude<ErrorCode, "UNEXPECTED"> {
  return Object.hasOwn(STATUS, code) && code !== "UNEXPECTED";
}

function isPlain(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

export function unauthorised(message: string): TacitError<"UNAUTHORISED"> {
  return new TacitError("UNAUTHORISED", message);
}

export function notFound(message: string): TacitError<"NOT_FOUND"> {
  return new TacitError("NOT_FOUND", message);
}

/** @param waitMs  until the next request is taken */
export function rateLimited(message: string, waitMs: number): TacitError<"RATE_LIMITED"> {
  return new TacitError("RATE_LIMITED", message, { retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) });
}
