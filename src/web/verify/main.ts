import { byId, element, facts } from "../dom.ts";
import { count, duration } from "../format.ts";
import type { RecordReport, RoundReport } from "./check.ts";
import type { News, Profile, Task } from "./messages.ts";

/** Rounds of one source that stay listed: the newest, so that a venue of a year does not fill the page. */
const LISTED = 100;

const outcome = byId("outcome");
const verdict = byId("verdict");
const running = byId("running");
const progress = byId<HTMLProgressElement>("progress");
const sources = byId("sources");
const trustList = byId("trust-list");

let worker: Worker | null = null;
let seen = freshCounts();

function freshCounts() {
  const [refused, rechecked, surveys] = [[] as string[], [] as string[], [] as string[]];
  return {
    rounds: 0,
    proofs: 0,
    ms: 0,
    total: 0,
    refused,
    rechecked,
    surveys,
    trouble: null as string | null,
    next: 0,
  };
}

function start(task: Task): void {
  worker?.terminate();
  seen = freshCounts();
  sources.replaceChildren();
  trustList.replaceChildren();
  byId("trust").hidden = true;
  progress.removeAttribute("value");
  outcome.hidden = running.hidden = false;
  const started = new Worker(new URL("../thread.ts", import.meta.url), { type: "module", name: "verify" });
  worker = started;
  // What a thread said just before it was ended may come after.
  worker.addEventListener("message", ({ data }: MessageEvent<News>) => started === worker && hear(data));
  worker.addEventListener("error", ({ message }) => {
    seen.refused.push(`the checks could not be run: ${message ?? "the script did not load"}`);
    finish();
  });
  worker.postMessage(task);
  show();
}

function finish(): void {
  worker?.terminate();
  worker = null;
  running.hidden = true;
  show();
}

function hear(news: News): void {
  switch (news.kind) {
    case "source":
      sources.append(element("section", {}, element("h3", {}, news.name)));
      break;
    case "total":
      seen.total = news.rounds;
      break;
    case "trust":
      trust(news.sentence);
      break;
    case "round":
      hearRound(news.report);
      break;
    case "record":
      hearRecord(news.report);
      break;
    case "survey":
      seen.surveys.push(`${news.sentence}.`);
      list(element("p", { class: "note" }, `✓ ${news.sentence}.`));
      break;
    case "skipped":
      list(element("p", { class: "note" }, `${count(news.rounds, "round")} after it: not checked.`));
      break;
    case "malformed":
      seen.refused.push(`${sources.lastElementChild?.querySelector("h3")?.textContent}: ${news.message}`);
      list(element("p", { class: "bad" }, `✗ ${news.message}`));
      break;
    case "trouble":
      seen.trouble = news.message;
      break;
    case "waiting":
      seen.next = news.next;
      break;
    case "end":
      return finish();
  }
  show();
}

function hearRound(report: RoundReport): void {
  seen.next = 0;
  if (report.ok) {
    seen.rounds++;
    seen.proofs += report.proofs;
    seen.ms += report.ms;
  } else seen.refused.push(refusalText(report.title, report.problem!));
  list(roundElement(report));
  for (const sentence of report.trust) trust(sentence);
}

function hearRecord(report: RecordReport): void {
  if (!report.ok) {
    const refused = refusalText(report.title, report.problem);
    seen.refused.push(refused);
    return list(element("p", { class: "bad" }, `✗ ${refused}`));
  }
  const told = `${report.summary}: each is what the rules give.`;
  seen.rechecked.push(`Rechecked: ${told}`);
  list(element("p", { class: "note" }, `✓ ${told}`));
}

/** What it means, then the detail. */
function refusalText(title: string, { meaning, detail }: NonNullable<RoundReport["problem"]>): string {
  return `${title} is refused: ${meaning} (${detail})`;
}

/** The newest first, below the heading of its source. */
function list(row: HTMLElement): void {
  const last = sources.lastElementChild ?? sources.appendChild(element("section"));
  const heading = last.querySelector("h3");
  if (heading) heading.after(row);
  else last.prepend(row);
  const rounds = last.querySelectorAll("details");
  if (rounds.length <= LISTED) return;
  rounds[rounds.length - 1].remove();
  if (!last.querySelector(".older"))
    last.append(element("p", { class: "note older" }, "Older ones were checked, and are not listed."));
}

function trust(sentence: string): void {
  const known = [...trustList.children].some((row) => row.textContent === sentence);
  if (known) return;
  trustList.append(element("li", {}, sentence));
  byId("trust").hidden = false;
}

