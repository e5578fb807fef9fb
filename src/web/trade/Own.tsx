import type uPlot from "uplot";
import { useState } from "preact/hooks";
import { shown, type PlotOptions } from "../plot.ts";
import { Figure } from "./Chart.tsx";
import { TABS, type Tab } from "./kept.ts";
import type { MarketInfo } from "./markets.ts";
import type { Booked, OwnAccount, OwnMargin, OwnOpenOrder, OwnPosition } from "./messages.ts";
import { Money } from "./Money.tsx";
import {
  Facts,
  gain,
  gainClass,
  money,
  Said,
  save,
  StateSign,
  Table,
  Tile,
  type Outcome,
  type State,
} from "./parts.tsx";
import { refusalOf, type Session } from "./session.ts";
import { TEXTS } from "./texts.ts";

export interface OwnProps {
  readonly session: Session;
  readonly account: OwnAccount;
  readonly markets: readonly MarketInfo[];
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  /** takes an open order into the ticket */
  readonly onChange: (order: OwnOpenOrder) => void;
  /** how sure an entry of the log is */
  readonly stateOf: (n: number) => State;
  readonly isDevelopment: boolean;
  readonly contract: { readonly chainId: string; readonly address: string; readonly token: string } | null;
}

/** What one has, beside the market: positions, orders, history, margin, money. */
export function Own(props: OwnProps) {
  const { session, account, tab, onTab } = props;
  return (
    <section aria-labelledby="own-title" id="own">
      <h2 id="own-title">{TEXTS.account(account.index)}</h2>
      <dl class="tiles">
        <Tile name={TEXTS.tiles.equity} value={money(account.equity)} />
        <Tile name={TEXTS.tiles.worst} value={money(account.worst)} />
        <Tile name={TEXTS.tiles.free} value={money(account.free)} mark={account.free < 0n ? "bad" : ""} />
        <Tile name={TEXTS.tiles.cash} value={money(account.cash)} />
      </dl>
      {account.call && (
        <p class="verdict wait" role="alert" id="margin-call">
          {sentence(account.call)}
        </p>
      )}
      {account.told && (
        <p class="wait" id="own-told">
          {sentence(account.told)}
        </p>
      )}
      {account.unanswered > 0 && <p class="wait">{TEXTS.unanswered(account.unanswered)}</p>}
      <Tabs tab={tab} onTab={onTab} />
      <div class="card" role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === "positions" && <Positions {...props} />}
        {tab === "orders" && <Orders {...props} />}
        {tab === "history" && <History {...props} />}
        {tab === "margin" && <Margin account={account} checked={session.checked} />}
        {tab === "money" && <Money {...props} />}
      </div>
    </section>
  );
}

const sentence = (text: string) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function Tabs({ tab, onTab }: { tab: Tab; onTab: (tab: Tab) => void }) {
  const move = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length];
    onTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" onKeyDown={move}>
      {TABS.map((it) => (
        <button
          type="button"
          role="tab"
          id={`tab-${it}`}
          aria-selected={it === tab}
          aria-controls="panel"
          tabIndex={it === tab ? 0 : -1}
          onClick={() => onTab(it)}
        >
          {TEXTS.tabs[it]}
        </button>
      ))}
    </div>
  );
}

/** Cost of one lot, to the hundredth, rounded to nothing. */
export function averageOf({ cost, lots }: Pick<OwnPosition, "cost" | "lots">): number | null {
  return cost === null || lots === 0n ? null : Number((100n * cost) / lots) / 100;
}

function Positions({ account, markets }: OwnProps) {
  const rows = account.positions.map((position) => {
    const { name, lots, cost, mark, profit, atExpiry, market } = position;
    const last = markets.find(({ id }) => id === market)?.last ?? null;
    const atLast = last === null || cost === null ? null : lots * last.price - cost;
    const average = averageOf(position);
    return [
      name,
      money(lots),
      average === null ? "–" : average.toLocaleString("en-US"),
      money(mark),
      <span class={gainClass(profit && profit.open)}>{gain(profit && profit.open)}</span>,
      <span class={gainClass(atLast)}>{gain(atLast)}</span>,
      <span class={gainClass(atExpiry)}>{gain(atExpiry)}</span>,
      <span class={gainClass(profit && profit.closed)}>{gain(profit && profit.closed)}</span>,
    ];
  });
  return (
    <div id="positions">
      <Table title={TEXTS.tabs.positions} hidden heads={TEXTS.positionHeads} rows={rows} />
      <p class="note">{TEXTS.expiryNote}</p>
    </div>
  );
}

