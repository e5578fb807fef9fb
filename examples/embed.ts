/**
 * A venue inside your own process, with orders from your own feed: here a list of what clients said on the phone.
 *     node --import tsx examples/embed.ts [--prove]
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  depositKey,
  developmentFeeds,
  developmentGenesis,
  developmentSource,
  itemHash,
  threadSigner,
  openThreadStore,
  openVenue,
  orderItem,
  parseGenesis,
  publicKey,
  SIDE,
  sign,
} from "tacit";
import { developmentProver } from "./developmentProver.ts";

const INTERVAL = 2;
const now = () => BigInt(Math.floor(Date.now() / 1000));
const [secret, insurance] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
const genesis = parseGenesis(
  developmentGenesis({ secret, insurance, domain: BigInt(`0x${randomBytes(31).toString("hex")}`), time: now(), interval: INTERVAL }), // prettier-ignore
);
const folder = await mkdtemp(join(tmpdir(), "tacit-embed-"));
const venue = await openVenue({
  genesis,
  secret,
  signer: threadSigner(new Uint8Array(randomBytes(32))),
  storage: await openThreadStore(join(folder, "venue.db")),
  // They make prices up. Those of your venue are asked over HTTP (httpSource), or send their reports (venue.feeds.add).
  feeds: [developmentSource(developmentFeeds(genesis))],
  ...(process.argv.includes("--prove") ? { prover: await developmentProver("demo") } : {}),
  limits: { roundSeconds: 1 },
});
console.log(`venue in ${folder}, genesis state ${venue.genesisState}`);

if (venue.terms.prices.epoch === 0n)
  await new Promise<void>((resolve) => venue.subscribe(({ kind }) => kind === "change" && resolve()));
const { mark } = venue.terms.prices.markets[0]!;

// Two clients, whose keys this house keeps. Accounts 0 and 1 are the venue's own.
const clients = ["Ada", "Ben"].map((name, i) => ({
  name,
  index: 2 + i,
  nonce: 0n,
  secret: new Uint8Array(randomBytes(32)),
}));
await venue.deposit(
  clients.map(({ secret, index }) => {
    const { x: keyX, y: keyY } = depositKey(publicKey(secret));
    return { keyX, keyY, index, amount: 10_000_000n };
  }),
);
const nameOf = (account: number) => clients.find(({ index }) => index === account)?.name ?? "the venue";
/** Entry of the log at which they traded. */
let filled: number | null = null;
const auctioned = new Promise<void>((resolve) =>
  venue.subscribe((event) => {
    if (event.kind === "fill" && event.fill.lots !== 0n) {
      filled = event.fill.n;
      console.log(
        `${nameOf(event.fill.account)} ${event.fill.lots > 0n ? "bought" : "sold"} ${String(event.fill.lots).replace("-", "")} at ${event.fill.price}`,
      );
    }
    if (event.kind !== "auction") return;
    console.log(`auction of market ${event.auction.market}: ${event.auction.volume} lots at ${event.auction.price}`);
    resolve();
  }),
);
// Prices go on meanwhile, and other rounds with them.
const proved = new Promise<void>((resolve) =>
  venue.subscribe((event) => {
    if (event.kind !== "round") return;
    console.log(`round ${event.round.number} proved: ${JSON.stringify(event.round.instructions)}`);
    if (filled !== null && Number(event.round.logCount) > filled) resolve();
  }),
);

/** The feed. Replace it by yours. */
async function* feed() {
  yield { who: 0, side: "buy", lots: 5n, limit: mark + 50n } as const;
  yield { who: 1, side: "sell", lots: 3n, limit: mark - 50n } as const;
}

for await (const { who, side, lots, limit } of feed()) {
  const client = clients[who];
  const item = orderItem({
    market: 101n,
    account: BigInt(client.index),
    nonce: ++client.nonce,
    side: SIDE[side],
    limit,
    size: lots,
    validUntil: now() + 30n,
    expiry: now() + 3_600n,
    salt: BigInt(`0x${randomBytes(31).toString("hex")}`),
  });
  const { receipt, verdict } = await venue.order(item, sign(client.secret, itemHash(genesis.domain, item)));
  console.log(`${client.name} ${side} ${lots} at ${limit}: ${verdict}, entry ${receipt.n} of the log`);
}
await auctioned;
if (venue.proves) await proved;
for (const { name, index } of clients) {
  const { cash, positions } = venue.account(index)!;
  console.log(`${name}: cash ${cash}, perpetual ${positions[0]}`);
}
await venue.close();
// Yours stays, of course.
await rm(folder, { recursive: true });
