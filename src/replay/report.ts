import type { Event } from "../matcher/events.ts";
import type { Account } from "../protocol/account.ts";
import { fillCash } from "../protocol/clearing.ts";
import { chainHeads, decodeItem, hashEntries, type Auth, type LogEntry } from "../protocol/item.ts";
import { RULE } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";
import type { Rules } from "../protocol/rules.ts";
import { rulesJson } from "../protocol/rulesJson.ts";
import { pushDeposit } from "../witness/deposit.ts";
import { accountsJson, quoteJson, repriceJson, writtenBy, type RepriceJson } from "./reprices.ts";
import {
  itemFields,
  sideName,
  type ClearingJson,
  type DepositJson,
  type InstructionJson,
  type LogJson,
  type RoundJson,
} from "./record.ts";

/** Writes down what happened in a round. One for a whole replay: it remembers when each order came, and the prices of each epoch. */
export class Report {
  readonly #domain: bigint;
  #rules: Rules;
  #prices: Prices;
  readonly #signed: boolean;
  /** By account and nonce: position in the log of an open order. */
  readonly #sequences = new Map<string, number>();
  #rounds = 0;
  #logCount = 0;
  #log: LogJson[] = [];
  #clearings: ClearingJson[] = [];
  #accounts = new Map<number, Account>();
  /** Of the log: its head before the round, and now; entries of the round that are not hashed yet, and those that are. */
  #headBefore = 0n;
  #head = 0n;
  #unhashed: LogEntry[] = [];
  #entries: RoundJson["entries"] = [];
  /** Head of the chain of deposits. */
  #deposits = 0n;
  /** Prices that were made so far, in all rounds. */
  readonly reprices: RepriceJson[] = [];

  /** @param signed  whether items and reports are signed */
  constructor({ domain, rules, prices }: { domain: bigint; rules: Rules; prices: Prices }, signed: boolean) {
    this.#domain = domain;
    this.#rules = rules;
    this.#prices = prices;
    this.#signed = signed;
  }

