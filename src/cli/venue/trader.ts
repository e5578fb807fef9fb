import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { writeWhole } from "../../setup/writeWhole.ts";
import {
  Api,
  Client,
  Contradiction,
  openSecret,
  sealSecret,
  type Notebook,
  type SentItem,
} from "../../client/index.ts";
import { parseAddress } from "../../protocol/address.ts";
import { publicKey } from "../../protocol/eddsa.ts";
import { TacitError } from "../../protocol/errors.ts";
import { decodeItem } from "../../protocol/item.ts";
import { asList, asObject, toJson } from "../../protocol/json.ts";
import type { GenesisFile } from "../../protocol/genesis.ts";
import { slotOf } from "../../protocol/market.ts";
import type { Verdict } from "../../protocol/parameters.ts";
import { PROFILES, type ProfileName } from "../../protocol/instructions.ts";
import { useHashKernels } from "../../prover/hash/use.ts";
import { readKeys } from "../../setup/keyFiles.ts";
import { counted, isoTime, short, table, thousands } from "../../setup/format.ts";

export interface TraderOptions {
  /** address of the venue */
  venue: string;
  /** path of the sealed key; what is known of the venue is kept beside it */
  account: string;
  /** number of the account, where the key has several */
  index?: number;
  json?: boolean;
}

/** Asks for a passphrase, or takes it from TACIT_PASSPHRASE. @param again  asks twice, as of one that is new */
async function passphrase(question: string, again?: string): Promise<string> {
  const given = process.env.TACIT_PASSPHRASE;
  if (given !== undefined) return given;
  if (!process.stdin.isTTY)
    throw new TacitError("PASSPHRASE", "no passphrase: expected TACIT_PASSPHRASE, or a terminal to ask at");
  const typed = await typedUnseen(question);
  if (again !== undefined && (await typedUnseen(again)) !== typed)
    throw new TacitError("PASSPHRASE", "the passphrases differ: nothing was made");
  return typed;
}

async function typedUnseen(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  // What is typed is not shown.
  (lines as unknown as { _writeToOutput: (text: string) => void })._writeToOutput = (text) => {
    if (text.includes(question)) process.stderr.write(text);
  };
  try {
    return await new Promise((resolve) => lines.question(question, resolve));
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

/** `tacit account new`: makes a key, or takes one, and seals it. @returns the exit code */
export async function accountNew({
  account,
  importFile,
  json,
}: {
  account: string;
  importFile?: string;
  json?: boolean;
}) {
  const refused = (why: string) => new TacitError("FILE", `${account} cannot be written: ${why}`, { path: account });
  const known = "there is one already";
  if (existsSync(account)) throw refused(known);
  const secret = importFile === undefined ? new Uint8Array(randomBytes(32)) : await importedSecret(importFile);
  const sealed = await sealSecret(secret, await passphrase("Passphrase for the new key: ", "The same again: "));
  try {
    await writeFile(account, sealed + "\n", { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw refused((error as NodeJS.ErrnoException).code === "EEXIST" ? known : (error as Error).message);
  }
  const { x, y } = publicKey(secret);
  process.stdout.write(
    json ? toJson({ account, keyX: x, keyY: y }, 2) + "\n" : `${account}: a new key, ${short(x)} ${short(y)}\n`,
  );
  return 0;
}

async function importedSecret(path: string): Promise<Uint8Array> {
  const text = (await readFile(path, "utf8").catch(() => "")).trim();
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text))
    throw new TacitError(
      "BAD_SECRET",
      `${path} is wrong: expected a file of 64 hexadecimal digits, a secret of 32 bytes`,
    );
  return new Uint8Array(Buffer.from(text.replace(/^0x/, ""), "hex"));
}

/** A notebook on disk, which holds orders and receipts: for its owner alone, and for one process at a time. */
function fileNotebook(path: string): Notebook {
  const lock = `${path}.lock`;
  return {
    read: () =>
      readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw new TacitError("FILE", `${path} cannot be read: ${error.message}`, { path });
      }),
    async write(text) {
      await writeWhole(path, text, { mode: 0o600 });
    },
    async exclusive(work) {
      for (let tries = 0; ; tries++) {
        const taken = await writeFile(lock, String(process.pid), { flag: "wx" }).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === "EEXIST") return false;
            throw new TacitError("FILE", `${lock} cannot be written: ${error.message}`, { path: lock });
          },
        );
        if (taken) break;
        const holder = Number(await readFile(lock, "utf8").catch(() => ""));
        if (holder && !isAlive(holder)) await rm(lock, { force: true });
        else if (tries === LOCK_TRIES)
          throw new TacitError("LOCKED", `${path} is in use by process ${holder}: expected one at a time`, { path });
        else await new Promise((resolve) => setTimeout(resolve, 100));
      }
      try {
        return await work();
      } finally {
        await rm(lock, { force: true });
      }
    },
  };
}

