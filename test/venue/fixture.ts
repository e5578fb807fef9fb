import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { Event } from "../../src/matcher/events.ts";
import type { Matcher } from "../../src/matcher/matcher.ts";
import { depositKey, publicKey, sign } from "../../src/protocol/eddsa.ts";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import {
  cancelItem,
  itemHash,
  orderItem,
  quotesItem,
  withdrawalItem,
  type Auth,
  type Item,
  type QuotesFields,
} from "../../src/protocol/item.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { INSTRUMENTS, SIDE } from "../../src/protocol/parameters.ts";
import { NO_PREMIUM, quorumOf, reportHash, type Numbers, type SignedReport } from "../../src/protocol/report.ts";
import type { Chain as Anvil } from "../../src/setup/chain/chain.ts";
import type { Clock } from "../../src/venue/clock.ts";
import { developmentGenesis } from "../../src/venue/developmentGenesis.ts";
import type { RoundProver } from "../../src/venue/proving/provers.ts";
import { readJournal, type JournalEntry } from "../../src/venue/store/journal.ts";
import type { Store } from "../../src/venue/store/store.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";
import { type VenueEvent, type VenueOptions } from "../../src/venue/options.ts";
import { Venue } from "../../src/venue/venue.ts";
import { verifyRound } from "../../src/verifier/index.ts";
import { FEED_SECRETS, pricesOfTests } from "../priced.ts";
import { Simulator } from "../verifier/simulator.ts";

/** A multiple of the interval of auctions. */
export const START = 1_767_225_600n;
export const INTERVAL = 10n;
export const DEPOSIT = 40_000_000n;
export const SECRET = new Uint8Array(32).fill(1);
export const SIGNER = localSigner(new Uint8Array(32).fill(2));
export const PERP = 101n;

/** The one epoch that there is: it ends at START, and its prices count as long again. */
export const EPOCH = 1n;
export const genesisJson = developmentGenesis({
  secret: SECRET,
  insurance: new Uint8Array(32).fill(3),
  domain: 77n,
  time: START,
  interval: Number(INTERVAL),
  pricing: { epochLength: START, lag: 0n, grid: START },
  expiry: 2n * START,
  feeds: FEED_SECRETS.slice(0, PROFILES.demo.feeds).map(publicKey),
});
/** As anybody reads it: without prices. */
export const unpriced = parseGenesis(genesisJson);
export const values = (...known: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => known[i] ?? 0n);
/** With the prices of EPOCH, as if they had always been there. */
export const genesis = {
  ...unpriced,
  prices: pricesOfTests(unpriced.rules, {
    values: [
      values(100_000n, 6_000n, 5_500n),
      values(120_000n, 21_000n, 600n),
      values(80_000n, 500n, 20_800n),
      values(65_000n, 10n, 35_500n),
    ],
    epoch: EPOCH,
  }),
};

/** What all feeds say of an epoch under some rules: of the index, the perpetual the same, volatilities of 60%. */
export function reportsOf(
  { index = 100_000n, epoch = EPOCH, ...change }: Partial<Numbers> & { epoch?: bigint } = {},
  { rules, domain }: Pick<typeof unpriced, "rules" | "domain"> = unpriced,
): SignedReport[] {
  const sigma = (60n << 24n) / 100n;
  const numbers = { index, average: index, sigma, premium: NO_PREMIUM, values: values(index, sigma), ...change };
  const report = { domain, contracts: contractsHash(rules.instruments), epoch, ...numbers };
  const message = reportHash(report);
  return rules.group.feeds.map((_, feed) => ({ feed, report, auth: sign(FEED_SECRETS[feed], message) }));
}

/** The first that are a quorum. */
export const quorumOfReports = (reports: readonly SignedReport[]) => reports.slice(0, quorumOf(reports.length));

/** A clock that stands until it is moved. */
export class ManualClock implements Clock {
  #now: bigint;
  #orders: { at: bigint; call: () => void }[] = [];
  constructor(now = START + 1n) {
    this.#now = now;
  }

  now(): bigint {
    return this.#now;
  }

  wake(at: bigint, call: () => void): () => void {
    const order = { at, call };
    this.#orders.push(order);
    if (at <= this.#now) queueMicrotask(() => this.#ring());
    return () => (this.#orders = this.#orders.filter((it) => it !== order));
  }

  /** Sets the clock, perhaps back, and wakes nobody. */
  set(now: bigint): void {
    this.#now = now;
  }

  advance(seconds: bigint): void {
    this.#now += seconds;
    this.#ring();
  }

  #ring(): void {
    const due = this.#orders.filter(({ at }) => at <= this.#now);
    this.#orders = this.#orders.filter(({ at }) => at > this.#now);
    for (const { call } of due) call();
  }
}

/** So many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise that the test fulfils. */
export function gate() {
  let pass = () => {};
  const passed = new Promise<void>((resolve) => (pass = resolve));
  return { pass, passed };
}

/** A clock and a chain whose times pass together. */
interface Both {
  clock: ManualClock;
  anvil: Anvil;
}

/** Seconds pass on a clock and on a chain; each look at the chain finds a new block. */
export async function passBoth({ clock, anvil, seconds }: Both & { seconds: bigint }): Promise<void> {
  for (let i = 0n; i < seconds; i += 2n) {
    clock.advance(2n);
    await anvil.client.setNextBlockTimestamp({ timestamp: clock.now() });
    await anvil.client.mine({ blocks: 1 });
    await turns(20);
  }
}

/**
 * Lets both pass until it holds, as long as the relay of the venue goes on.
 * @param looks  after so many in vain the test fails
 */
export async function passUntil(
  { clock, anvil, venue, what, looks }: Both & { venue: Venue; what: string; looks: number },
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let look = 0; !(await holds()); look++) {
    const { chain, reason } = venue.health();
    assert.equal(chain!.stopped, undefined, chain!.stopped?.message);
    assert.ok(look < looks, `not ${what} after ${looks} looks: ${chain!.waiting ?? "nothing waits"}, ${reason}`);
    await passBoth({ clock, anvil, seconds: 2n });
  }
}

