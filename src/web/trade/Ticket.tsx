import { useEffect, useRef, useState } from "preact/hooks";
import type { OrderPreview } from "../../client/index.ts";
import { bandEdge, type MarketInfo } from "./markets.ts";
import { money, numberOf, Said, Stepped, Table, Facts, type Outcome } from "./parts.tsx";
import { refusalOf, type Session } from "./session.ts";
import type { TicketOrder } from "./messages.ts";
import { TEXTS } from "./texts.ts";

const LIVES = ["day", "auction", "hour", "month"] as const;
const SECONDS: Readonly<Record<Exclude<(typeof LIVES)[number], "auction">, bigint>> = {
  hour: 3_600n,
  day: 86_400n,
  month: 2_592_000n,
};
/** Milliseconds after the last change until it is looked at. */
const SETTLES = 150;

/** What a ticket starts from: an order to be replaced, and where it is to go. */
export interface Draft {
  readonly nonce: bigint;
  readonly side: "buy" | "sell";
  readonly lots: bigint;
  readonly limit: bigint;
}

export interface TicketProps {
  readonly session: Session;
  readonly market: MarketInfo;
  /** an order to be replaced; null for a new one */
  readonly draft: Draft | null;
  readonly onDraft: (draft: Draft | null) => void;
  /** seconds since 1970, by the venue's clock */
  readonly now: () => bigint;
}

/** An order, checked as one writes it. */
export function Ticket({ session, market, draft, onDraft, now }: TicketProps) {
  const [side, setSide] = useState<"buy" | "sell">("buy");
  const [isMarket, setMarket] = useState(false);
  const [lots, setLots] = useState("1");
  const [limit, setLimit] = useState("");
  const [life, setLife] = useState<(typeof LIVES)[number]>("day");
  const [sending, setSending] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const submit = useRef<HTMLButtonElement>(null);

  // Each market begins at its mark, and a draft where it is to go.
  useEffect(() => {
    if (draft) {
      setSide(draft.side);
      setMarket(false);
      setLots(String(draft.lots));
      setLimit(String(draft.limit));
      submit.current?.focus();
    } else if (market.mark !== null) setLimit(String(market.mark - (market.mark % market.tick)));
  }, [market.id, market.mark === null, draft?.nonce, draft?.limit]);
  useEffect(() => setOutcome(null), [market.id]);

  const [size, written] = [numberOf(lots), isMarket ? bandEdge(market, side) : numberOf(limit)];
  const order: TicketOrder | null =
    size === null || size < 1n || written === null
      ? null
      : {
          market: BigInt(market.id),
          side,
          size,
          limit: written,
          ...(isMarket || life === "auction" ? { thisAuction: true } : {}),
          expiry: now() + SECONDS[isMarket || life === "auction" ? "day" : life],
          ...(draft ? { replaces: draft.nonce } : {}),
        };
  const preview = usePreview(session, order);

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    if (!order || sending) return;
    setSending(true);
    setOutcome({ mark: "wait", text: TEXTS.sending });
    try {
      const { verdict, reason, nonce, n } = await session.ask("order", order);
      onDraft(null);
      setOutcome(
        reason === null
          ? { mark: "good", text: TEXTS.receipted(nonce, n) }
          : { mark: "bad", text: TEXTS.rejected(verdict!, reason) },
      );
    } catch (error) {
      setOutcome({ mark: "bad", text: TEXTS.notSent + refusalOf(error).message });
    } finally {
      setSending(false);
    }
  }

  const canSign = session.open && session.account !== null;
  // Until something was sent the way is told.
  const isNew = canSign && session.account!.orders.length === 0 && session.booked.every(({ kind }) => kind === "deposit"); // prettier-ignore
  const hint: Outcome | null = !canSign ? { mark: "wait", text: TEXTS.needKey } : isNew ? { mark: "wait", text: TEXTS.firstOrder } : null; // prettier-ignore
  const wrong = size === null || size < 1n ? TEXTS.noNumber(TEXTS.lots) : written === null ? TEXTS.noNumber(TEXTS.limit) : null; // prettier-ignore
  return (
    <section class="card" aria-labelledby="ticket-title" id="ticket">
      <h2 id="ticket-title">{TEXTS.ticket}</h2>
      <form onSubmit={send}>
        <Choice
          legend={TEXTS.side}
          name="side"
          value={side}
          options={[
            ["buy", TEXTS.buy],
            ["sell", TEXTS.sell],
          ]}
          onChange={(it) => setSide(it as "buy" | "sell")}
          disabled={draft !== null}
        />{" "}
        {/* prettier-ignore */}
        <Choice legend={TEXTS.type} name="type" value={isMarket ? "market" : "limit"} options={[["limit", TEXTS.limitOrder], ["market", TEXTS.marketOrder]]} onChange={(it) => setMarket(it === "market")} />{" "}
        {/* prettier-ignore */}
        <Stepped id="lots" label={TEXTS.lots} value={lots} step={1n} least={1n} onChange={setLots} />
        <Stepped
          id="limit"
          label={TEXTS.limit}
          value={isMarket ? String(written ?? "") : limit}
          step={market.tick}
          least={null}
          onChange={setLimit}
          disabled={isMarket}
        />
        <div class="field">
          <label for="life">{TEXTS.life}</label>
          <select
            id="life"
            disabled={isMarket}
            value={isMarket ? "auction" : life}
            onChange={(event) => setLife(event.currentTarget.value as typeof life)}
          >
            {LIVES.map((it) => (
              <option value={it}>{TEXTS.lives[it]}</option>
            ))}
          </select>
        </div>
        <p class="note">{isMarket ? TEXTS.marketHint : " "}</p>
        {draft && (
          <p class="row" id="replaces">
            {TEXTS.replaces(draft.nonce)}
            <button type="button" onClick={() => onDraft(null)}>
              {TEXTS.keepOrder}
            </button>
          </p>
        )}
        <Effect preview={preview} wrong={wrong} />
        <button type="submit" class={`primary ${side}`} ref={submit} disabled={!canSign || !order || sending} id="send">
          {order
            ? TEXTS.submit(side === "buy" ? TEXTS.buy : TEXTS.sell, money(order.size), money(order.limit))
            : TEXTS.submitShort}
        </button>
        <Said id="ticket-said" outcome={outcome ?? hint} />
      </form>
    </section>
  );
}

