// Goal: of two `tacit serve` on one database the second stands by, and takes over when the first is killed: what was acknowledged is
// there, and an account goes on trading at the other's address.
// Method: the command as processes of their own; SIGKILL.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Server } from "./postgres.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));

describe("tacit serve --store postgres://", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-standby-"));
  const env = { ...process.env, TACIT_PASSPHRASE: "a passphrase", TACIT_OPERATOR_PASSPHRASE: "another" };
  const server = new Server("one");
  const running: ChildProcess[] = [];
  let store: string;
  before(async () => {
    await server.start();
    store = await server.schema();
  });
  after(async () => {
    for (const it of running) it.kill("SIGKILL");
    await server.destroy();
    rmSync(folder, { recursive: true });
  });

  const start = (...args: string[]) => spawn(process.execPath, [BIN, ...args], { cwd: folder, env });
  async function tacit(...args: string[]) {
    const child = start(...args);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    const [status] = await once(child, "close");
    return { status, said };
  }
  async function serve(data: string) {
    const child = start("serve", "--data", data, "--store", store, "--accept-one-disk", "--port", "0", "--interval", "2", "--no-prove"); // prettier-ignore
    running.push(child);
    const log = createInterface(child.stderr);
    const [url] = (await once(createInterface(child.stdout), "line")) as [string];
    return { child, log, url };
  }
  const logged = async (log: Interface, message: RegExp) => {
    for await (const line of log) if (message.test(line)) return;
    assert.fail(`it ended without ${message}`);
  };

  it("stands by while another leads, and leads when that is killed", async () => {
    const first = await serve("one");
    assert.match((await tacit("account", "new")).said, /account/);
    const deposited = await tacit("account", "deposit", "50000000", "--venue", first.url);
    assert.match(deposited.said, /credited to account 2/);
    const order = await tacit("order", "buy", "101", "5", "100020", "--venue", first.url);
    assert.match(order.said, /admitted: nonce 1/);

    cpSync(join(folder, "one"), join(folder, "two"), { recursive: true });
    const second = await serve("two");
    const health = async () => (await (await fetch(`${second.url}/v1/health`)).json()) as { status: string };
    assert.equal((await health()).status, "standby");
    const refused = await tacit("order", "buy", "101", "1", "100020", "--venue", second.url);
    assert.match(refused.said, /stands by for another/);
    assert.notEqual(refused.status, 0);

    const leads = logged(second.log, /the venue leads/);
    first.child.kill("SIGKILL");
    await leads;
    assert.equal((await health()).status, "open");
    const both = `${first.url},${second.url}`;
    const other = await tacit("order", "buy", "101", "1", "100010", "--venue", both);
    assert.match(other.said, /admitted: nonce 2/);
    second.child.kill("SIGTERM");
    assert.deepEqual(await once(second.child, "exit"), [0, null]);
  });
});
