import { Api, ClientTerms, Contradiction, provedPrices, toldOtherwise, type Quorum } from "../../client/index.ts";
import { parseGenesis, type GenesisFile } from "../../protocol/genesis.ts";
import { asInteger, asObject } from "../../protocol/json.ts";
import { count, reason } from "../format.ts";
import { keysOf } from "../keys.ts";
import type { CheckPrices, PricesCheck } from "./pricesMessages.ts";

/**
 * The thread that checks the prices which a venue tells anybody: it makes them anew from the reports that the venue shows, whose
 * signatures it checks, and looks for the entry that made them in the proved log.
 */

/** That something differs while rules change says nothing: only what differs at the next look as well. */
let suspected: number | null = null;
let known: { api: Api; genesis: GenesisFile; terms: ClientTerms } | null = null;
let proved: { n: number; round: number; defect: string | null } | null = null;
let [busy, next] = [false, null as CheckPrices | null];

globalThis.addEventListener("message", ({ data }: MessageEvent<CheckPrices>) => {
  next = data;
  if (!busy) void work();
});

/** What is told last is checked; what was told meanwhile is passed over. */
async function work(): Promise<void> {
  busy = true;
  for (let task = next; task; task = next) {
    next = null;
    const check = await checkOf(task).catch((error: unknown) => wrong(task, error));
    if (check) globalThis.postMessage(check);
  }
  busy = false;
}

async function open(url: string) {
  const api = new Api(url);
  const genesis = parseGenesis(asObject("venue", await api.get("/venue")).genesis);
  const terms = new ClientTerms({ api, genesis, now: () => BigInt(Math.floor(Date.now() / 1000)) });
  await terms.open(null);
  return { api, genesis, terms };
}

/** @returns null where newer prices are there already */
async function checkOf({ url, told }: CheckPrices): Promise<PricesCheck | null> {
  const { api, genesis, terms } = (known ??= await open(url));
  const { rules, prices } = await terms.update();
  const epoch = asInteger("prices.epoch", asObject("prices", told).epoch);
  const { quorum } = terms;
  const feeds = quorum ? quorum.reports.map(({ feed }) => feed) : [];
  const result = (verdict: PricesCheck["verdict"], sentence: string, otherwise: PricesCheck["otherwise"] = []) =>
    ({ epoch: `${epoch}`, verdict, sentence, quorum: feeds, otherwise }) as const;
  if (epoch < prices.epoch) return null;
  if (epoch > prices.epoch) return result("wait", "The venue has not shown the reports that made these prices.");
  if (!quorum) return null;
  const otherwise = toldOtherwise(told, { rules, prices });
  const isMeanwhile = otherwise.some(({ at }) => at === "rules") && suspected !== terms.position;
  suspected = otherwise.length > 0 ? terms.position : null;
  if (isMeanwhile) return null;
  if (otherwise.length > 0)
    return result("bad", "The venue tells other prices than those that its feeds have signed.", otherwise);
  const round = await provedIn(api, genesis, quorum);
  if (proved?.defect) return result("bad", `${proved.defect}: these prices are not the proved ones.`);
  const where = round === null ? "It is in no proved round so far." : `Round ${round} proves that entry.`;
  const before = terms.told === null ? "" : " What was before them is as the venue tells it.";
  const made = `made at entry ${quorum.n} of the log from the signed reports of feeds ${feeds.join(", ")}`;
  const enough = `a quorum of ${feeds.length} of ${count(rules.group.feeds.length, "feed")}`;
  return result("good", `Checked here: ${made}, ${enough}, and what follows from their medians. ${where}${before}`);
}

/** The round that has the entry, asked for until there is one. */
async function provedIn(api: Api, { domain, profile }: GenesisFile, quorum: Quorum): Promise<number | null> {
  if (proved?.n === quorum.n) return proved.round;
  const { round, defect } = await provedPrices(api, { quorum, domain, keys: keysOf(profile) });
  proved = round === null ? null : { n: quorum.n, round, defect };
  return round;
}

function wrong({ told }: CheckPrices, error: unknown): PricesCheck {
  const { epoch } = (told ?? {}) as Record<string, unknown>;
  const verdict = error instanceof Contradiction ? "bad" : "wait";
  const what = verdict === "bad" ? "These prices are not what the venue shows: " : "Not checked: ";
  return { epoch: String(epoch), verdict, sentence: `${what}${reason(error)}`, quorum: [], otherwise: [] };
}
