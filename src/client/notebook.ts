/** What a client keeps, in which form, and when it is written. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Account } from "../protocol/account.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import type { TermsJson } from "./terms.ts";
import type { Auth, Item } from "../protocol/item.ts";
import { asInteger, asList, asObject, toJson } from "../protocol/json.ts";
import { readAccount } from "../protocol/opening.ts";
import type { Verdict } from "../protocol/parameters.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import { readItem, readReceipt } from "../protocol/wire.ts";
import {
  Contradiction,
  readFill,
  readSettlement,
  readStep,
  readVerdict,
  type ToldFill,
  type ToldSettlement,
  type ToldStep,
} from "./knowledge.ts";

/** Where a client keeps what it knows: one text by name. It holds orders and receipts, and no key. */
export interface Notebook {
  read(): Promise<string | null>;
  /** @throws when it could not be kept: then nothing is sent */
  write(text: string): Promise<void>;
  /** Runs while no other client has the notebook, where several may. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>;
}

/** A notebook that is gone with the process. */
export function memoryNotebook(): Notebook {
  let kept: string | null = null;
  return {
    read: async () => kept,
    write: async (text) => void (kept = text),
  };
}

/** An item that was signed, with what the venue has said to it. */
export interface SentItem {
  readonly item: Item;
  readonly auth: Auth;
  /** null: sent, and not answered so far */
  readonly receipt: SignedReceipt | null;
  readonly verdict: Verdict | null;
  /** its place in the proven log, where it was found before there was a receipt */
  readonly found?: bigint;
}

/** How far the log is proved, as this client has verified. */
export interface Verified {
  /** 0: none yet */
  readonly round: number;
  readonly state: bigint;
  readonly logCount: bigint;
  readonly head: bigint;
  /** seconds since 1970, of the last entry */
  readonly time: bigint;
}

/** An account as it was proved. */
export interface ProvedAccount {
  readonly round: number;
  readonly logCount: bigint;
  readonly account: Account;
  /** whether it is what this client had computed itself: false where it does not know all that has happened to it */
  readonly recomputed: boolean;
}

/** Rules and prices that only the venue has told: to be found true or not. */
export interface ToldTerms extends TermsJson {
  /** of the first check that they were not confirmed by: seconds since 1970, by the own clock */
  readonly time: bigint;
  /** the account that no state of late shows, since when, and how many entries the venue had then; null where one does */
  readonly unshown: {
    readonly index: number;
    readonly time: bigint;
    readonly logCount: number;
    /** since when it ought to be shown, by the own clock; null: not yet */
    readonly overdue: bigint | null;
  } | null;
}

/** Contradictions that are kept, and characters of the evidence of each: a venue could go on for ever. */
const [MOST_KEPT, MOST_TEXT] = [100, 100_000];

/** What a client knows and cannot ask for anew. */
export interface Memory {
  /** SHA-256 of the genesis, first state and signer: what must never change */
  pin: string;
  /** account of the key that is used */
  index: number | null;
  /** whether it was asked for, or something was sent from it */
  settled: boolean;
  items: SentItem[];
  fills: ToldFill[];
  deposits: { n: number; amount: bigint }[];
  settlements: ToldSettlement[];
  /** of the operator, against the account */
  steps: ToldStep[];
  verified: Verified;
  proved: ProvedAccount | null;
  /** from where on all that concerns the account is known: without open orders; account null: it was not there yet */
  base: { logCount: bigint; account: Account | null } | null;
  /** items that the venue has turned away, or never had: should one stand in the log all the same, it is known */
  refused: SentItem[];
  /** rules and prices to begin from; null: those of the genesis */
  terms: TermsJson | null;
  /** what was begun with, and no proven state has confirmed so far; null where nothing is so */
  told: ToldTerms | null;
  contradictions: { kind: string; message: string; evidence: string }[];
}

/** A client's memory, and the notebook that it is kept in. */
export class Notes {
  #memory: Memory;
  readonly #notebook: Notebook;
  /** the notebook as it was read or written last */
  #kept: string | null;
  #busy: Promise<unknown> = Promise.resolve();
  /** called when another client's memory was taken over, or another account is used */
  onReread: () => void = () => {};

  private constructor(notebook: Notebook, kept: string | null, memory: Memory) {
    this.#notebook = notebook;
    this.#kept = kept;
    this.#memory = memory;
  }

  /**
   * @param fresh  memory of the venue that is there now, for a notebook that is empty
   * @throws NOTEBOOK, Contradiction "otherVenue"
   */
  static async open(notebook: Notebook, fresh: Memory): Promise<Notes> {
    const kept = await notebook.read();
    const memory = kept === null ? fresh : readMemory(kept);
    if (memory.pin !== fresh.pin)
      throw new Contradiction(
        "otherVenue",
        "its genesis, first state or signer is not the one of the notebook: if it is another venue, use another notebook",
      );
    return new Notes(notebook, kept, memory);
  }

  get memory(): Memory {
    return this.#memory;
  }

