import { decodeItem } from "../../protocol/item.ts";
import { TacitError } from "../../protocol/errors.ts";
import { isHostOf, LOOPBACK } from "./hosts.ts";
import { readSession } from "../../protocol/wire.ts";
import { rateLimited, unauthorised } from "./errors.ts";
import { TokenBuckets, type Rate } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { parse, parseItem, SessionRequestSchema, type SubmitKind } from "./schema.ts";
import { Sessions, type Session } from "./sessions.ts";
import { acknowledgementJson, type AcknowledgementJson, type ServedVenue } from "./views.ts";

export interface DeskOptions {
  readonly rates: { readonly account: Rate; readonly address: Rate };
  readonly sessions: number;
  /** names of the venue's host, beside those of this machine */
  readonly hosts: readonly string[];
  /** milliseconds, never falling */
  readonly now: () => number;
}

/** Addresses whose buckets are kept. */
const ADDRESSES = 100_000;
/** What a check of a signature costs an address, in requests: of a session, and of an item that proves not to be signed. */
export const SIGNATURE_COST = 20;

/** What requests and streams have in common: rates, sessions, and items. */
export class Desk {
  readonly #venue: ServedVenue;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #byAddress: TokenBuckets<string>;
  readonly #byAccount: TokenBuckets<number>;
  readonly #sessions: Sessions;

  constructor(venue: ServedVenue, metrics: Metrics, { rates, sessions, hosts, now }: DeskOptions) {
    this.#venue = venue;
    this.#metrics = metrics;
    this.#now = now;
    this.#byAddress = new TokenBuckets({ ...rates.address, most: ADDRESSES, now });
    // Only accounts that have signed something are charged: there are never more buckets than accounts.
    this.#byAccount = new TokenBuckets({ ...rates.account, most: Infinity, now });
    this.#sessions = new Sessions({
      domain: venue.genesis.domain,
      isHost: (host) => isHostOf(host, [...LOOPBACK, ...hosts]),
      now: () => venue.clock.now(),
      most: sessions,
    });
  }

  /** @throws RATE_LIMITED  when the address has asked for too much */
  charge(address: string, cost = 1): void {
    const wait = this.#byAddress.take(address, cost);
    if (wait > 0) throw rateLimited("too many requests come from this address: try again", wait);
  }

  /**
   * An item to its acknowledgement. Whoever only names an account takes nothing of its rate: it is charged once the venue
   * has found the item to be signed. An item that is not costs its address what the check did.
   * @returns with the number of the account that the item names, -1 for none
   * @throws FORMAT, RATE_LIMITED, and as the venue does
   */
  async submit(kind: SubmitKind, json: unknown, address: string): Promise<AcknowledgementJson & { account: number }> {
    const { item, auth } = parseItem(json);
    const account = Number(decodeItem(item)?.head.account ?? -1n);
    const wait = this.#venue.account(account) ? this.#byAccount.wait(account) : 0;
    if (wait > 0) throw rateLimited("the account sends too many items: try again", wait);
    const start = this.#now();
    const answer = await this.#send(kind, { item, auth }).catch((error: unknown) => {
      const why = error instanceof TacitError && error.code === "DECLINED" ? error.details.verdict : null;
      if (why === "nonce") this.#byAccount.charge(account);
      if (why === "unsigned") this.#byAddress.charge(address, SIGNATURE_COST);
      throw error;
    });
    this.#byAccount.charge(account);
    this.#metrics.acknowledged((this.#now() - start) / 1000);
    return { ...acknowledgementJson(answer), account };
  }

  #send(kind: SubmitKind, { item, auth }: ReturnType<typeof parseItem>) {
    switch (kind) {
      case "order":
        return this.#venue.order(item, auth);
      case "quotes":
        return this.#venue.quotes(item, auth);
      case "cancel":
        return this.#venue.cancel(item, auth);
      case "withdrawal":
        return this.#venue.withdraw(item, auth);
    }
  }

  /** Begins a session. @throws FORMAT, OUT_OF_RANGE, UNAUTHORISED */
  login(json: unknown): { token: string; session: Session } {
    const request = readSession(parse("session", SessionRequestSchema, json));
    return this.#sessions.open(request, this.#venue.indexesOf(request.key).length > 0);
  }

  /** @throws UNAUTHORISED  when there is no such session, or no more */
  session(token: string): Session {
    const session = this.#sessions.find(token);
    if (!session) throw unauthorised("there is no session of this token: begin one (POST /v1/session)");
    return session;
  }

  /** Whether a session is still good. */
  isCurrent({ expires }: Session): boolean {
    return expires > this.#venue.clock.now();
  }

  accountsOf({ key }: Session): number[] {
    return this.#venue.indexesOf(key);
  }
}
