import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeErrorResult, keccak256, parseAbi, stringToHex } from "viem";
import { coSignersOf, type CoSigners } from "../../../src/protocol/coSigners.ts";
import type { TacitError } from "../../../src/protocol/errors.ts";
import { logHeadDigest } from "../../../src/protocol/logHead.ts";
import { MAX_INSTRUCTIONS, PROFILES } from "../../../src/protocol/instructions.ts";
import { NO_INSTRUMENTS } from "../../../src/protocol/instrument.ts";
import { rulesRoot } from "../../../src/protocol/rules.ts";
import { rulesJson } from "../../../src/protocol/rulesJson.ts";
import { owner, trader, type Chain as Anvil, type Deployed } from "../../../src/setup/chain/chain.ts";
import { encodeRound } from "../../../src/verifier/index.ts";
import type { Chain, Hex, ProvenRound } from "../../../src/venue/chain/chain.ts";
import {
  announcedRules,
  evmAnnouncer,
  evmChain,
  readContractCoSigners,
  type EvmOptions,
  type RulesCursor,
  type RulesEvent,
} from "../../../src/venue/chain/evm.ts";
import type { FinalOf } from "../../../src/venue/chain/finalHeads.ts";
import { startRelay, type Relay } from "../../../src/venue/chain/relay.ts";
import type { AcceptedRounds, RelayLimits } from "../../../src/venue/chain/relayOptions.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";
import { rulesOfTests } from "../../priced.ts";
import { contractOf } from "../../verifier/contractOf.ts";
import { KEY } from "../../verifier/forge.ts";
import { Simulator, type Step } from "../../verifier/simulator.ts";

// Goal: deposits and rounds pass between a venue and a real EVM, whatever the node in between does.
// Method: anvil, the contract with keys whose proofs we can make up, and a proxy that can be told to fail. The trader's
// account is the relay's, so that nothing else uses its nonces.

const simulator = new Simulator("relay");
const domain = simulator.random();
const genesis = simulator.random();
const maxLag = 3_600n;
const timelock = 3_600n;
const freeLeaves = 1_000n;
const confirmations = 2n;

type Mode = "pass" | "hang" | "fail" | "refuse" | "garbage" | "loseAnswer";

