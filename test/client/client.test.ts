// Goal: a client that is told the truth computes what is proved; a venue that lies is caught, whatever it lies about.
// Method: a venue in memory behind its service, proofs by a simulator, and between client and service one that alters an answer.
import assert from "node:assert/strict";
import { Client, Contradiction, memoryNotebook, openSecret, sealSecret, type Fetch } from "../../src/client/index.ts";
import { freshMemory, Notes } from "../../src/client/notebook.ts";
import { depositKey, publicKey } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { authHash, itemHash } from "../../src/protocol/item.ts";
import { hash } from "../../src/protocol/poseidon.ts";
import { fee } from "../../src/protocol/market.ts";
import { openingJson } from "../../src/protocol/opening.ts";
import { receiptDefect, receiptDigest } from "../../src/protocol/receipt.ts";
import { readItem, readReceipt, receiptJson } from "../../src/protocol/wire.ts";
import { localSigner } from "../../src/venue/index.ts";
import { genesis, PERP, SIGNER } from "../venue/fixture.ts";
import { honest, proveAll, setting, type Answer } from "./setting.ts";

const contradiction = (kind: string) => (error: unknown) => {
  assert.ok(error instanceof Contradiction, String(error));
  assert.equal(error.kind, kind, error.message);
  return true;
};

