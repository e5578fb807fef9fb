import type { Event } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import { fillCash } from "../protocol/clearing.ts";
import { decodeItem } from "../protocol/item.ts";
import type { Prices, Rules } from "../protocol/market.ts";
import { KIND, RULE, SIDE } from "../protocol/parameters.ts";
import type { ProofJson } from "../protocol/proof.ts";

/** A round as `tacit replay --json` writes it (docs/formats.md): every number a decimal string. */
export interface RoundJson {
  state: string;
  stateAfter: string;
  log: LogJson[];
  clearings: ClearingJson[];
  /** those that the round wrote, as it left them */
  accounts: AccountJson[];
  /** empty when the round was not proved */
  instructions: InstructionJson[];
}

export interface LogJson {
  /** position in the log, from 0 */
  n: string;
  /** seconds since 1970 */
  t: string;
  kind: keyof typeof KIND | "malformed";
  account: string | null;
  nonce: string | null;
  /** market id; of a close or purge the market's slot */
  market: string | null;
  side: SideName | null;
  limit: string | null;
  size: string | null;
  /** null for the operator's commands */
  verdict: string | null;
}

export interface ClearingJson {
  market: string;
  rule: string;
  tick: string;
  mark: string;
  price: string;
  volume: string;
  /** what was eligible when the price was set; `sequence`: position of the order in the log */
  entries: { account: string; nonce: string; side: SideName; limit: string; remaining: string; sequence: string }[];
  /** of orders, not the venue's; `lots` is positive for a buy */
  fills: { account: string; nonce: string; lots: string; cash: string; fee: string }[];
  fee: string;
}

export interface AccountJson {
  index: string;
  seq: string;
  cash: string;
  positions: string[];
  nonce: string;
  reserved: string;
  open: string;
}

export interface InstructionJson {
  name: string;
  publicInputs: string[];
  proof: ProofJson;
}

type SideName = keyof typeof SIDE;

/** Writes down what happened in a round. One for a whole replay: it remembers when each order came. */
export class Report {
  readonly #rules: Rules;
  readonly #prices: Prices;
  /** By account and nonce: position in the log of an open order. */
  readonly #sequences = new Map<string, number>();
  #logCount = 0;
  #log: LogJson[] = [];
  #clearings: ClearingJson[] = [];
  #accounts = new Map<number, Account>();

  constructor({ rules, prices }: { rules: Rules; prices: Prices }) {
    this.#rules = rules;
    this.#prices = prices;
  }

  add(event: Event): void {
    if (event.kind !== "settle") this.#log.push(this.#logLine(event));
    switch (event.kind) {
      case "deposits":
        for (const { index, after } of event.credits) this.#accounts.set(index, after);
        return;
      case "item": {
        const { account, admission, sequence } = event;
        if (account && admission.account) this.#accounts.set(account.index, admission.account);
        if (admission.entry) this.#sequences.set(orderKey(admission.entry), sequence);
        return;
      }
      case "clear":
        return this.#addClearing(event);
      case "settle":
        for (const { index, after } of event.writes) this.#accounts.set(index, after);
        return;
    }
  }

  /** The round so far; the next begins. */
  close(states: { state: bigint; stateAfter: bigint }, instructions: InstructionJson[]): RoundJson {
    const accounts = [...this.#accounts]
      .sort(([a], [b]) => a - b)
      .map(([index, account]) => accountJson(index, account));
    const [log, clearings] = [this.#log, this.#clearings];
    this.#log = [];
    this.#clearings = [];
    this.#accounts = new Map();
    return { state: `${states.state}`, stateAfter: `${states.stateAfter}`, log, clearings, accounts, instructions };
  }

  #logLine(event: Exclude<Event, { kind: "settle" }>): LogJson {
    const line = { n: `${this.#logCount++}`, t: `${event.entry.time}` };
    const none = { account: null, nonce: null, market: null, side: null, limit: null, size: null, verdict: null };
    if (event.kind === "deposits") return { ...line, kind: "deposit", ...none };
    if (event.kind === "clear") return { ...line, kind: event.command, ...none, market: `${event.slot}` };
    const { verdict } = event.admission;
    const decoded = decodeItem(event.entry.item);
    if (!decoded) return { ...line, kind: "malformed", ...none, verdict };
    const { kind, head, body } = decoded;
    const named = { ...line, kind, ...none, account: `${head.account}`, nonce: `${head.nonce}`, verdict };
    if (kind === "withdrawal") return named;
    if (kind === "cancel") return { ...named, market: `${head.market}` };
    const side = sideName(Number(head.side));
    return { ...named, market: `${head.market}`, side, limit: `${body.limit}`, size: `${body.size}` };
  }

  #addClearing({ slot, sweeps, tradePrice }: Extract<Event, { kind: "clear" }>): void {
    const { match, book, admitted, outcome } = sweeps.at(-1)!;
    const row = this.#rules.markets[slot];
    const walked = [...book, ...admitted];
    if (match && row) {
      const entries = walked.flatMap((entry, i) => {
        if (!outcome.eligible[i]) return [];
        const { account, nonce, side, limit, remaining } = entry;
        const sequence = `${this.#sequences.get(orderKey(entry))}`;
        const order = { account: `${account}`, nonce: `${nonce}`, side: sideName(side), limit: `${limit}` };
        return { ...order, remaining: `${remaining}`, sequence };
      });
      const fills = walked.flatMap(({ account, nonce }, i) => {
        const fill = outcome.fillOf[i];
        if (!fill?.lots) return [];
        const cash = `${fillCash(fill, tradePrice)}`;
        return { account: `${account}`, nonce: `${nonce}`, lots: `${fill.lots}`, cash, fee: `${fill.fee}` };
      });
      const { price, volume, fees } = outcome;
      const rule = Object.entries(RULE).find(([, code]) => BigInt(code) === row.rule)![0];
      const mark = `${this.#prices.markets[slot]!.mark}`;
      const set = { market: `${row.id}`, rule, tick: `${row.tick}`, mark, price: `${price}`, volume: `${volume}` };
      this.#clearings.push({ ...set, entries, fills, fee: `${fees}` });
    }
    for (const sweep of sweeps)
      [...sweep.book, ...sweep.admitted].forEach((entry, i) => {
        if (sweep.outcome.fillOf[i]?.closed) this.#sequences.delete(orderKey(entry));
      });
  }
}

function orderKey({ account, nonce }: { account: number; nonce: bigint }): string {
  return `${account}/${nonce}`;
}

function sideName(side: number): SideName {
  return side === SIDE.buy ? "buy" : "sell";
}

function accountJson(index: number, { seq, cash, positions, nonce, reserved, open }: Account): AccountJson {
  const [held, rest] = [positions.map(String), { nonce: `${nonce}`, reserved: `${reserved}`, open: `${open}` }];
  return { index: `${index}`, seq: `${seq}`, cash: `${cash}`, positions: held, ...rest };
}