/** Half a minute, at ten a second. */
const LOCK_TRIES = 300;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function openClient({ venue, account, index }: TraderOptions, { keyless = false } = {}): Promise<Client> {
  await useHashKernels();
  let secret: Uint8Array | undefined;
  if (!keyless) {
    const sealed = await readFile(account, "utf8").catch(() => null);
    if (sealed === null)
      throw new TacitError("FILE", `${account} cannot be read: \`tacit account new\` makes a key`, { path: account });
    secret = await openSecret(sealed, await passphrase("Passphrase: "));
  }
  const notebook = notebookOf(account);
  return Client.open({
    ...(index !== undefined && { account: index }),
    url: venue,
    keysOf: (profile) => {
      if (!Object.hasOwn(PROFILES, profile)) throw new TacitError("UNKNOWN_PROFILE", "the venue's profile is unknown");
      return readKeys(profile as ProfileName);
    },
    secret,
    ...(keyless ? {} : { notebook: fileNotebook(notebook) }),
  }).catch((error: unknown) => {
    if (!(error instanceof Contradiction) || error.kind !== "otherVenue") throw error;
    throw new TacitError(
      "OTHER_VENUE",
      `${notebook} is of another venue than ${venue}, with another genesis, first state or signer. If it is meant to be ` +
        `another one, copy ${account} and name the copy by --account; if not, it is not the venue that it was`,
      { path: notebook },
    );
  });
}

function notebookOf(account: string): string {
  return account.replace(/\.json$/, "") + ".notebook.json";
}

/** `tacit account show`: what the venue reports, and what of it is proved. @returns the exit code */
export async function accountShow(options: TraderOptions): Promise<number> {
  const client = await openClient(options);
  await syncOrShout(client);
  const reported = client.index === null ? null : await client.account();
  const { verified, proved, contradictions } = client;
  if (options.json) {
    process.stdout.write(
      toJson({ index: client.index, accounts: client.accounts, reported, verified, proved, contradictions }, 2) + "\n",
    );
    return contradictions.length > 0 ? 1 : 0;
  }
  const { x, y } = client.key!;
  const lines = [`key ${x}`, `    ${y}`];
  if (!reported) lines.push("the venue has no account of this key so far: deposit first");
  else {
    const others = client.accounts.filter((it) => it !== client.index);
    lines.push(`account ${client.index}, as the venue reports it:`);
    if (others.length > 0) lines.push(`  (the key also has ${others.join(", ")}: anybody may open one for it)`);
    for (const name of ["cash", "equity", "worst", "reserved", "free", "open", "nonce"] as const)
      lines.push(`  ${name.padEnd(9)} ${thousands(reported[name])}`);
    const positions = reported.positions.flatMap((lots, i) => (lots ? [`instrument ${i}: ${thousands(lots)}`] : []));
    lines.push(`  positions ${positions.join(", ") || "none"}`);
  }
  lines.push(`verified ${counted(verified.round, "round")}, ${thousands(verified.logCount)} entries of the log`);
  if (reported && !proved) lines.push("not proved so far: no round that is proved has the account");
  if (proved)
    lines.push(
      `proved in round ${proved.round}: cash ${thousands(proved.account.cash)}` +
        (proved.recomputed
          ? ", as computed from what was signed and told"
          : ", not recomputed: its past is not known here"),
    );
  process.stdout.write(lines.join("\n") + "\n");
  return shout(contradictions);
}