describe("client: an honest venue", () => {
  it("computes from own knowledge the account that is proved, through orders, fills, cancels and withdrawals", async () => {
    const { venue, clock, bob, open, send } = await setting();
    const notebook = memoryNotebook();
    let client = await open(notebook);
    await client.login();
    for (let round = 0; round < 4; round++) {
      const thisAuction = true;
      const first = await client.order({ market: PERP, side: "buy", size: 5n, limit: 100_050n, thisAuction });
      assert.equal(first.verdict, "admitted");
      await client.order({ market: PERP, side: "sell", size: 2n, limit: 100_400n });
      await send(bob.order("sell", 3n, 99_950n, { thisAuction: true }));
      if (round % 2 === 1) await client.cancel({ market: PERP });
      const quotes = [
        { side: "buy", size: 1n, limit: 99_800n },
        { side: "buy", size: 2n, limit: 99_900n },
        { side: "sell", size: 2n, limit: 100_100n },
      ] as const;
      const list = await client.quotes({ market: PERP, orders: quotes });
      assert.equal(list.verdict, "admitted");
      if (round === 2) await client.withdraw({ recipient: 0xabcn, amount: 1_000n });
      const margin = await client.order({ market: PERP, side: "buy", size: 10_000n, limit: 100_000n, anyway: true });
      assert.equal(margin.verdict, "margin");
      const off = { ...quotes[1], limit: 99_901n };
      const bad = { market: PERP, orders: [quotes[0], off] };
      await assert.rejects(client.quotes(bad), { code: "REJECTED", message: /offTick.*\(order 2 of 2\)/ });
      assert.equal((await client.quotes({ ...bad, anyway: true })).verdict, "offTick");
      await client.order({ market: PERP, side: "sell", size: 1n, limit: 100_400n });
      await proveAll(venue, clock);
      await client.sync();
      assert.deepEqual(client.contradictions, []);
      assert.equal(client.proved!.recomputed, true);
      assert.deepEqual(client.proved!.account, venue.account(2));
      // What it knows survives the client.
      client = await open(notebook);
    }
    assert.ok(client.items.length >= 12);
    await venue.close();
  });

  it("uses the account that has most, whoever opened others for its key before, or the one that is asked for", async () => {
    const { venue, clock, alice, bob, open, openAs } = await setting();
    // A stranger was faster: Carol's key has an account with next to nothing.
    const carol = new Uint8Array(32).fill(55);
    const { x: keyX, y: keyY } = depositKey(publicKey(carol));
    await venue.deposit([
      { keyX, keyY, index: 0, amount: 1n },
      { keyX, keyY, index: 0, amount: 5_000_000n },
    ]);
    const [dust, own] = venue.indexesOf(publicKey(carol));
    const client = await open(memoryNotebook(), carol);
    assert.equal(await client.login(), own);
    assert.deepEqual(client.accounts, [dust, own]);
    assert.equal((await client.order({ market: PERP, side: "buy", size: 1n, limit: 100_000n })).verdict, "admitted");
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);

    const notebook = memoryNotebook();
    assert.equal(await (await openAs(dust, notebook, carol)).login(), dust);
    assert.equal(await (await open(notebook, carol)).login(), dust, "the notebook stays with it");
    await assert.rejects((await openAs(own, notebook, carol)).login(), { code: "OTHER_ACCOUNT" });
    await assert.rejects((await openAs(alice.index, memoryNotebook(), carol)).login(), { code: "NO_ACCOUNT" });
    assert.equal(await (await open(memoryNotebook(), bob.secret)).login(), bob.index);
    await venue.close();
  });

  it("signs no withdrawal to whom nobody can take it from, and the venue takes none", async () => {
    const { venue, alice, open } = await setting();
    const client = await open();
    const checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    for (const recipient of [0n, checksummed.replace("5aAe", "5aae"), "0x12"])
      await assert.rejects(client.withdraw({ recipient, amount: 1n }), { code: "ADDRESS" });
    assert.equal(client.items.length, 0);
    assert.equal((await client.withdraw({ recipient: checksummed, amount: 1n })).verdict, "admitted");
    alice.nonce = 1n;
    const { item, auth } = alice.withdrawal(1n, 0n);
    await assert.rejects(venue.submit(item, auth), { code: "ADDRESS" });
    await venue.close();
  });

  it("takes the answer that it missed by sending the same again", async () => {
    const { venue, clock, open, it } = await setting();
    const client = await open();
    await client.login();
    it.lie = (path, answer) => {
      if (path === "/orders") throw new Error("the line is cut");
      return answer;
    };
    await assert.rejects(client.order({ market: PERP, side: "buy", size: 1n, limit: 100_000n }), (error) => {
      return error instanceof TacitError && error.code === "UNREACHABLE";
    });
    it.lie = honest;
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.items[0].verdict, "admitted");
    assert.equal(client.proved!.recomputed, true);
    assert.equal(venue.orders(2).length, 1);
    await venue.close();
  });

  it("does not compute what it cannot know, and begins again where the account has no open orders", async () => {
    const { venue, clock, alice, open, send } = await setting();
    await send(alice.order("buy", 1n, 100_000n));
    const client = await open();
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, false);
    await client.cancel({ market: PERP });
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, false);
    await client.order({ market: PERP, side: "buy", size: 1n, limit: 100_000n });
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("does not accuse the venue of what another program does with the same key", async () => {
    const { venue, clock, open, bob, send } = await setting();
    const [one, other] = [await open(), await open()];
    for (let round = 0; round < 2; round++) {
      await one.order({ market: PERP, side: "buy", size: 5n, limit: 100_050n, thisAuction: true });
      await other.order({ market: PERP, side: "buy", size: 5n, limit: 100_050n, thisAuction: true });
      await send(bob.order("sell", 8n, 99_950n));
      await proveAll(venue, clock);
      for (const client of [one, other]) {
        await client.sync();
        assert.deepEqual(client.contradictions, []);
        assert.equal(client.proved!.recomputed, false);
      }
    }
    await venue.close();
  });

  it("begins a session anew when the venue has forgotten it, whatever clock this machine has", async () => {
    const { venue, clock, open, it } = await setting();
    const client = await open();
    await client.order({ market: PERP, side: "buy", size: 1n, limit: 100_000n });
    client.api.token = "x".repeat(43);
    await client.order({ market: PERP, side: "buy", size: 1n, limit: 100_000n });
    await proveAll(venue, clock);
    it.lie = honest;
    clock.set(clock.now() - 1_000n);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("keeps an item whose fate it does not know, and finds it in the log", async () => {
    const { venue, clock, open, it, bob, send } = await setting();
    const client = await open();
    await client.login();
    // The venue takes the order, and says that it is busy.
    it.busy = true;
    const order = { market: PERP, side: "buy", size: 2n, limit: 100_000n } as const;
    await assert.rejects(client.order(order), { code: "BUSY" });
    it.busy = false;
    assert.equal(client.items.length, 0);
    await send(bob.order("sell", 1n, 100_000n));
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.items.length, 1);
    assert.equal(client.items[0].verdict, "admitted");
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("two clients of one notebook do not undo one another", async () => {
    const { venue, clock, open } = await setting();
    const shared = { ...memoryNotebook(), exclusive: <T>(work: () => Promise<T>) => work() };
    const [one, other] = [await open(shared), await open(shared)];
    const order = { market: PERP, side: "buy", size: 1n, limit: 100_000n, thisAuction: true } as const;
    for (const client of [one, other, one]) assert.equal((await client.order(order)).verdict, "admitted");
    await proveAll(venue, clock);
    await one.sync();
    await other.sync();
    assert.equal(other.items.length, 3);
    assert.equal(other.proved!.recomputed, true);
    await venue.close();
  });

  it("follows rounds without a key", async () => {
    const { venue, clock, bob, open, send } = await setting();
    await send(bob.order("sell", 3n, 99_950n));
    await proveAll(venue, clock);
    const client = await open(memoryNotebook(), undefined as never);
    const { logCount } = await client.sync();
    assert.equal(Number(logCount), venue.health().logCount);
    await venue.close();
  });
});

describe("client: a venue that lies", () => {
  type Setting = Awaited<ReturnType<typeof setting>>;

  /** A receipt that the venue's signer signs, for what was sent, at a place of the liar's choice. */
  async function forged(sent: Answer, place: { n: bigint; previous: bigint; time: bigint }): Promise<Answer> {
    const { item, auth } = readItem(sent);
    const words = { item: itemHash(genesis.domain, item), auth: authHash(auth) };
    const { n, previous, time } = place;
    const head = hash("log", [previous, words.item, words.auth, time]);
    const receipt = { domain: genesis.domain, n, ...words, time, head };
    const signature = await SIGNER.sign(receiptDigest(receipt));
    return { receipt: receiptJson({ ...receipt, previous, signature }), verdict: "admitted" };
  }
  const buy = { market: PERP, side: "buy", size: 5n, limit: 100_050n } as const;
  /** Alice buys of Bob, honestly told; then all is proved. */
  async function traded({ venue, clock, bob, open, send }: Setting): Promise<Client> {
    const client = await open();
    await client.order(buy);
    await send(bob.order("sell", 3n, 99_950n));
    await proveAll(venue, clock);
    return client;
  }
  const fillOf = (answer: Answer): Answer => answer.entries.find(({ kind }: Answer) => kind === "fill");

  const lies: Record<string, { kind: string; act: (s: Setting) => Promise<unknown> }> = {
    "a receipt for an order that the log does not have": {
      kind: "dropped",
      async act({ venue, clock, bob, open, send, it }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        const place = { n: receipt!.n + 1n, previous: receipt!.head, time: clock.now() };
        it.swallow = (path, sent) => (path === "/orders" ? forged(sent, place) : null);
        await client.order(buy);
        it.swallow = () => null;
        await send(bob.order("sell", 1n, 100_400n));
        await proveAll(venue, clock);
        return client.sync();
      },
    },
    "a receipt over another history": {
      kind: "dropped",
      async act({ clock, open, send, bob, it, venue }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        // The item does get the place that the receipt names, but after another head.
        const place = { n: receipt!.n + 1n, previous: receipt!.head, time: clock.now() };
        await send(bob.order("sell", 1n, 100_400n));
        it.lie = async (path, answer) => {
          if (path !== "/orders") return answer;
          const told = readReceipt(answer.receipt);
          const head = hash("log", [place.previous, told.item, told.auth, told.time]);
          const signature = await SIGNER.sign(receiptDigest({ ...told, head }));
          return { ...answer, receipt: receiptJson({ ...told, head, previous: place.previous, signature }) };
        };
        await client.order(buy);
        it.lie = honest;
        await proveAll(venue, clock);
        return client.sync();
      },
    },
    "a receipt for a place that is proved to hold something else": {
      kind: "dropped",
      async act({ clock, open, it, venue, send, bob }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        await send(bob.order("sell", 1n, 100_400n));
        await proveAll(venue, clock);
        await client.sync();
        const place = { n: receipt!.n + 1n, previous: receipt!.head, time: clock.now() };
        it.swallow = (path, sent) => (path === "/orders" ? forged(sent, place) : null);
        return client.order(buy);
      },
    },
    "another rule book than the genesis that it shows": {
      kind: "terms",
      async act({ clock, bob, open, it, venue, send }) {
        it.lie = (path, answer) => {
          if (path === "/venue") answer.genesis.rules.markets[0].band = "19990";
          return answer;
        };
        const client = await open();
        await client.order(buy);
        await send(bob.order("sell", 3n, 99_950n));
        await proveAll(venue, clock);
        return client.sync();
      },
    },
    "two receipts for one place": {
      kind: "twoReceipts",
      async act({ clock, open, it }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        const place = { n: receipt!.n, previous: receipt!.previous, time: clock.now() };
        it.swallow = (path, sent) => (path === "/orders" ? forged(sent, place) : null);
        return client.order(buy);
      },
    },
    "receipts that do not follow": {
      kind: "badReceipt",
      async act({ clock, open, it }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        const place = { n: receipt!.n + 1n, previous: receipt!.head + 1n, time: clock.now() };
        it.swallow = (path, sent) => (path === "/orders" ? forged(sent, place) : null);
        return client.order(buy);
      },
    },
    "a receipt that another signed": {
      kind: "badReceipt",
      async act({ open, it }) {
        const client = await open();
        const other = localSigner(new Uint8Array(32).fill(9));
        it.lie = async (path, answer) => {
          if (path !== "/orders") return answer;
          const signature = await other.sign(receiptDigest(readReceipt(answer.receipt)));
          return { ...answer, receipt: { ...answer.receipt, signature } };
        };
        return client.order(buy);
      },
    },
    "a receipt for another item": {
      kind: "badReceipt",
      async act({ open, it }) {
        const client = await open();
        let first: Answer | null = null;
        it.lie = (path, answer) => (path === "/orders" ? (first ??= answer) : answer);
        await client.order(buy);
        return client.order(buy);
      },
    },
    "a fill one lot smaller, with the cash to match": {
      kind: "account",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path !== "/history") return answer;
          const fill = fillOf(answer);
          const row = genesis.rules.markets[0]!;
          const lots = BigInt(fill.lots) - 1n;
          const rho = BigInt(fill.release) / BigInt(fill.lots);
          const charged = fee(row, BigInt(fill.price), lots);
          Object.assign(fill, {
            lots: String(lots),
            release: String(rho * lots),
            fee: String(charged),
            cash: String(-lots * BigInt(fill.price) - charged),
          });
          return answer;
        };
        return client.sync();
      },
    },
    "a fill beyond the limit": {
      kind: "fill",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path === "/history") fillOf(answer).price = "100060";
          return answer;
        };
        return client.sync();
      },
    },
    "a fill of an order that was never signed": {
      kind: "fill",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path === "/history") fillOf(answer).nonce = "9";
          return answer;
        };
        return client.sync();
      },
    },
    "a fee that the rules do not give": {
      kind: "fill",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path !== "/history") return answer;
          const fill = fillOf(answer);
          Object.assign(fill, { fee: String(BigInt(fill.fee) + 1n), cash: String(BigInt(fill.cash) - 1n) });
          return answer;
        };
        return client.sync();
      },
    },
    "a fill that it keeps to itself": {
      kind: "account",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) =>
          path === "/history"
            ? { ...answer, entries: answer.entries.filter(({ kind }: Answer) => kind !== "fill") }
            : answer;
        return client.sync();
      },
    },
    "a deposit of another amount": {
      kind: "account",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path === "/history") answer.entries[0].amount = "41000000";
          return answer;
        };
        return client.sync();
      },
    },
    "a rejection of what was admitted": {
      kind: "account",
      async act(s) {
        s.it.lie = (path, answer) => (path === "/orders" && answer.verdict ? { ...answer, verdict: "margin" } : answer);
        const client = await traded({ ...s, bob: s.bob });
        s.it.lie = (path, answer) =>
          path === "/history"
            ? { ...answer, entries: answer.entries.filter(({ kind }: Answer) => kind !== "fill") }
            : answer;
        return client.sync();
      },
    },
    "an account that does not stand in the proven state": {
      kind: "account",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path === "/opening") answer.opening.account.cash = String(BigInt(answer.opening.account.cash) + 1n);
          return answer;
        };
        return client.sync();
      },
    },
    "somebody else's account": {
      kind: "account",
      async act(s) {
        const client = await traded(s);
        const { round, opening } = s.venue.opening(s.bob.index)!;
        s.it.lie = (path, answer) => (path === "/opening" ? { round, opening: openingJson(opening) } : answer);
        return client.sync();
      },
    },
    "a round with another state": {
      kind: "roundRefused",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path.startsWith("/rounds/") && answer.instructions) answer.instructions.at(-1).publicInputs[1] = "5";
          return answer;
        };
        return client.sync();
      },
    },
    "a round with an instruction left out": {
      kind: "roundRefused",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path.startsWith("/rounds/") && answer.instructions) answer.instructions.splice(1, 1);
          return answer;
        };
        return client.sync();
      },
    },
    "a log with another entry": {
      kind: "logDiffers",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path.startsWith("/rounds/") && answer.entries) answer.entries[1][0] = "7";
          return answer;
        };
        return client.sync();
      },
    },
    "a log that is cut short": {
      kind: "logDiffers",
      async act(s) {
        const client = await traded(s);
        s.it.lie = (path, answer) => {
          if (path.startsWith("/rounds/") && answer.entries) answer.entries.pop();
          return answer;
        };
        return client.sync();
      },
    },
    "a log that has lost what has a receipt": {
      kind: "dropped",
      async act({ open, it }) {
        const client = await open();
        const { receipt } = await client.order(buy);
        await client.sync();
        it.lie = (path, answer) => (path === "/health" ? { ...answer, logCount: Number(receipt!.n) } : answer);
        return client.sync();
      },
    },
    "a log that has lost what is proved": {
      kind: "dropped",
      async act(s) {
        await traded(s);
        const client = await s.open();
        const { logCount } = await client.sync();
        s.it.lie = (path, answer) => (path === "/health" ? { ...answer, logCount: Number(logCount) - 1 } : answer);
        return client.sync();
      },
    },
    "another genesis than the one it had": {
      kind: "otherVenue",
      async act(s) {
        const notebook = memoryNotebook();
        await (await s.open(notebook)).order(buy);
        s.it.lie = (path, answer) => (path === "/venue" ? { ...answer, genesisState: "5" } : answer);
        return s.open(notebook);
      },
    },
  };
  for (const [name, { kind, act }] of Object.entries(lies))
    it(`${name}: caught (${kind})`, async () => {
      const s = await setting();
      await assert.rejects(act(s), contradiction(kind));
      await s.venue.close();
    });

  it("keeps a contradiction with its evidence", async () => {
    const s = await setting();
    const notebook = memoryNotebook();
    const client = await s.open(notebook);
    const { receipt } = await client.order(buy);
    const place = { n: receipt!.n, previous: receipt!.previous, time: s.clock.now() };
    s.it.swallow = (path, sent) => (path === "/orders" ? forged(sent, place) : null);
    await assert.rejects(client.order(buy), contradiction("twoReceipts"));
    s.it.swallow = () => null;
    const [{ kind, evidence }] = (await s.open(notebook)).contradictions;
    assert.equal(kind, "twoReceipts");
    // Both receipts are there, and whoever knows the signer's address can check them.
    for (const name of ["receipt", "other"])
      assert.equal(receiptDefect(readReceipt(JSON.parse(evidence)[name]), SIGNER.address), null);
    await s.venue.close();
  });
});

