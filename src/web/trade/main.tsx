import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { byId } from "../dom.ts";
import { Feed } from "../feed.ts";
import { reason, thousands } from "../format.ts";
import type { Auction, Health } from "../model.ts";
import { clock } from "../plot.ts";
import { checkedPrices, checkPrices } from "../watch/prices.ts";
import { CurveChart, PriceChart } from "./Chart.tsx";
import { Key, KeyMenu } from "./Key.tsx";
import { keepSettings, readSettings, type Settings } from "./kept.ts";
import { fetchMarkets, type MarketInfo, type Markets } from "./markets.ts";
import { averageOf, Own } from "./Own.tsx";
import { PLAY_MONEY } from "./Money.tsx";
import { money, Said, save, Table, Tile, type Outcome, type State } from "./parts.tsx";
import { refusalOf, Session } from "./session.ts";
import { TEXTS } from "./texts.ts";
import { Ticket, type Draft } from "./Ticket.tsx";

/** Milliseconds between two looks at the markets. */
const LOOK = 2_000;

class Page {
  readonly feed: Feed;
  readonly session: Session;
  markets: Markets | null = null;
  /** entries of the log up to which the contract has accepted rounds */
  accepted = 0;
  #planned = false;
  #looking = false;

  constructor(url: string) {
    this.feed = new Feed(url, { change: () => this.draw(), auction: (auction) => this.#closed(auction) });
    this.session = new Session(() => this.draw());
  }

  start(): void {
    this.feed.start();
    void this.#look();
    setInterval(() => void this.#look(), LOOK);
    // The countdown.
    setInterval(() => this.draw(), 1_000);
    this.draw();
  }

  /** Draws once for all changes of one frame. */
  draw(): void {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      checkPrices(this.feed, () => this.draw());
      render(<Trade page={this} />, byId("trade"));
    });
  }

  #closed({ market, matched, price, volume }: Auction): void {
    void this.#look();
    if (this.session.open) void this.session.ask("look", null).catch(() => {});
    const name = this.markets?.markets.find(({ id }) => id === market)?.name ?? market;
    byId("news").textContent = `${name}: ${matched ? TEXTS.priceWords(String(price ?? TEXTS.hidden), String(volume ?? TEXTS.hidden)) : TEXTS.noMatch}`; // prettier-ignore
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.markets = await fetchMarkets(this.feed.api);
    } catch (error) {
      this.feed.trouble ??= reason(error);
    }
    this.#looking = false;
    this.draw();
  }

  /** Seconds since 1970 by the venue's clock, to the part of one. */
  get time(): number {
    return this.markets ? this.markets.time + (Date.now() - this.markets.at) / 1000 : Date.now() / 1000;
  }

  stateOf(n: number): State {
    for (const { logCount, accepted } of this.feed.rounds) if (accepted) this.accepted = Math.max(this.accepted, logCount); // prettier-ignore
    if (n < this.accepted) return "chain";
    if (n < (this.session.checked?.logCount ?? 0)) return "proved";
    return n < (this.feed.health?.final ?? 0) ? "final" : "receipted";
  }
}

function Trade({ page }: { page: Page }) {
  const { feed, session, markets } = page;
  const [settings, setSettings] = useState<Settings>(readSettings);
  const [draft, setDraft] = useState<Draft | null>(null);
  useEffect(() => keepSettings(settings), [settings]);
  const change = (part: Partial<Settings>) => setSettings({ ...settings, ...part });
  const all = markets?.markets ?? [];
  const market = all.find(({ id }) => id === settings.market) ?? all[0] ?? null;
  useEffect(() => {
    if (market) feed.choose(market.id);
  }, [market?.id]);

  return (
    <>
      <Alarm session={session} />
      <Header page={page} market={market} onMarket={(id) => (setDraft(null), change({ market: id }))} />
      {feed.trouble && (
        <p class="verdict wait" role="status" id="trouble">
          {TEXTS.away} <span class="note">{feed.trouble}</span>
        </p>
      )}
      {session.trouble && session.open && <p class="wait">{session.trouble}</p>}
      <div class="desk-grid">
        <div class="market-side">
          {market ? (
            <MarketView page={page} market={market} settings={settings} onSettings={change} onDraft={setDraft} />
          ) : (
            <p>{markets ? TEXTS.noMarkets : TEXTS.wait}</p>
          )}
        </div>
        <div class="ticket-side">
          {!session.open && <Key session={session} url={feed.api.url} />}
          {session.open && session.isKnown && !session.account && <FirstMoney page={page} />}
          {market && (
            <Ticket
              session={session}
              market={market}
              draft={draft}
              onDraft={setDraft}
              now={() => BigInt(Math.floor(page.time))}
            />
          )}
          {session.open && <KeyMenu session={session} url={feed.api.url} />}
        </div>
      </div>
      {session.account && (
        <Own
          session={session}
          account={session.account}
          markets={all}
          tab={settings.tab}
          onTab={(tab) => change({ tab })}
          onChange={({ market: of, nonce, side, remaining, limit }) => {
            change({ market: of });
            setDraft({ nonce, side, lots: remaining, limit });
          }}
          stateOf={(n) => page.stateOf(n)}
          isDevelopment={feed.venue?.development === true}
          contract={feed.venue?.contract ?? null}
        />
      )}
    </>
  );
}

