import type { Point } from "../protocol/babyjub.ts";
import type { Auth, Decoded, Item } from "../protocol/item.ts";
import type { Acknowledgement } from "./options.ts";
import { checkItems, type CheckedItem, type KeyedItem, type Signatures } from "./signing/signatures.ts";

/** An item that waits for its turn. */
export interface Waiting {
  readonly item: Item;
  readonly auth: Auth;
  /** null of what is malformed */
  readonly decoded: Decoded | null;
  /** null where it was not checked before its turn */
  checked: CheckedItem | null;
  readonly resolve: (acknowledgement: Acknowledgement) => void;
  readonly reject: (error: Error) => void;
}

export interface IntakeOptions {
  readonly domain: bigint;
  readonly signatures: Signatures;
  /** of an account, or undefined while it is not open */
  readonly keyOf: (account: number) => Point | undefined;
  /** called when the first of them have been checked */
  readonly onReady: () => void;
}

/** Items that are checked together at most. */
const LOT = 32;

/** Items in the order in which they came. Their signatures are checked before their turns, as many at once as came together. */
export class Intake {
  readonly #options: IntakeOptions;
  /** those that are checked, then those that are being checked, then the rest */
  readonly #queue: Waiting[] = [];
  #ready = 0;
  #checking: Promise<void> | null = null;
  #soon = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Items that wait, checked or not. */
  get length(): number {
    return this.#queue.length;
  }

  /** Items whose turn it is. */
  get ready(): number {
    return this.#ready;
  }

  push(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#checkSoon();
  }

  /** The first of those whose turn it is. What could not be checked before, as its account was not open, is checked now. */
  take(most: number): Waiting[] {
    const batch = this.#queue.slice(0, Math.min(most, this.#ready));
    const { keyed, of } = this.#keyed(batch.filter(({ checked }) => !checked));
    checkItems(this.#options.domain, keyed).forEach((result, i) => (of[i].checked = result));
    this.#ready -= batch.length;
    return this.#queue.splice(0, batch.length);
  }

  /** Fulfilled when all that waits now has been checked. */
  async checked(): Promise<void> {
    for (; this.#queue.length > this.#ready; await this.#checking) this.#check();
  }

  /** Empties the queue. @returns what was in it */
  clear(): Waiting[] {
    this.#ready = 0;
    return this.#queue.splice(0);
  }

  /** What else has come in by then is checked together with it. */
  #checkSoon(): void {
    if (this.#soon || this.#checking || this.#queue.length === this.#ready) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      this.#check();
    });
  }

  #check(): void {
    if (this.#checking || this.#queue.length === this.#ready) return;
    const lot = this.#queue.slice(this.#ready, this.#ready + LOT);
    const { keyed, of } = this.#keyed(lot);
    this.#checking = this.#answers(keyed).then((checked) => {
      this.#checking = null;
      of.forEach((waiting, i) => (waiting.checked = checked[i] ?? null));
      // Unless the queue was emptied meanwhile.
      if (this.#queue[this.#ready] !== lot[0]) return;
      this.#ready += lot.length;
      this.#checkSoon();
      this.#options.onReady();
    });
  }

  /** What cannot be checked now, or by a thread that has died, is checked in its turn. */
  async #answers(keyed: readonly KeyedItem[]): Promise<CheckedItem[]> {
    try {
      return keyed.length === 0 ? [] : await this.#options.signatures.check(this.#options.domain, keyed);
    } catch {
      return [];
    }
  }

  /** Items with the keys of their accounts, of those that are open so far. */
  #keyed(items: readonly Waiting[]): { keyed: KeyedItem[]; of: Waiting[] } {
    const keyed: KeyedItem[] = [];
    const of = items.filter(({ item, auth, decoded }) => {
      const key = decoded && this.#options.keyOf(Number(decoded.head.account));
      if (key) keyed.push({ item, auth, key });
      return key;
    });
    return { keyed, of };
  }
}
