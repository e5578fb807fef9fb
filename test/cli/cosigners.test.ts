// Goal: the co-signers of a contract are shown, announced, withdrawn and applied from the command line.
// Method: a contract on a chain of our own, the commands as processes of their own, and a venue that names the contract, no more.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { toHex } from "viem";
import { coSignersOf } from "../../src/protocol/coSigners.ts";
import { owner, trader, type Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { contractOf } from "../verifier/contractOf.ts";
import { Simulator } from "../verifier/simulator.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));
const TIMELOCK = 600n;
const keyOf = ({ getHdKey }: typeof owner) => toHex(getHdKey().privateKey!);
const addresses = Array.from({ length: 5 }, (_, i) => `0x${`${i + 1}`.repeat(40)}`);
const [four, one] = [coSignersOf(addresses.slice(0, 4)), coSignersOf(addresses.slice(4))];

describe("tacit cosigners", () => {
  let chain: Chain;
  let contract: Deployed;
  let venue: Server;
  before(async () => {
    const terms = { domain: 1n, genesisState: 2n, maxLag: 600n, maxDeposits: 9n, timelock: TIMELOCK, coSigners: one };
    ({ chain, venue: contract } = await contractOf(new Simulator("cosigners"), terms));
    venue = createServer((_, response) => {
      const { address } = contract;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ contract: { chainId: "31337", address, token: address } }));
    });
    venue.listen(0, "127.0.0.1");
    await once(venue, "listening");
  });
  after(() => {
    chain?.stop();
    venue?.close();
  });

  async function run(args: readonly string[], key = keyOf(owner)) {
    const url = `http://127.0.0.1:${(venue.address() as AddressInfo).port}`;
    const all = ["cosigners", ...args, "--venue", url, "--rpc", chain.client.transport.url!];
    const child = spawn(process.execPath, [BIN, ...all], { env: { ...process.env, TACIT_ANNOUNCER_KEY: key } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = (await once(child, "close")) as [number];
    return { status, stdout, stderr };
  }
  async function tacit(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await run(args);
    assert.equal(status, 0, stderr);
    return stdout;
  }
  async function refused(args: readonly string[], says: RegExp, status = 1, key?: `0x${string}`): Promise<void> {
    const answer = await run(args, key);
    assert.match(answer.stderr, says);
    assert.deepEqual([answer.status, answer.stdout], [status, ""]);
  }

  it("shows them, and changes them by announcement and timelock", async () => {
    assert.equal(await tacit("show"), `1 of 1 co-signers make a round final for the contract\n  0  ${addresses[4]}\n`);
    await refused(["announce", ...addresses.slice(0, 4)], /NotAnnouncer/, 1, keyOf(trader));
    assert.match(
      await tacit("announce", ...four.addresses),
      /^announced, to be applied from .*Z on: 3 of 4 co-signers\n$/,
    );
    assert.match(await tacit("show"), /\nannounced, to be applied from .*: 3 of 4 co-signers\n {2}0 {2}0x1+\n/);
    const { coSigners, next } = JSON.parse(await tacit("show", "--json"));
    assert.deepEqual([coSigners, next.coSigners], [one.addresses, four.addresses]);
    await refused(["apply"], /CoSignersNotYet/);
    await tacit("withdraw");
    assert.equal(JSON.parse(await tacit("show", "--json")).next, null);
    await refused(["withdraw"], /NoCoSignersAnnounced/);
    await tacit("announce", ...four.addresses);
    await chain.client.increaseTime({ seconds: Number(TIMELOCK) });
    await chain.client.mine({ blocks: 1 });
    await refused(["withdraw"], /CoSignersStay/);
    assert.equal((await run(["apply"], keyOf(trader))).status, 0);
    assert.deepEqual(JSON.parse(await tacit("show", "--json")), { coSigners: four.addresses, next: null });
  });

  it("announces none but 3f + 1 addresses", async () => {
    await refused(["announce", addresses[0], addresses[1]], /3f \+ 1 addresses/, 2);
    await refused(["announce", "0x12"], /addresses\[0\]/, 2);
    await refused(["announce"], /missing required argument/, 2);
  });
});