/** Stays until the page is left. */
function Alarm({ session: { found } }: { session: Session }) {
  if (found.length === 0) return null;
  const evidence = () =>
    found.map(({ message, evidence: text }) => ({ message, evidence: JSON.parse(text) as unknown }));
  return (
    <div class="verdict bad" role="alert" id="alarm">
      ✗ {TEXTS.lies}
      {found.map(({ message }) => (
        <p>{message}</p>
      ))}
      <p>{TEXTS.evidenceNote}</p>
      <button
        type="button"
        id="evidence"
        onClick={() => save("tacit-evidence.json", JSON.stringify(evidence(), null, 2))}
      >
        {TEXTS.saveEvidence}
      </button>
    </div>
  );
}

function Header({ page, market, onMarket }: { page: Page; market: MarketInfo | null; onMarket: (id: string) => void }) {
  const { feed, markets } = page;
  const { prices, health, trouble, live, venue } = feed;
  const check = checkedPrices(feed);
  const given = market && check?.marks.find(([id]) => id === market.id)?.[1];
  // Told at another moment, it may be of other prices.
  const isOther = check?.verdict === "good" && given != null && market!.mark !== null && given !== String(market!.mark);
  const bad = check?.verdict === "bad";
  const left = market ? Math.max(0, Math.ceil(market.nextClose - page.time)) : 0;
  return (
    <header class="market-bar">
      <div class="row">
        <label for="market">{TEXTS.market}</label>
        <select id="market" value={market?.id ?? ""} onChange={(event) => onMarket(event.currentTarget.value)}>
          {(markets?.markets ?? []).map(({ id, name }) => (
            <option value={id}>{name}</option>
          ))}
        </select>
        <span id="link" role="status" class={`pill ${trouble ? "bad" : live ? "good" : "wait"}`}>
          {trouble ? "trouble" : live ? TEXTS.live : venue ? TEXTS.asking : TEXTS.connecting}
        </span>
      </div>
      <dl class="tiles" id="tiles">
        <Tile
          name={TEXTS.mark}
          value={isOther ? `${money(market!.mark)} ≠ ${thousands(BigInt(given))}` : money(market?.mark ?? null)}
          mark={bad || isOther ? "bad" : ""}
        />
        <Tile
          name={TEXTS.index}
          value={prices && prices.epoch > 0 ? thousands(prices.index) : "–"}
          mark={bad ? "bad" : ""}
        />
        <Tile name={TEXTS.last} value={money(market?.last?.price ?? null)} />
        <Tile name={TEXTS.nextAuction} value={!market ? "–" : market.isOpen ? TEXTS.closesIn(left) : TEXTS.closed} />
        <Tile name={TEXTS.proofs} value={proofsInWords(venue?.proves, health)} />
      </dl>
      {check && check.verdict !== "good" && (
        <p id="prices-check" class={check.verdict === "bad" ? "verdict bad" : "wait"}>
          {check.sentence}
        </p>
      )}
    </header>
  );
}

function proofsInWords(proves: boolean | undefined, health: Health | null): string {
  if (proves === false) return TEXTS.proofsNone;
  if (!health?.proofs) return "–";
  return health.proofs.lagSeconds === 0 ? TEXTS.proofsUpToDate : TEXTS.proofsBehind(health.proofs.lagSeconds);
}

