import { Api } from "../client/api.ts";
import { TacitError } from "../protocol/errors.ts";
import { asList, asObject } from "../protocol/json.ts";
import { reason } from "./format.ts";
import {
  readAnnounced,
  readAuction,
  readHealth,
  readPrices,
  readRound,
  readVenue,
  type AnnouncedRules,
  type Auction,
  type Health,
  type PricesInfo,
  type RoundInfo,
  type VenueInfo,
} from "./model.ts";

/** What is kept of each series, the newest. */
const AUCTIONS = 500;
const ROUNDS = 500;
const SAMPLES = 900;
/** Milliseconds between two looks at what no stream tells, and at all when there is no stream. */
const LOOK = 2_000;
const RULES_EVERY = 15;
const RECONNECT = { first: 1_000, longest: 30_000 };

/**
 * What a venue shows, as it comes: over its stream, and by asking again and again where there is none. `onChange` is called
 * after each change, `onAuction` with each auction that closes from now on.
 */
export class Feed {
  readonly api: Api;
  venue: VenueInfo | null = null;
  health: Health | null = null;
  prices: PricesInfo | null = null;
  /** as the venue told them, and when it was asked: milliseconds since 1970 */
  pricesTold: { readonly told: unknown; readonly asked: number } | null = null;
  announced: readonly AnnouncedRules[] = [];
  /** what keeps the venue from being read */
  trouble: string | null = null;
  /** whether a stream brings auctions and rounds at once */
  live = false;
  /** the oldest first */
  readonly lag: { readonly time: number; readonly unproved: number }[] = [];
  readonly #auctions = new Map<string, Map<number, Auction>>();
  readonly #rounds = new Map<number, RoundInfo>();
  readonly #onChange: () => void;
  readonly #onAuction: (auction: Auction) => void;
  #market: string | null = null;
  #looking = false;
  #looks = 0;
  #reconnect = RECONNECT.first;

  constructor(url: string, on: { change: () => void; auction: (auction: Auction) => void }) {
    this.api = new Api(url);
    this.#onChange = on.change;
    this.#onAuction = on.auction;
  }

  start(): void {
    void this.#look();
    setInterval(() => void this.#look(), LOOK);
  }

  /** Auctions of a market, the oldest first. */
  auctions(market: string): Auction[] {
    return [...(this.#auctions.get(market)?.values() ?? [])].sort((a, b) => a.n - b.n);
  }

  /** Proved rounds, the oldest first. */
  get rounds(): RoundInfo[] {
    return [...this.#rounds.values()].sort((a, b) => a.number - b.number);
  }

  /** Has the history of a market be read. */
  choose(market: string): void {
    this.#market = market;
    void this.#refresh();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      if (!this.venue) {
        this.venue = readVenue(await this.api.get("/venue"));
        this.#connect();
      }
      const trouble = await this.#readHealth();
      const asked = Date.now();
      const told = await this.api.get("/prices");
      this.prices = readPrices(told);
      this.pricesTold = { told, asked };
      // Rules change seldom, and are long: not at each look.
      if (this.#looks++ % RULES_EVERY === 0) this.announced = readAnnounced(await this.api.get("/rules"));
      if (!this.live) await this.#readLists();
      this.trouble = trouble;
    } catch (error) {
      this.trouble = reason(error);
    }
    this.#looking = false;
    this.#onChange();
  }

  /** A venue that does not do well answers with status 503. @returns what is wrong, or null */
  async #readHealth(): Promise<string | null> {
    try {
      this.health = readHealth(await this.api.get("/health"));
    } catch (error) {
      if (!(error instanceof TacitError) || error.details.status !== 503) throw error;
      return "The venue takes no orders at present, or proves nothing.";
    }
    this.lag.push({ time: Date.now() / 1000, unproved: this.health.unproved });
    if (this.lag.length > SAMPLES) this.lag.shift();
    return null;
  }

  async #refresh(): Promise<void> {
    try {
      await this.#readLists();
    } catch (error) {
      this.trouble = reason(error);
    }
    this.#onChange();
  }

  async #readLists(): Promise<void> {
    const of = this.#market === null ? "" : `market=${this.#market}&`;
    const [auctions, rounds] = await Promise.all([
      this.api.get(`/auctions?${of}limit=200`),
      this.api.get("/rounds?limit=200"),
    ]);
    for (const row of asList("auctions", asObject("auctions", auctions).auctions)) this.#addAuction(readAuction(row));
    for (const row of asList("rounds", asObject("rounds", rounds).rounds)) this.#addRound(readRound(row));
  }

  #addAuction(auction: Auction): void {
    const known = this.#auctions.get(auction.market) ?? new Map<number, Auction>();
    this.#auctions.set(auction.market, known);
    known.set(auction.n, auction);
    if (known.size > AUCTIONS) known.delete(Math.min(...known.keys()));
  }

  #addRound(round: RoundInfo): void {
    this.#rounds.set(round.number, round);
    if (this.#rounds.size > ROUNDS) this.#rounds.delete(Math.min(...this.#rounds.keys()));
  }

  #connect(): void {
    const socket = new WebSocket(`${this.api.url.replace(/^http/, "ws")}/v1/stream`);
    socket.addEventListener("open", () => {
      this.#reconnect = RECONNECT.first;
      socket.send(JSON.stringify({ op: "subscribe", id: 1, channels: ["auctions", "rounds"] }));
    });
    socket.addEventListener("message", ({ data }) => {
      try {
        this.#receive(asObject("message", JSON.parse(String(data))));
      } catch (error) {
        this.trouble = reason(error);
      }
      this.#onChange();
    });
    // An error is followed by a close.
    socket.addEventListener("close", () => {
      this.live = false;
      setTimeout(() => this.#connect(), this.#reconnect);
      this.#reconnect = Math.min(2 * this.#reconnect, RECONNECT.longest);
      this.#onChange();
    });
  }

  #receive(message: Record<string, unknown>): void {
    if (message.channel === "auctions") {
      const auction = readAuction(message.auction);
      this.#addAuction(auction);
      this.#onAuction(auction);
    } else if (message.channel === "rounds") this.#addRound(readRound(message.round));
    else if (message.id === 1 && Array.isArray(message.channels)) {
      this.live = true;
      // What happened before the stream told of it.
      void this.#refresh();
    }
  }
}
