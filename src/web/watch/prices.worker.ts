import { Contradiction } from "../../client/index.ts";
import { reason } from "../format.ts";
import { keysOf } from "../keys.ts";
import { PriceChecks } from "./priceChecks.ts";
import type { CheckPrices, PricesCheck } from "./pricesMessages.ts";

/** The thread that checks the prices which a venue tells anybody (priceChecks.ts). */

let checks: PriceChecks | null = null;
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

async function checkOf({ url, ...look }: CheckPrices): Promise<PricesCheck | null> {
  return (checks ??= await PriceChecks.open({ url, keysOf })).check(look);
}

function wrong({ told }: CheckPrices, error: unknown): PricesCheck {
  const { epoch } = (told ?? {}) as Record<string, unknown>;
  const verdict = error instanceof Contradiction ? "bad" : "wait";
  const what = verdict === "bad" ? "These prices are not what the venue shows: " : "Not checked: ";
  return { epoch: String(epoch), verdict, sentence: `${what}${reason(error)}`, quorum: [], otherwise: [], marks: [] };
}
