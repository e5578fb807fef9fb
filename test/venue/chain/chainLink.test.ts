// Goal: a venue is told of all that happens to announced rules at its contract, in order, each once, whatever fails in between.
// Method: a chain that answers pages of our making, a clock that the test moves.
import assert from "node:assert/strict";
import { TacitError } from "../../../src/protocol/errors.ts";
import type { Chain, ChainPoint } from "../../../src/venue/chain/chain.ts";
import { ChainLink } from "../../../src/venue/chain/chainLink.ts";
import type { RulesCursor, RulesEvent, RulesPage } from "../../../src/venue/chain/rulesEvents.ts";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";

const GENESIS = 5n;
const BLOCKS_A_PAGE = 10n;
/** Of announcements in one look. */
const PAGES = 16;

/** A contract that took no round, with an announcement in each tenth block up to the newest. */
class Announcing {
  newest = 0n;
  fails = false;
  readonly asked: RulesCursor[] = [];
  readonly #point = { block: 1n, blockTime: 1n, state: GENESIS, logCount: 0n, time: 0n, nonce: 0 } satisfies ChainPoint;

  readonly chain = {
    open: async () => ({
      chainId: 1,
      address: "0x01",
      account: "0x02",
      token: "0x03",
      maxLag: 1n,
      announcer: "0x04",
      timelock: 60n,
      confirmedState: GENESIS,
    }),
    deposits: async () => [],
    rules: async (from: RulesCursor = { block: 0n, announced: 0 }) => this.#page(from),
    announcement: async (n) => ({ root: BigInt(n), from: 9n, time: 10n }),
    status: async () => ({ latest: this.#point, confirmed: this.#point }),
    estimate: () => Promise.reject(new Error("nothing is to be sent")),
    fees: () => Promise.reject(new Error("nothing is to be sent")),
    sign: () => Promise.reject(new Error("nothing is to be sent")),
    broadcast: () => Promise.reject(new Error("nothing is to be sent")),
    receipt: async () => undefined,
  } as const satisfies Chain;

  #page({ block, announced }: RulesCursor): RulesPage {
    this.asked.push({ block, announced });
    if (this.fails) throw new TacitError("CHAIN_TIMEOUT", "no answer");
    const end = block + BLOCKS_A_PAGE - 1n < this.newest ? block + BLOCKS_A_PAGE - 1n : this.newest;
    const events: RulesEvent[] = [];
    for (let at = block; at <= end; at++)
      if (at % 10n === 0n) events.push({ kind: "announced", n: ++announced, root: at, from: at, text: "", block: at });
    return { events, next: { block: end + 1n, announced }, complete: end === this.newest };
  }
}

/** A link to it, its clock, and what it told. */
async function linked(announcing: Announcing, rulesFrom?: RulesCursor) {
  const told: number[] = [];
  const it = {
    now: 1_000n,
    told,
    last: undefined as RulesCursor | undefined,
    keeps: true,
    failed: undefined as Error | undefined,
  };
  let wake = () => {};
  let looked = () => {};
  const link = await ChainLink.open({
    chain: announcing.chain,
    domain: 1n,
    genesisState: GENESIS,
    freeLeaves: 1n,
    store: memoryStore(),
    clock: { now: () => it.now, wake: (_, then) => ((wake = then), () => {}) },
    credited: () => 0,
    room: () => 1,
    onDeposits: async () => {},
    onAccepted: () => {},
    onRules: async ({ events, next }) => {
      if (!it.keeps) throw new TacitError("STORAGE", "the disk is full");
      told.push(...events.map(({ n }) => n));
      it.last = next;
    },
    ...(rulesFrom && { rulesFrom }),
    onLook: () => looked(),
    onFailed: (error) => {
      it.failed = error;
      looked();
    },
  });
  const look = (act: () => void | Promise<void>) => {
    const done = new Promise<void>((resolve) => (looked = resolve));
    void act();
    return done;
  };
  return Object.assign(it, {
    link,
    start: () => look(() => link.start(() => [])),
    look: () => {
      it.now += 100n;
      return look(wake);
    },
  });
}

const upTo = (n: number, first = 1) => Array.from({ length: n - first + 1 }, (_, i) => first + i);

describe("a venue's look at announced rules", () => {
  it("goes through all blocks once, some pages at a time, and on from there", async () => {
    const announcing = new Announcing();
    announcing.newest = 250n;
    const it = await linked(announcing);
    await it.start();
    assert.deepEqual(it.told, upTo(PAGES));
    await it.look();
    assert.deepEqual(it.told, upTo(26));
    announcing.newest = 261n;
    await it.look();
    assert.deepEqual([it.told, it.last], [upTo(27), { block: 262n, announced: 27 }]);
    assert.equal(new Set(announcing.asked.map(({ block }) => block)).size, announcing.asked.length);
    await it.link.close();

    const again = await linked(announcing, it.last);
    announcing.newest = 275n;
    await again.start();
    assert.deepEqual(again.told, [28]);
    await again.link.close();
  });

  it("loses and repeats nothing when the chain fails, and says so", async () => {
    const announcing = new Announcing();
    announcing.newest = 20n;
    const it = await linked(announcing);
    await it.start();
    announcing.newest = 40n;
    announcing.fails = true;
    await it.look();
    assert.deepEqual([it.told, it.link.status.rules.failures, it.link.status.deposits.failures], [upTo(3), 1, 0]);
    assert.equal(it.link.status.rules.lastError?.code, "CHAIN_TIMEOUT");
    announcing.fails = false;
    await it.look();
    assert.deepEqual([it.told, it.link.status.rules.failures], [upTo(5), 0]);
    await it.link.close();
  });

  it("ends where what it tells is not kept", async () => {
    const announcing = new Announcing();
    const it = await linked(announcing);
    it.keeps = false;
    await it.start();
    assert.equal((it.failed as TacitError).code, "STORAGE");
    await it.link.close();
  });

  it("says what comes next", async () => {
    const it = await linked(new Announcing());
    assert.deepEqual(await it.link.announcement(7), { root: 7n, from: 9n, time: 10n });
    await it.link.close();
  });
});