function roundElement(report: RoundReport): HTMLElement {
  const { ok, title, problem, steps, proofs, ms, summary } = report;
  const speed = `${count(proofs, "proof")} in ${duration(ms)}${proofs ? `, ${duration(ms / proofs)} a proof` : ""}`;
  const heading = element(
    "summary",
    {},
    element("span", { class: "mark" }, ok ? "✓ " : "✗ "),
    element("strong", {}, ok ? `${title}: proved` : `${title}: refused`),
    element("span", {}, ` · ${problem ? problem.meaning : `${speed} · ${summary}`}`),
  );
  const made = element("details", { class: ok ? "round" : "round refused" }, heading);
  made.open = !ok;
  const fill = () => {
    const rows = steps.map(({ name, sentence, words, problem: wrong }) =>
      element(
        "li",
        {},
        element("strong", {}, name),
        sentence ? `: ${sentence}` : "",
        words.length > 0 ? element("ul", {}, ...words.map((line) => element("li", {}, line))) : null,
        wrong ? element("span", { class: "bad" }, `✗ ${wrong}`) : null,
      ),
    );
    if (problem) made.append(element("p", { class: "bad" }, problem.detail));
    const says = ok ? "What was proved, instruction by instruction:" : "What it claims, instruction by instruction:";
    made.append(element("p", { class: "note" }, says), element("ol", { class: "steps", start: "0" }, ...rows));
    made.append(facts(report.facts));
  };
  if (made.open) fill();
  else made.addEventListener("toggle", fill, { once: true });
  return made;
}

function show(): void {
  const { rounds, proofs, ms, total, refused, rechecked, trouble, next } = seen;
  const good = `${count(proofs, "proof")} of ${count(rounds, "round")} ${proofs === 1 ? "holds" : "hold"}`;
  const speed = proofs > 0 ? `${duration(ms)} in all, ${duration(ms / proofs)} a proof, in this browser.` : "";
  const busy = worker !== null;
  if (busy && total > 0) {
    progress.max = total;
    progress.value = rounds;
  }
  const say = (kind: string, heading: string, ...lines: string[]) => {
    const text = [heading, ...lines].join("\n");
    if (verdict.className === `verdict ${kind}` && verdict.dataset.text === text) return;
    verdict.className = `verdict ${kind}`;
    verdict.dataset.text = text;
    const said = lines.filter((line) => line !== "").map((line) => element("p", {}, line));
    verdict.replaceChildren(heading, ...said);
  };
  if (refused.length > 0)
    return say(
      "bad",
      refused.length === 1 ? "✗ Refused" : `✗ Refused: ${refused.length} of them`,
      ...refused.slice(0, 8),
    );
  if (busy && trouble) return say("wait", "Waiting for the venue", trouble, rounds > 0 ? `So far ${good}.` : "");
  if (busy && next > 0)
    return rounds > 0
      ? say("good", `✓ All ${good}`, speed, `Waiting for round ${next}.`)
      : say("wait", `Waiting for round ${next}`, "The venue has proved no such round yet.");
  if (busy) return say("wait", "Checking", rounds > 0 ? `So far ${good}.` : "");
  const stopped = total > rounds ? "Stopped before the end." : "";
  if (rounds > 0) return say("good", `✓ All ${good}`, speed, ...rechecked, ...seen.surveys, stopped);
  if (seen.surveys.length > 0) return say("good", "✓ The survey holds", ...seen.surveys);
  say("wait", "Nothing was checked");
}

// What people do.

const profile = () => byId<HTMLSelectElement>("profile").value as Profile;
const fileInput = byId<HTMLInputElement>("files");
const drop = byId("drop");

function checkFiles(files: FileList | null | undefined): void {
  if (files && files.length > 0) start({ kind: "files", files: [...files], profile: profile() });
}

byId("choose").addEventListener("click", () => fileInput.click());
fileInput.addEventListener("change", () => {
  checkFiles(fileInput.files);
  fileInput.value = "";
});
// A file that misses the zone would replace the page: the whole page takes it.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  checkFiles(event.dataTransfer?.files);
});

const venueInput = byId<HTMLInputElement>("venue");
const extent = byId<HTMLSelectElement>("extent");
const roundInput = byId<HTMLInputElement>("round");

function checkVenue(): void {
  const url = venueInput.value;
  start({ kind: "venue", url, first: Number(roundInput.value), only: extent.value === "one", profile: profile() });
}

byId("venue-form").addEventListener("submit", (event) => {
  event.preventDefault();
  checkVenue();
});
byId("stop").addEventListener("click", finish);

const asked = new URLSearchParams(location.search);
venueInput.value = asked.get("venue") ?? (/^https?:$/.test(location.protocol) ? location.origin : "");
if (/^[1-9][0-9]{0,8}$/.test(asked.get("round") ?? "")) {
  roundInput.value = asked.get("round")!;
  extent.value = "one";
  // Other venues are asked only when somebody presses the button: a link must not send this browser anywhere.
  if (venueInput.value.replace(/\/+$/, "") === location.origin) checkVenue();
}
