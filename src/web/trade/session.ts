import { reason } from "../format.ts";
import { TacitError } from "../../protocol/errors.ts";
import type { AskKind, Asks, Booked, Checked, Found, News, OwnAccount } from "./messages.ts";

/** Rows of what was booked that are at hand: of more the newest. */
const MOST_BOOKED = 100_000;

/**
 * The page's side of the thread that holds a key: what it has told so far, and questions to it. Contradictions stay, also after the key
 * is forgotten: what cannot be true does not become true by that.
 */
export class Session {
  readonly #onChange: () => void;
  #worker: Worker | null = null;
  #asked = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  #next = 0;
  open = false;
  account: OwnAccount | null = null;
  /** whether the venue has said whether there is an account */
  isKnown = false;
  checked: Checked | null = null;
  trouble: string | null = null;
  /** the oldest first */
  booked: Booked[] = [];
  readonly found: Found[] = [];

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** @throws TacitError of the thread's refusal */
  async ask<Kind extends AskKind>(kind: Kind, ask: Asks[Kind]["ask"]): Promise<Asks[Kind]["answer"]> {
    if (!this.#worker) this.#start();
    const id = this.#next++;
    const answer = await new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#worker!.postMessage({ id, kind, ask });
    });
    return answer as Asks[Kind]["answer"];
  }

  /** Makes or opens a key: where that fails the thread is gone. */
  async begin<Kind extends "create" | "open">(kind: Kind, ask: Asks[Kind]["ask"]): Promise<Asks[Kind]["answer"]> {
    this.forget();
    try {
      const answer = await this.ask(kind, ask);
      this.open = true;
      return answer;
    } catch (error) {
      this.forget();
      throw error;
    } finally {
      this.#onChange();
    }
  }

  /** The key is gone with its thread, and with it all that it told but contradictions. */
  forget(): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#asked.values()) reject(new TacitError("CLOSED", "the key was forgotten"));
    this.#asked.clear();
    this.open = this.isKnown = false;
    this.account = this.checked = this.trouble = null;
    this.booked = [];
    this.#onChange();
  }

  #start(): void {
    const worker = new Worker(new URL("../thread.ts", import.meta.url), { type: "module", name: "account" });
    this.#worker = worker;
    // What a thread said just before it was ended may come after.
    worker.addEventListener("message", ({ data }: MessageEvent<News>) => worker === this.#worker && this.#hear(data));
    worker.addEventListener("error", ({ message }) => {
      if (worker !== this.#worker) return;
      this.trouble = message || "the script did not load";
      for (const { reject } of this.#asked.values()) reject(new Error(this.trouble));
      this.#asked.clear();
      this.#onChange();
    });
  }

  #hear(news: News): void {
    switch (news.kind) {
      case "answer":
      case "refusal": {
        const asked = this.#asked.get(news.id);
        this.#asked.delete(news.id);
        if (news.kind === "answer") return asked?.resolve(news.answer);
        return asked?.reject(new TacitError(news.code, news.message));
      }
      case "account":
        [this.account, this.isKnown] = [news.account, true];
        break;
      case "booked":
        this.booked = [...this.booked, ...news.booked].slice(-MOST_BOOKED);
        break;
      case "checked":
        this.checked = news.checked;
        break;
      case "contradictions":
        for (const it of news.found) if (!this.found.some(({ message }) => message === it.message)) this.found.push(it);
        break;
      case "trouble":
        this.trouble = news.message;
        break;
    }
    this.#onChange();
  }
}

/** A refusal for people, with its code where it has one. */
export function refusalOf(error: unknown): { readonly code: string | null; readonly message: string } {
  return { code: error instanceof TacitError ? error.code : null, message: reason(error) };
}
