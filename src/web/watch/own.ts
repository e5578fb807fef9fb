import { byId, element, facts } from "../dom.ts";
import { reason, thousands } from "../format.ts";
import type { AccountNews, Checked, Found, OpenKey, OwnAccount, OwnMargin } from "./accountMessages.ts";
import { clock, Plot, shown } from "./plot.ts";
import { table } from "./table.ts";

const form = byId<HTMLFormElement>("key-form");
const status = byId("key-status");
const own = byId("own");
const alarm = byId("alarm");
const keyFile = byId<HTMLInputElement>("key-file");
const passphrase = byId<HTMLInputElement>("passphrase");
const notebookFile = byId<HTMLInputElement>("notebook-file");

/** A sealed key has some hundred bytes; a notebook has a line an order. */
const LONGEST = { key: 10_000, notebook: 256 * 1024 * 1024 };

let worker: Worker | null = null;
let account: OwnAccount | null = null;
let checked: Checked | null = null;
let trouble: string | null = null;
let nameOf: (market: string) => string = (market) => market;

/** Lets people open their key for the venue at `url`. */
export function startOwn(url: string, marketName: (market: string) => string): void {
  nameOf = marketName;
  byId("key-venue").textContent = url;
  byId("key-foreign").hidden = new URL(url).origin === location.origin;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void openKey(url);
  });
}

async function openKey(url: string): Promise<void> {
  const words = passphrase.value;
  passphrase.value = "";
  try {
    const sealed = await textOf(keyFile, LONGEST.key);
    if (sealed === null) return;
    const notebook = await textOf(notebookFile, LONGEST.notebook);
    endWorker();
    status.className = "";
    status.textContent = "Opening: this takes a second or two …";
    const started = new Worker(new URL("./account.worker.ts", import.meta.url), { type: "module" });
    worker = started;
    // What a thread said just before it was ended may come after.
    worker.addEventListener("message", ({ data }: MessageEvent<AccountNews>) => started === worker && hear(data));
    worker.addEventListener("error", ({ message }) => fail(message ?? "the script did not load"));
    worker.postMessage({ url, sealed, passphrase: words, notebook } satisfies OpenKey);
  } catch (error) {
    fail(reason(error));
  }
}

async function textOf(input: HTMLInputElement, longest: number): Promise<string | null> {
  const file = input.files?.[0];
  if (!file) return null;
  if (file.size > longest) throw new Error(`${file.name} is larger than what Tacit writes`);
  return file.text();
}

function fail(message: string): void {
  endWorker();
  status.className = "bad";
  status.textContent = `✗ ${message}`;
}

/** The key is gone with its thread, and with it all that it told. */
function endWorker(): void {
  worker?.terminate();
  worker = null;
  account = checked = trouble = null;
  form.hidden = false;
  own.hidden = true;
  own.replaceChildren();
}

function forget(): void {
  endWorker();
  form.reset();
  status.className = "";
  status.textContent = "The key is forgotten.";
  keyFile.focus();
}

function hear(news: AccountNews): void {
  switch (news.kind) {
    case "opened":
      form.hidden = true;
      form.reset();
      status.textContent = "";
      own.hidden = false;
      break;
    case "account":
      account = news.account;
      break;
    case "checked":
      checked = news.checked;
      break;
    case "contradictions":
      shout(news.found);
      break;
    case "trouble":
      trouble = news.message;
      break;
    case "failed":
      return fail(news.message);
  }
  draw();
}

const found = new Map<string, string>();

/** Stays until the page is left: what cannot be true does not become true by forgetting the key. */
function shout(contradictions: readonly Found[]): void {
  const fresh = contradictions.filter(({ message }) => !found.has(message));
  if (fresh.length === 0) return;
  if (found.size === 0) {
    const save = element("button", { type: "button", id: "evidence" }, "Save the evidence");
    save.addEventListener("click", saveEvidence);
    alarm.append("✗ This venue lies. Save the evidence: it is gone with this page.", save);
  }
  for (const { message, evidence } of fresh) {
    found.set(message, evidence);
    alarm.lastElementChild!.before(element("p", {}, message));
  }
  alarm.hidden = false;
}

