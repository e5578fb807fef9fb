// Goal: `tacit feed` runs a feed from a key and a source to a venue, and ends well.
// Method: the command itself, a venue that takes what is posted, observations of the last minutes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseReport } from "../../src/feeds/reportJson.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { reportFaults } from "../../src/protocol/report.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { rules } from "../protocol/pricedRules.ts";
import { temporary } from "./setting.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).href;
/** From the sources, so that nothing has to be built. */
const NODE = ["--import", "tsx", "--conditions", "tacit-source", "--input-type=module", "--eval"];
const RUN = `process.exitCode = await (await import("${MAIN}")).main(process.argv.slice(1))`;

function tacit(...args: string[]) {
  const child = spawn(process.execPath, [...NODE, RUN, "--", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (said.out += chunk));
  child.stderr.on("data", (chunk) => (said.err += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, said, ended };
}
async function tells(args: string[]) {
  const { said, ended } = tacit(...args);
  return { code: await ended, ...said };
}

describe("feeds/command", () => {
  const folder = temporary();

  it("makes a key that only its owner reads, once", async () => {
    const path = join(folder(), "feed-key.json");
    const { code, out } = await tells(["feed", "key", path]);
    assert.equal(code, 0);
    const { key, secret } = JSON.parse(readFileSync(path, "utf8"));
    assert.ok(out.includes(`public key ${key.x} ${key.y}`) && !out.includes(secret));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const again = await tells(["feed", "key", path]);
    assert.deepEqual([again.code, again.err.includes("(FILE)")], [2, true]);
  });

  it("says what is missing or wrong", async () => {
    const { code, err } = await tells(["feed", "--source", "-"]);
    assert.deepEqual([code, err.trim()], [2, "tacit: --key is missing (USAGE)"]);
    const path = join(folder(), "x.json");
    writeFileSync(path, "{}");
    const wrong = await tells(["feed", "--key", path, "--source", "-", "--rules", path]);
    assert.deepEqual([wrong.code, wrong.err.includes("(FORMAT)")], [2, true]);
  });

  it("signs, sends and serves, and stops when it is told to", async () => {
    const at = folder();
    const [keyPath, source, data] = ["key.json", "prices.jsonl", "data"].map((name) => join(at, name));
    assert.equal((await tells(["feed", "key", keyPath])).code, 0);
    const { x, y } = JSON.parse(readFileSync(keyPath, "utf8")).key;
    const named = rules();
    const feeds = named.group.feeds.with(2, { x: BigInt(x), y: BigInt(y) });
    const pricing = { ...named.group.pricing, epochLength: 2n, lag: 1n, grid: 3_600n, window: 2n };
    const mine = { ...named, group: { ...named.group, feeds, pricing } };
    // Epochs of another length: announced, and taken back.
    const long = { ...mine, group: { ...mine.group, pricing: { ...pricing, epochLength: 4n } } };
    const set = (of: typeof mine, state = "") => ({ root: `${rulesRoot(of)}`, rules: rulesJson(of), state });
    const announced = [set(long, "waiting"), set(long, "withdrawn")];
    const answer = { domain: "77", profile: "demo", inForce: set(mine), announced };
    let taken: (text: string) => void;
    const posted = new Promise<string>((resolve) => (taken = resolve));
    const venue = createServer((request, response) => {
      if (request.url === "/v1/rules") return void response.end(JSON.stringify(answer));
      let text = "";
      request.on("data", (chunk) => (text += chunk));
      request.on("end", () => {
        taken(text);
        response.writeHead(202).end("{}");
      });
    });
    await new Promise<void>((resolve) => venue.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(venue.address() as AddressInfo).port}`;
    const now = () => Math.floor(Date.now() / 1_000);
    let lines = Array.from({ length: 60 }, (_, i) => ({ time: now() - 60 + i, index: 100_000 + (i % 5) }));
    const write = () => writeFileSync(source, lines.map((line) => JSON.stringify(line) + "\n").join(""));
    write();
    const live = setInterval(() => {
      lines = [...lines, { time: now(), index: 100_000 + (now() % 5) }];
      write();
    }, 500);
    const { child, said, ended } = tacit("feed", "--key", keyPath, "--source", source, "--rules", url, "--data", data, "--port", "0", "--push", url); // prettier-ignore
    try {
      const signed = parseReport(JSON.parse(await Promise.race([posted, ended.then(() => assert.fail(said.err))])));
      const { epoch } = signed.report;
      const contracts = contractsHash(mine.instruments);
      assert.deepEqual(reportFaults([signed], { keys: feeds, domain: 77n, contracts, epoch }), [null]);
      assert.equal(signed.feed, 2);
      const leftOut = said.err.match(/an announced set of rules is left out: contracts \d+: pricing.epochLength/g);
      assert.equal(leftOut?.length, 1);
      const served = said.out.trim().split("\n").at(-1);
      const quote = await fetch(`${served}/v1/quotes/${epoch}/${contracts}`);
      assert.deepEqual(parseReport(await quote.json()), signed);
      child.kill("SIGTERM");
      assert.equal(await ended, 0);
      assert.ok(!(said.out + said.err).includes(JSON.parse(readFileSync(keyPath, "utf8")).secret));
    } finally {
      clearInterval(live);
      child.kill("SIGKILL");
      venue.closeAllConnections();
      venue.close();
    }
  });
});
