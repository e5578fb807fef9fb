import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Contradiction, marginCallInWords, sealSecret, type Client, type Position } from "../../client/index.ts";
import { readFill, readSettlement, readStep, type ToldSettlement } from "../../client/knowledge.ts";
import { publicKey } from "../../protocol/eddsa.ts";
import { TacitError } from "../../protocol/errors.ts";
import { asInteger, asObject, asWhole, badFormat, toJson } from "../../protocol/json.ts";
import { abs, requireSigned } from "../../protocol/numbers.ts";
import { BITS, SIDE } from "../../protocol/parameters.ts";
import { counted, isoTime, short, table, thousands } from "../../setup/format.ts";
import { passphrase } from "./passphrase.ts";
import { tellUnanswered, withClient, type TraderOptions } from "./withClient.ts";

/** `tacit account new`: makes a key, or takes one, and seals it. @returns the exit code */
export async function accountNew({
  account,
  importFile,
  passphraseFile: file,
  json,
}: {
  account: string;
  importFile?: string;
  passphraseFile?: string;
  json?: boolean;
}) {
  const refused = (why: string) => new TacitError("FILE", `${account} cannot be written: ${why}`, { path: account });
  const known = "there is one already";
  if (existsSync(account)) throw refused(known);
  const secret = importFile === undefined ? new Uint8Array(randomBytes(32)) : await importedSecret(importFile);
  const words = await passphrase({ question: "Passphrase for the new key: ", again: "The same again: ", file });
  const sealed = await sealSecret(secret, words);
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

/** `tacit account show`: what the venue reports, and what of it is proved. @returns the exit code */
export async function accountShow(options: TraderOptions): Promise<number> {
  return withClient(options, async (client) => {
    await client.sync().catch((error: unknown) => {
      // Shown with the rest.
      if (!(error instanceof Contradiction)) throw error;
    });
    const reported = client.index === null ? null : await client.account();
    const positions = reported ? await client.positions() : [];
    const call = reported && !client.terms.isPriceless ? await client.marginCall(reported) : null;
    const { index, accounts, verified, proved, contradictions, unanswered } = client;
    if (options.json) {
      const named = positions.map((position) => ({ name: client.instrumentName(position.instrument), ...position }));
      const { clockDifference, terms } = client;
      const shown = { index, accounts, reported, positions: named, call, unanswered, verified, proved, contradictions };
      process.stdout.write(toJson({ ...shown, told: terms.told !== null, clockDifference }, 2) + "\n");
      return 0;
    }
    const { x, y } = client.key!;
    const lines = [`key ${x}`, `    ${y}`];
    if (!reported) lines.push("the venue has no account of this key so far: deposit first");
    else {
      const others = accounts.filter((it) => it !== index);
      lines.push(`account ${index}, as the venue reports it:`);
      if (others.length > 0)
        lines.push(`  (the key also has ${others.join(", ")}: anybody may open one for it; --index shows another)`);
      for (const name of ["cash", "equity", "worst", "reserved", "free", "open", "nonce"] as const)
        lines.push(`  ${name.padEnd(9)} ${thousands(reported[name])}`);
      if (positions.length === 0) lines.push("  positions none");
    }
    const { toldInWords, isPriceless } = client.terms;
    process.stdout.write(lines.join("\n") + "\n");
    if (positions.length > 0)
      process.stdout.write(isPriceless ? positionList(client, positions) : positionTable(client, positions));
    if (reported && toldInWords !== null) process.stdout.write(`${toldInWords}\n`);
    if (call) process.stdout.write(`${marginCallInWords(call)}\n`);
    process.stdout.write(
      `verified ${counted(verified.round, "round")}, ${thousands(verified.logCount)} entries of the log\n`,
    );
    if (reported && !proved) process.stdout.write("not proved so far: no round that is proved has the account\n");
    if (proved)
      process.stdout.write(
        `proved in round ${proved.round}: cash ${thousands(proved.account.cash)}` +
          (proved.recomputed
            ? ", as computed from what was signed and told\n"
            : ", not recomputed: its past is not known here\n"),
      );
    tellUnanswered(unanswered);
    return 0;
  });
}

/** What is held, where no price is to be shown. */
function positionList(client: Client, positions: readonly Position[]): string {
  const held = positions.filter(({ lots }) => lots !== 0n);
  return held.map((it) => `  position  ${thousands(it.lots)} of ${client.instrumentName(it.instrument)}\n`).join("");
}

function positionTable(client: Client, positions: readonly Position[]): string {
  const rows = positions.map(({ instrument, lots, cost, mark, profit }) => [
    client.instrumentName(instrument),
    thousands(lots),
    cost === null ? "unknown" : lots === 0n ? "" : average(cost, lots),
    thousands(mark),
    profit ? thousands(profit.open) : "unknown",
    profit ? thousands(profit.closed) : "unknown",
  ]);
  return table([["position", "lots", "average price", "mark", "profit", "of closed"], ...rows]);
}

/** Cost of one lot, to the hundredth, rounded to nothing. */
function average(cost: bigint, lots: bigint): string {
  const hundredths = (100n * abs(cost)) / abs(lots);
  const sign = cost < 0n !== lots < 0n ? "-" : "";
  return `${sign}${thousands(hundredths / 100n)}.${String(hundredths % 100n).padStart(2, "0")}`;
}

/** `tacit account deposit`: play money, where the venue gives it. @returns the exit code */
export async function accountDeposit(amount: bigint, options: TraderOptions): Promise<number> {
  if (amount < 1n || amount >> BigInt(BITS.amount) !== 0n)
    throw new TacitError("USAGE", `amount is wrong: expected 1 to 2^${BITS.amount} - 1 cash units`);
  return withClient(options, async (client) => {
    const { x, y } = client.depositKey;
    const index = (await client.login()) ?? 0;
    const body = { keyX: String(x), keyY: String(y), index, amount: String(amount) };
    const { accounts } = asObject("answer", await client.api.post("/deposits", body));
    process.stdout.write(options.json ? toJson({ accounts }) + "\n" : `credited to account ${String(accounts)}\n`);
    return 0;
  });
}

/** What each position came to of the cash of all: its payoff, and of slot 0 what is left, as its funding was never booked. */
function settledCash({ positions }: ToldSettlement, cash: bigint): bigint[] {
  const paid = positions.map(({ instrument, lots, payoff }) => (instrument === 0 ? 0n : lots * payoff));
  const rest = paid.reduce((left, it) => left - it, cash);
  return positions.map(({ instrument }, i) => (instrument === 0 ? rest : paid[i]));
}

/** Rows of the table of what was booked. @throws FORMAT naming the field */
function bookedRows(client: Client, entry: Record<string, unknown>): string[][] {
  const number = (name: string) =>
    requireSigned(`history.${name}`, asInteger(`history.${name}`, entry[name]), BITS.cash);
  const [n, time] = [String(asWhole("history.n", entry.n)), isoTime(number("time"))];
  const row = (what: string, [about, nonce, lots, price, fee]: string[], cash: bigint | null) =>
    [n, what, time, about, nonce, lots, price, fee, cash === null ? "" : thousands(cash)]; // prettier-ignore
  switch (entry.kind) {
    case "deposit":
      return [row("deposit", ["", "", "", "", ""], number("amount"))];
    case "withdrawal":
      return [row("withdrawal", ["", `${number("nonce")}`, "", "", ""], -number("amount"))];
    case "funding":
      return [
        row("funding", [client.instrumentName(0), "", `${number("lots")}`, `${number("rate")}`, ""], number("cash")),
      ];
    case "settlement": {
      const settled = readSettlement(entry);
      const cash = settledCash(settled, number("cash"));
      return settled.positions.map(({ instrument, lots, payoff }, i) =>
        row("settlement", [client.instrumentName(instrument), "", `${lots}`, `${payoff}`, ""], cash[i]),
      );
    }
    case "fill": {
      const { market, nonce, lots, price, fee, cash } = readFill(entry);
      const ended = lots === 0n;
      const words = [client.marketName(market), `${nonce}`, `${lots}`, ended ? "" : `${price}`, `${fee}`];
      return [row(ended ? "order ended" : "fill", words, cash)];
    }
    case "flag":
      return [row("FLAGGED", ["", "", "", "", ""], null)];
    case "sweep":
    case "reduce": {
      const step = readStep(entry);
      if (step.kind === "sweep") return [row("orders dropped", [client.marketName(step.market), "", "", "", ""], null)];
      if (step.kind !== "reduce") return [];
      const words = [client.marketName(step.market), "", `${step.size}`, `${step.limit} at worst`, ""];
      return [row(step.side === SIDE.buy ? "operator buys" : "operator sells", words, null)];
    }
    case "assume": {
      const step = readStep(entry);
      const positions = step.kind === "assume" ? step.positions : [];
      return positions.map(({ instrument, lots }, i) =>
        row("taken over", [client.instrumentName(instrument), "", `${-lots}`, "", ""], i === 0 ? number("cash") : null),
      );
    }
    default:
      throw badFormat("history.kind", "deposit, withdrawal, funding, settlement, fill, flag, sweep, reduce or assume");
  }
}

/** `tacit account history`: all that was booked after an entry of the log, as the venue reports it. @returns the exit code */
export async function accountHistory(after: number, options: TraderOptions): Promise<number> {
  return withClient(options, async (client) => {
    await client.recall();
    const entries = await client.allHistory(after);
    const heading = ["entry", "what", "time", "market", "nonce", "lots", "price", "fee", "cash"];
    if (options.json) process.stdout.write(toJson(entries, 2) + "\n");
    else if (entries.length === 0) process.stdout.write("nothing was booked\n");
    else process.stdout.write(table([heading, ...entries.flatMap((entry) => bookedRows(client, entry))]));
    return 0;
  });
}
