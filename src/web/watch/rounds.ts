import { byId, element, facts } from "../dom.ts";
import { count, duration, thousands, utc } from "../format.ts";
import type { Feed } from "../feed.ts";
import type { RoundInfo } from "../model.ts";

/** Rounds that the strip shows. */
const SHOWN = 60;

const strip = byId("strip");
const details = byId("round-details");
let chosen: number | null = null;
/** what the strip was made of, so that focus stays where it is when nothing has changed */
let drawn = "";

/** Shows proved rounds and those that wait, each proved one with its details. */
export function drawRounds(feed: Feed): void {
  const { rounds, health, venue } = feed;
  const waiting = health?.roundsWaiting ?? 0;
  const newest = rounds.slice(-SHOWN);
  byId("rounds-note").textContent = noteOf(rounds, waiting, venue?.proves ?? true);
  const key = [chosen, waiting, ...newest.map(({ number, accepted }) => `${number}${accepted ? "a" : ""}`)].join();
  if (key !== drawn) {
    drawn = key;
    const focused = (document.activeElement as HTMLElement | null)?.dataset.round;
    const last = newest.at(-1)?.number ?? 0;
    strip.replaceChildren(
      ...newest.map((round) => element("li", {}, roundButton(feed, round, round.number === (chosen ?? last)))),
      ...Array.from({ length: Math.min(waiting, 20) }, (_, i) => {
        const label = `Round ${last + 1 + i}, waiting for its proofs`;
        return element("li", {}, element("span", { class: "waiting", role: "img", "aria-label": label }, "…"));
      }),
    );
    if (focused) strip.querySelector<HTMLElement>(`[data-round="${focused}"]`)?.focus();
  }
  const shown = rounds.find(({ number }) => number === chosen);
  details.hidden = !shown;
  if (shown) drawDetails(feed, shown);
}

function noteOf(rounds: readonly RoundInfo[], waiting: number, proves: boolean): string {
  if (!proves) return "This venue makes no proofs at present.";
  const last = rounds.at(-1);
  const proved = last ? `Round ${last.number} is proved.` : "No round is proved yet.";
  return `${proved} ${waiting > 0 ? `${count(waiting, "round")} waiting for proofs.` : "None is waiting."}`;
}

/** One of the buttons can be tabbed to; arrow keys go to the others. */
function roundButton(feed: Feed, { number, accepted }: RoundInfo, tabbable: boolean): HTMLElement {
  const button = element(
    "button",
    {
      type: "button",
      "data-round": String(number),
      class: accepted ? "accepted" : "",
      "aria-label": `Round ${number}, proved${accepted ? " and accepted by the contract" : ""}`,
      "aria-expanded": String(number === chosen),
      "aria-controls": "round-details",
      tabindex: tabbable ? "0" : "-1",
    },
    String(number),
  );
  button.addEventListener("click", () => {
    chosen = chosen === number ? null : number;
    drawRounds(feed);
  });
  return button;
}

strip.addEventListener("keydown", (event) => {
  const buttons = [...strip.querySelectorAll("button")];
  const at = buttons.indexOf(event.target as HTMLButtonElement);
  const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 };
  const next = buttons[steps[event.key]];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
});

function drawDetails(feed: Feed, round: RoundInfo): void {
  const { number, entries, logCount, time, instructions, provingMs, accepted, state, stateAfter } = round;
  const key = JSON.stringify(round);
  if (details.dataset.round === key) return;
  details.dataset.round = key;
  const proofs = instructions.reduce((sum, [, times]) => sum + times, 0);
  const href = `./verify.html?venue=${encodeURIComponent(feed.api.url)}&round=${number}`;
  details.replaceChildren(
    element("h3", {}, `Round ${number}`),
    facts([
      ["Log", `${count(entries, "entry", "entries")}, up to ${thousands(logCount)}, the last of ${utc(time)}`],
      ["Instructions", instructions.map(([name, times]) => `${name} × ${times}`).join(", ")],
      ["Proofs", `${thousands(proofs)}, made within ${duration(provingMs)} of its end`],
      ["State before", state],
      ["State after", stateAfter],
      ...(accepted
        ? [
            ["Contract", `accepted in block ${accepted.block}`] as const,
            ...(accepted.hash ? [["Transaction", accepted.hash] as const] : []),
            ...(accepted.gasUsed === null ? [] : [["Gas", thousands(accepted.gasUsed)] as const]),
          ]
        : []),
    ]),
    element("a", { href }, `Verify round ${number} in this browser`),
  );
}
