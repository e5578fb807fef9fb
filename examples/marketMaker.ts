/**
 * A market maker that quotes both sides of a market at a running venue, and checks all that the venue says.
 *     node bin/tacit.js serve                                        # in one terminal
 *     node --import tsx examples/marketMaker.ts http://127.0.0.1:8080 101 10     # venue, market, auctions to quote in
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Client } from "tacit/client";
import { prepareKeys } from "tacit/verifier";

const [url = "http://127.0.0.1:8080", marketText = "101", auctionsText = "10"] = process.argv.slice(2);
const market = BigInt(marketText);
const LOTS = 5n;

const client = await Client.open({
  url,
  // A key for this run; keep yours sealed (sealSecret), and a notebook on disk.
  secret: new Uint8Array(randomBytes(32)),
  async keysOf(profile) {
    const names = ["deposit", "admit", "auction", "midpoint", "settle", "withdraw"];
    const files = names.map(async (name) => {
      const text = await readFile(new URL(`../keys/${profile}/${name}.json`, import.meta.url), "utf8");
      return [name, JSON.parse(text)] as const;
    });
    return prepareKeys(Object.fromEntries(await Promise.all(files)));
  },
});
const slot = client.genesis.rules.markets.findIndex((row) => row?.id === market);
if (slot < 0) throw new Error(`the venue has no market ${market}`);
const { x, y } = client.depositKey;
await client.api.post("/deposits", { keyX: String(x), keyY: String(y), index: 0, amount: "50000000" });
console.log(`account ${await client.login()} at ${url}`);

// Of a market with several legs, such as a straddle, the first one tells how much of it is held.
const leg = client.genesis.rules.markets[slot]!.legs.findIndex((weight) => weight !== 0n);
const { tick, interval } = client.genesis.rules.markets[slot]!;
const mark = client.genesis.prices.markets[slot]!.mark;
const seconds = () => Math.floor(Date.now() / 1000);

for (let auction = 0; auction < Number(auctionsText); auction++) {
  // Lean against the position: quote lower when long, higher when short.
  const held = (await client.account()).positions[leg];
  const middle = mark - held * tick;
  const quote = { market, size: LOTS, thisAuction: true };
  const [bid, ask] = [middle - 2n * tick, middle + 2n * tick];
  for (const { side, limit } of [{ side: "buy", limit: bid } as const, { side: "sell", limit: ask } as const]) {
    const { verdict, receipt } = await client.order({ ...quote, side, limit });
    console.log(`${side} ${LOTS} at ${limit}: ${verdict}, entry ${receipt!.n}`);
  }
  const close = (Math.floor(seconds() / Number(interval)) + 1) * Number(interval);
  await new Promise((resolve) => setTimeout(resolve, close * 1000 - Date.now() + 500));
  // Throws if the venue has said anything that cannot be true.
  const { round, logCount } = await client.sync();
  console.log(`held ${held} before; verified ${round} rounds, ${logCount} entries`);
}
const { receipt } = await client.cancel({ market });
// Proofs trail: until all of this is proved, and the account with it.
while (client.venue.proves && client.verified.logCount <= receipt!.n) {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await client.sync();
}
const { proved } = client;
console.log(proved ? `proved in round ${proved.round}: cash ${proved.account.cash}` : "nothing is proved here");