interface MarketProps {
  readonly page: Page;
  readonly market: MarketInfo;
  readonly settings: Settings;
  readonly onSettings: (part: Partial<Settings>) => void;
  readonly onDraft: (draft: Draft) => void;
}

/** Auctions listed beside the chart. */
const LISTED = 12;

function MarketView({ page: { feed, session }, market, settings, onSettings, onDraft }: MarketProps) {
  const all = feed.auctions(market.id);
  const auctions = settings.shown === 0 ? all : all.slice(-settings.shown);
  const { account } = session;
  const position = account?.positions.find((it) => it.market === market.id);
  return (
    <>
      <div class="card">
        <h2 class="unseen">{market.name}</h2>
        <PriceChart
          key={market.id}
          auctions={auctions}
          market={market}
          average={position ? averageOf(position) : null}
          orders={(account?.orders ?? []).filter((order) => order.market === market.id && !order.cancelled)}
          onMove={({ nonce, side, remaining }, limit) => onDraft({ nonce, side, lots: remaining, limit })}
        />
        {account && account.orders.length > 0 && <p class="note">{TEXTS.priceHelp}</p>}
        <div class="row">
          <label for="shown">{TEXTS.shown}</label>
          <select
            id="shown"
            value={settings.shown}
            onChange={(event) => onSettings({ shown: Number(event.currentTarget.value) })}
          >
            <option value={50}>50</option>
            <option value={100}>100</option>
            <option value={0}>{TEXTS.shownAll}</option>
          </select>
          <label class="check">
            <input
              type="checkbox"
              checked={settings.curves}
              onChange={(event) => onSettings({ curves: event.currentTarget.checked })}
            />{" "}
            {TEXTS.curves}
          </label>
        </div>
        {settings.curves && <CurveChart key={market.id} auctions={all} />}
      </div>
      <div class="card lists">
        <div id="auctions">
          <Table
            title={TEXTS.auctions}
            heads={TEXTS.auctionHeads}
            rows={all
              .slice(-LISTED)
              .reverse()
              .map(({ time, matched, price, volume, orders }) => [
                clock(time),
                !matched ? TEXTS.noMatch : price === null ? TEXTS.hidden : thousands(price),
                volume === null ? "" : thousands(volume),
                thousands(orders),
              ])}
          />
        </div>
        <div id="depth">{market.book ? <Depth book={market.book} /> : <p class="note">{TEXTS.depthHidden}</p>}</div>
      </div>
    </>
  );
}

/** Limits on either side of the best. */
const DEPTH = 8;

function Depth({ book: { bids, asks } }: { book: NonNullable<MarketInfo["book"]> }) {
  const down = (a: readonly [bigint, bigint], b: readonly [bigint, bigint]) => (a[0] < b[0] ? 1 : -1);
  const sells = [...asks].sort(down).slice(-DEPTH);
  const buys = [...bids].sort(down).slice(0, DEPTH);
  return (
    <Table
      title={TEXTS.depth}
      heads={TEXTS.depthHeads}
      rows={[
        ...sells.map(([limit, lots]) => ["", <span class="sell">{money(limit)}</span>, money(lots)]),
        ...buys.map(([limit, lots]) => [money(lots), <span class="buy">{money(limit)}</span>, ""]),
      ]}
    />
  );
}

/** A key without an account: the way to the first one. */
function FirstMoney({ page: { feed, session } }: { page: Page }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const take = async () => {
    try {
      await session.ask("deposit", { amount: PLAY_MONEY });
    } catch (error) {
      setOutcome({ mark: "bad", text: refusalOf(error).message });
    }
  };
  return (
    <section class="card" id="first-money">
      <p>{TEXTS.noAccount}</p>
      {feed.venue?.development ? (
        <button type="button" class="primary" id="take" onClick={() => void take()}>
          {TEXTS.takeMoney(PLAY_MONEY)}
        </button>
      ) : (
        <p class="note">{feed.venue?.contract ? TEXTS.depositChain : TEXTS.depositNone}</p>
      )}
      <Said id="first-said" outcome={outcome} />
    </section>
  );
}

const here = /^https?:$/.test(location.protocol) ? location.origin : "";
try {
  new Page(new URLSearchParams(location.search).get("venue") ?? here).start();
} catch (error) {
  byId("trade").textContent = reason(error);
}
