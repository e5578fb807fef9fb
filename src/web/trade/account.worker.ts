import {
  Client,
  Contradiction,
  marginCallInWords,
  marginOf,
  openSecret,
  sealSecret,
  type MarginReport,
  type SentItem,
} from "../../client/index.ts";
import { divCeil } from "../../protocol/numbers.ts";
import { standing } from "../../protocol/defaults.ts";
import { TacitError } from "../../protocol/errors.ts";
import { decodeItem } from "../../protocol/item.ts";
import { asInteger, asObject, toJson } from "../../protocol/json.ts";
import { payoff } from "../../protocol/prices.ts";
import { reason } from "../format.ts";
import { keysOf } from "../keys.ts";
import { bookedOf } from "./booked.ts";
import { browserNotebook } from "./browserNotebook.ts";
import type { AskKind, Asks, News, OwnAccount, OwnMargin, OwnOpenOrder, OwnPosition, Question, Told } from "./messages.ts"; // prettier-ignore

/** The thread that holds a trader's key. What it tells are numbers; the key ends with the thread. */

const tell = (news: News) => globalThis.postMessage(news);

/** Milliseconds between two looks at the account. */
const LOOK = 2_000;

let client: Client | null = null;
/** entry of the log up to which what was booked is told */
let told = -1;
let looking: Promise<void> | null = null;

globalThis.addEventListener("message", ({ data }: MessageEvent<Question>) => void answer(data));

async function answer({ id, kind, ask }: Question): Promise<void> {
  try {
    const work = WORK[kind] as (ask: unknown) => Promise<unknown>;
    tell({ kind: "answer", id, answer: await work(ask) });
  } catch (error) {
    // It is kept with its evidence where there is a notebook; here there may be none yet.
    if (error instanceof Contradiction)
      tell({ kind: "contradictions", found: [{ message: error.message, evidence: toJson(error.details) }] });
    tell({
      kind: "refusal",
      id,
      code: error instanceof TacitError ? error.code : "UNEXPECTED",
      message: reason(error),
    });
  }
}

const WORK: { readonly [Kind in AskKind]: (ask: Asks[Kind]["ask"]) => Promise<Asks[Kind]["answer"]> } = {
  async create({ url, passphrase }) {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const sealed = await sealSecret(secret, passphrase);
    await begin(url, secret, null);
    return sealed;
  },
  async open({ url, sealed, passphrase, notebook }) {
    await begin(url, await openSecret(sealed, passphrase), notebook);
    return null;
  },
  preview: (order) => opened().preview(order),
  order: async (order) => toldOf(await opened().order(order)),
  cancel: async ({ market, nonce }) =>
    toldOf(await opened().cancel({ market, ...(nonce === null ? {} : { target: nonce }) })),
  withdraw: async (withdrawal) => toldOf(await opened().withdraw(withdrawal)),
  async deposit({ amount }) {
    const { x, y, index } = await depositKey();
    await opened().api.post("/deposits", { keyX: `${x}`, keyY: `${y}`, index, amount: `${amount}` });
    // The session says which accounts the key has.
    opened().api.token = null;
    await look();
    return null;
  },
  depositKey: () => depositKey(),
  notebook: async () => (await notebook!.read()) ?? "",
  async look() {
    await look();
    return null;
  },
};

let notebook: ReturnType<typeof browserNotebook> | null = null;

function opened(): Client {
  if (!client) throw new TacitError("NO_KEY", "no key is open");
  return client;
}

async function begin(url: string, secret: Uint8Array, from: string | null): Promise<void> {
  notebook = browserNotebook(url, secret, from);
  client = await Client.open({ url, secret, keysOf, notebook });
  void follow();
}

async function depositKey() {
  const it = opened();
  return { ...it.depositKey, index: (await it.login()) ?? 0 };
}

async function toldOf(sent: SentItem): Promise<Told> {
  const { item, receipt, verdict } = sent;
  const isGood = verdict === "admitted" || verdict === null;
  const why = isGood ? null : await opened().reason(sent);
  const { nonce } = decodeItem(item)!.head;
  void look();
  return { nonce, n: receipt!.n, time: receipt!.time, verdict, reason: why };
}