/** `tacit account deposit`: play money, where the venue gives it. @returns the exit code */
export async function accountDeposit(amount: bigint, options: TraderOptions): Promise<number> {
  const client = await openClient(options);
  const { x, y } = client.depositKey;
  const index = (await client.login()) ?? 0;
  const body = { keyX: String(x), keyY: String(y), index, amount: String(amount) };
  const { accounts } = asObject("answer", await client.api.post("/deposits", body));
  process.stdout.write(options.json ? toJson({ accounts }) + "\n" : `credited to account ${String(accounts)}\n`);
  return 0;
}

export interface OrderFlags extends TraderOptions {
  validFor: number;
  expireIn: number;
  thisAuction?: boolean;
  replaces?: bigint;
  maxFee?: bigint;
}

/** `tacit order buy` and `sell`. @returns the exit code: 1 when the venue rejects it */
export async function orderNew(
  side: "buy" | "sell",
  { market, size, limit }: { market: bigint; size: bigint; limit: bigint },
  options: OrderFlags,
): Promise<number> {
  const client = await openClient(options);
  if (slotOf(client.genesis.rules, market) < 0) {
    const there = client.genesis.rules.markets.flatMap((row) => row?.id ?? []);
    throw new TacitError("UNKNOWN_MARKET", `the venue has no market ${market}: expected one of ${there.join(", ")}`);
  }
  if (client.contradictions.length > 0) {
    process.stderr.write("tacit: no order is sent to a venue that has contradicted itself\n");
    return shout(client.contradictions);
  }
  const now = BigInt(Math.floor(Date.now() / 1000));
  return send(client, options, () =>
    client.order({
      market,
      side,
      size,
      limit,
      validUntil: now + BigInt(options.validFor),
      expiry: now + BigInt(options.expireIn),
      thisAuction: options.thisAuction ?? false,
      ...(options.replaces === undefined ? {} : { replaces: options.replaces }),
      ...(options.maxFee === undefined ? {} : { maxFee: options.maxFee }),
    }),
  );
}

/** `tacit order cancel`. @returns the exit code */
export async function orderCancel(market: bigint, target: bigint | undefined, options: TraderOptions): Promise<number> {
  const client = await openClient(options);
  return send(client, options, () => client.cancel({ market, target }));
}

/** `tacit withdraw`. @returns the exit code */
export async function withdraw(amount: bigint, recipient: string, options: TraderOptions): Promise<number> {
  // Before anything is asked for.
  parseAddress("the recipient", recipient);
  const client = await openClient(options);
  return send(client, options, () => client.withdraw({ amount, recipient }));
}

/** `tacit order list`. @returns the exit code */
export async function orderList(options: TraderOptions): Promise<number> {
  const client = await openClient(options);
  const orders = (await client.openOrders()) as Record<string, unknown>[];
  if (options.json) process.stdout.write(toJson(orders, 2) + "\n");
  else if (orders.length === 0) process.stdout.write("no open orders\n");
  else {
    const rows = orders.map(({ market, nonce, side, remaining, limit, expiry, cancelled }) => [
      String(nonce),
      String(market),
      String(side),
      String(remaining),
      String(limit),
      isoTime(BigInt(String(expiry))),
      cancelled ? "yes" : "",
    ]);
    process.stdout.write(table([["nonce", "market", "side", "lots", "limit", "expires", "cancelled"], ...rows]));
  }
  return shout(client.contradictions);
}

