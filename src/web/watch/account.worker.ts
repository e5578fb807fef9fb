import {
  Client,
  Contradiction,
  marginCallInWords,
  marginOf,
  openSecret,
  type MarginReport,
  type Notebook,
} from "../../client/index.ts";
import { readSettlement, readStep, STEP_KINDS, type ToldStep } from "../../client/knowledge.ts";
import { SIDE } from "../../protocol/parameters.ts";
import { TacitError } from "../../protocol/errors.ts";
import { asInteger, asObject, toJson } from "../../protocol/json.ts";
import { reason } from "../format.ts";
import { keysOf } from "../keys.ts";
import type { AccountNews, OpenKey, OwnAccount, OwnFill, OwnMargin, OwnOrder } from "./accountMessages.ts";

/** The thread that holds a trader's key. What it tells are numbers; the key ends with the thread. */

const tell = (news: AccountNews) => globalThis.postMessage(news);

/** Milliseconds between two looks at the account. */
const LOOK = 2_000;
/** Fills that are shown. */
const FILLS = 50;

globalThis.addEventListener("message", ({ data }: MessageEvent<OpenKey>) => void open(data), { once: true });

async function open({ url, sealed, passphrase, notebook }: OpenKey): Promise<void> {
  let client: Client;
  try {
    const secret = await openSecret(sealed, passphrase);
    client = await Client.open({ url, secret, keysOf, notebook: kept(notebook) });
  } catch (error) {
    if (error instanceof Contradiction)
      tell({ kind: "contradictions", found: [{ message: error.message, evidence: toJson(error.details) }] });
    return tell({ kind: "failed", message: reason(error) });
  }
  tell({ kind: "opened" });
  const fills = new Fills();
  const look = async () => {
    let trouble: string | null = null;
    try {
      tell({ kind: "account", account: await accountOf(client, fills) });
      const { round } = await client.sync();
      tell({ kind: "checked", checked: { round, account: provedOf(client) } });
    } catch (error) {
      // A contradiction is kept by the client, and told below.
      if (!(error instanceof Contradiction)) trouble = reason(error);
    }
    const found = client.contradictions.map(({ message, evidence }) => ({ message, evidence }));
    if (found.length > 0) tell({ kind: "contradictions", found });
    tell({ kind: "trouble", message: trouble });
    setTimeout(look, LOOK);
  };
  await look();
}

/** A notebook that begins with a given text, and that is gone with the thread. */
function kept(text: string | null): Notebook {
  let now = text;
  return { read: async () => now, write: async (next) => void (now = next) };
}

function provedOf({ proved }: Client) {
  return proved && { round: proved.round, cash: String(proved.account.cash), recomputed: proved.recomputed };
}

async function accountOf(client: Client, fills: Fills): Promise<OwnAccount> {
  const answer = await client.account();
  const { index } = client;
  if (index === null) throw new TacitError("NO_ACCOUNT", "the venue has no account of this key so far");
  return {
    index,
    equity: String(answer.equity),
    worst: String(answer.worst),
    free: String(answer.free),
    cash: String(answer.cash),
    reserved: String(answer.reserved),
    ...(await marginIn(client, answer)),
    orders: (await client.openOrders()).map(readOrder),
    fills: await fills.read(client),
  };
}

async function marginIn(
  client: Client,
  account: Parameters<typeof marginOf>[0] & Parameters<Client["marginCall"]>[0],
): Promise<Pick<OwnAccount, "margin" | "told" | "call">> {
  const terms = await client.terms.update();
  const { toldInWords: told, isPriceless, average } = client.terms;
  const call = isPriceless ? null : await client.marginCall(account);
  return {
    told,
    call: call && marginCallInWords(call),
    margin: isPriceless ? null : ownMargin(client, marginOf(account, terms, average)),
  };
}