async function follow(): Promise<void> {
  for (;;) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/** One at a time: who asks meanwhile waits for the next. */
function look(): Promise<void> {
  const after = (looking ?? Promise.resolve()).then(lookNow);
  return (looking = after);
}

async function lookNow(): Promise<void> {
  const it = opened();
  let trouble: string | null = null;
  try {
    const index = it.index ?? (await it.login());
    tell({ kind: "account", account: index === null ? null : await accountOf(it) });
    if (index !== null) await tellBooked(it);
    const { round, logCount } = await it.sync();
    const { proved } = it;
    const account = proved && { round: proved.round, cash: proved.account.cash, recomputed: proved.recomputed };
    tell({ kind: "checked", checked: { round, logCount: Number(logCount), account } });
  } catch (error) {
    // A contradiction is kept by the client, and told below.
    if (!(error instanceof Contradiction)) trouble = reason(error);
  }
  const found = it.contradictions.map(({ message, evidence }) => ({ message, evidence }));
  if (found.length > 0) tell({ kind: "contradictions", found });
  tell({ kind: "trouble", message: trouble });
}

async function tellBooked(it: Client): Promise<void> {
  const rows = await it.allHistory(told);
  if (rows.length === 0) return;
  tell({ kind: "booked", booked: rows.flatMap((row) => bookedOf(row, (slot) => it.instrumentName(slot))) });
  told = rows.at(-1)!.n as number;
}

async function accountOf(it: Client): Promise<OwnAccount> {
  const answer = await it.account();
  const terms = await it.terms.update();
  const { toldInWords, isPriceless, average } = it.terms;
  const call = isPriceless ? null : await it.marginCall(answer);
  const entries = new Map(it.items.map(({ item, receipt }) => [decodeItem(item)!.head.nonce, receipt?.n ?? null]));
  const { maintenance } = terms.rules.group.defaults;
  return {
    index: it.index!,
    equity: answer.equity,
    worst: answer.worst,
    reserved: answer.reserved,
    free: answer.free,
    cash: answer.cash,
    margin: isPriceless
      ? null
      : {
          ...ownMargin(it, marginOf(answer, terms, average)),
          maintenance: divCeil(maintenance * standing(answer, terms.prices).risk, 1024n),
        },
    told: toldInWords,
    call: call && marginCallInWords(call),
    orders: (await it.openOrders()).map((row) => readOrder(row, entries)),
    positions: isPriceless ? [] : await positionsOf(it),
    unanswered: it.unanswered.length,
  };
}

async function positionsOf(it: Client): Promise<OwnPosition[]> {
  const { rules, prices } = it.terms.latest;
  return (await it.positions()).map((position) => {
    const { instrument, lots, cost } = position;
    const { contract } = rules.instruments[instrument] ?? {};
    const ends = contract && contract.expiry > 0n && prices.index > 0n && cost !== null;
    const market = rules.markets.find((row) => row?.legs.every((leg, i) => leg === (i === instrument ? 1n : 0n)));
    return {
      ...position,
      name: it.instrumentName(instrument),
      market: market ? String(market.id) : null,
      atExpiry: ends ? lots * payoff(contract, prices.index) - cost : null,
    };
  });
}

function ownMargin(
  it: Client,
  { scenarios, worst, charges, drivers, curve }: MarginReport,
): Omit<OwnMargin, "maintenance"> {
  // prettier-ignore
  return {
    scenarios: scenarios.map(({ factor, level, equity, free }) => ({ factor, level, equity, free })),
    worst,
    charges,
    drivers: drivers.map(({ instrument, lots, value, change, charge }) => {
      return { name: it.instrumentName(instrument), lots, value, change, charge };
    }),
    curve,
  };
}

function readOrder(json: unknown, entries: ReadonlyMap<bigint, bigint | null>): OwnOpenOrder {
  const row = asObject("order", json);
  const number = (name: string) => asInteger(`order.${name}`, row[name]);
  const nonce = number("nonce");
  return {
    market: String(number("market")),
    nonce,
    side: row.side === "buy" ? "buy" : "sell",
    limit: number("limit"),
    remaining: number("remaining"),
    expiry: number("expiry"),
    thisAuction: row.thisAuction === true,
    cancelled: row.cancelled === true,
    n: entries.get(nonce) ?? null,
  };
}