/** `tacit account history`: all that was booked after an entry of the log, as the venue reports it. @returns the exit code */
export async function accountHistory(after: number, options: TraderOptions): Promise<number> {
  const client = await openClient(options);
  const entries: Record<string, unknown>[] = [];
  for (let page; (page = (await client.history(after)) as Record<string, unknown>[]).length > 0;) {
    entries.push(...page);
    const last = Number(page.at(-1)!.n);
    // A venue that does not come forward would keep us for ever.
    if (!(last > after)) throw new TacitError("BAD_ANSWER", "the venue's history does not go on", { after });
    after = last;
  }
  if (options.json) process.stdout.write(toJson(entries, 2) + "\n");
  else if (entries.length === 0) process.stdout.write("nothing was booked\n");
  else {
    const rows = entries.map(({ n, kind, time, market, nonce, lots, price, fee, cash, amount }) =>
      kind === "deposit"
        ? [String(n), "deposit", "", "", "", "", "", "", thousands(BigInt(String(amount)))]
        : [
            String(n),
            lots === "0" ? "order ended" : "fill",
            isoTime(BigInt(String(time))),
            String(market),
            String(nonce),
            String(lots),
            lots === "0" ? "" : String(price),
            String(fee),
            thousands(BigInt(String(cash))),
          ],
    );
    process.stdout.write(
      table([["entry", "what", "time", "market", "nonce", "lots", "price", "fee", "cash"], ...rows]),
    );
  }
  return shout(client.contradictions);
}

/** `tacit markets`: what may be traded. @returns the exit code */
export async function markets({ venue, json }: { venue: string; json?: boolean }): Promise<number> {
  const answer = asObject("markets", await new Api(venue).get("/markets"));
  const rows = asList("markets", answer.markets) as Record<string, unknown>[];
  if (json) process.stdout.write(toJson(rows, 2) + "\n");
  else {
    const lines = rows.map(
      ({ id, name, rule, state, tick, lotLimit, band, mark, interval, nextClose, lastAuction }) => {
        const last = (lastAuction ?? {}) as Record<string, unknown>;
        const traded = last.volume === undefined ? "" : `${String(last.volume)} at ${String(last.price)}`;
        const next = isoTime(BigInt(String(nextClose)));
        const limits = [tick, lotLimit, mark ?? "", band];
        return [id, name ?? "", rule, state, ...limits, `${String(interval)} s`, next, traded].map(String);
      },
    );
    const limits = ["tick", "most lots", "mark", "band"];
    const head = ["market", "name", "rule", "state", ...limits, "every", "next auction", "last traded"];
    process.stdout.write(table([head, ...lines]));
  }
  return 0;
}

/** `tacit watch`: verifies round after round, until it is stopped. @returns the exit code: 1 when something cannot be true */
export async function watch(
  options: TraderOptions & {
    once?: boolean;
    every: number;
    /** the file was not named, and need not be there */
    keyOptional?: boolean;
  },
): Promise<number> {
  const keyless = options.account === "none" || (options.keyOptional === true && !existsSync(options.account));
  const client = await openClient(options, { keyless });
  const stopped = new Promise<"stopped">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve("stopped"));
  });
  const say = (text: string, value: object) => process.stdout.write(options.json ? `${toJson(value)}\n` : `${text}\n`);
  const { domain } = client.genesis;
  say(`venue ${client.api.url}, domain ${short(domain)}, signer ${client.signer}`, { domain, signer: client.signer });
  const note = (text: string) => process.stderr.write(`${text}\n`);
  if (keyless) note("no key: only rounds are followed");
  let told = -1;
  let said = 0;
  let [asked, away] = [false, false];
  for (;;) {
    try {
      await client.sync((verified) => {
        const { round, logCount, time, state } = verified;
        said = round;
        say(`round ${round} holds: ${logCount} entries up to ${isoTime(time)}, state ${short(state)}`, { verified });
      });
      // By an earlier command, or by another one with the same notebook.
      const { verified } = client;
      if (verified.round > said) say(`rounds up to ${verified.round} hold, as verified before`, { verified });
      said = verified.round;
      if (away) note("the venue answers again");
      away = false;
      if (client.verified.round === 0 && !asked) note("no round is proved yet: proofs come some time after the orders");
      asked = true;
      const { proved, index } = client;
      if (proved && !keyless && proved.round !== told) {
        const { round, account, recomputed } = proved;
        told = round;
        const how = recomputed ? ", as computed here" : "";
        say(`account ${index} proved in round ${round}: cash ${thousands(account.cash)}${how}`, { index, proved });
      }
    } catch (error) {
      if (error instanceof Contradiction) return shout(client.contradictions);
      if (!(error instanceof TacitError) || options.once) throw error;
      away = true;
      note(`tacit: ${error.message}`);
    }
    if (options.once) return shout(client.contradictions);
    const pause = new Promise<"next">((resolve) => setTimeout(() => resolve("next"), options.every * 1000));
    if ((await Promise.race([stopped, pause])) === "stopped") return shout(client.contradictions);
  }
}

