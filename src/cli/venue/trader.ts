import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Api, type Client, type SentItem } from "../../client/index.ts";
import { parseAddress } from "../../protocol/address.ts";
import { TacitError } from "../../protocol/errors.ts";
import { decodeItem } from "../../protocol/item.ts";
import { asInteger, asList, asObject, badFormat, toJson } from "../../protocol/json.ts";
import { isoTime, short, table } from "../../setup/format.ts";
import { note, tellUnanswered, withClient, type TraderOptions } from "./withClient.ts";

export interface SendOptions extends TraderOptions {
  /** sends what the rules will reject, too */
  anyway?: boolean;
}

export interface OrderFlags extends SendOptions {
  validFor: number;
  expireIn: number;
  thisAuction?: boolean;
  replaces?: bigint;
  maxFee?: bigint;
}

/** `tacit order buy` and `sell`. @returns the exit code: 1 when it is rejected */
export async function orderNew(
  side: "buy" | "sell",
  { market, size, limit }: { market: string; size: bigint; limit: bigint },
  options: OrderFlags,
): Promise<number> {
  const { anyway, validFor, expireIn, thisAuction = false, replaces, maxFee } = options;
  if (size < 1n) throw new TacitError("USAGE", "lots is wrong: expected 1 or more");
  return withClient(options, async (client) => {
    const id = client.market(market);
    if (client.contradictions.length > 0) {
      note("no order is sent to a venue that has contradicted itself");
      return 1;
    }
    const now = BigInt(Math.floor(Date.now() / 1000));
    const [validUntil, expiry] = [now + BigInt(validFor), now + BigInt(expireIn)];
    const flags = { thisAuction, replaces, maxFee, anyway };
    return send(client, options, () => client.order({ market: id, side, size, limit, validUntil, expiry, ...flags }));
  });
}

/**
 * `tacit order quotes`: a list of quotes a line, each of which takes the place of the account's orders in its market.
 * @param file  JSON lines, or "-": from standard input, each sent as it comes
 * @returns the exit code: 1 when one is rejected
 */
export async function orderQuotes(
  file: string,
  options: SendOptions & { validFor: number; expireIn: number },
): Promise<number> {
  const { anyway, validFor, expireIn } = options;
  if (file === "-" && options.passphraseFile === "-")
    throw new TacitError(
      "USAGE",
      "both the passphrase and the quotes are to come from standard input: expected one of them",
    );
  return withClient(options, async (client) => {
    let worst: number | null = null;
    let n = 0;
    for await (const text of lines(file)) {
      // Some editors begin a file with a mark of its encoding.
      const line = text.replace(/^\uFEFF/, "");
      n++;
      if (line.trim() === "") continue;
      const { market, orders, maxFee } = readQuotes(`line ${n}`, line);
      const id = client.market(market);
      if (client.contradictions.length > 0) {
        note("no quotes are sent to a venue that has contradicted itself");
        return 1;
      }
      const now = BigInt(Math.floor(Date.now() / 1000));
      const [validUntil, expiry] = [now + BigInt(validFor), now + BigInt(expireIn)];
      const fields = { market: id, orders, maxFee, validUntil, expiry, anyway };
      const code = await send(client, { ...options, line: true }, () => client.quotes(fields)).catch(
        (error: unknown) => {
          // The list after it may be good, and be what takes back the one before.
          if (!(error instanceof TacitError)) throw error;
          if (error.code === "OUT_OF_RANGE")
            throw new TacitError(error.code, `line ${n}: ${error.message}`, error.details);
          if (error.code !== "REJECTED") throw error;
          note(`line ${n}: ${error.message}`);
          return 1;
        },
      );
      worst = Math.max(worst ?? 0, code);
    }
    if (worst === null)
      throw new TacitError("USAGE", `${file === "-" ? "standard input" : file} has no list of quotes`);
    return worst;
  });
}

