// Goal: a venue whose contract has co-signers brings its rounds there with their signatures, waits while too few of them sign, and goes on when
// others have come in their place by announcement and timelock.
// Method: a real chain, a contract whose keys a simulator has, co-signers as services.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { coSignersOf } from "../../../src/protocol/coSigners.ts";
import { owner, trader as payer, type Chain as Anvil, type Deployed } from "../../../src/setup/chain/chain.ts";
import { evmChain } from "../../../src/venue/chain/evm.ts";
import { genesisState } from "../../../src/venue/index.ts";
import { contractOf } from "../../verifier/contractOf.ts";
import { Simulator } from "../../verifier/simulator.ts";
import { Service, SET } from "../coSigning/services.ts";
import { genesis, lastingStore, ManualClock, openTestVenue, passUntil, SECRET, simulatedProver, START, traders } from "../fixture.ts"; // prettier-ignore

describe("venue: on a chain with co-signers", () => {
  const simulator = new Simulator("venue on a chain with co-signers");
  const folder = mkdtempSync(join(tmpdir(), "tacit-cosigned-"));
  const services = SET.addresses.map((_, i) => new Service(i, folder));
  let anvil: Anvil;
  let contract: Deployed;
  let startBlock: bigint;
  before(async () => {
    for (const service of services) await service.start();
    const { domain } = genesis;
    const terms = { domain, genesisState: genesisState(genesis, SECRET), maxLag: 3_600n, maxDeposits: 200n, timelock: 5n, announcer: owner.address, coSigners: SET }; // prettier-ignore
    ({ chain: anvil, venue: contract, startBlock } = await contractOf(simulator, terms, { genesisTime: START - 100n }));
  });
  after(async () => {
    await anvil?.stop();
    for (const service of services) await service.stop();
    rmSync(folder, { recursive: true });
  });

  it("has its rounds accepted once a quorum has signed, by whoever they are then", async () => {
    const [alice] = traders(1);
    const { keyX, keyY, index, amount } = alice.deposit;
    await anvil.send({ contract, name: "deposit", args: [amount, keyX, keyY, index] });
    const clock = new ManualClock(START + 1n);
    const chain = evmChain({ rpc: anvil.client.transport.url!, contract: contract.address, startBlock, account: payer, confirmations: 1n }); // prettier-ignore
    const { prover } = simulatedProver(simulator);
    const { venue } = await openTestVenue({
      genesis: { ...genesis, coSigners: SET },
      coSigners: services.map(({ url }) => url),
      storage: lastingStore(),
      clock,
      prover,
      limits: { roundSeconds: 6 },
      chain: { chain, pollSeconds: 2 },
    });
    const until = (what: string, holds: () => boolean | Promise<boolean>) =>
      passUntil({ clock, anvil, venue, what, looks: 300 }, holds);
    const accepted = () => anvil.read(contract, "logCount") as Promise<bigint>;
    const order = async () => {
      const { item, auth } = alice.order("buy", 1n, 99_990n);
      return (await venue.submit(item, auth)).receipt.n + 1n;
    };
    await until("credited", () => venue.account(alice.index) !== undefined);
    const first = await order();
    await until("accepted", async () => (await accepted()) >= first);

    // Two of four: the market goes on, and the contract waits.
    for (const service of services.slice(2)) await service.stop();
    const second = await order();
    await until("waiting for signatures", () => venue.health().chain!.waiting === "notFinal");
    assert.ok((await accepted()) < second);
    await services[2].start();
    await until("accepted again", async () => (await accepted()) >= second);

    // One co-signer alone takes the place of the four.
    const next = coSignersOf([SET.addresses[1]]);
    await anvil.send({ contract, name: "announceCoSigners", args: [next.addresses], from: owner });
    await until("applied", async () => {
      const applied = await anvil.send({ contract, name: "applyCoSigners", args: [] }).catch(() => null);
      return applied !== null;
    });
    for (const service of [services[0], services[2]]) await service.stop();
    const third = await order();
    await until("accepted by the other", async () => (await accepted()) >= third);
    assert.deepEqual(venue.coSigning!.addresses, next.addresses);
    await venue.close();
  });
});