/** Sends an item, and tells its receipt and what the venue has contradicted itself in. @returns the exit code */
async function send(client: Client, options: TraderOptions, sending: () => Promise<SentItem>): Promise<number> {
  const known = client.items.length;
  try {
    return tellReceipt(client, await sending(), options) || shout(client.contradictions);
  } catch (error) {
    if (!(error instanceof Contradiction) || client.contradictions.length === 0) throw error;
    // The answer may be what contradicts: the item is taken all the same, and not to be sent twice.
    const sent = client.items.slice(known).find(({ receipt }) => receipt);
    if (sent) tellReceipt(client, sent, options);
    return shout(client.contradictions);
  }
}

function tellReceipt({ genesis }: Client, { item, receipt, verdict }: SentItem, { json }: TraderOptions): number {
  const { nonce, market } = decodeItem(item)!.head;
  if (json) process.stdout.write(toJson({ verdict, nonce, receipt }, 2) + "\n");
  else {
    const word =
      verdict === null
        ? "known"
        : verdict === "admitted"
          ? verdict
          : `rejected (${verdict}${ruleOf(genesis, market, verdict)})`;
    process.stdout.write(
      `${word}: nonce ${nonce}, entry ${receipt!.n} of the log at ${isoTime(receipt!.time)}, ` +
        `head ${short(receipt!.head)}; the receipt is kept\n`,
    );
  }
  return verdict === "admitted" || verdict === null ? 0 : 1;
}

/** What a verdict asks for, where that is a number. */
function ruleOf({ rules, prices, profile }: GenesisFile, market: bigint, verdict: Verdict): string {
  const slot = slotOf(rules, market);
  const [row, quoted] = [rules.markets[slot], prices.markets[slot]];
  if (verdict === "tooManyOpen") return `: at most ${PROFILES[profile].maxOpen} orders of an account are open`;
  if (!row) return "";
  if (verdict === "offTick") return `: limits are multiples of ${row.tick}`;
  if (verdict === "size") return `: 1 to ${row.lotLimit} lots`;
  if (verdict === "band" && quoted) return `: limits lie within ${row.band} of ${quoted.mark}`;
  return "";
}

async function syncOrShout(client: Client): Promise<void> {
  try {
    await client.sync();
  } catch (error) {
    if (!(error instanceof Contradiction)) throw error;
  }
}

/** Contradictions are the loudest thing that there is. @returns the exit code */
function shout(contradictions: Client["contradictions"]): number {
  for (const { message } of contradictions) process.stderr.write(`tacit: CONTRADICTION: ${message}\n`);
  if (contradictions.length > 0)
    process.stderr.write("tacit: the evidence lies in the notebook beside the key: keep it, and stop trading there\n");
  return contradictions.length > 0 ? 1 : 0;
}
