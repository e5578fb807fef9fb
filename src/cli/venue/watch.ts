import { existsSync } from "node:fs";
import { Contradiction, marginCallInWords, type Client, type MarginCall } from "../../client/index.ts";
import { TacitError } from "../../protocol/errors.ts";
import { asInteger, asList, asObject, toJson } from "../../protocol/json.ts";
import { rulesRoot } from "../../protocol/rules.ts";
import { isoTime, short, thousands } from "../../setup/format.ts";
import { openClient, shout, type TraderOptions } from "./withClient.ts";

/** `tacit watch`: verifies round after round, until it is stopped. @returns the exit code: 1 when something cannot be true */
export async function watch(
  options: TraderOptions & {
    once?: boolean;
    every: number;
    /** the file was not named, and need not be there */
    keyOptional?: boolean;
  },
): Promise<number> {
  const keyless = options.account === "none" || (options.keyOptional === true && !existsSync(options.account));
  const client = await openClient(options, { keyless });
  const stopped = new Promise<"stopped">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve("stopped"));
  });
  const say = (text: string, value: object) => process.stdout.write(options.json ? `${toJson(value)}\n` : `${text}\n`);
  const { domain } = client.genesis;
  say(`venue ${client.api.url}, domain ${short(domain)}, signer ${client.signer}`, { domain, signer: client.signer });
  const note = (text: string) => process.stderr.write(`${text}\n`);
  if (keyless) note("no key: only rounds are followed");
  let told = -1;
  let said = 0;
  const heard: Heard = { root: rulesRoot(client.terms.latest.rules), announced: new Set() };
  let called: MarginCall["state"] | null = null;
  let [asked, away, overruns, clock] = [false, false, false, null as string | null];
  for (;;) {
    try {
      await client.sync((verified) => {
        const { round, logCount, time, state } = verified;
        said = round;
        say(`round ${round} holds: ${logCount} entries up to ${isoTime(time)}, state ${short(state)}`, { verified });
      });
      // By an earlier command, or by another one with the same notebook.
      const { verified } = client;
      if (verified.round > said) say(`rounds up to ${verified.round} hold, as verified before`, { verified });
      said = verified.round;
      for (const text of await ruleNews(client, heard)) note(`tacit: ${text}`);
      const overrun = overrunInWords(asObject("health", await client.api.health()));
      if (overrun !== null && !overruns) note(`tacit: ${overrun}`);
      if (overrun === null && overruns) note("proofs keep up again");
      overruns = overrun !== null;
      if (away) note("the venue answers again");
      away = false;
      if (client.verified.round === 0 && !asked) note("no round is proved yet: proofs come some time after the orders");
      asked = true;
      const { proved, index } = client;
      if (proved && !keyless && proved.round !== told) {
        const { round, account, recomputed } = proved;
        told = round;
        const how = recomputed ? ", as computed here" : "";
        say(`account ${index} proved in round ${round}: cash ${thousands(account.cash)}${how}`, { index, proved });
      }
      const call = keyless || index === null ? null : await client.marginCall(await client.account());
      // Once for each step towards being sold down, and when it is over.
      if ((call?.state ?? null) !== called) {
        say(call ? `account ${index}: ${marginCallInWords(call)}` : `account ${index}: no margin call any more`, {
          index,
          call,
        });
        called = call?.state ?? null;
      }
    } catch (error) {
      if (error instanceof Contradiction) return shout(client.contradictions);
      if (!(error instanceof TacitError) || options.once) throw error;
      away = true;
      note(`tacit: ${error.message}`);
    }
    if (client.clockDifference !== null && clock === null) note(`tacit: ${client.clockDifference}`);
    clock = client.clockDifference;
    if (options.once) return shout(client.contradictions);
    const pause = new Promise<"next">((resolve) => setTimeout(() => resolve("next"), options.every * 1000));
    if ((await Promise.race([stopped, pause])) === "stopped") return shout(client.contradictions);
  }
}

/** What was told of rules. */
interface Heard {
  root: bigint;
  readonly announced: Set<number>;
}

/** What is new of the venue's rules, in words: announced, or in force. */
async function ruleNews(client: Client, heard: Heard): Promise<string[]> {
  const news: string[] = [];
  const { rules } = await client.terms.update();
  const root = rulesRoot(rules);
  const as = client.terms.told ? ", as the venue tells it" : "";
  if (root !== heard.root) news.push(`other rules are in force${as}: ${short(root)} (tacit rules show)`);
  heard.root = root;
  for (const it of asList("rules.announced", asObject("rules", await client.api.get("/rules")).announced)) {
    const { n, from, state } = asObject("rules.announced", it);
    if (state !== "waiting" || typeof n !== "number" || heard.announced.has(n)) continue;
    heard.announced.add(n);
    const good = isoTime(asInteger("rules.announced.from", from));
    news.push(`announcement ${n} of other rules may come into force from ${good} on (tacit rules show)`);
  }
  return news;
}

/** That proofs do not keep up, as a venue's health says; or null. */
export function overrunInWords({ proofs }: Record<string, unknown>): string | null {
  if (typeof proofs !== "object" || proofs === null) return null;
  const { busyIn, lagSeconds } = proofs as Record<string, unknown>;
  if (typeof busyIn !== "number" || typeof lagSeconds !== "number") return null;
  const behind = `proofs are ${thousands(lagSeconds)} s behind and do not keep up`;
  return `${behind}: as things go, orders are turned away in ${thousands(busyIn)} s`;
}