describe("client: contradictions of a venue that sends anything", () => {
  /** The venue shows another account than its proofs, with something beside it. */
  async function lying(beside: string) {
    const s = await setting();
    const notebook = memoryNotebook();
    await proveAll(s.venue, s.clock);
    const fetch: Fetch = async (url, init) => {
      const answer = await s.fetch(url, init);
      if (!url.includes("/opening")) return answer;
      const text = (await answer.text())
        .replace('"opening":{', `"opening":{"beside":${beside},`)
        .replace(/"cash":"\d+"/, '"cash":"999"');
      return new Response(text, { status: answer.status, headers: answer.headers });
    };
    return { ...s, notebook, client: await s.openWith({ notebook, fetch }) };
  }

  it("are kept, however deep what it sends is", async () => {
    const s = await lying("[".repeat(100_000) + "]".repeat(100_000));
    await assert.rejects(s.client.sync(), contradiction("account"));
    assert.equal(JSON.parse((await s.notebook.read())!).contradictions.length, 1);
    await s.venue.close();
  });

  it("are kept without what nobody reads, and the first hundred of them", async () => {
    const s = await lying(JSON.stringify("y".repeat(1_000_000)));
    for (let i = 0; i < 3; i++) {
      await assert.rejects(s.client.sync(), contradiction("account"));
      await s.send(s.bob.cancel());
      await proveAll(s.venue, s.clock);
    }
    assert.ok((await s.notebook.read())!.length < 200_000);
    const notes = await Notes.open(memoryNotebook(), freshMemory({ genesis, state: 1n, signer: SIGNER.address }));
    for (let i = 0; i < 200; i++) await notes.shout(new Contradiction("fill", `${i}`));
    assert.equal(notes.memory.contradictions.length, 100);
    await s.venue.close();
  });
});

describe("client: keys at rest", () => {
  it("opens with the passphrase and with no other", async () => {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const sealed = await sealSecret(secret, "correct horse");
    assert.deepEqual(await openSecret(sealed, "correct horse"), secret);
    assert.ok(!sealed.includes(Buffer.from(secret).toString("hex")));
    await assert.rejects(openSecret(sealed, "correct horsf"), (error: TacitError) => error.code === "PASSPHRASE");
    const json = JSON.parse(sealed);
    for (const [name, value] of Object.entries({ salt: "00".repeat(32), iv: "00".repeat(12), sealed: "00".repeat(48) }))
      await assert.rejects(
        openSecret(JSON.stringify({ ...json, [name]: value }), "correct horse"),
        (error: TacitError) => error.code === "PASSPHRASE",
      );
    for (const bad of ["", "{}", "[]", JSON.stringify({ ...json, version: 2 }), JSON.stringify({ ...json, iv: "zz" })])
      await assert.rejects(openSecret(bad, "x"), (error: TacitError) => error.code === "FORMAT");
  });
});