/** Between the relay and anvil. Its address holds what looks like a key. */
class Proxy {
  static readonly key = "secret-key-0123456789";
  mode: Mode = "pass";
  /** calls of the methods that the mode is for; all when left out */
  only?: string;
  /** answers in anvil's place, where it gives something */
  answer: (method: string, params: never) => { status?: number; type?: string; body: string } | undefined = () =>
    undefined;
  /** changes what anvil answered */
  lie: (method: string, result: unknown) => unknown = (_, result) => result;
  readonly calls: string[] = [];
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const { method, id, params } = JSON.parse(String(body)) as { method: string; id: number; params: never };
      this.calls.push(method);
      const own = this.answer(method, params);
      if (own) {
        const { status = 200, type = "application/json" } = own;
        return void response.writeHead(status, { "content-type": type }).end(own.body);
      }
      const mode = this.only === undefined || this.only === method ? this.mode : "pass";
      const json = (value: object) =>
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
      if (mode === "hang") return;
      if (mode === "fail") return void response.writeHead(503).end("no");
      if (mode === "garbage") return void json({ jsonrpc: "2.0", id, result: "<html>" });
      if (mode === "refuse")
        return void json({ jsonrpc: "2.0", id, error: { code: -32005, message: `${Proxy.key} is over its limit` } });
      const answer = (await (
        await fetch(target, { method: "POST", body, headers: { "content-type": "application/json" } })
      ).json()) as { result?: unknown };
      if (mode === "loseAnswer") return void response.destroy();
      json("result" in answer ? { ...answer, result: this.lie(method, answer.result) } : answer);
    });
  }

  static async start(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }
  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v3/${Proxy.key}`;
  }
  reset(): void {
    [this.mode, this.only, this.lie] = ["pass", undefined, (_, result) => result];
    this.answer = () => undefined;
  }
  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** An answer of a node that fails. */
const failing = (error: object, status = 200) => ({ status, body: JSON.stringify({ jsonrpc: "2.0", id: 1, error }) });

describe("a venue's EVM chain", () => {
  let anvil: Anvil;
  let proxy: Proxy;
  let venue: Deployed;
  let token: Deployed;
  let startBlock: bigint;
  let snapshot: Hex;

  before(async () => {
    const terms = { domain, genesisState: genesis, maxLag, maxDeposits: 1000n, timelock };
    ({ chain: anvil, token, venue, startBlock } = await contractOf(simulator, terms));
    proxy = await Proxy.start(anvil.client.transport.url!);
    await anvil.client.mine({ blocks: 5 });
    snapshot = await anvil.client.snapshot();
  });
  afterEach(async () => {
    proxy.reset();
    await anvil.client.setAutomine(true);
    await anvil.client.revert({ id: snapshot });
    await request("anvil_dropAllTransactions");
    snapshot = await anvil.client.snapshot();
  });
  after(() => {
    proxy?.stop();
    anvil?.stop();
  });

  const evm = (options: Partial<EvmOptions> = {}) =>
    evmChain({
      rpc: proxy.address,
      contract: venue.address,
      startBlock,
      account: trader,
      confirmations,
      ...options,
    });
  const request = (method: string, params: unknown[] = []) =>
    anvil.client.request({ method, params } as never) as Promise<unknown>;
  const mine = (blocks = 1) => anvil.client.mine({ blocks });
  const now = async () => (await anvil.client.getBlock()).timestamp;
  const deposit = (amount: bigint, index = 2) =>
    anvil.send({ contract: venue, name: "deposit", args: [amount, ...KEY, index] });
  const stateOfVenue = () => anvil.read(venue, "state");
  const notSecret = (error: unknown) => {
    const text = JSON.stringify([String(error), error], (_, x: unknown) => (typeof x === "bigint" ? `${x}` : x));
    assert.ok(!text.includes(Proxy.key), text);
    return true;
  };

  describe("opened", () => {
    it("says what the contract says", async () => {
      assert.deepEqual(await evm({ chainId: 31337 }).open({ domain, freeLeaves }), {
        chainId: 31337,
        address: venue.address,
        account: trader.address,
        token: token.address,
        maxLag,
        announcer: owner.address.toLowerCase(),
        timelock,
        confirmedState: genesis,
      });
    });
    it("refuses another domain, another chain, and an address without code", async () => {
      await assert.rejects(evm().open({ domain: 5n, freeLeaves }), { code: "WRONG_CONTRACT" });
      await assert.rejects(evm({ chainId: 1 }).open({ domain, freeLeaves }), { code: "WRONG_CONTRACT" });
      await assert.rejects(evm({ contract: owner.address }).open({ domain, freeLeaves }), { code: "WRONG_CONTRACT" });
    });
    it("refuses another token, and a contract that takes more deposits than there are accounts", async () => {
      await evm({ token: token.address.toUpperCase().replace("0X", "0x") as Hex }).open({ domain, freeLeaves });
      await assert.rejects(evm({ token: owner.address }).open({ domain, freeLeaves }), { code: "WRONG_CONTRACT" });
      await assert.rejects(evm().open({ domain, freeLeaves: freeLeaves - 1n }), {
        code: "WRONG_CONTRACT",
        message: "the contract takes 1000 deposits: expected at most 999, the accounts that are free",
      });
    });
    it("waits for the contract to be confirmed", async () => {
      await assert.rejects(evm({ confirmations: 100n }).open({ domain, freeLeaves }), { code: "NOT_CONFIRMED" });
    });
    it("must be open before it signs", async () => {
      const submission = { stateBefore: genesis, instructions: [] };
      const terms = { nonce: 0, gas: 1n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n };
      await assert.rejects(evm().sign(submission, terms), { code: "NOT_OPEN" });
    });
  });

  describe("deposits", () => {
    /** All of them, as a venue reads them. */
    async function read(chain: Chain, after = 0) {
      const all = [];
      for (let some; (some = await chain.deposits(after)).length > 0; after = some.at(-1)!.n) all.push(...some);
      return all;
    }
    const amounts = async (chain: Chain, after?: number) => (await read(chain, after)).map(({ amount }) => amount);

    for (const [limit, status] of [
      [500n, 200],
      [5n, 400],
      [1n, 200],
    ] as const)
      it(`are read from a node that gives logs of ${limit} blocks at most, and says so with status ${status}`, async () => {
        await mine(30);
        await deposit(1n);
        await mine(30);
        await deposit(2n);
        await mine(3);
        const asked: bigint[] = [];
        let read = 0n;
        proxy.answer = (method, [range]: [{ fromBlock: string; toBlock: string }]) => {
          if (method !== "eth_getLogs") return undefined;
          const [from, to] = [BigInt(range.fromBlock), BigInt(range.toBlock)];
          asked.push(from);
          if (to - from < limit) {
            read = to;
            return undefined;
          }
          const message = `You can make eth_getLogs requests with up to a ${limit} block range.`;
          return failing({ code: -32600, message }, status);
        };
        const chain = evm();
        assert.deepEqual(await amounts(chain), [1n, 2n]);
        asked.length = 0;
        const before = read;
        await deposit(3n);
        await mine(3);
        assert.deepEqual(await amounts(chain, 2), [3n]);
        assert.ok(asked.length > 0 && asked.every((from) => from > before), "what was read is read again");
      });

    it("are found from the block of the contract on where none is named", async () => {
      await deposit(1n);
      await mine(3);
      const chain = evm({ startBlock: undefined });
      await chain.open({ domain, freeLeaves });
      const from: string[] = [];
      proxy.answer = (method, [range]: [{ fromBlock: string }]) => {
        if (method === "eth_getLogs") from.push(range.fromBlock);
        return undefined;
      };
      assert.deepEqual(await amounts(chain), [1n]);
      assert.equal(BigInt(from[0]), startBlock);
    });

    it("are confirmed where the chain says so", async () => {
      await deposit(1n);
      for (const confirmations of ["safe", "finalized"] as const) {
        const chain = evm({ confirmations });
        let deep = startBlock;
        proxy.lie = (method, result) =>
          method === "eth_getBlockByNumber" && tagged
            ? { ...(result as object), number: `0x${deep.toString(16)}` }
            : result;
        let tagged = false;
        proxy.answer = (method, [tag]: [string]) => {
          tagged = method === "eth_getBlockByNumber" && tag === confirmations;
          return undefined;
        };
        assert.deepEqual(await chain.deposits(0), []);
        deep = await anvil.client.getBlockNumber();
        assert.deepEqual(await amounts(chain), [1n]);
        proxy.reset();
      }
    });

    it("are read in order when they are confirmed, in requests of few blocks", async () => {
      const chain = evm({ blockRange: 3n });
      assert.deepEqual(await chain.deposits(0), []);
      await deposit(1n);
      await mine(7);
      await anvil.client.setAutomine(false);
      for (const amount of [2n, 3n])
        await anvil.client.writeContract({ ...venue, functionName: "deposit", args: [amount, ...KEY, 9], account: owner, gas: 9_000_000n }); // prettier-ignore
      await mine();
      await anvil.client.setAutomine(true);
      await deposit(4n);
      await mine(Number(confirmations) - 1);
      const all = await read(chain);
      assert.deepEqual(
        all.map(({ n, amount, index, keyX, keyY }) => [n, amount, index, keyX, keyY]),
        [
          [1, 1n, 2, ...KEY],
          [2, 2n, 9, ...KEY],
          [3, 3n, 9, ...KEY],
        ],
      );
      await mine();
      assert.deepEqual(await amounts(chain, 3), [4n]);
      assert.equal((await read(chain, 3))[0].head, await anvil.read(venue, "depositHead"));
      for (const after of [0, 1, 2, 3, 4])
        for (const each of [chain, evm({ blockRange: 2n })])
          assert.deepEqual(await amounts(each, after), [1n, 2n, 3n, 4n].slice(after));
    });

    it("are those of the chain that stays", async () => {
      const chain = evm();
      await deposit(1n);
      await mine(Number(confirmations));
      assert.deepEqual(await amounts(chain), [1n]);
      await deposit(2n);
      await mine(1);
      await request("anvil_reorg", [2, []]);
      await deposit(3n);
      await mine(Number(confirmations));
      assert.deepEqual(await amounts(chain, 1), [3n]);
    });

    it("are refused when events are missing, altered or made up", async () => {
      await deposit(1n);
      await deposit(2n);
      await mine(Number(confirmations));
      type Log = { data: Hex; topics: Hex[] };
      const lies: ((logs: Log[]) => Log[])[] = [
        () => [],
        ([, two]) => [two],
        ([one]) => [{ ...one, data: one.data.replace(/1$/, "3") as Hex }],
        ([one, two]) => [one, { ...two, data: two.data.replace(/2$/, "3") as Hex }],
        ([one, two]) => [two, one],
      ];
      const chain = evm();
      for (const lie of lies) {
        proxy.lie = (method, result) => (method === "eth_getLogs" ? lie(result as Log[]) : result);
        await assert.rejects(chain.deposits(0), { code: "CHAIN_INCONSISTENT" });
      }
      proxy.reset();
      assert.deepEqual(await amounts(chain), [1n, 2n]);
    });
  });

  describe("announced rules", () => {
    const rulesOf = (slack: bigint) => rulesOfTests({ group: { slack }, instruments: NO_INSTRUMENTS });
    const text = (slack: bigint) => JSON.stringify(rulesJson(rulesOf(slack)));
    const root = (slack: bigint) => rulesRoot(rulesOf(slack));
    const demo = PROFILES.demo;
    const announcer = () => evmAnnouncer({ rpc: proxy.address, contract: venue.address, account: owner });
    /** All of them, as a venue reads them, and where it would go on. */
    async function read(chain: Chain, from?: RulesCursor) {
      const events: RulesEvent[] = [];
      for (let pages = 1; ; pages++) {
        const page = await chain.rules(from);
        events.push(...page.events);
        from = page.next;
        if (page.complete) return { events, next: from, pages };
      }
    }
    const kinds = (events: readonly RulesEvent[]) => events.map(({ kind, n }) => `${kind} ${n}`);
    /** Brings rules in, by an entry of a time. */
    const bringIn = async (rules: bigint, time: bigint) => {
      const step: Step = { name: "configure", inputs: { time, logCount: 1n, rules } };
      const args = [genesis, encodeRound(simulator.round(genesis, [step])), "0x"];
      return anvil.send({ contract: venue, name: "submitRound", args, time });
    };

    it("are sent, read when they are confirmed, and hashed again", async () => {
      const chain = evm();
      await chain.open({ domain, freeLeaves });
      const sent = await announcer().announce(text(1n), demo);
      const { timestamp, number: block } = await anvil.client.getBlock();
      assert.deepEqual([sent.n, sent.root, sent.from], [1, root(1n), timestamp + timelock]);
      assert.deepEqual([(await read(chain)).events, await chain.announcement(1)], [[], undefined]);
      await mine(Number(confirmations));
      const { events, next } = await read(chain);
      const { from } = sent;
      assert.deepEqual(events, [{ kind: "announced", n: 1, root: root(1n), from, text: text(1n), block }]);
      const usable = await chain.announcement(1);
      assert.deepEqual([usable?.root, usable?.from], [root(1n), from]);
      // Of the block that is confirmed, not of the newest one: until it is as late the announcement can be withdrawn.
      const { number: latest } = await anvil.client.getBlock();
      const confirmed = await anvil.client.getBlock({ blockNumber: latest - confirmations });
      assert.equal(usable?.time, confirmed.timestamp);
      assert.equal(events[0].kind, "announced");
      assert.deepEqual(announcedRules(events[0] as RulesEvent & { kind: "announced" }, demo), rulesOf(1n)); // prettier-ignore

      await announcer().announce(text(2n), demo);
      await announcer().announce(text(3n), demo);
      await announcer().withdraw(2);
      await bringIn(root(1n), from);
      await mine(Number(confirmations));
      const more = await read(chain, next);
      assert.deepEqual(kinds(more.events), ["announced 2", "announced 3", "withdrawn 2", "changed 1"]);
      // Used, withdrawn, waiting, never made.
      const left = await Promise.all([1, 2, 3, 4].map((n) => chain.announcement(n)));
      assert.deepEqual(
        left.map((it) => it?.root),
        [undefined, undefined, root(3n), undefined],
      );
      assert.deepEqual((await read(chain, more.next)).events, []);
      assert.deepEqual((await read(evm())).events, [...events, ...more.events]);
    });

    it("are read in requests of few blocks, each once, from the block of the contract on", async () => {
      await announcer().announce(text(1n), demo);
      await mine(30);
      await announcer().announce(text(2n), demo);
      await mine(10);
      const asked: [from: bigint, to: bigint][] = [];
      const chain = evm({ blockRange: 7n, startBlock: undefined });
      await chain.open({ domain, freeLeaves });
      proxy.answer = (method, [range]: [{ fromBlock: string; toBlock: string }]) => {
        if (method === "eth_getLogs") asked.push([BigInt(range.fromBlock), BigInt(range.toBlock)]);
        return undefined;
      };
      const { events, next, pages } = await read(chain);
      assert.deepEqual(kinds(events), ["announced 1", "announced 2"]);
      const last = (await anvil.client.getBlockNumber()) - confirmations;
      assert.equal(pages, asked.length);
      assert.ok(pages > 5);
      let block = startBlock;
      for (const [from, to] of asked) {
        assert.ok(from === block && to - from < 7n);
        block = to + 1n;
      }
      assert.deepEqual([block, next], [last + 1n, { block: last + 1n, announced: 2 }]);
      assert.deepEqual(await chain.rules(next), { events: [], next, complete: true });
      assert.equal(asked.length, pages, "what is not confirmed is not asked for");
    });

    it("are those of the chain that stays", async () => {
      const chain = evm();
      await announcer().announce(text(1n), demo);
      await mine(1);
      await request("anvil_reorg", [2, []]);
      await announcer().announce(text(2n), demo);
      await mine(Number(confirmations));
      const { events } = await read(chain);
      assert.deepEqual(
        events.map((it) => it.kind === "announced" && [it.n, it.root]),
        [[1, root(2n)]],
      );
    });

    it("are refused when events are missing, altered or made up", async () => {
      await announcer().announce(text(1n), demo);
      await announcer().announce(text(2n), demo);
      await announcer().withdraw(2);
      await mine(Number(confirmations));
      type Log = { data: Hex; topics: Hex[] };
      const word = (data: Hex, at: number) =>
        `${data.slice(0, 65 + 64 * at)}${data[65 + 64 * at] === "1" ? "2" : "1"}${data.slice(66 + 64 * at)}` as Hex;
      const lies: ((logs: Log[]) => Log[])[] = [
        () => [],
        ([one]) => [one],
        ([, two, three]) => [two, three],
        ([one, two, three]) => [two, one, three],
        ([one, two, three]) => [{ ...one, data: word(one.data, 0) }, two, three],
        ([one, two, three]) => [{ ...one, data: word(one.data, 1) }, two, three],
        ([one, two, three]) => [one, two, { ...three, topics: [three.topics[0], one.topics[1]] }],
        ([one, two, three]) => [three, one, two],
      ];
      const chain = evm();
      for (const [i, lie] of lies.entries()) {
        proxy.lie = (method, result) => (method === "eth_getLogs" ? lie(result as Log[]) : result);
        await assert.rejects(read(chain), { code: "CHAIN_INCONSISTENT" }, `${i}`);
      }
      proxy.reset();
      assert.deepEqual(kinds((await read(chain)).events), ["announced 1", "announced 2", "withdrawn 2"]);
      await assert.rejects(chain.rules({ block: startBlock, announced: 1 }), { code: "CHAIN_INCONSISTENT" });
    });

    it("whose text is of other rules, or none, are known for it", async () => {
      const announce = (root: bigint, preimage: Hex) =>
        anvil.send({ contract: venue, name: "announce", args: [root, preimage] });
      await announce(root(1n), stringToHex(text(2n)));
      await announce(root(1n), stringToHex("{}"));
      await announce(root(1n), "0xff00");
      await mine(Number(confirmations));
      const { events } = await read(evm());
      const codes = events.map((it) => {
        try {
          return it.kind === "announced" && announcedRules(it, demo);
        } catch (error) {
          return (error as TacitError).code;
        }
      });
      assert.deepEqual(codes, ["RULES_ROOT", "RULES_FILE", "RULES_FILE"]);
    });

    it("are announced by who may, and are refused by the contract's name for it", async () => {
      const rpc = proxy.address;
      const other = evmAnnouncer({ rpc, contract: venue.address, account: trader });
      const refused = (refusal: string) => (error: TacitError) => {
        assert.deepEqual([error.code, error.details.refusal], ["ANNOUNCEMENT_REFUSED", refusal]);
        return notSecret(error);
      };
      await assert.rejects(other.announce(text(1n), demo), refused("NotAnnouncer"));
      await assert.rejects(announcer().withdraw(1), refused("UnknownAnnouncement"));
      proxy.calls.length = 0;
      await assert.rejects(announcer().announce("{}", demo), { code: "RULES_FILE" });
      assert.deepEqual(proxy.calls, []);
      const { from } = await announcer().announce(text(1n), demo);
      await anvil.client.setNextBlockTimestamp({ timestamp: from });
      await mine();
      await assert.rejects(announcer().withdraw(1), refused("TooLateToWithdraw"));
      proxy.mode = "refuse";
      await assert.rejects(announcer().announce(text(1n), demo), (error: TacitError) => {
        assert.equal(error.code, "CHAIN_REFUSED");
        return notSecret(error);
      });
    });
  });

  describe("answers of nodes", () => {
    const inFuture = encodeErrorResult({ abi: parseAbi(["error InFuture(uint256 time)"]), args: [1n] });
    const submission = () => ({ stateBefore: genesis, instructions: [] });
    const reverted: [who: string, answer: ReturnType<typeof failing>][] = [
      ["geth", failing({ code: 3, message: "execution reverted", data: inFuture })],
      ["hardhat", failing({ code: -32603, message: "reverted", data: { data: inFuture } })],
      ["Nethermind", failing({ code: -32015, message: "VM execution error.", data: `Reverted ${inFuture}` })],
      ["a node that has it in its message", failing({ code: -32000, message: `custom error ${inFuture}` })],
      ["a proxy, with status 400", failing({ code: 3, message: "execution reverted", data: inFuture }, 400)],
      ["a proxy, with status 500", failing({ code: 3, message: "execution reverted", data: inFuture }, 500)],
    ];
    for (const [who, answer] of reverted)
      it(`a refusal of the contract is read as ${who} gives it`, async () => {
        proxy.answer = (method) => (method === "eth_estimateGas" ? answer : undefined);
        assert.deepEqual(await evm().estimate(submission()), { ok: false, refusal: "InFuture" });
      });

    const failures: [
      why: string,
      answer: ReturnType<typeof failing> & { type?: string },
      code: string,
      words: RegExp,
    ][] = [
      [
        "a revert without data",
        failing({ code: -32000, message: "Execution reverted" }),
        "CHAIN_REFUSED",
        /Execution reverted/,
      ],
      [
        "no funds",
        failing({ code: -32000, message: "insufficient funds for gas" }),
        "CHAIN_REFUSED",
        /insufficient funds/,
      ],
      [
        "a page with status 429",
        { status: 429, type: "text/html", body: "<html>" },
        "CHAIN_UNREACHABLE",
        /HTTP status 429/,
      ],
      [
        "words with status 200",
        { status: 200, type: "text/plain", body: "invalid host" },
        "CHAIN_GARBAGE",
        /\(no JSON\)/,
      ],
      ["broken JSON with status 200", { status: 200, body: "{" }, "CHAIN_GARBAGE", /\(no JSON\)/],
    ];
    for (const [why, answer, code, message] of failures)
      it(`${why} is told as what it is`, async () => {
        proxy.answer = (method) => (method === "eth_estimateGas" ? answer : undefined);
        await assert.rejects(evm().estimate(submission()), (error: TacitError) => {
          assert.equal(error.code, code);
          assert.match(error.message, message);
          return notSecret(error);
        });
      });

    const words: Record<"sent" | "underpriced", string[]> = {
      sent: [
        "already known",
        "ALREADY_EXISTS: already known",
        "Known transaction",
        "AlreadyKnown",
        "nonce too low: next nonce 7, tx nonce 5",
        "Nonce too low. Provided nonce: 1, current nonce: 2",
        "OldNonce, Current nonce: 3, nonce of rejected tx: 2",
        "transaction already imported",
        "Transaction with the same hash was already imported.",
        "tx already in mempool",
      ],
      underpriced: [
        "replacement transaction underpriced",
        "ReplacementNotAllowed",
        "could not replace existing tx",
        "FeeTooLow, MaxFeePerGas too low",
        "transaction underpriced: tip needed 30000000000",
        "Gas price below configured minimum gas price",
        "Transaction gas price below configured minimum gas price",
        "max fee per gas less than block base fee",
      ],
    };
    for (const [outcome, texts] of Object.entries(words))
      for (const text of texts)
        it(`"${text}" means ${outcome}, whatever the status`, async () => {
          for (const status of [200, 400]) {
            proxy.answer = () => failing({ code: -32000, message: text }, status);
            assert.equal(await evm().broadcast("0x02aa"), outcome);
          }
        });
    for (const text of [
      "intrinsic gas too low",
      "exceeds block gas limit",
      "max priority fee per gas higher than max fee per gas",
    ])
      it(`"${text}" is a failure`, async () => {
        proxy.answer = () => failing({ code: -32000, message: text });
        await assert.rejects(evm().broadcast("0x02aa"), { code: "CHAIN_REFUSED" });
      });
  });

  describe("submissions", () => {
    const at = async (time: bigint, extra: Partial<Step> = {}) => {
      const step: Step = { name: "admit", inputs: { time, logCount: 1n }, ...extra };
      return { stateBefore: genesis, instructions: simulator.round(genesis, [step]).instructions };
    };

    it("are estimated, or refused by the contract's name for it", async () => {
      const chain = evm();
      const time = await now();
      const good = await at(time);
      const answer = await chain.estimate(good);
      assert.ok(answer.ok && answer.gas > 100_000n);
      const [step] = good.instructions;
      const refused: [string, typeof good][] = [
        ["WrongState", { ...good, stateBefore: 5n }],
        ["EmptyRound", { ...good, instructions: [] }],
        ["TooManyInstructions", { ...good, instructions: Array(MAX_INSTRUCTIONS + 1).fill(step) }],
        ["TooOld", await at(time - maxLag - 1_000n)],
        ["InFuture", await at(time + 10_000n)],
        ["NoLogEntry", await at(time, { inputs: { time, logCount: 0n } })],
        ["PhaseNotOpen", await at(time, { inputs: { time, logCount: 1n, phaseAfter: 1n } })],
        ["UnknownDeposit", await at(time, { name: "deposit", inputs: { time, logCount: 1n, deposits: 7n } })],
        ["NoAnnouncement", await at(time, { name: "configure", inputs: { time, logCount: 1n, rules: 7n } })],
        ["PairingFailed", { ...good, instructions: [{ ...step, publicInputs: step.publicInputs.with(1, 5n) }] }],
        [
          "PrecompileFailed",
          { ...good, instructions: [{ ...step, proof: { ...step.proof, a: [1n, 1n] as [bigint, bigint] } }] },
        ],
      ];
      for (const [refusal, submission] of refused)
        assert.deepEqual(await chain.estimate(submission), { ok: false, refusal });
    });

    it("may be of the time of the block to come", async () => {
      await anvil.client.increaseTime({ seconds: 50 });
      const answer = await evm().estimate(await at((await now()) + 40n));
      assert.ok(answer.ok);
    });

    it("are signed alike each time, taken more than once, and refused by the fee", async () => {
      const chain = evm();
      await chain.open({ domain, freeLeaves });
      const submission = await at(await now());
      const fees = await chain.fees();
      const terms = { ...fees, nonce: 0, gas: 2_000_000n };
      const { raw, hash } = await chain.sign(submission, terms);
      assert.deepEqual([await chain.sign(submission, terms), hash], [{ raw, hash }, keccak256(raw)]);
      await anvil.client.setAutomine(false);
      assert.equal(await chain.receipt(hash), undefined);
      for (let i = 0; i < 2; i++) assert.equal(await chain.broadcast(raw), "sent");
      const low = await chain.sign(submission, { ...terms, nonce: 1, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n });
      assert.equal(await chain.broadcast(low.raw), "underpriced");
      const rich = await chain.sign(submission, { ...terms, nonce: 1, maxFeePerGas: 10n ** 20n });
      await assert.rejects(chain.broadcast(rich.raw), { code: "CHAIN_REFUSED", message: /nsufficient funds/ });
      await mine();
      assert.equal((await chain.receipt(hash))?.success, true);
      assert.equal(await chain.broadcast(raw), "sent");
      const { latest, confirmed } = await chain.status();
      assert.deepEqual([latest.state, latest.logCount, latest.nonce], [submission.instructions[0].publicInputs[1], 1n, 1]); // prettier-ignore
      assert.deepEqual([confirmed.state, confirmed.logCount, confirmed.nonce], [genesis, 0n, 0]);
      assert.equal(latest.block - confirmed.block, confirmations);
    });

    it("is not believed of a node that put two chains together", async () => {
      const chain = evm();
      let blocks = 0;
      proxy.lie = (method, result) =>
        method === "eth_getBlockByNumber" && ++blocks === 3
          ? { ...(result as object), hash: `0x${"1".repeat(64)}` }
          : result;
      await assert.rejects(chain.status(), { code: "CHAIN_INCONSISTENT" });
      proxy.lie = (method, result) => (method === "eth_sendRawTransaction" ? `0x${"1".repeat(64)}` : result);
      await chain.open({ domain, freeLeaves });
      const terms = { ...(await chain.fees()), nonce: 0, gas: 2_000_000n };
      const { raw } = await chain.sign(await at(await now()), terms);
      await assert.rejects(chain.broadcast(raw), { code: "CHAIN_INCONSISTENT" });
    });

    it("say what failed, and nothing of the node's address", async () => {
      const codes: Partial<Record<Mode, string>> = {
        hang: "CHAIN_TIMEOUT",
        fail: "CHAIN_UNREACHABLE",
        loseAnswer: "CHAIN_UNREACHABLE",
        refuse: "CHAIN_REFUSED",
        garbage: "CHAIN_GARBAGE",
      };
      const submission = await at(await now());
      const signer = evm();
      await signer.open({ domain, freeLeaves });
      const terms = { ...(await signer.fees()), nonce: 0, gas: 2_000_000n };
      const { raw, hash } = await signer.sign(submission, terms);
      for (const [mode, code] of Object.entries(codes)) {
        proxy.mode = mode as Mode;
        const chain = evm(mode === "hang" ? { timeoutMs: 200 } : {});
        const calls: [string, () => Promise<unknown>][] = [
          ["status", () => chain.status()],
          ["estimate", () => chain.estimate(submission)],
          ["fees", () => chain.fees()],
          ["receipt", () => chain.receipt(hash)],
          ["deposits", () => chain.deposits(0)],
          ["rules", () => chain.rules()],
          ["announcement", () => chain.announcement(1)],
          ["open", () => chain.open({ domain, freeLeaves })],
        ];
        for (const [what, request] of calls)
          await assert.rejects(request, (error: Error & { code: string }) => {
            assert.equal(error.code, code, `${what}, ${mode}: ${error.message}`);
            return notSecret(error);
          });
        if (mode === "loseAnswer" || mode === "garbage") continue;
        await assert.rejects(chain.broadcast(raw), (error: Error & { code: string }) => {
          assert.equal(error.code, code, `broadcast, ${mode}`);
          return notSecret(error);
        });
      }
    });
  });

  describe("with the relay", () => {
    const documents = new Map<string, string>();
    const accepted: AcceptedRounds[] = [];
    const warnings: unknown[] = [];
    let rounds: ProvenRound[];
    let relay: Relay;
    let seconds = 0n;

    beforeEach(() => {
      documents.clear();
      [accepted.length, warnings.length] = [0, 0];
      rounds = [];
    });
    afterEach(() => notSecret([warnings, relay.status().lastError]));

    /** Starts the relay, or starts it again. */
    async function start(
      limits: RelayLimits = {},
      options: Partial<EvmOptions> = {},
      finalOf?: FinalOf,
    ): Promise<void> {
      const chain = evm(options);
      const log = (fields: object, message: string) => warnings.push(fields, message);
      relay = await startRelay({
        chain,
        opened: await chain.open({ domain, freeLeaves }),
        store: {
          put: async (written) => {
            for (const [name, text] of Object.entries(written))
              if (text === null) documents.delete(name);
              else documents.set(name, text);
          },
          list: async () => [...documents].map(([name, text]) => ({ name, text })),
        },
        // Each look at it is a minute later than the one before, so that no failure is waited for.
        clock: { now: () => (seconds += 60n) },
        limits: { patience: 1n, ...limits },
        log: { info: log, warn: log, error: log },
        ...(finalOf && { finalOf }),
        onAccepted: (each) => void accepted.push(each),
      });
      for (const round of rounds.slice(acceptedRounds().length)) relay.add(round);
    }
    const acceptedRounds = () => accepted.flatMap((each) => each.rounds);

    /** Proves the next round, of so many admits stamped with a time, now when left out, and adds it. */
    async function add(admits = 1, more: Step[] = [], stamp?: bigint): Promise<ProvenRound> {
      const state = rounds.at(-1)?.stateAfter ?? genesis;
      const time = stamp ?? (await now());
      const entry = () => ({ time, logCount: BigInt(++entries) });
      const steps = Array.from({ length: admits }, (): Step => ({ name: "admit", inputs: entry() }));
      const all = [...steps, ...more.map((step) => ({ ...step, inputs: { ...entry(), ...step.inputs } }))];
      const { instructions } = simulator.round(state, all);
      const stateAfter = instructions.at(-1)!.publicInputs[1];
      const round = { number: rounds.length, state, stateAfter, instructions };
      rounds.push(round);
      relay.add(round);
      return round;
    }
    let entries = 0;
    beforeEach(() => (entries = 0));

    /** Polls and makes blocks. */
    async function go(blocks: number): Promise<void> {
      for (let i = 0; i < blocks; i++) {
        await relay.poll();
        await mine();
      }
      await relay.poll();
    }
    const nonces = () => anvil.client.getTransactionCount({ address: trader.address });
    /** All went to the contract, with this many transactions. */
    async function done(transactions: number): Promise<void> {
      assert.deepEqual(
        acceptedRounds(),
        rounds.map(({ number }) => number),
      );
      assert.equal(await stateOfVenue(), rounds.at(-1)!.stateAfter);
      assert.deepEqual([documents.size, await nonces()], [0, transactions]);
    }

    it("rounds are submitted and confirmed, with their gas", async () => {
      await start();
      await add(2);
      await add();
      await go(1);
      await add();
      await go(4);
      await done(2);
      for (const { hash, gasUsed, block } of accepted) {
        const receipt = await anvil.client.getTransactionReceipt({ hash: hash! });
        assert.deepEqual([receipt.gasUsed, receipt.blockNumber, receipt.status], [gasUsed, block, "success"]);
      }
    });

    it("rounds are final by the co-signers that are in force, from the first ones on", async () => {
      const contract = { rpc: proxy.address, contract: venue.address };
      const announcer = evmAnnouncer({ ...contract, account: owner });
      const signers = Array.from({ length: 5 }, (_, i) => localSigner(new Uint8Array(32).fill(i + 1)));
      const setOf = (some: typeof signers) => coSignersOf(some.map(({ address }) => address));
      const [one, four] = [setOf(signers.slice(0, 1)), setOf(signers.slice(1))];
      const change = async (to: CoSigners) => {
        const from = await announcer.announceCoSigners(to);
        assert.equal(from, (await now()) + timelock);
        assert.deepEqual((await readContractCoSigners(contract)).next, { coSigners: to, from });
        await assert.rejects(announcer.applyCoSigners(), { details: { refusal: "CoSignersNotYet" } });
        await anvil.client.increaseTime({ seconds: Number(timelock) });
        await announcer.applyCoSigners();
        assert.deepEqual(await readContractCoSigners(contract), { inForce: to, next: null });
      };
      assert.deepEqual(await readContractCoSigners(contract), { inForce: null, next: null });
      await announcer.announceCoSigners(four);
      await announcer.withdrawCoSigners();
      await assert.rejects(announcer.withdrawCoSigners(), { details: { refusal: "NoCoSignersAnnounced" } });
      await change(one);
      const chain = evm();
      assert.deepEqual((await chain.open({ domain, freeLeaves })).coSigners, one);
      assert.deepEqual((await chain.status()).coSigners, one);

      await assert.rejects(start(), { code: "CO_SIGNERS" });
      let asked = signers.slice(0, 1);
      await start({}, {}, async ({ logCount, log }) => {
        const head = { domain, epoch: 1, n: Number(logCount), head: log };
        return { ...head, signatures: asked.map((signer) => signer.sign(logHeadDigest(head)) as string) };
      });
      await add(2);
      await go(4);
      await done(1);
      await change(four);
      await add();
      await go(3);
      assert.deepEqual([relay.status().waiting, relay.status().chain?.coSigners], ["notFinal", four]);
      asked = signers.slice(1);
      await go(5);
      await done(2);
    });

    it("a beginning that a stranger submitted is gone on from", async () => {
      await start();
      const { state, instructions } = await add(3);
      const beginning = { instructions: instructions.slice(0, 2) };
      await anvil.send({ contract: venue, name: "submitRound", args: [state, encodeRound(beginning), "0x"] });
      await add();
      await go(4);
      await done(1);
      const { input } = await anvil.client.getTransaction({ hash: accepted[0].hash! });
      const submission = [...instructions.slice(2), ...rounds[1].instructions];
      assert.ok(input.includes(encodeRound({ instructions: submission }).slice(2)));
    });

    it("a beginning that got into the block before ours costs a transaction, and no more", async () => {
      await start();
      await anvil.client.setAutomine(false);
      const { state, instructions } = await add(3);
      await relay.poll();
      const args = [state, encodeRound({ instructions: instructions.slice(0, 2) }), "0x"];
      const fees = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 11n, gas: 9_000_000n };
      await anvil.client.writeContract({ ...venue, functionName: "submitRound", args, account: owner, ...fees });
      await go(6);
      await done(2);
    });

    it("a transaction that the node dropped is sent again", async () => {
      await start();
      await anvil.client.setAutomine(false);
      await add();
      await relay.poll();
      const [{ hash }] = relay.status().outstanding;
      await anvil.client.dropTransaction({ hash });
      await go(2);
      await go(4);
      await done(1);
      assert.equal(accepted[0].hash, hash);
    });

    it("a transaction that pays too little for new blocks is replaced", async () => {
      await start();
      await anvil.client.setAutomine(false);
      await add();
      await relay.poll();
      const [{ hash, fees }] = relay.status().outstanding;
      for (let i = 0; i < 3; i++) {
        await anvil.client.setNextBlockBaseFeePerGas({ baseFeePerGas: fees.maxFeePerGas + 1n });
        await go(1);
      }
      await go(4);
      await done(1);
      const { maxFeePerGas } = await anvil.client.getTransaction({ hash: accepted[0].hash! });
      assert.notEqual(accepted[0].hash, hash);
      assert.ok(maxFeePerGas! * 8n >= fees.maxFeePerGas * 9n);
    });

    it("a reorganisation puts the same transactions on their way again", async () => {
      await start();
      // Two transactions may be mined in one block: what is reorganised must not reach back to the snapshot of this file.
      await mine(2);
      // Blocks after the reorganisation may be of an earlier time than those that it took.
      const time = await now();
      for (let i = 0; i < 2; i++) {
        await add(1, [], time);
        await relay.poll();
      }
      await relay.poll();
      const before = await stateOfVenue();
      assert.equal(before, rounds[1].stateAfter);
      const hashes = [...documents.values()].map((text) => (JSON.parse(text) as { transactions: { hash: Hex }[] }).transactions[0].hash); // prettier-ignore
      await request("anvil_reorg", [2, []]);
      assert.equal(await stateOfVenue(), genesis);
      // One that the chain has lost again on its way is handed over once more, some blocks later.
      for (let blocks = 0; blocks < 12 && acceptedRounds().length < 2; blocks++) await go(1);
      await done(2);
      assert.deepEqual(
        accepted.map(({ hash }) => hash),
        hashes,
      );
    });

    it("a deposit that a reorganisation took stops it, and nothing is lost", async () => {
      await start();
      await deposit(5n);
      const head = (await anvil.read(venue, "depositHead")) as bigint;
      const step: Step = { name: "deposit", inputs: { deposits: head } };
      await request("anvil_reorg", [1, []]);
      await add(1, [step]);
      await go(4);
      const { stopped, rounds: kept } = relay.status();
      assert.deepEqual([stopped?.code, stopped?.details.refusal, kept], ["ROUND_REFUSED", "UnknownDeposit", 1]);
      assert.equal(await nonces(), 0);
      await deposit(5n);
      await start();
      await go(4);
      await done(1);
    });

    it("rules wait for their announcement and its timelock, and what came before them does not", async () => {
      await start();
      const before = await add();
      const rules = 77n;
      const from = (await now()) + timelock + 20n;
      // A round that brings them in by an entry of the time from which they will be valid.
      await add(0, [{ name: "configure", inputs: { time: from, rules } }]);
      await go(3);
      assert.deepEqual([relay.status().waiting, await stateOfVenue()], ["rulesNotValid", before.stateAfter]);
      const args = [rules, "0x"];
      await anvil.send({ contract: venue, name: "announce", args, time: from - timelock });
      await go(3);
      assert.deepEqual([relay.status().waiting, relay.status().stopped], ["rulesNotValid", undefined]);
      assert.equal(await stateOfVenue(), before.stateAfter);
      await anvil.client.setNextBlockTimestamp({ timestamp: from });
      await go(5);
      await done(2);
      assert.equal(await anvil.read(venue, "announcementsDone"), 1n);
    });

    for (const mode of ["hang", "fail", "refuse", "garbage", "loseAnswer"] as const)
      it(`a node that answers with "${mode}" at any time loses and repeats nothing`, async () => {
        const methods = ["eth_getBlockByNumber", "eth_estimateGas", "eth_sendRawTransaction"];
        if (mode !== "hang") methods.push("eth_call", "eth_getTransactionCount", "eth_getTransactionReceipt");
        await start();
        for (const method of methods) {
          if (mode === "hang") await start({}, { timeoutMs: 1_000 });
          await add();
          [proxy.mode, proxy.only] = [mode, method];
          await go(2);
          assert.ok(relay.status().failuresTotal > 0);
          proxy.reset();
          if (mode === "hang") await start();
          await go(4);
        }
        await go(3);
        await done(methods.length);
        assert.ok(accepted.every(({ hash }) => hash !== undefined));
      });

    it("restarts lose and repeat nothing", async () => {
      await start();
      await anvil.client.setAutomine(false);
      await add();
      await relay.poll();
      const [{ hash }] = relay.status().outstanding;
      await start();
      await relay.poll();
      assert.deepEqual(
        relay.status().outstanding.map((each) => [each.nonce, each.hash]),
        [[0, hash]],
      );
      await request("anvil_dropAllTransactions");
      await start();
      await go(1);
      await start();
      await add();
      await go(1);
      await start();
      await go(4);
      await done(2);
      assert.equal(accepted[0].hash, hash);
    });
  });
});