/** @throws FILE */
async function* lines(file: string): AsyncGenerator<string> {
  if (file === "-") return yield* createInterface({ input: process.stdin });
  try {
    yield* (await open(file)).readLines();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof TacitError || code === undefined) throw error;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    throw new TacitError("FILE", `${file} cannot be read: ${why}`, { path: file, code });
  }
}

/** @throws FORMAT naming the place */
function readQuotes(at: string, text: string) {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badFormat(at, "a JSON object on one line");
  }
  const { market, orders, maxFee, ...others } = asObject(at, json);
  refuseOthers(at, others);
  if (typeof market !== "string" && typeof market !== "number")
    throw badFormat(`${at}.market`, "the id or the name of a market");
  const read = asList(`${at}.orders`, orders).map((order, j) => {
    const place = `${at}.orders[${j}]`;
    const { side, lots, limit, ...rest } = asObject(place, order);
    refuseOthers(place, rest);
    if (side !== "buy" && side !== "sell") throw badFormat(`${place}.side`, '"buy" or "sell"');
    return { side, size: number(`${place}.lots`, lots), limit: number(`${place}.limit`, limit) } as const;
  });
  return {
    market: String(market),
    orders: read,
    ...(maxFee === undefined ? {} : { maxFee: number(`${at}.maxFee`, maxFee) }),
  };
}

function refuseOthers(at: string, others: object): void {
  const [name] = Object.keys(others);
  if (name !== undefined)
    throw badFormat(`${at}.${name}`, "no other fields than market, orders (side, lots, limit) and maxFee");
}

/** Written by hand, a number may be one of JSON. */
function number(at: string, json: unknown): bigint {
  return asInteger(at, typeof json === "number" && Number.isSafeInteger(json) ? String(json) : json);
}

/** `tacit order cancel`. @returns the exit code */
export async function orderCancel(market: string, target: bigint | undefined, options: SendOptions): Promise<number> {
  return withClient(options, (client) =>
    send(client, options, () => client.cancel({ market: client.market(market), target, anyway: options.anyway })),
  );
}

/** `tacit withdraw`. @returns the exit code */
export async function withdraw(
  amount: bigint,
  recipient: string,
  options: SendOptions & { lessAccepted?: boolean },
): Promise<number> {
  // Before anything is asked for.
  parseAddress("the recipient", recipient);
  const { anyway, lessAccepted } = options;
  return withClient(options, (client) =>
    send(client, options, () => client.withdraw({ amount, recipient, lessAccepted, anyway })),
  );
}

/** `tacit order drop`: gives up what had no answer. @returns the exit code */
export async function orderDrop(nonce: bigint, options: TraderOptions): Promise<number> {
  return withClient(options, async (client) => {
    const sent = client.unanswered.find(({ item }) => decodeItem(item)!.head.nonce === nonce);
    await client.drop(nonce);
    // Another program may have kept it since this one opened the notebook.
    if (!sent) return 0;
    const { validUntil } = decodeItem(sent.item)!.head;
    const until = `the venue may still take it, if it has it, until ${isoTime(validUntil)}`;
    process.stdout.write(options.json ? toJson({ dropped: nonce, validUntil }) + "\n" : `dropped: ${until}\n`);
    return 0;
  });
}

/** `tacit order list`. @returns the exit code */
export async function orderList(options: TraderOptions): Promise<number> {
  return withClient(options, async (client) => {
    await client.recall();
    const orders = (await client.openOrders()) as Record<string, unknown>[];
    if (options.json) process.stdout.write(toJson(orders, 2) + "\n");
    else if (orders.length === 0) process.stdout.write("no open orders\n");
    else {
      const rows = orders.map(({ market, nonce, side, remaining, limit, expiry, cancelled }) => [
        String(nonce),
        `${client.marketName(BigInt(String(market)))} (${String(market)})`,
        String(side),
        String(remaining),
        String(limit),
        isoTime(BigInt(String(expiry))),
        cancelled ? "yes" : "",
      ]);
      process.stdout.write(table([["nonce", "market", "side", "lots", "limit", "expires", "cancelled"], ...rows]));
    }
    tellUnanswered(client.unanswered);
    return 0;
  });
}