function Orders({ session, account, markets, onChange, stateOf }: OwnProps) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const nameOf = (market: string) => markets.find(({ id }) => id === market)?.name ?? market;
  const inMarkets = [...new Set(account.orders.map(({ market }) => market))];
  async function cancel(targets: readonly { market: string; nonce: bigint | null }[]): Promise<void> {
    try {
      for (const { market, nonce } of targets) {
        const { n, verdict, reason } = await session.ask("cancel", { market: BigInt(market), nonce });
        setOutcome(
          reason === null
            ? { mark: "good", text: TEXTS.cancelTold(n) }
            : { mark: "bad", text: TEXTS.rejected(verdict!, reason) },
        );
      }
    } catch (error) {
      setOutcome({ mark: "bad", text: TEXTS.notSent + refusalOf(error).message });
    }
  }
  const rows = account.orders.map((order) => {
    const { market, side, remaining, limit, expiry, thisAuction, cancelled, nonce, n } = order;
    return [
      nameOf(market),
      <span class={side}>{side === "buy" ? TEXTS.buy : TEXTS.sell}</span>,
      money(remaining),
      money(limit),
      thisAuction ? TEXTS.thisAuction : when(Number(expiry)),
      cancelled ? TEXTS.leaving : n === null ? "" : <StateSign state={stateOf(Number(n))} />,
      cancelled ? (
        ""
      ) : (
        <span class="actions">
          <button type="button" onClick={() => onChange(order)}>
            {TEXTS.change}
          </button>{" "}
          <button type="button" onClick={() => void cancel([{ market, nonce }])}>
            {TEXTS.cancel}
          </button>
        </span>
      ),
    ];
  });
  return (
    <div id="orders">
      <Table title={TEXTS.tabs.orders} hidden heads={TEXTS.orderHeads} rows={rows} />
      {account.orders.length > 0 && (
        <div class="row">
          {inMarkets.length > 1 &&
            inMarkets.map((market) => (
              <button type="button" onClick={() => void cancel([{ market, nonce: null }])}>
                {TEXTS.cancelMarket(nameOf(market))}
              </button>
            ))}
          <button type="button" onClick={() => void cancel(inMarkets.map((market) => ({ market, nonce: null })))}>
            {TEXTS.cancelAll}
          </button>
        </div>
      )}
      <Said id="orders-said" outcome={outcome} />
    </div>
  );
}

