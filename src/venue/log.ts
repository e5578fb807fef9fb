import { toJson } from "../protocol/json.ts";

/** Where a venue, its service and its relay tell what happens: pino's loggers are such. Without one only failures of
 * our own are. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** whether messages of the level are kept; taken as no where it is missing */
  isLevelEnabled?(level: string): boolean;
}

const nothing = (): void => {};
/** Tells nothing but failures of our own, on standard error. */
export const NO_LOG: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: (fields, message) => console.error(`tacit: ${message}`, toJson(fields)),
};