/** `tacit markets`: what may be traded. @returns the exit code */
export async function markets({ venue, json }: { venue: string; json?: boolean }): Promise<number> {
  const answer = asObject("markets", await new Api(venue).get("/markets"));
  const rows = asList("markets", answer.markets) as Record<string, unknown>[];
  if (json) process.stdout.write(toJson(rows, 2) + "\n");
  else {
    const lines = rows.map(
      ({ id, name, rule, state, tick, lotLimit, band, mark, interval, until, nextClose, lastAuction }) => {
        const last = (lastAuction ?? {}) as Record<string, unknown>;
        const traded = last.volume === undefined ? "" : `${String(last.volume)} at ${String(last.price)}`;
        const next = asInteger("markets.nextClose", nextClose);
        const limits = [tick, lotLimit, mark ?? "", band];
        const end = asInteger("markets.until", until);
        const ends = end >= 1n << 39n ? "" : isoTime(end);
        const when = next >= end ? ["over", ...limits, ends, "", ""] : [state, ...limits, ends, `${String(interval)} s`, isoTime(next)]; // prettier-ignore
        return [id, name ?? "", rule, ...when, traded].map(String);
      },
    );
    const limits = ["tick", "most lots", "mark", "band"];
    const head = ["market", "name", "rule", "state", ...limits, "until", "every", "next auction", "last traded"];
    process.stdout.write(table([head, ...lines]));
  }
  return 0;
}

interface TellOptions extends TraderOptions {
  /** prints JSON on one line, as one of many */
  line?: boolean;
}

/** Sends an item, and tells its receipt, or that it is kept. @returns the exit code */
async function send(client: Client, options: TellOptions, sending: () => Promise<SentItem>): Promise<number> {
  const known = client.items.length;
  try {
    return await tellReceipt(client, await sending(), { ...options, final: options.finality === "quorum" });
  } catch (error) {
    // The answer may be what contradicts: the item is taken all the same, and not to be sent twice.
    const sent = client.items.slice(known).find(({ receipt }) => receipt);
    const isTaken = client.contradictions.length > 0 || (error instanceof TacitError && error.code === "NOT_FINAL");
    if (sent && isTaken) await tellReceipt(client, sent, options);
    if (!(error instanceof TacitError) || client.unanswered.length === 0) throw error;
    tellUnanswered(client.unanswered);
    // Whether the venue has it is not known: an exit code of its own says so.
    throw new TacitError(error.code, error.message, { ...error.details, kept: true });
  }
}

/** @param final  whether a quorum of co-signers has signed it too */
async function tellReceipt(
  client: Client,
  sent: SentItem,
  { json, line, final }: TellOptions & { final?: boolean },
): Promise<number> {
  const { item, receipt, verdict } = sent;
  const { kind, head, body } = decodeItem(item)!;
  const { nonce } = head;
  const last = kind === "quotes" ? nonce + BigInt(body.orders.length - 1) : nonce;
  const good = verdict === "admitted" || verdict === null;
  // Asked of the venue: what contradicts comes first.
  const reason = good || client.contradictions.length > 0 ? null : await client.reason(sent);
  if (json)
    process.stdout.write(toJson({ verdict, nonce, receipt, reason, ...(final ? { final } : {}) }, line ? 0 : 2) + "\n");
  else {
    const word = good ? (verdict ?? "known") : `rejected (${verdict}${reason ? `: ${reason}` : ""})`;
    process.stdout.write(
      `${word}: ${last === nonce ? `nonce ${nonce}` : `nonces ${nonce} to ${last}`}, entry ${receipt!.n} of the log at ${isoTime(receipt!.time)}, ` +
        `head ${short(receipt!.head)}; the receipt is kept${final ? "; final" : ""}\n`,
    );
  }
  return good ? 0 : 1;
}