const when = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleString("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }); // prettier-ignore

/** Rows of a page. */
const PAGE = 50;

function History({ session, markets, stateOf }: OwnProps) {
  const [kind, setKind] = useState("");
  const [market, setMarket] = useState("");
  const [from, setFrom] = useState(0);
  const nameOf = (id: string) => markets.find((it) => it.id === id)?.name ?? id;
  const kinds = [...new Set(session.booked.map((row) => row.kind))];
  const traded = [...new Set(session.booked.flatMap((row) => row.market ?? []))];
  const chosen = session.booked.filter((row) => (kind === "" || row.kind === kind) && (market === "" || row.market === market)); // prettier-ignore
  const first = Math.min(from, Math.max(0, chosen.length - 1));
  // The newest first.
  const shownRows = chosen.slice(Math.max(0, chosen.length - first - PAGE), chosen.length - first).reverse();
  const about = ({ kind: what, market: of, instrument }: Booked) =>
    `${TEXTS.kinds[what] ?? what}${of !== null ? `, ${nameOf(of)}` : instrument !== null ? `, ${instrument}` : ""}`;
  return (
    <div id="history">
      <div class="row">
        <label for="history-kind">{TEXTS.filterWhat}</label>
        <select id="history-kind" value={kind} onChange={(event) => (setKind(event.currentTarget.value), setFrom(0))}>
          <option value="">{TEXTS.filterAll}</option>
          {kinds.map((it) => (
            <option value={it}>{TEXTS.kinds[it] ?? it}</option>
          ))}
        </select>
        <label for="history-market">{TEXTS.filterMarket}</label>
        <select
          id="history-market"
          value={market}
          onChange={(event) => (setMarket(event.currentTarget.value), setFrom(0))}
        >
          <option value="">{TEXTS.filterAll}</option>
          {traded.map((it) => (
            <option value={it}>{nameOf(it)}</option>
          ))}
        </select>
        <button type="button" id="csv" onClick={() => save("tacit-history.csv", csvOf(chosen, nameOf), "text/csv")}>
          {TEXTS.csv}
        </button>
      </div>
      <Table
        title={TEXTS.tabs.history}
        hidden
        heads={TEXTS.historyHeads}
        rows={shownRows.map((row) => [
          String(row.n),
          about(row),
          when(row.time),
          row.lots === null ? "" : money(row.lots),
          row.price === null ? "" : money(row.price),
          row.fee === null ? "" : money(row.fee),
          row.cash === null ? "" : <span class={gainClass(row.cash)}>{gain(row.cash)}</span>,
          <StateSign state={stateOf(row.n)} />,
        ])}
      />
      {chosen.length > PAGE && (
        <div class="row">
          <button type="button" disabled={first === 0} onClick={() => setFrom(Math.max(0, first - PAGE))}>
            {TEXTS.newer}
          </button>
          <button type="button" disabled={first + PAGE >= chosen.length} onClick={() => setFrom(first + PAGE)}>
            {TEXTS.older}
          </button>
          <span class="note">{TEXTS.page(first + 1, Math.min(first + PAGE, chosen.length), chosen.length)}</span>
        </div>
      )}
    </div>
  );
}

/**
 * All rows as CSV. What a venue has named is text, and made one where a spreadsheet would take it for a formula.
 * @source RFC 4180; OWASP, "CSV Injection"
 */
export function csvOf(rows: readonly Booked[], nameOf: (market: string) => string): string {
  const text = (it: string) => `"${(/^[=+\-@\t\r]/.test(it) ? `'${it}` : it).replaceAll('"', '""')}"`;
  const lines = rows.map(({ n, kind, time, market, instrument, nonce, lots, price, fee, cash }) =>
    [
      n,
      text(kind),
      new Date(time * 1000).toISOString(),
      text(market === null ? (instrument ?? "") : nameOf(market)),
      nonce ?? "",
      lots ?? "",
      price ?? "",
      fee ?? "",
      cash ?? "",
    ].join(","),
  );
  return ["entry,kind,time,about,nonce,lots,price,fee,cash", ...lines].join("\r\n") + "\r\n";
}

function Margin({ account, checked }: { account: OwnAccount; checked: Session["checked"] }) {
  const { margin, free, worst, reserved } = account;
  const proved = checked?.account ?? null;
  const most = worst > 1n ? worst : 1n;
  const left = free < 0n ? 0n : free > most ? most : free;
  const text = TEXTS.freeOf(money(free), money(worst), money(reserved));
  return (
    <div id="margin-panel">
      <Facts
        rows={[
          ...(checked ? ([[TEXTS.rounds, TEXTS.verifiedTo(checked.round)]] as const) : []),
          [TEXTS.proved, proved ? TEXTS.provedIn(proved.round, money(proved.cash)) : TEXTS.notProved],
          ...(proved ? ([[TEXTS.recomputed, proved.recomputed ? TEXTS.recomputedYes : TEXTS.recomputedNo]] as const) : []), // prettier-ignore
        ]}
      />
      <label for="margin">{TEXTS.free}</label>
      <meter id="margin" min={0} max={Number(most)} low={Number(most) / 4} optimum={Number(most)} value={Number(left)}>
        {text}
      </meter>
      <p class="note">{text}</p>
      {margin && <MarginCurve margin={margin} />}
      {margin && (
        <Table
          title={TEXTS.charges(money(margin.charges))}
          heads={TEXTS.marginHeads}
          rows={margin.scenarios.map(({ factor, level, equity, free: own }, k) => [
            percent(factor),
            level === "asItIs" ? "" : level,
            money(equity),
            money(own),
            k === margin.worst ? TEXTS.worst : "",
          ])}
        />
      )}
      {margin && (
        <Table
          title={TEXTS.drivers}
          heads={TEXTS.driverHeads}
          rows={margin.drivers.map(({ name, lots, value, change, charge }) => [
            name,
            money(lots),
            money(value),
            money(change),
            charge === 0n ? "" : money(charge),
          ])}
        />
      )}
    </div>
  );
}

const percent = (factor: number): string => `${factor >= 1 ? "+" : ""}${((factor - 1) * 100).toFixed(1)}%`;
const hundredths = (factor: number): number => Math.round((factor - 1) * 10_000);

const CURVE: Omit<PlotOptions, "figure"> = {
  time: false,
  xLabel: TEXTS.move,
  xValue: (x) => `${(x / 100).toFixed(0)}%`,
  series: (theme) => [
    { label: TEXTS.equity, stroke: theme.accent, width: 2, points: { show: false }, value: shown },
    { label: TEXTS.scenarios, stroke: theme.supply, paths: () => null, points: { show: true, size: 8, fill: theme.supply }, value: shown }, // prettier-ignore
    { label: "", stroke: theme.wait, width: 1, dash: [6, 4], points: { show: false }, value: shown },
  ],
};

/** Equity over moves of the index, the scenarios as points, and the equity under which the account may be sold down. */
function MarginCurve({ margin }: { margin: OwnMargin }) {
  const points = new Map<number, { equity?: number; scenario?: number }>();
  for (const { factor, equity } of margin.curve) points.set(hundredths(factor), { equity: Number(equity) });
  for (const { factor, equity } of margin.scenarios) {
    const at = points.get(hundredths(factor)) ?? {};
    // Of several at one move the least.
    points.set(hundredths(factor), { ...at, scenario: Math.min(at.scenario ?? Infinity, Number(equity)) });
  }
  const xs = [...points.keys()].sort((a, b) => a - b);
  const row = (of: "equity" | "scenario") => xs.map((x) => points.get(x)![of] ?? null);
  const [low, high] = [margin.curve[0], margin.curve.at(-1)!];
  const data: uPlot.AlignedData = [xs, row("equity"), row("scenario"), xs.map(() => Number(margin.maintenance))];
  return (
    <Figure
      id="margin-plot"
      title={TEXTS.curve}
      options={CURVE}
      data={data}
      words={TEXTS.curveWords(money(low.equity), money(high.equity), money(margin.maintenance))}
    />
  );
}
