/**
 * A market maker that quotes both sides of a market at a running venue, two prices each, and checks all that the venue says.
 *     node bin/tacit.js serve                                        # in one terminal
 *     node --import tsx examples/marketMaker.ts http://127.0.0.1:8080 101 10     # venue, market, auctions to quote in
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Client, Contradiction } from "tacit/client";
import { INSTRUCTION_NAMES, prepareKeys } from "tacit/verifier";

const [url = "http://127.0.0.1:8080", marketText = "101", auctionsText = "10"] = process.argv.slice(2);
const market = BigInt(marketText);
const LOTS = 5n;

const client = await Client.open({
  url,
  // A key for this run; keep yours sealed (sealSecret), and a notebook on disk.
  secret: new Uint8Array(randomBytes(32)),
  async keysOf(profile) {
    const files = INSTRUCTION_NAMES.map(async (name) => {
      const text = await readFile(new URL(`../keys/${profile}/${name}.json`, import.meta.url), "utf8");
      return [name, JSON.parse(text)] as const;
    });
    return prepareKeys(Object.fromEntries(await Promise.all(files)));
  },
});
const { rules } = client.terms.latest;
const slot = rules.markets.findIndex((row) => row?.id === market);
if (slot < 0) throw new Error(`the venue has no market ${market}`);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Tries until the venue answers: it may be started anew, or have too much to do. What it refuses for good is thrown. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const { code, message, details } = error as { code?: string; message: string; details?: { retryAfter?: number } };
      if (!["UNREACHABLE", "BUSY", "RATE_LIMITED", "STOPPED", "BAD_ANSWER"].includes(code ?? "")) throw error;
      console.error(`${message}: trying again`);
      await pause(1000 * (details?.retryAfter ?? 2));
    }
  }
}

const { x, y } = client.depositKey;
const deposit = { keyX: String(x), keyY: String(y), index: 0, amount: "50000000" };
await patiently(() => client.api.post("/deposits", deposit));
console.log(`account ${await patiently(() => client.login())} at ${url}`);

// Of a market with several legs, such as a straddle, the first one tells how much of it is held.
const leg = rules.markets[slot]!.legs.findIndex((weight) => weight !== 0n);
const { tick, interval } = rules.markets[slot]!;
const seconds = () => Math.floor(Date.now() / 1000);

for (let auction = 0; auction < Number(auctionsText); auction++) {
  // Lean against the position: quote lower when long, higher when short.
  const held = (await patiently(() => client.account())).positions[leg];
  // As the feeds' quorum has signed it; null where there are no prices of this market.
  const { prices } = await patiently(() => client.terms.update());
  const quoted = prices.markets[slot];
  if (!quoted) {
    await pause(1_000);
    continue;
  }
  const middle = quoted.mark - held * tick;
  const close = (Math.floor(seconds() / Number(interval)) + 1) * Number(interval);
  // One item, one signature: these take the place of all quotes before them, all or none. A list that comes after its auction
  // is dead: one without an answer is sent again before the next, if it still lives.
  const orders = [2n, 4n].flatMap((ticks) => [
    { side: "buy" as const, limit: middle - ticks * tick, size: LOTS },
    { side: "sell" as const, limit: middle + ticks * tick, size: LOTS },
  ]);
  const shown = orders.map(({ side, limit, size }) => `${side} ${size} at ${limit}`).join(", ");
  try {
    const { verdict, receipt } = await client.quotes({
      market,
      orders,
      validUntil: BigInt(close),
      expiry: BigInt(close),
    });
    console.log(`${shown}: ${verdict}, entry ${receipt!.n}`);
  } catch (error) {
    // No quotes this time. What cannot be true ends the program.
    if (error instanceof Contradiction) throw error;
    console.error(`${shown}: ${(error as Error).message}`);
  }
  await pause(Math.max(0, close * 1000 - Date.now() + 500));
  // Throws if the venue has said anything that cannot be true.
  const { round, logCount } = await patiently(() => client.sync());
  console.log(`held ${held} before; verified ${round} rounds, ${logCount} entries`);
}
const { receipt } = await patiently(() => client.cancel({ market }));
// Proofs trail: until all of this is proved, and the account with it.
while (client.venue.proves && client.verified.logCount <= receipt!.n) {
  await pause(1_000);
  await patiently(() => client.sync());
}
const { proved } = client;
console.log(proved ? `proved in round ${proved.round}: cash ${proved.account.cash}` : "nothing is proved here");