interface ChoiceProps {
  readonly legend: string;
  readonly name: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
  readonly disabled?: boolean;
}

function Choice({ legend, name, value, options, onChange, disabled = false }: ChoiceProps) {
  return (
    <fieldset class="choices" disabled={disabled}>
      <legend class="unseen">{legend}</legend>
      {options.map(([it, text]) => (
        <label class={`choice-${it}`}>
          <input type="radio" name={name} value={it} checked={it === value} onChange={() => onChange(it)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

type Looked = { readonly preview: OrderPreview } | { readonly refusal: string } | null;

/** What the thread says to an order, a moment after it was written last. What is said to an older one is passed over. */
function usePreview(session: Session, order: TicketOrder | null): Looked {
  const [looked, setLooked] = useState<Looked>(null);
  const key = order && session.open && session.account ? [order.market, order.side, order.size, order.limit, order.thisAuction, order.replaces].join() : null; // prettier-ignore
  const account = session.account;
  useEffect(() => {
    if (key === null) return setLooked(null);
    let isLast = true;
    const timer = setTimeout(() => {
      session.ask("preview", order!).then(
        (preview) => isLast && setLooked({ preview }),
        (error: unknown) => isLast && setLooked({ refusal: refusalOf(error).message }),
      );
    }, SETTLES);
    return () => {
      isLast = false;
      clearTimeout(timer);
    };
  }, [key, account?.free, account?.worst]);
  return key === null ? null : looked;
}

/** Margin before, while it is open, and once it is filled; and what the rules say to it. */
function Effect({ preview, wrong }: { preview: Looked; wrong: string | null }) {
  const told = preview && "preview" in preview ? preview.preview : null;
  const least = (of: (row: OrderPreview["scenarios"][number]) => bigint) =>
    told && told.scenarios.length > 0 ? told.scenarios.map(of).reduce((a, b) => (b < a ? b : a)) : null;
  const at = told?.scenarios[0] ?? null;
  const said: Outcome | null = wrong
    ? { mark: "wait", text: wrong }
    : preview && "refusal" in preview
      ? { mark: "wait", text: preview.refusal }
      : told === null
        ? null
        : told.reason === null
          ? { mark: "good", text: TEXTS.checks }
          : { mark: "bad", text: TEXTS.refused(told.verdict) + told.reason };
  return (
    <div class="effect" id="effect">
      <table>
        <caption>{TEXTS.effect}</caption>
        <thead>
          <tr>
            {TEXTS.effectHeads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{TEXTS.free}</th>
            <td>{money(least(({ free }) => free))}</td>
            <td>{money(least(({ open }) => open))}</td>
            <td id="free-filled">{money(least(({ filled }) => filled.free))}</td>
          </tr>
          <tr>
            <th scope="row">{TEXTS.equity}</th>
            <td>{money(at && at.equity)}</td>
            <td>{money(at && at.equity)}</td>
            <td>{money(at && at.filled.equity)}</td>
          </tr>
        </tbody>
      </table>
      <Facts
        rows={[
          [TEXTS.fee, money(told && told.fee)],
          [TEXTS.held, money(told && told.reserved)],
        ]}
      />
      <details>
        <summary>{TEXTS.scenarios}</summary>
        <Table
          title={TEXTS.scenarios}
          hidden
          heads={["", ...TEXTS.scenarioHeads.slice(1)]}
          rows={(told?.scenarios ?? []).map((row, k) => [
            String(k),
            money(row.equity),
            money(row.free),
            money(row.open),
            money(row.filled.equity),
            money(row.filled.free),
          ])}
        />
      </details>
      <Said id="checks" outcome={said} />
    </div>
  );
}
