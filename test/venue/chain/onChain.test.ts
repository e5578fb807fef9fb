// Goal: a venue and its contract agree: deposits made there are credited here, rounds proved here are accepted there, each once,
// whenever the venue stops; and what it owes is claimed there.
// Method: a real chain, a contract whose keys a simulator has, a clock that follows the chain's.
import assert from "node:assert/strict";
import { owner, trader as payer, type Chain as Anvil, type Deployed } from "../../../src/setup/chain/chain.ts";
import { evmChain } from "../../../src/venue/chain/evm.ts";
import { genesisState } from "../../../src/venue/index.ts";
import { contractOf } from "../../verifier/contractOf.ts";
import { Simulator } from "../../verifier/simulator.ts";
import {
  DEPOSIT,
  eventOf,
  genesis,
  INTERVAL,
  lastingStore,
  ManualClock,
  openTestVenue,
  passBoth,
  passUntil,
  SECRET,
  simulatedProver,
  START,
  traders,
} from "../fixture.ts";

describe("venue: on a chain", () => {
  const simulator = new Simulator("venue on a chain");
  let anvil: Anvil;
  let contract: Deployed;
  let startBlock: bigint;

  before(async () => {
    const { domain } = genesis;
    const terms = { domain, genesisState: genesisState(genesis, SECRET), maxLag: 3_600n, maxDeposits: 200n };
    const genesisTime = START - 100n;
    ({ chain: anvil, venue: contract, startBlock } = await contractOf(simulator, terms, { genesisTime }));
  });
  after(() => anvil?.stop());

  it("credits deposits, has its rounds accepted, and goes on after stops", async () => {
    const people = traders(2);
    for (const { deposit } of people) {
      const { keyX, keyY, index, amount } = deposit;
      await anvil.send({ contract, name: "deposit", args: [amount, keyX, keyY, index] });
    }
    const storage = lastingStore();
    const clock = new ManualClock(START + 1n);
    const pass = (seconds: bigint) => passBoth({ clock, anvil, seconds });
    const open = () => {
      const chain = evmChain({
        rpc: anvil.client.transport.url!,
        contract: contract.address,
        startBlock,
        account: payer,
        confirmations: 1n,
      });
      const { prover } = simulatedProver(simulator);
      const limits = { roundSeconds: 6 };
      return openTestVenue({ storage, clock, prover, limits, chain: { chain, pollSeconds: 2 } });
    };
    let { venue } = await open();
    assert.equal(venue.contract!.address, contract.address);
    await assert.rejects(venue.deposit([people[0].deposit]), { code: "ON_CHAIN" });
    const until = (what: string, holds: () => boolean | Promise<boolean>) =>
      passUntil({ clock, anvil, venue, what, looks: 200 }, holds);
    await until("credited", () => venue.account(people[1].index) !== undefined);
    assert.equal(venue.account(people[0].index)!.cash, DEPOSIT);

    for (let turn = 0; turn < 3; turn++) {
      const [alice, bob] = people;
      const items = [
        alice.order("buy", 3n, 100_100n, { thisAuction: true }),
        bob.order("sell", 2n, 99_900n, { thisAuction: true }),
        alice.withdrawal(1_000n, BigInt(owner.address)),
      ];
      for (const { item, auth } of items) assert.equal((await venue.submit(item, auth)).verdict, "admitted");
      await pass(INTERVAL + 8n);
      await venue.close();
      ({ venue } = await open());
    }
    const last = async () => (await venue.rounds({ limit: 1 }))[0];
    const target = String(venue.health().logCount);
    await until("accepted", async () => {
      const round = await last();
      return round?.logCount === target && round.accepted !== undefined;
    });
    assert.equal(await anvil.read(contract, "state"), BigInt((await last()).stateAfter));
    assert.equal(await anvil.read(contract, "logCount"), BigInt(target));
    assert.equal(await anvil.read(contract, "owed", [owner.address]), 3_000n);

    // Each round was brought by one transaction, none by two.
    const rounds = await venue.rounds({ limit: 500 });
    const submissions = await anvil.client.getTransactionCount({ address: payer.address });
    assert.equal(new Set(rounds.map(({ accepted }) => accepted!.hash)).size, submissions);
    assert.equal(venue.health().chain!.rounds, 0);
    let told = false;
    void eventOf(venue, "round", ({ round }) => round.accepted !== undefined).then(() => (told = true));
    const { item, auth } = people[0].order("buy", 1n, 100_000n);
    await venue.submit(item, auth);
    await until("told of the next one", () => told);
    await venue.close();
  });
});
