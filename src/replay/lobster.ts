import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { TacitError } from "../protocol/errors.ts";
import { SIDE } from "../protocol/parameters.ts";

/**
 * One line of a message file as LOBSTER writes it (https://lobsterdata.com/info/DataStructure.php): seconds after
 * midnight, type, order id, size, price times 10,000, direction of the resting order.
 */
export interface LobsterMessage {
  /** from 1 */
  readonly line: number;
  /** whole seconds after midnight */
  readonly seconds: number;
  readonly type: LobsterType;
  readonly id: number;
  readonly size: bigint;
  readonly price: bigint;
  /** SIDE of the order that rests */
  readonly side: number;
}

export type LobsterType = (typeof TYPES)[number];
const TYPES = ["order", "partialCancel", "cancel", "execution", "hiddenExecution", "cross", "halt"] as const;
const COLUMNS = ["time", "type", "order id", "size", "price", "direction"] as const;
/** Some files have one more: who traded, or null. It is not read. */
const MOST_COLUMNS = COLUMNS.length + 1;
const DAY = 86_400;
/** Longest line that can be a message. */
const LINE_LIMIT = 200;

/**
 * Reads messages one by one, from a .csv file or a .csv.gz.
 * @param limit  messages after which it stops reading
 * @throws TacitError LOBSTER  naming line and field; LOBSTER_FILE when the file cannot be read
 */
export async function* readLobster(path: string, { limit = Infinity } = {}): AsyncGenerator<LobsterMessage> {
  let before = { line: 0, time: 0 };
  for await (const text of lines(path)) {
    if (before.line >= limit) return;
    const line = before.line + 1;
    const { time, message } = parseLine(line, text);
    if (time < before.time) throw badField(line, "time", "no earlier than that of the line before");
    before = { line, time };
    yield message;
  }
  if (before.line === 0) throw new TacitError("LOBSTER", "the file has no messages: expected one a line");
}

/** @throws TacitError LOBSTER */
function parseLine(line: number, text: string): { time: number; message: LobsterMessage } {
  const fields = text.split(",");
  if (fields.length < COLUMNS.length || fields.length > MOST_COLUMNS)
    throw new TacitError(
      "LOBSTER",
      `line ${line} has ${fields.length} columns: expected ${COLUMNS.length} (${COLUMNS.join(", ")})`,
      { line, columns: fields.length },
    );
  const [timeText, typeText, idText, sizeText, priceText, direction] = fields;
  const time = /^\d{1,5}(\.\d{1,12})?$/.test(timeText) ? Number(timeText) : DAY;
  if (time >= DAY) throw badField(line, "time", `seconds after midnight, below ${DAY}`);
  const type = /^[1-7]$/.test(typeText) ? TYPES[Number(typeText) - 1] : undefined;
  if (!type) throw badField(line, "type", "1 to 7");
  // A cross is of no order: its id is 0, or one of -1 to -4 for the kind of cross, and it may be of nothing.
  const id = (type === "cross" ? /^(\d{1,16}|-[1-4])$/ : /^\d{1,16}$/).test(idText) ? Number(idText) : NaN;
  if (!Number.isSafeInteger(id)) throw badField(line, "order id", "an integer below 2^53");
  // A halt has neither size nor price: LOBSTER writes 0 and a code from -1 to 1 there.
  const least = type === "halt" || type === "cross" ? 0n : 1n;
  const size = /^\d{1,10}$/.test(sizeText) ? BigInt(sizeText) : -1n;
  if (size < least || size >= 1n << 32n) throw badField(line, "size", "a number of shares from 1 to 2^32 - 1");
  const price = /^-?\d{1,13}$/.test(priceText) ? BigInt(priceText) : 1n << 40n;
  if ((type !== "halt" && price < least) || price >= 1n << 40n)
    throw badField(line, "price", "dollars times 10,000, from 1 to 2^40 - 1");
  if (direction !== "1" && direction !== "-1") throw badField(line, "direction", "1 or -1");
  const side = direction === "1" ? SIDE.buy : SIDE.sell;
  return { time, message: { line, seconds: Math.floor(time), type, id, size, price, side } };
}

/** Lines of a file; what follows the last line end counts if it is not empty. */
async function* lines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  // The callback is for `pipeline` alone: it hands the error of either stream on to the loop below.
  const input = path.endsWith(".gz") ? pipeline(file, createGunzip(), () => {}) : file;
  const decoder = new TextDecoder("latin1");
  let rest = "";
  let count = 0;
  try {
    for await (const chunk of input) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = parts.pop()!;
      if (rest.length > LINE_LIMIT) parts.push(rest);
      for (const part of parts) {
        count++;
        if (part.length > LINE_LIMIT)
          throw new TacitError("LOBSTER", `line ${count} is longer than ${LINE_LIMIT} characters: no message is`, {
            line: count,
          });
        yield part.endsWith("\r") ? part.slice(0, -1) : part;
      }
    }
  } catch (error) {
    if (error instanceof TacitError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code?.startsWith("Z_") ? "it is no sound gzip" : message;
    throw new TacitError("LOBSTER_FILE", `${path} cannot be read: ${why}`, { path, code });
  } finally {
    file.destroy();
  }
  if (rest !== "") yield rest.endsWith("\r") ? rest.slice(0, -1) : rest;
}

function badField(line: number, field: string, expected: string): TacitError<"LOBSTER"> {
  return new TacitError("LOBSTER", `line ${line}: ${field} is wrong: expected ${expected}`, { line, field, expected });
}
