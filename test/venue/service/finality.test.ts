// Goal: the API tells what co-signers have made of the log, and files of rounds carry the signatures that make them final.
// Method: a served venue with co-signers as services: answers against their schema, before and after a quorum has signed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { isFinal, readCoSignedHead } from "../../../src/protocol/coSigners.ts";
import { FinalitySchema, HealthSchema } from "../../../src/venue/service/schema.ts";
import { createApp } from "../../../src/venue/service/app.ts";
import { readRounds } from "../../../src/verifier/index.ts";
import { Service, SET } from "../coSigning/services.ts";
import { eventOf, genesis, genesisJson, openTestVenue, simulatedProver, traders } from "../fixture.ts";

describe("the service of a venue with co-signers", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-finality-"));
  const services = SET.addresses.map((_, i) => new Service(i, folder));
  before(() => Promise.all(services.map((service) => service.start())));
  after(async () => {
    for (const service of services) await service.stop();
    rmSync(folder, { recursive: true });
  });

  it("tells what is final, waits for it, and puts it into files of rounds", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const { venue, clock } = await openTestVenue({
      genesis: { ...genesis, coSigners: SET },
      coSigners: services.map(({ url }) => url),
      traders: [alice],
      prover,
    });
    const { app } = createApp({
      venue,
      options: { genesisJson, version: "test", log: pino({ level: "silent" }), hosts: ["venue.example"] },
    });
    const ask = async (path: string) => {
      const response = await app.fetch(new Request(`http://venue.example${path}`), { sender: "test", local: true });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const { item, auth } = alice.order("buy", 1n, 99_990n);
    const { receipt } = await venue.submit(item, auth);
    const n = Number(receipt.n) + 1;
    const told = FinalitySchema.parse(JSON.parse((await ask(`/v1/finality/${n}?wait=20`)).text));
    assert.ok(isFinal(SET, readCoSignedHead("final", told.final)));
    assert.deepEqual([told.coSigners, told.quorum], [SET.addresses, 3]);
    const later = FinalitySchema.parse(JSON.parse((await ask(`/v1/finality/${n + 9}`)).text));
    assert.deepEqual([later.final, later.entries], [null, null]);
    for (const path of ["0", "-1", "x", `${n}?wait=21`, `${n}?wait=x`])
      assert.equal((await ask(`/v1/finality/${path}`)).status, 400, path);
    const health = HealthSchema.parse(JSON.parse((await ask("/v1/health")).text));
    assert.ok(health.finality!.final >= n && health.finality!.quorum === 3);
    const metrics = await ask("/metrics");
    assert.match(metrics.text, /tacit_final_entries \d+\n/);
    assert.match(metrics.text, /tacit_cosigner_up\{address="0x[0-9a-f]{40}"\} 1/);

    const proved = eventOf(venue, "round");
    clock.advance(BigInt(venue.limits.roundSeconds) + 1n);
    const { round } = await proved;
    await ask(`/v1/finality/${round.logCount}?wait=20`);
    const file = await ask(`/v1/rounds/${round.number}`);
    const [claim] = readRounds(JSON.parse(file.text));
    assert.ok(isFinal(SET, claim.final!));
    assert.equal(claim.final!.n, Number(round.logCount));
    assert.match(file.headers.get("cache-control")!, /immutable/);
    await venue.close();
  });

  it("says that nothing is final where there are none", async () => {
    const { venue } = await openTestVenue({});
    const { app } = createApp({
      venue,
      options: { genesisJson, version: "test", log: pino({ level: "silent" }), hosts: ["venue.example"] },
    });
    const response = await app.fetch(new Request("http://venue.example/v1/finality/1"), {
      sender: "test",
      local: true,
    });
    assert.equal(response.status, 404);
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, "NO_CO_SIGNERS");
    await venue.close();
  });
});
