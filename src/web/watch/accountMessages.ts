/** What page and thread of an account say to each other: never the key, which stays in the thread. */

export interface OpenKey {
  readonly url: string;
  /** file that sealSecret made */
  readonly sealed: string;
  readonly passphrase: string;
  /** text of a client's notebook */
  readonly notebook: string | null;
}

export interface OwnOrder {
  readonly market: string;
  readonly nonce: string;
  readonly side: string;
  readonly limit: string;
  readonly remaining: string;
  readonly cancelled: boolean;
}

/** A fill, or funding or a settlement of a position. */
export interface OwnFill {
  readonly n: number;
  readonly what: string;
  readonly time: string;
  /** null of what is of no market */
  readonly market: string | null;
  readonly lots: string;
  readonly price: string;
  readonly fee: string;
  readonly cash: string;
}

/** Recomputed in the thread, from prices whose quorum it has checked. */
export interface OwnMargin {
  readonly scenarios: readonly {
    readonly factor: number;
    readonly level: string;
    readonly equity: string;
    readonly free: string;
  }[];
  readonly worst: number;
  readonly charges: string;
  readonly drivers: readonly {
    readonly name: string;
    readonly lots: string;
    readonly value: string;
    readonly change: string;
    readonly charge: string;
  }[];
  readonly curve: readonly { readonly factor: number; readonly equity: string }[];
}

export interface OwnAccount {
  readonly index: number;
  readonly equity: string;
  readonly worst: string;
  readonly reserved: string;
  readonly free: string;
  readonly cash: string;
  /** null: the venue shows no prices that could be checked */
  readonly margin: OwnMargin | null;
  /** that no proof has shown rules and prices so far, in words */
  readonly told: string | null;
  /** how near the account is to being sold down, in words; null: nothing is wrong */
  readonly call: string | null;
  readonly orders: readonly OwnOrder[];
  /** the newest first */
  readonly fills: readonly OwnFill[];
}

export interface Checked {
  /** last round that the thread has verified, 0 for none */
  readonly round: number;
  /** the account in it, if it was shown: proved, and perhaps computed anew from what its owner knows */
  readonly account: { readonly round: number; readonly cash: string; readonly recomputed: boolean } | null;
}

/** Something that the venue says and that cannot be true, with what shows it: JSON. */
export interface Found {
  readonly message: string;
  readonly evidence: string;
}

export type AccountNews =
  | { readonly kind: "opened" }
  | { readonly kind: "account"; readonly account: OwnAccount }
  | { readonly kind: "checked"; readonly checked: Checked }
  | { readonly kind: "contradictions"; readonly found: readonly Found[] }
  /** what keeps it from going on for now, or null */
  | { readonly kind: "trouble"; readonly message: string | null }
  /** the key was not opened */
  | { readonly kind: "failed"; readonly message: string };