function ownMargin(client: Client, { scenarios, worst, charges, drivers, curve }: MarginReport): OwnMargin {
  return {
    scenarios: scenarios.map(({ factor, level, equity, free }) => ({ factor, level, equity: String(equity), free: String(free) })), // prettier-ignore
    worst,
    charges: String(charges),
    drivers: drivers.map(({ instrument, ...numbers }) => ({
      name: client.instrumentName(instrument),
      lots: String(numbers.lots),
      value: String(numbers.value),
      change: String(numbers.change),
      charge: String(numbers.charge),
    })),
    curve: curve.map(({ factor, equity }) => ({ factor, equity: String(equity) })),
  };
}

function readOrder(json: unknown): OwnOrder {
  const row = asObject("order", json);
  const number = (name: string) => String(asInteger(`order.${name}`, row[name]));
  return {
    market: number("market"),
    nonce: number("nonce"),
    side: row.side === "buy" ? "buy" : "sell",
    limit: number("limit"),
    remaining: number("remaining"),
    cancelled: row.cancelled === true,
  };
}

/** The newest fills. */
class Fills {
  #after = -1;
  #read: OwnFill[] = [];

  async read(client: Client): Promise<OwnFill[]> {
    for (const row of await client.allHistory(this.#after)) {
      if (row.kind === "fill" && row.lots !== "0") this.#read.push(readFill(row));
      if (row.kind === "funding") this.#read.push(readFunding(row, client));
      if (row.kind === "settlement") this.#read.push(...readSettled(row, client));
      if (STEP_KINDS.some((kind) => kind === row.kind)) this.#read.push(...readSteps(row, client));
      this.#after = row.n as number;
    }
    this.#read = this.#read.slice(-FILLS);
    return this.#read.toReversed();
  }
}

function readFill(row: Record<string, unknown>): OwnFill {
  const number = (name: string) => String(asInteger(`fill.${name}`, row[name]));
  return {
    n: row.n as number,
    what: "fill",
    time: number("time"),
    market: number("market"),
    lots: number("lots"),
    price: number("price"),
    fee: number("fee"),
    cash: number("cash"),
  };
}

function readFunding(row: Record<string, unknown>, client: Client): OwnFill {
  const number = (name: string) => String(asInteger(`funding.${name}`, row[name]));
  const what = `funding of ${client.instrumentName(0)}`;
  return {
    n: row.n as number,
    what,
    time: number("time"),
    market: null,
    lots: number("lots"),
    price: number("rate"),
    fee: "0",
    cash: number("cash"),
  };
}

const STEPS: Record<ToldStep["kind"], string> = {
  flag: "flagged",
  sweep: "orders dropped by the operator",
  reduce: "placed by the operator",
  assume: "taken over by the insurance account",
};

function readSteps(row: Record<string, unknown>, client: Client): OwnFill[] {
  const step = readStep(row);
  const common = {
    n: step.n,
    what: STEPS[step.kind],
    time: String(step.time),
    market: null,
    price: "0",
    fee: "0",
    cash: "0",
  };
  if (step.kind === "flag") return [{ ...common, lots: "0" }];
  if (step.kind === "sweep") return [{ ...common, market: String(step.market), lots: "0" }];
  if (step.kind === "reduce") {
    const lots = step.side === SIDE.buy ? step.size : -step.size;
    return [{ ...common, market: String(step.market), lots: String(lots), price: String(step.limit) }];
  }
  const cash = String(asInteger("assume.cash", row.cash));
  return step.positions.map(({ instrument, lots }, i) => ({
    ...common,
    what: `${common.what}: ${client.instrumentName(instrument)}`,
    lots: String(-lots),
    cash: i === 0 ? cash : "0",
  }));
}

function readSettled(row: Record<string, unknown>, client: Client): OwnFill[] {
  const { n, positions } = readSettlement(row);
  const time = String(asInteger("settlement.time", row.time));
  return positions.map(({ instrument, lots, payoff }) => ({
    n,
    what: `settlement of ${client.instrumentName(instrument)}`,
    time,
    market: null,
    lots: String(lots),
    price: String(payoff),
    fee: "0",
    cash: String(lots * payoff),
  }));
}
