// Goal: what a venue brings into force nobody can take back at its contract any more.
// Method: an announcement at a contract, withdrawn in the last block in which that is possible, while the venue sees no block that is
// so new; and one that is not withdrawn.
import assert from "node:assert/strict";
import { PROFILES } from "../../../src/protocol/instructions.ts";
import { rulesJson } from "../../../src/protocol/rulesJson.ts";
import { owner, trader as payer, type Chain as Anvil, type Deployed } from "../../../src/setup/chain/chain.ts";
import { evmAnnouncer, evmChain } from "../../../src/venue/chain/evm.ts";
import { genesisState, type Venue } from "../../../src/venue/index.ts";
import { contractOf } from "../../verifier/contractOf.ts";
import { Simulator } from "../../verifier/simulator.ts";
import { genesis, lastingStore, ManualClock, openTestVenue, passBoth, passUntil, SECRET, simulatedProver, START } from "../fixture.ts"; // prettier-ignore

describe("rules announced at a venue's contract", () => {
  const simulator = new Simulator("announced rules");
  const timelock = 60n;
  const clock = new ManualClock(START + 1n);
  let anvil: Anvil;
  let contract: Deployed;
  let venue: Venue;
  const pass = (seconds: bigint) => passBoth({ clock, anvil, seconds });
  const announcer = () =>
    evmAnnouncer({ rpc: anvil.client.transport.url!, contract: contract.address, account: owner });
  const announce = async (band: bigint) => {
    const markets = genesis.rules.markets.map((row, m) => (row && m === 0 ? { ...row, band } : row));
    return announcer().announce(JSON.stringify(rulesJson({ ...genesis.rules, markets })), PROFILES[genesis.profile]);
  };

  before(async () => {
    const terms = { domain: genesis.domain, genesisState: genesisState(genesis, SECRET), maxLag: 3_600n, maxDeposits: 200n, timelock }; // prettier-ignore
    const deployed = await contractOf(simulator, terms, { genesisTime: START - 100n });
    ({ chain: anvil, venue: contract } = deployed);
    await pass(20n);
    const options = { rpc: anvil.client.transport.url!, contract: contract.address, startBlock: deployed.startBlock };
    const chain = evmChain({ ...options, account: payer, confirmations: 5n });
    const { prover } = simulatedProver(simulator);
    const limits = { roundSeconds: 6 };
    ({ venue } = await openTestVenue({ storage: lastingStore(), clock, prover, limits, chain: { chain, pollSeconds: 2 } })); // prettier-ignore
  });
  after(async () => {
    await venue?.close();
    anvil?.stop();
  });

  it("wait until no block can withdraw them, though the clock is there", async () => {
    const { n, from } = await announce(900n);
    while (clock.now() < from - 4n) await pass(2n);
    assert.equal(venue.announcements.at(-1)?.state, "waiting");
    await anvil.client.setNextBlockTimestamp({ timestamp: from - 1n });
    await announcer().withdraw(n);
    clock.set(from);
    await anvil.client.setNextBlockTimestamp({ timestamp: from });
    await anvil.client.mine({ blocks: 1 });
    await assert.rejects(venue.applyRules(n), { code: "ANNOUNCEMENT", message: /may still be withdrawn/ });
    await pass(60n);
    await assert.rejects(venue.applyRules(n), { code: "ANNOUNCEMENT" });
    assert.deepEqual([venue.announcements.at(-1)?.state, venue.terms.rules], ["withdrawn", genesis.rules]);
  });

  it("come into force then, and the contract takes the round", async () => {
    const { n, from } = await announce(800n);
    while (clock.now() < from + 20n) await pass(2n);
    assert.equal((await venue.applyRules(n)).state, "applied");
    const taken = async () => (await anvil.read(contract, "announcementsDone")) === BigInt(n);
    await passUntil({ clock, anvil, venue, what: "brought into force", looks: 100 }, taken);
    assert.equal(venue.terms.rules.markets[0]!.band, 800n);
  });
});
