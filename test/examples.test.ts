// Goal: the examples do what they say.
// Method: each as a process of its own; the market maker at a venue that the command serves.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildAll } from "../src/setup/build.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = (path: string, ...args: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", path, ...args], { cwd: ROOT, encoding: "utf8" });

describe("examples", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-examples-"));
  let server: ChildProcess | undefined;
  before(() => buildAll({ profile: "demo", publish: false }));
  after(() => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  it("embed.ts trades in its own process and proves the round", () => {
    const { status, stdout, stderr } = run("examples/embed.ts", "--prove");
    assert.equal(status, 0, stderr);
    const [, limit] = /Ada buy 5 at (\d+): admitted/.exec(stdout)!;
    // The mark lies between both limits, and clears.
    const mark = BigInt(limit) - 50n;
    assert.ok(stdout.includes(`Ada bought 3 at ${limit}\nBen sold 3 at ${limit}\n`), `${stdout}, mark ${mark}`);
    assert.match(stdout, /round \d+ proved: .*"settle":1/);
    assert.match(stdout, /Ada: cash \d+, perpetual 3/);
  });

  it("marketMaker.ts quotes both sides at a served venue, verifies its rounds, and waits while it is started anew", async () => {
    const serve = async (port: string) => {
      const args = ["bin/tacit.js", "serve", "--data", folder, "--port", port, "--interval", "2"];
      server = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
      return ((await once(createInterface(server.stdout!), "line")) as [string])[0];
    };
    const stop = async () => {
      server!.kill("SIGTERM");
      assert.deepEqual(await once(server!, "exit"), [0, null]);
    };
    const url = await serve("0");
    const maker = spawn(process.execPath, ["--import", "tsx", "examples/marketMaker.ts", url, "101", "4"], {
      cwd: ROOT,
    });
    let [told, trouble, restarted, toldBefore] = ["", "", null as Promise<unknown> | null, 0];
    maker.stdout.on("data", (text) => {
      told += text;
      if (/held 0 before/.test(told)) restarted ??= stop();
    });
    maker.stderr.on("data", (text) => {
      const waited = trouble !== "";
      trouble += text;
      if (waited) return;
      toldBefore = told.length;
      restarted = restarted!.then(() => serve(new URL(url).port));
    });
    assert.deepEqual(await once(maker, "close"), [0, null], trouble);
    await restarted;
    assert.match(trouble, /does not answer|takes nothing/);
    for (const part of [told.slice(0, toldBefore), told.slice(toldBefore)])
      assert.match(part, /sell 5 at \d+: admitted/);
    assert.match(told, /verified \d+ rounds/);
    assert.match(told, /proved in round \d+: cash \d+\n$/);
    await stop();
  });
});