/** Someone who trades: account 2 + number, if all traders' deposits are credited in their order. */
export class Trader {
  readonly secret: Uint8Array;
  readonly index: number;
  readonly #random: Random;
  nonce = 0n;

  constructor(number: number) {
    this.secret = new Uint8Array(32).fill(100 + number);
    this.index = 2 + number;
    this.#random = new Random(1 + number);
  }

  get key() {
    return publicKey(this.secret);
  }

  get deposit() {
    const { x: keyX, y: keyY } = depositKey(this.key);
    return { keyX, keyY, index: this.index, amount: DEPOSIT };
  }

  sign(item: Item): { item: Item; auth: Auth } {
    const { R8x, R8y, S } = sign(this.secret, itemHash(genesis.domain, item));
    return { item, auth: { R8x, R8y, S } };
  }

  order(side: keyof typeof SIDE, size: bigint, limit: bigint, fields: Partial<Parameters<typeof orderItem>[0]> = {}) {
    return this.sign(
      orderItem({
        market: PERP,
        account: BigInt(this.index),
        nonce: ++this.nonce,
        side: SIDE[side],
        limit,
        size,
        validUntil: START + 86_400n,
        expiry: START + 86_400n,
        salt: this.#random.bits(248),
        ...fields,
      }),
    );
  }

  /** A list of so many quotes, away from the mark. */
  quotes(count: number, fields: Partial<QuotesFields> = {}) {
    const orders = Array.from({ length: count }, (_, j) => {
      return { side: j % 2, limit: 100_000n + (j % 2 ? 100n : -100n) * BigInt(1 + j), size: 1n };
    });
    const nonce = this.nonce + 1n;
    this.nonce += 8n;
    const [validUntil, expiry] = [START + 86_400n, START + 86_400n];
    const common = {
      market: PERP,
      account: BigInt(this.index),
      nonce,
      validUntil,
      expiry,
      salt: this.#random.bits(248),
    };
    return this.sign(quotesItem({ ...common, orders, ...fields }));
  }

  /** Of one order, or of all. */
  cancel(target?: bigint, market = PERP) {
    const salt = this.#random.bits(248);
    const fields = { market, account: BigInt(this.index), nonce: ++this.nonce, validUntil: START + 86_400n, salt };
    return this.sign(cancelItem({ ...fields, ...(target === undefined ? {} : { target }) }));
  }

  withdrawal(amount: bigint, recipient = 0xabcn) {
    const salt = this.#random.bits(248);
    const fields = { account: BigInt(this.index), nonce: ++this.nonce, validUntil: START + 86_400n, salt };
    return this.sign(withdrawalItem({ ...fields, amount, recipient }));
  }
}

export function traders(count: number): Trader[] {
  return Array.from({ length: count }, (_, i) => new Trader(i));
}

/** A venue in memory, on a clock that stands, which has heard these reports, and in which these traders have deposited. */
export async function openTestVenue(
  options: Partial<VenueOptions> & { traders?: readonly Trader[]; reports?: readonly SignedReport[] } = {},
) {
  const clock = (options.clock as ManualClock) ?? new ManualClock();
  const storage = options.storage ?? memoryStore();
  const venue = await Venue.open({ genesis, secret: SECRET, signer: SIGNER, storage, clock, ...options });
  for (const report of options.reports ?? []) venue.feeds.add(report);
  const fresh = (options.traders ?? []).filter(({ index }) => !venue.account(index));
  if (fresh.length > 0) await venue.deposit(fresh.map(({ deposit }) => deposit));
  return { venue, clock, storage };
}

/** A store that may be opened again after `close`. */
export function lastingStore(): Store {
  return { ...memoryStore(), close: async () => {} };
}

/** Each entry of a journal, with what a matcher makes of it: nothing of the end of a round. */
export async function* replay(
  storage: Store,
  matcher: Matcher,
): AsyncGenerator<{ entry: JournalEntry; events: readonly Event[] }> {
  for await (const { entry } of readJournal(storage))
    if (entry.kind === "round") yield { entry, events: [] };
    else yield { entry, events: matcher.apply(entry.kind === "item" ? { ...entry, signed: true } : entry) };
}

/** Proofs without circuits, for keys whose secrets the simulator has. `gate` holds each back until it is fulfilled. */
export function simulatedProver(simulator = new Simulator("venue"), gate: () => Promise<void> = async () => {}) {
  const made: string[] = [];
  const prover: RoundProver = {
    parallel: 2,
    async prove({ name, publicInputs }) {
      await gate();
      made.push(name);
      return simulator.prove(name, publicInputs);
    },
    async verify(view, round, now) {
      return verifyRound({ ...view, keys: simulator.keys }, round, { now });
    },
    async close() {},
  };
  return { prover, keys: simulator.keys, made };
}

/** Fulfilled at the first event that satisfies. */
export function eventOf<Kind extends VenueEvent["kind"]>(
  venue: Venue,
  kind: Kind,
  holds: (event: Extract<VenueEvent, { kind: Kind }>) => boolean = () => true,
): Promise<Extract<VenueEvent, { kind: Kind }>> {
  return new Promise((resolve) => {
    const end = venue.subscribe((event) => {
      if (event.kind !== kind || !holds(event as Extract<VenueEvent, { kind: Kind }>)) return;
      end();
      resolve(event as Extract<VenueEvent, { kind: Kind }>);
    });
  });
}
