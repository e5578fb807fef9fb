// Goal: whatever is deposited, and however late proofs come, all is credited and every round accepted: the venue takes no more than
// one transaction can bring, and writes what makes old rounds fresh.
// Method: a real chain with a contract of short patience, transactions of few instructions, proofs that take long by the clock.
import assert from "node:assert/strict";
import { PROFILES } from "../../../src/protocol/instructions.ts";
import { trader as payer, type Chain as Anvil, type Deployed } from "../../../src/setup/chain/chain.ts";
import { evmChain } from "../../../src/venue/chain/evm.ts";
import { genesisState, type Venue } from "../../../src/venue/index.ts";
import { readJournal } from "../../../src/venue/store/journal.ts";
import type { Store } from "../../../src/venue/store/store.ts";
import { contractOf } from "../../verifier/contractOf.ts";
import { Simulator } from "../../verifier/simulator.ts";
import {
  gate,
  genesis,
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

const MAX_LAG = 40n;
/** Seconds that a proof takes: with some of them waiting, more than the contract's patience. */
const PROOF_SECONDS = 12n;
/** Instructions that a transaction holds, of 449 bytes and fewer. */
const FITS = 12;
const LIMITS = { unacceptedProofs: 8, roundSeconds: 4, roundProofs: 2 };
const { deposit: SLOTS } = PROFILES[genesis.profile];

describe("venue: a chain that is flooded, or behind", () => {
  const simulator = new Simulator("flood");
  let anvil: Anvil;
  let contract: Deployed;
  let clock: ManualClock;
  let storage: Store;

  beforeEach(async () => {
    const { domain } = genesis;
    const terms = { domain, genesisState: genesisState(genesis, SECRET), maxLag: MAX_LAG, maxDeposits: 254n };
    ({ chain: anvil, venue: contract } = await contractOf(simulator, terms, { genesisTime: START - 100n }));
    clock = new ManualClock(START + 1n);
    storage = lastingStore();
  });
  afterEach(() => anvil?.stop());

  const pass = (seconds: bigint) => passBoth({ clock, anvil, seconds });
  const byTheClock = () => new Promise<void>((resolve) => void clock.wake(clock.now() + PROOF_SECONDS, resolve));
  /** @param late  what a proof waits for */
  const open = async (late = byTheClock) => {
    const { prover } = simulatedProver(simulator, late);
    const chain = evmChain({
      rpc: anvil.client.transport.url!,
      contract: contract.address,
      account: payer,
      confirmations: 0n,
    });
    const limits = { maxBytes: FITS * 449 };
    return (await openTestVenue({ storage, clock, prover, limits: LIMITS, chain: { chain, pollSeconds: 2, limits } }))
      .venue;
  };
  const settled = (venue: Venue, looks: number, holds: () => boolean) =>
    passUntil({ clock, anvil, venue, what: "settled", looks }, holds);
  const accepted = (venue: Venue) => () => venue.health().unproved === 0 && venue.health().chain!.rounds === 0;
  /** Entries of the venue's own in its journal. */
  const purges = async () => {
    let count = 0;
    for await (const { entry } of readJournal(storage)) if (entry.kind === "purge") count++;
    return count;
  };

  it("credits every deposit of a flood, and has every round accepted", async () => {
    const flood = FITS * SLOTS * 3;
    const [one] = traders(1);
    const { keyX, keyY } = one.deposit;
    for (let i = 0; i < flood; i++)
      await anvil.send({ contract, name: "deposit", args: [1n, keyX, keyY, i === 0 ? 0 : one.index] });
    let venue = await open();
    let most = 0;
    await settled(venue, 2_000, () => {
      most = Math.max(most, venue.health().chain!.instructions);
      return venue.account(one.index)?.cash === BigInt(flood);
    });
    await venue.close();
    venue = await open();
    await settled(venue, 2_000, accepted(venue));
    assert.ok(most <= FITS, `${most} instructions waited for the contract`);
    assert.equal(await anvil.read(contract, "depositsConsumed"), BigInt(flood));
    assert.equal(await anvil.read(contract, "logCount"), BigInt(venue.health().logCount));
    assert.equal(venue.health().ok, true);
    await venue.close();
  });

  it("gets out of rounds that are too old by an entry of its own, while it takes nothing", async () => {
    const people = traders(2);
    for (const { deposit: { keyX, keyY, index, amount } } of people)
      await anvil.send({ contract, name: "deposit", args: [amount, keyX, keyY, index] }); // prettier-ignore
    const held = gate();
    const venue = await open(() => held.passed);
    await settled(venue, 200, () => venue.account(people[1].index) !== undefined);
    const before = await purges();
    // Nothing is proved until all of it is older than the contract's patience.
    let busy = 0;
    for (let i = 0; i < 12; i++) {
      const { item, auth } = people[i % 2].order("buy", 1n, 100_000n, { thisAuction: true });
      await venue.submit(item, auth).catch((error: { code: string }) => {
        assert.equal(error.code, "BUSY");
        people[i % 2].nonce--;
        busy++;
      });
      await pass(6n);
    }
    assert.ok(busy > 0, "the limit is reached");
    await pass(2n * MAX_LAG);
    assert.equal(venue.health().proved, 0);
    held.pass();
    await settled(venue, 2_000, accepted(venue));
    assert.ok((await purges()) > before, "it wrote an entry of its own");
    assert.equal(await anvil.read(contract, "logCount"), BigInt(venue.health().logCount));
    const { item, auth } = people[0].order("sell", 1n, 100_000n);
    assert.equal((await venue.submit(item, auth)).verdict, "admitted");
    assert.deepEqual(
      [...new Set((await venue.auctions()).map(({ market }) => market))],
      ["101"],
      "a purge is no auction",
    );
    await venue.close();
  });
});