  /** One thing at a time, so that nonces rise and nothing that is kept is overwritten. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const { exclusive } = this.#notebook;
    const run = () => (exclusive ? exclusive.call(this.#notebook, () => this.#reread().then(work)) : work());
    const next = this.#busy.then(run, run) as Promise<T>;
    this.#busy = next.catch(() => {});
    return next;
  }

  /** Takes over what another client has written into the notebook. */
  async #reread(): Promise<void> {
    const text = await this.#notebook.read();
    if (text === null || text === this.#kept) return;
    const memory = readMemory(text);
    if (memory.pin !== this.#memory.pin)
      throw new TacitError("NOTEBOOK", "the notebook has become one of another venue: open it anew");
    this.#memory = memory;
    this.#kept = text;
    this.onReread();
  }

  /** Keeps a contradiction with its evidence: of many the first ones. */
  async shout(error: Contradiction): Promise<void> {
    const { kind, message, details } = error;
    const { contradictions } = this.#memory;
    if (contradictions.length < MOST_KEPT && !contradictions.some((known) => known.message === message))
      contradictions.push({
        kind,
        message: message.slice(0, MOST_TEXT),
        evidence: toJson(details).slice(0, MOST_TEXT),
      });
    await this.keep();
  }

  /** Writes the memory, as it is now, into the notebook. */
  async keep(): Promise<void> {
    const text = toJson(this.#memory);
    await this.#notebook.write(text);
    this.#kept = text;
  }
}

/** Of a venue of which nothing is known so far. */
export function freshMemory({
  genesis,
  state,
  signer,
}: {
  genesis: GenesisFile;
  state: bigint;
  signer: string;
}): Memory {
  const pin = bytesToHex(sha256(new TextEncoder().encode(toJson([genesis, state, signer]))));
  const verified = { round: 0, state, logCount: 0n, head: 0n, time: genesis.time };
  return {
    pin,
    index: null,
    settled: false,
    items: [],
    fills: [],
    deposits: [],
    settlements: [],
    steps: [],
    verified,
    proved: null,
    base: null,
    refused: [],
    terms: null,
    told: null,
    contradictions: [],
  };
}

/** @throws NOTEBOOK when it is not what a client wrote */
function readMemory(text: string): Memory {
  try {
    const json = asObject("notebook", JSON.parse(text));
    const verified = asObject("verified", json.verified);
    const [state, logCount, head, time] = ["state", "logCount", "head", "time"].map((name) =>
      asInteger(name, verified[name]),
    );
    const account = (it: unknown) => (it === null ? null : readAccount("account", it));
    const base = json.base === null ? null : asObject("base", json.base);
    const proved = json.proved === null ? null : asObject("proved", json.proved);
    return {
      pin: json.pin as string,
      index: json.index as number | null,
      settled: json.settled as boolean,
      items: asList("items", json.items).map(readSent),
      refused: asList("refused", json.refused).map(readSent),
      fills: asList("fills", json.fills).map(readFill),
      deposits: asList("deposits", json.deposits).map((entry) => {
        const { n, amount } = asObject("deposits", entry);
        return { n: n as number, amount: asInteger("amount", amount) };
      }),
      settlements: asList("settlements", json.settlements).map(readSettlement),
      steps: asList("steps", json.steps).map(readStep),
      verified: { round: verified.round as number, state, logCount, head, time },
      proved: proved && {
        round: proved.round as number,
        logCount: asInteger("logCount", proved.logCount),
        account: account(proved.account)!,
        recomputed: proved.recomputed as boolean,
      },
      base: base && { logCount: asInteger("logCount", base.logCount), account: account(base.account) },
      terms: json.terms === null ? null : (asObject("terms", json.terms) as unknown as TermsJson),
      told: json.told === null ? null : readTold(json.told),
      contradictions: json.contradictions as Memory["contradictions"],
    };
  } catch {
    throw new TacitError("NOTEBOOK", "the notebook is not what a client of this version wrote");
  }
}

function readTold(json: unknown): ToldTerms {
  const { time, unshown, ...terms } = asObject("told", json);
  return {
    ...(terms as unknown as TermsJson),
    time: asInteger("told.time", time),
    unshown: unshown === null ? null : readUnshown(unshown),
  };
}

function readUnshown(json: unknown): ToldTerms["unshown"] {
  const { index, time, logCount, overdue } = asObject("told.unshown", json);
  return {
    index: index as number,
    time: asInteger("told.unshown.time", time),
    logCount: logCount as number,
    overdue: overdue === null ? null : asInteger("told.unshown.overdue", overdue),
  };
}

function readSent(json: unknown): SentItem {
  const { item, auth, receipt, verdict, found } = asObject("items", json);
  return {
    ...readItem({ ...(item as object), ...(auth as object) }),
    receipt: receipt === null ? null : readReceipt(receipt),
    verdict: readVerdict(verdict),
    ...(found === undefined ? {} : { found: asInteger("found", found) }),
  };
}