/** As a file: receipts and items, as the venue and the owner signed them. */
function saveEvidence(): void {
  const all = [...found].map(([message, evidence]) => ({ message, evidence: JSON.parse(evidence) as unknown }));
  const href = URL.createObjectURL(new Blob([JSON.stringify(all, null, 2)], { type: "application/json" }));
  element("a", { href, download: "tacit-evidence.json" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** what is drawn, so that nothing moves under a reader when nothing has changed */
let drawn = "";

function draw(): void {
  const key = JSON.stringify([account, checked, trouble]);
  if (own.hidden || key === drawn) return;
  drawn = key;
  const heading = element(
    "div",
    { class: "row spread" },
    element("h3", {}, account ? `Account ${account.index}` : "Account"),
    forgetButton,
  );
  const focused = document.activeElement === forgetButton;
  own.replaceChildren(
    heading,
    ...(trouble ? [element("p", { class: "wait" }, trouble)] : []),
    ...(account
      ? [
          checks(),
          tiles(account),
          marginBar(account),
          ...(account.call
            ? [element("p", { class: "wait", id: "margin-call", role: "alert" }, sentence(account.call))]
            : []),
          ...(account.told ? [element("p", { class: "wait", id: "own-told" }, sentence(account.told))] : []),
          ...(account.margin ? [scenarios(account.margin), drivers(account.margin)] : []),
          orders(account),
          fills(account),
        ]
      : []),
  );
  if (focused) forgetButton.focus();
  drawCurve();
}

const curve = new Plot({
  figure: byId("margin-plot"),
  time: false,
  xLabel: "move, hundredths of a percent",
  series: (theme) => [{ label: "equity", stroke: theme.accent, width: 2, points: { show: false }, value: shown }],
});

/** From prices that the thread has recomputed. */
function drawCurve(): void {
  const points = account?.margin?.curve ?? [];
  byId("margin-plot").hidden = points.length === 0;
  if (points.length === 0) return;
  const [low, high] = [points[0], points[points.length - 1]];
  const percent = (factor: number) => `${((factor - 1) * 100).toFixed(0)}%`;
  curve.set(
    [points.map(({ factor }) => Math.round((factor - 1) * 10_000)), points.map(({ equity }) => Number(equity))],
    `${money(low.equity)} at ${percent(low.factor)}, ${money(high.equity)} at +${percent(high.factor)}.`,
  );
}

const sentence = (text: string) => `${text[0].toUpperCase()}${text.slice(1)}.`;

const forgetButton = element("button", { type: "button", id: "forget" }, "Forget the key");
forgetButton.addEventListener("click", forget);

function checks(): HTMLElement {
  const rows: [string, string][] = [];
  if (checked)
    rows.push(["Rounds", checked.round > 0 ? `all up to ${checked.round} verified here` : "none is proved yet"]);
  if (checked?.account) {
    const { round, cash, recomputed } = checked.account;
    rows.push(["Proved", `in round ${round}, with cash of ${money(cash)}`]);
    rows.push([
      "Recomputed",
      recomputed
        ? "yes: it is what your own orders, and the fills that you were told, come to"
        : "no: this page does not know all that has happened to it; your client's notebook does",
    ]);
  } else rows.push(["Proved", "not yet: the numbers below are what the venue says"]);
  return facts(rows);
}

function tiles({ equity, worst, free, cash }: OwnAccount): HTMLElement {
  const rows = { Equity: equity, "Worst equity": worst, "Free margin": free, Cash: cash };
  const made = Object.entries(rows).map(([name, value]) =>
    element("div", { class: "tile" }, element("dt", {}, name), element("dd", {}, money(value))),
  );
  return element("dl", { class: "tiles" }, ...made);
}

function marginBar({ worst, free, reserved }: OwnAccount): HTMLElement {
  const most = Math.max(1, Number(worst));
  const left = Math.max(0, Math.min(most, Number(free)));
  const text = `${money(free)} of ${money(worst)} free, ${money(reserved)} reserved for open orders`;
  const bar = element(
    "meter",
    { id: "margin", min: "0", max: String(most), low: String(most / 4), optimum: String(most), value: String(left) },
    text,
  );
  return element(
    "div",
    {},
    element("label", { for: "margin" }, "Free margin"),
    bar,
    element("p", { class: "note" }, text),
  );
}

function scenarios(margin: OwnMargin): HTMLElement {
  return table(
    `Scenarios; charges of positions ${money(margin.charges)}`,
    ["Move", "Volatility", "Equity", "Free", ""],
    margin.scenarios.map(({ factor, level, equity, free }, k) => [
      `${factor >= 1 ? "+" : ""}${((factor - 1) * 100).toFixed(1)}%`,
      level === "asItIs" ? "" : level,
      money(equity),
      money(free),
      k === margin.worst ? "worst" : "",
    ]),
  );
}

function drivers(margin: OwnMargin): HTMLElement {
  return table(
    "Positions, and what they change in the worst scenario",
    ["Position", "Lots", "Value", "Change", "Charge"],
    margin.drivers.map(({ name, lots, value, change, charge }) => [
      name,
      money(lots),
      money(value),
      money(change),
      charge === "0" ? "" : money(charge),
    ]),
  );
}

function orders({ orders: rows }: OwnAccount): HTMLElement {
  return table(
    "Open orders",
    ["Market", "Order", "Side", "Limit", "Lots left", ""],
    rows.map(({ market, nonce, side, limit, remaining, cancelled }) => [
      nameOf(market),
      nonce,
      side,
      money(limit),
      money(remaining),
      cancelled ? "being cancelled" : "",
    ]),
  );
}

function fills({ fills: rows }: OwnAccount): HTMLElement {
  return table(
    "What was booked, the newest first",
    ["What", "Time", "Lots", "Price", "Fee", "Cash"],
    rows.map(({ what, market, time, lots, price, fee, cash }) => [
      market === null ? what : `${what}, ${nameOf(market)}`,
      clock(Number(time)),
      money(lots),
      money(price),
      money(fee),
      money(cash),
    ]),
  );
}

function money(value: string): string {
  return thousands(BigInt(value));
}
