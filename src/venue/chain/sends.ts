import { toJson } from "../../protocol/json.ts";
import type { Store } from "../store/store.ts";
import type { Chain, ChainPoint, ChainReceipt, Fees, Hex, OpenedChain } from "./chain.ts";
import { ask } from "./chainFailure.ts";
import type { Run } from "./provenStream.ts";
import type { RelayLimits, RelayLog, SentTransaction } from "./relayOptions.ts";

/** All transactions of one nonce, of which the chain takes one at most. `raw` and `fees` are those of the last. */
export interface Send {
  readonly nonce: number;
  readonly transactions: SentTransaction[];
  raw: Hex;
  fees: Fees;
  gas: bigint;
  /** block at which it was last handed to the chain; undefined asks for that */
  broadcast?: bigint;
  /** handed over a second time since the last replacement */
  repeated: boolean;
  /** how it ended in the chain as it is now */
  mined?: SentTransaction & { receipt: ChainReceipt };
}

/** What a transaction is to bring. */
export interface Sending extends Run {
  readonly gas: bigint;
  readonly finality?: Hex;
}

export interface SendsOptions {
  readonly chain: Chain;
  readonly opened: OpenedChain;
  readonly store: Pick<Store, "put" | "list">;
  readonly limits: Required<RelayLimits>;
  readonly log: RelayLog;
}

/** Our transactions, each on disk before it is sent, until its nonce is used in a confirmed block. */
export class Sends {
  readonly #options: SendsOptions;
  #all: Send[];

  private constructor(options: SendsOptions, all: Send[]) {
    this.#options = options;
    this.#all = all;
  }

  /** Those that are on disk. */
  static async open(options: SendsOptions): Promise<Sends> {
    const { opened, store } = options;
    const all: Send[] = [];
    const foreign: Record<string, null> = {};
    for (const { name, text } of await store.list(PREFIX)) {
      const { of, send } = parseSend(text);
      // Another account's transactions are not ours to repeat; the contract takes a round from either, and once.
      if (of === owner(opened)) all.push(send);
      else foreign[name] = null;
    }
    if (Object.keys(foreign).length > 0) await store.put(foreign);
    return new Sends(options, all.toSorted(byNonce));
  }

  /** By nonce. */
  get all(): readonly Send[] {
    return this.#all;
  }

  /**
   * What the chain asks for, within our bound.
   * @param before  of the transaction to replace: an eighth more is what nodes want, and some of them less
   * @returns undefined when that would exceed the bound
   */
  async fees(before?: Fees): Promise<Fees | undefined> {
    const asked = await ask(this.#options.chain.fees());
    const bound = this.#options.limits.maxFeePerGas;
    const raise = (fee: bigint) => fee + fee / 8n + 1n;
    const least = before && {
      maxFeePerGas: raise(before.maxFeePerGas),
      maxPriorityFeePerGas: raise(before.maxPriorityFeePerGas),
    };
    if (least && least.maxFeePerGas > bound) return undefined;
    const within = (fee: bigint, low: bigint, high: bigint) => (fee < low ? low : fee > high ? high : fee);
    const maxFeePerGas = within(asked.maxFeePerGas, least?.maxFeePerGas ?? 0n, bound);
    const tip = within(asked.maxPriorityFeePerGas, least?.maxPriorityFeePerGas ?? 0n, maxFeePerGas);
    return { maxFeePerGas, maxPriorityFeePerGas: tip };
  }

  /**
   * Signs a transaction, keeps it, and hands it over.
   * @param before  what it replaces
   */
  async send(latest: ChainPoint, nonce: number, run: Sending, fees: Fees, before?: Send): Promise<void> {
    const { chain, opened, store, log } = this.#options;
    const { from, to, rounds, instructions, finality, gas } = run;
    const signed = await ask(chain.sign({ stateBefore: from, instructions, finality }, { ...fees, nonce, gas }));
    const transactions = [...(before?.transactions ?? []), { hash: signed.hash, from, to, rounds }];
    const send: Send = { nonce, transactions, raw: signed.raw, fees, gas, repeated: false };
    await store.put({ [nameOf(nonce)]: sendText(send, owner(opened)) });
    this.#all = [...this.#all.filter((each) => each !== before), send].toSorted(byNonce);
    const fields = { nonce, hash: signed.hash, rounds, instructions: instructions.length, gas: String(gas) };
    log.info({ ...fields, maxFeePerGas: String(fees.maxFeePerGas) }, before ? "replacing" : "sending");
    await this.broadcast(send, latest);
  }

  /** Hands one to the chain, for the first time or again. */
  async broadcast(send: Send, latest: ChainPoint): Promise<void> {
    const answer = await ask(this.#options.chain.broadcast(send.raw));
    send.broadcast = latest.block;
    // The node will never take it at this fee: the next step replaces it.
    if (answer === "underpriced")
      [send.broadcast, send.repeated] = [latest.block - this.#options.limits.patience, true];
  }

  /** How it ended in the chain as it is now. */
  async findMined({ transactions }: Send): Promise<Send["mined"]> {
    for (const transaction of transactions.toReversed()) {
      const receipt = await ask(this.#options.chain.receipt(transaction.hash));
      if (receipt) return { ...transaction, receipt };
    }
    return undefined;
  }

  /** Forgets what can no longer change. */
  async forget(done: readonly Send[]): Promise<void> {
    if (done.length === 0) return;
    await this.#options.store.put(Object.fromEntries(done.map(({ nonce }) => [nameOf(nonce), null])));
    this.#all = this.#all.filter((send) => !done.includes(send));
  }
}

const byNonce = (a: Send, b: Send) => a.nonce - b.nonce;

// What is on disk of a send: a document under the number of its nonce.

const PREFIX = "send/";

/** Digits enough that names sort as numbers do. */
function nameOf(nonce: number): string {
  return PREFIX + String(nonce).padStart(12, "0");
}

function owner({ chainId, address, account }: Pick<OpenedChain, "chainId" | "address" | "account">): string {
  return [chainId, address, account].join(" ").toLowerCase();
}

interface SendDocument {
  of: string;
  nonce: number;
  transactions: { hash: Hex; from: string; to: string; rounds: [number, number] }[];
  raw: Hex;
  gas: string;
  maxFeePerGas: string;
  maxPriorityFeePerGas: string;
}

function sendText({ nonce, transactions, raw, gas, fees }: Send, of: string): string {
  return toJson({ of, nonce, transactions, raw, gas, ...fees });
}

function parseSend(text: string): { of: string; send: Send } {
  const { of, nonce, transactions, raw, gas, maxFeePerGas, maxPriorityFeePerGas } = JSON.parse(text) as SendDocument;
  const send: Send = {
    nonce,
    transactions: transactions.map(({ hash, from, to, rounds }) => ({
      hash,
      from: BigInt(from),
      to: BigInt(to),
      rounds,
    })),
    raw,
    fees: { maxFeePerGas: BigInt(maxFeePerGas), maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas) },
    gas: BigInt(gas),
    repeated: false,
  };
  return { of, send };
}