  add(event: Event): void {
    if (event.kind !== "settle") {
      this.#log.push(this.#logLine(event));
      this.#unhashed.push(event.entry);
    }
    for (const { index, after } of writtenBy(event)) this.#accounts.set(index, after);
    switch (event.kind) {
      case "item":
        for (const order of event.admission.entries ?? []) this.#sequences.set(orderKey(order), event.sequence);
        return;
      case "enforce":
        if (event.enforced.entry) this.#sequences.set(orderKey(event.enforced.entry), this.#logCount - 1);
        return;
      case "clear":
        return this.#addClearing(event);
      case "reprice":
        this.reprices.push(repriceJson(event, this.#logCount - 1));
        this.#prices = event.after;
        return;
      case "rules":
        ({ rules: this.#rules, prices: this.#prices } = event.after);
        return;
    }
  }

  /** Of the log after all that was added. */
  get head(): bigint {
    const hashed = hashEntries(this.#domain, this.#unhashed);
    this.#unhashed = [];
    this.#entries.push(...hashed.map(({ item, auth, time }): RoundJson["entries"][number] => [`${item}`, `${auth}`, `${time}`])); // prettier-ignore
    return (this.#head = chainHeads(this.#head, hashed).at(-1) ?? this.#head);
  }

  /** The round so far; the next begins. @param blind  of the state after it */
  close(states: { state: bigint; stateAfter: bigint; blind: bigint }, instructions: InstructionJson[]): RoundJson {
    const head = this.head;
    const accounts = accountsJson(this.#accounts);
    const round: RoundJson = {
      number: `${++this.#rounds}`,
      state: `${states.state}`,
      stateAfter: `${states.stateAfter}`,
      blind: `${states.blind}`,
      logCount: `${this.#logCount - this.#log.length}`,
      head: `${this.#headBefore}`,
      entries: this.#entries,
      log: this.#log,
      clearings: this.#clearings,
      accounts,
      instructions,
    };
    this.#headBefore = head;
    this.#entries = [];
    this.#log = [];
    this.#clearings = [];
    this.#accounts = new Map();
    return round;
  }

  #logLine(event: Exclude<Event, { kind: "settle" }>): LogJson {
    const line = { n: `${this.#logCount++}`, t: `${event.entry.time}` };
    const none = { account: null, nonce: null, market: null, side: null, limit: null, size: null, verdict: null };
    if (event.kind === "clear") return { ...line, kind: event.command, ...none, market: `${event.slot}` };
    if (event.kind === "reprice") {
      const reports = event.entry.quorum.map((signed) => ({ ...quoteJson(signed), ...this.#signature(signed.auth) }));
      return { ...line, kind: event.kind, ...none, epoch: `${event.epoch}`, reports };
    }
    if (event.kind === "rules") return { ...line, kind: event.kind, ...none, rules: rulesJson(event.after.rules) };
    if (event.kind === "fold") {
      const [{ index }] = event.writes;
      return { ...line, kind: event.kind, ...none, from: `${index}`, count: `${event.writes.length}` };
    }
    if (event.kind === "deposits") {
      const deposits = event.credits.map(({ deposit, index, before, after }): DepositJson => {
        const { keyX, keyY, amount } = deposit;
        this.#deposits = pushDeposit(this.#deposits, deposit);
        const named = { keyX: `${keyX}`, keyY: `${keyY}`, index: `${deposit.index}`, amount: `${amount}` };
        return {
          ...named,
          head: `${this.#deposits}`,
          account: `${index}`,
          ...(before ? {} : { view: `${after.view}` }),
        };
      });
      return { ...line, kind: "deposit", ...none, deposits };
    }
    if (event.kind === "enforce") {
      const { step, entry } = event;
      const market = step.kind === "flag" ? {} : { market: `${step.slot}` };
      const order = step.kind === "reduce" ? { side: sideName(step.side), limit: `${step.limit}`, size: `${step.size}` } : {}; // prettier-ignore
      return {
        ...line,
        kind: step.kind,
        ...none,
        account: `${step.account}`,
        ...market,
        ...order,
        salt: `${entry.item.salt}`,
      };
    }
    if (event.kind === "assume")
      return { ...line, kind: event.kind, ...none, account: `${event.write.index}`, salt: `${event.entry.item.salt}` };
    const { item, auth } = event.entry;
    const { verdict } = event.admission;
    const decoded = decodeItem(item);
    const { fields, whole } = decoded ? itemFields(decoded) : { fields: {}, whole: false };
    const list = item.list ? { list: item.list.map(String) } : {};
    const words = whole ? {} : { A: `${item.A}`, B: `${item.B}`, ...list };
    const signature = auth ? this.#signature(auth) : {};
    const kind = decoded?.kind ?? "malformed";
    return { ...line, kind, ...none, verdict, ...fields, ...words, salt: `${item.salt}`, ...signature };
  }

  /** Nothing where nobody signs. */
  #signature({ R8x, R8y, S }: Auth): Partial<Record<keyof Auth, string>> {
    return this.#signed ? { R8x: `${R8x}`, R8y: `${R8y}`, S: `${S}` } : {};
  }

  #addClearing({ slot, sweeps }: Extract<Event, { kind: "clear" }>): void {
    const { match, book, admitted, outcome, trade } = sweeps.at(-1)!;
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
        const cash = `${fillCash(fill, trade)}`;
        return { account: `${account}`, nonce: `${nonce}`, lots: `${fill.lots}`, cash, fee: `${fill.fee}` };
      });
      const { price, volume, fees } = outcome;
      const rule = row.rule === BigInt(RULE.auction) ? "auction" : "midpoint";
      const mark = `${this.#prices.markets[slot]!.mark}`;
      const set = { market: `${row.id}`, tick: `${row.tick}`, mark, price: `${price}`, volume: `${volume}` };
      this.#clearings.push({ ...set, rule, entries, fills, fee: `${fees}` });
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
