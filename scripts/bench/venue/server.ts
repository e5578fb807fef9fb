/**
 * A venue behind its service in a process of its own, as `npm run bench venue` loads it: no proofs, a store on disk with
 * fsync, signatures checked. Prints its address; ends with its standard input.
 *     server.ts FOLDER [STORE] [no-book]
 * STORE: a URL of PostgreSQL, with a synchronous standby. no-book: what is signed is not kept.
 */
import { join } from "node:path";
import pino from "pino";
import { parseGenesis } from "../../../src/protocol/genesis.ts";
import { developmentFeeds } from "../../../src/venue/developmentGenesis.ts";
import { developmentSource, nodeDigest, openThreadStore, openVenue, threadSigner } from "../../../src/venue/index.ts";
import { openPostgresStore } from "../../../src/venue/store/postgres/postgresStore.ts";
import { collectSeldom, startService } from "../../../src/venue/service/server.ts";
import { ACCOUNTS, depositsOf, genesisJsonOf, OPERATOR, SIGNER } from "./traders.ts";

collectSeldom();
const [folder, place = "", ...words] = process.argv.slice(2);
const genesisJson = genesisJsonOf();
const genesis = parseGenesis(genesisJson);
const venue = await openVenue({
  genesis,
  secret: OPERATOR,
  signer: threadSigner(SIGNER, words.includes("no-book") ? {} : { book: join(folder, "signed.db") }),
  storage: await (place === ""
    ? openThreadStore(join(folder, "venue.db"))
    : openPostgresStore(place, { copies: { standbys: 1 } })),
  digest: nodeDigest,
  feeds: [developmentSource(developmentFeeds(genesis))],
});
// Without prices each order would be refused.
if (venue.terms.prices.epoch === 0n)
  await new Promise<void>((resolve) => void venue.subscribe(({ kind }) => kind === "change" && resolve()));
await venue.deposit(depositsOf(ACCOUNTS));
const unlimited = { rate: 1e9, burst: 1e9 };
const service = await startService({
  venue,
  genesisJson,
  version: "bench",
  log: pino({ level: "silent" }),
  rates: { account: unlimited, address: unlimited },
});
process.stdout.write(`${service.url}\n`);
process.stdin.resume();
process.stdin.on("end", () => void service.close().then(() => venue.close()));
