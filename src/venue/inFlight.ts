import type { Auth, Item } from "../protocol/item.ts";
import type { Acknowledgement } from "./options.ts";

/** An item as it was sent. */
interface Sent {
  readonly item: Item;
  readonly auth: Auth;
}

/** Items that wait for their answers. One that is sent again meanwhile has the answer of the first. */
export class InFlight {
  #size = 0;
  /** by S of their signatures; not in a Map, for the reason that is told in threads.ts */
  readonly #byS: Record<string, (Sent & { readonly answer: Promise<Acknowledgement> }) | undefined> =
    Object.create(null);

  get size(): number {
    return this.#size;
  }

  /** The answer to an item that waits already. */
  find(sent: Sent): Promise<Acknowledgement> | undefined {
    const known = this.#byS[nameOf(sent)];
    return known && isSame(known, sent) ? known.answer : undefined;
  }

  /** @returns the answer */
  add(sent: Sent, answer: Promise<Acknowledgement>): Promise<Acknowledgement> {
    const name = nameOf(sent);
    // Of those that share an S, as only forged ones do, the first is found.
    const first = !this.#byS[name];
    if (first) this.#byS[name] = { answer, ...sent };
    this.#size++;
    answer.then(
      () => this.#forget(name, first),
      () => this.#forget(name, first),
    );
    return answer;
  }

  #forget(name: string, first: boolean): void {
    this.#size--;
    if (first) delete this.#byS[name];
  }
}

function nameOf({ auth }: Sent): string {
  return auth.S.toString(36);
}

function isSame(a: Sent, b: Sent): boolean {
  const sameItem = a.item.A === b.item.A && a.item.B === b.item.B && a.item.salt === b.item.salt;
  return sameItem && a.auth.R8x === b.auth.R8x && a.auth.R8y === b.auth.R8y && a.auth.S === b.auth.S;
}
