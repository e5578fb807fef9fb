// Goal: a client never accuses a venue that is honest, and always computes the account that is proved, whatever its owner does
// and whenever the venue or the client is started anew.
// Method: four clients that trade at random through the service of a venue in memory, good orders and bad ones; deposits,
// expiries, restarts of both sides with other limits. Every `sync` must find what the client computed itself.
import assert from "node:assert/strict";
import pino from "pino";
import { Random } from "../../src/replay/random.ts";
import { Client, memoryNotebook, type SentItem } from "../../src/client/index.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { createApp } from "../../src/venue/service/app.ts";
import type { Venue } from "../../src/venue/venue.ts";
import {
  DEPOSIT,
  genesisJson,
  lastingStore,
  ManualClock,
  openTestVenue,
  reportsOf,
  simulatedProver,
  traders,
  turns,
  unpriced,
} from "../venue/fixture.ts";
import { NO_RATES } from "../venue/service/served.ts";

const seed = Number(process.env.SEED ?? 1);
const STEPS = Number(process.env.STEPS ?? 90);

describe(`client: an honest venue, ${STEPS} random steps (seed ${seed})`, () => {
  it("is never accused, and proves what each client has computed", async () => {
    const random = new Random(seed);
    const clock = new ManualClock();
    const storage = lastingStore();
    const { prover, keys } = simulatedProver();
    const people = traders(4);
    const seen: Record<string, number> = {};
    const count = (what: string) => (seen[what] = (seen[what] ?? 0) + 1);

    let venue!: Venue;
    let app!: ReturnType<typeof createApp>["app"];
    /** The last one has nothing to begin with. */
    const openVenue = async () => {
      const limits = {
        roundProofs: random.integer(1, 12),
        roundSeconds: random.integer(1, 40),
        snapshotEvery: random.integer(1, 30),
      };
      const traders = people.slice(0, 3);
      const all = { genesis: unpriced, reports: reportsOf(), clock, storage, prover, limits, traders };
      ({ venue } = await openTestVenue(all));
      const log = pino({ level: "silent" });
      const options = { genesisJson, version: "test", log, hosts: ["venue.example"], rates: NO_RATES };
      ({ app } = createApp({ venue, options }));
    };
    const fetch = async (input: string, init?: RequestInit) =>
      app.fetch(new Request(input, init), { sender: "test", local: true });
    const notebooks = people.map(() => memoryNotebook());
    const openClient = (i: number) =>
      Client.open({
        url: "http://venue.example",
        keysOf: () => keys,
        secret: people[i].secret,
        notebook: notebooks[i],
        fetch,
        now: () => clock.now(),
      });
    await openVenue();
    const { rules, prices } = venue.terms;
    const markets = rules.markets.flatMap((row, slot) =>
      row ? [{ id: row.id, mark: prices.markets[slot]!.mark }] : [],
    );
    const clients = await Promise.all(people.map((_, i) => openClient(i)));
    assert.deepEqual(await Promise.all(clients.map((client) => client.login())), [2, 3, 4, null]);

    const deposit = async (client: Client, amount: bigint) => {
      const { x: keyX, y: keyY } = client.depositKey;
      await venue.deposit([{ keyX, keyY, index: client.index ?? venue.health().accounts, amount }]);
      count("deposit");
    };
    const syncAll = async () => {
      for (const [i, client] of clients.entries()) {
        await client.sync();
        assert.deepEqual(client.contradictions, []);
        if (!client.proved) continue;
        assert.ok(client.proved.recomputed, `client ${i} does not know all that happened to its account`);
        count("recomputed");
      }
    };
    /** Everything is proved, and each client knows its account as it stands. */
    const settle = async () => {
      do {
        clock.advance(50n);
        await turns(50);
        assert.equal(venue.health().reason, null);
      } while (venue.health().unproved > 0);
      await syncAll();
      for (const client of clients) {
        assert.equal(client.verified.logCount, BigInt(venue.health().logCount));
        if (client.index !== null) assert.deepEqual(client.proved!.account, venue.account(client.index));
      }
      count("settled");
    };

    /** What the client foresees is what the venue says; what it does not, only the venue could know. */
    const foreseen = async (send: (anyway: boolean) => Promise<SentItem>) => {
      try {
        const sent = await send(random.integer(0, 3) === 0);
        if (sent.verdict !== "admitted") count("rejected");
        return sent;
      } catch (error) {
        if (!(error instanceof TacitError && error.code === "REJECTED")) throw error;
        count("foreseen");
        const sent = await send(true);
        assert.equal(sent.verdict, error.details.verdict, error.message);
        return sent;
      }
    };

    const act = async (client: Client) => {
      const { id: market, mark } = random.pick(markets);
      const known = client.items.length;
      const kind = random.integer(0, 23);
      if (kind > 19) {
        const count = random.integer(0, 9) ? random.integer(1, 3) : random.integer(4, 8);
        const orders = Array.from({ length: count }, () => ({
          side: random.pick(["buy", "sell"] as const),
          size: BigInt(random.integer(0, 19) ? random.integer(1, 4) : 0),
          limit: mark + 10n * BigInt(random.integer(-15, 15)) + (random.integer(0, 19) ? 0n : 1n),
        }));
        const expiry = clock.now() + BigInt(random.integer(0, 60));
        return foreseen((anyway) => client.quotes({ market, orders, expiry, anyway }));
      }
      if (kind < 13) {
        const order = {
          market,
          side: random.pick(["buy", "sell"] as const),
          size: BigInt(random.integer(0, 19) ? random.integer(1, 12) : 0),
          limit: mark + 10n * BigInt(random.integer(-15, 15)) + (random.integer(0, 19) ? 0n : 1n),
          thisAuction: random.integer(0, 3) === 0,
          expiry: clock.now() + BigInt(random.integer(0, 60)),
          ...(random.integer(0, 4) === 0 && known > 0 ? { replaces: BigInt(random.integer(1, known)) } : {}),
          ...(random.integer(0, 20) ? {} : { validUntil: clock.now() - 1n }),
        } as const;
        return foreseen((anyway) => client.order({ ...order, anyway }));
      }
      if (kind < 16) {
        const target = random.integer(0, 1) ? { target: BigInt(random.integer(1, known + 1)) } : {};
        return foreseen((anyway) => client.cancel({ market, ...target, anyway }));
      }
      if (kind < 18) {
        const amount = 1_000n * BigInt(random.integer(0, 3));
        return foreseen((anyway) => client.withdraw({ recipient: 0xabcn, amount, anyway }));
      }
      return deposit(client, BigInt(random.integer(1, 500)));
    };

    for (let step = 0; step < STEPS; step++) {
      const i = random.integer(0, clients.length - 1);
      if (step === STEPS >> 2) {
        await deposit(clients[3], DEPOSIT);
        assert.equal(await clients[3].login(), 5);
      }
      if (clients[i].index !== null) {
        const sent = await act(clients[i]).catch((error: unknown) => {
          // What a client declines to sign, or a venue to take, is told by its code.
          assert.ok(error instanceof TacitError && error.code === "OUT_OF_RANGE", String(error));
          count(error.code);
        });
        if (sent) count(sent.verdict!);
      }
      if (random.integer(0, 3) === 0) clock.advance(BigInt(random.integer(1, 25)));
      const next = random.integer(0, 39);
      if (next < 4) {
        await turns(20);
        await syncAll();
      } else if (next < 6 || step % 30 === 29) {
        await venue.close();
        await openVenue();
        count("restart");
        if (random.integer(0, 1)) clients[i] = await openClient(i);
      } else if (next === 6) clients[i] = await openClient(i);
      else if (next === 7 || step % 30 === 14) await settle();
    }
    await settle();
    await venue.close();
    for (const kind of ["admitted", "foreseen", "deposit", "restart", "recomputed", "settled"])
      assert.ok(seen[kind] > 1, `too few of kind ${kind}: ${JSON.stringify(seen)}`);
  });
});
