// Goal: a page that somebody bundles from the installed package verifies a round and proves, and needs nothing of Node.
// Method: Vite as it comes, and esbuild by the line of docs/package.md; Chromium under a content security policy.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { INSTRUCTION_NAMES } from "../../src/protocol/instructions.ts";
import { KEYS, ROOT } from "../../src/setup/folders.ts";
import { builtFixtures } from "../prover/fixtures.ts";
import { openBrowser, serve, type Files } from "../web/site.ts";
import { documented, done, installed, packed, removeScratch, scratch } from "./installed.ts";

/** What the page does, and then shows. */
const PAGE = `
  import { Client } from "tacit/client";
  import { startHashKernels, reference } from "tacit/hash";
  import { createProver } from "tacit/prover";
  import { NO_LAG_LIMIT, prepareKeys, readRounds, verifyRound } from "tacit/verifier";
  const json = async (path) => (await fetch(path)).json();
  const show = (text) => document.body.append(Object.assign(document.createElement("output"), { textContent: text }));
  try {
    const [round] = readRounds(await json("/round.json"));
    const keys = prepareKeys(await json("/keys.json"));
    const verified = verifyRound({ domain: 0n, state: round.state, keys, maxLag: NO_LAG_LIMIT }, round);
    const forged = { ...round, instructions: round.instructions.slice(1) };
    const refused = verifyRound({ domain: 0n, state: round.state, keys, maxLag: NO_LAG_LIMIT }, forged);
    const kernels = await startHashKernels();
    const hashes = kernels.hash(0n, [1n]) === reference.hash(0n, [1n]);
    const prover = createProver({ workers: 2 });
    const key = await prover.load("/circuit.zkey", { wasm: "/circuit.wasm" });
    const { publicInputs } = await prover.proveInputs(key, { start: 1n });
    await prover.close();
    show([verified.ok, refused.ok, hashes, publicInputs.length, typeof Client.open].join(" "));
  } catch (error) {
    show("failed: " + error.message);
  }
`;
const DONE = "true false true 1 function";

describe("a page that is bundled from the package", () => {
  let folder: string;
  let browser: Browser;
  const content: Files = {};

  before(async () => {
    folder = await installed("page", [await packed(scratch()), "vite@8", "esbuild@0.28"]);
    const { chain } = await builtFixtures("chain");
    const put = (name: string, text: string) => {
      writeFileSync(join(scratch(), name), text);
      content[`/${name}`] = join(scratch(), name);
    };
    content["/circuit.zkey"] = chain.files.zkey;
    content["/circuit.wasm"] = chain.files.wasm;
    const key = (name: string) => JSON.parse(readFileSync(join(KEYS, "demo", `${name}.json`), "utf8")) as unknown;
    put("keys.json", JSON.stringify(Object.fromEntries(INSTRUCTION_NAMES.map((name) => [name, key(name)]))));
    writeFileSync(join(folder, "flow.csv"), "34200,1,1,10,1000000,1\n34201,1,2,10,1000000,-1\n");
    const replay = ["replay", "flow.csv", "--every", "10", "--accounts", "4", "--prove", "--json", "replay.json"];
    await done(process.execPath, [join(ROOT, "bin/tacit.js"), ...replay], { cwd: folder });
    const { rounds } = JSON.parse(readFileSync(join(folder, "replay.json"), "utf8")) as { rounds: object[] };
    put("round.json", JSON.stringify(rounds[0]));
    writeFileSync(join(folder, "page.js"), PAGE);
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><body><script type="module" src="/page.js"></script></body>`,
    );
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    removeScratch();
  });

  /** What the page says that a folder holds. */
  async function saidBy(built: string, missing: readonly RegExp[] = []): Promise<string> {
    const files: Files = { ...content };
    for (const entry of readdirSync(built, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && !missing.some((pattern) => pattern.test(entry.name)))
        files[path.slice(built.length)] = path;
    }
    files["/"] = files["/index.html"];
    const site = await serve(files, { isolated: false });
    try {
      const page = await browser.newPage();
      await page.goto(site.origin);
      return (await page.locator("output").textContent())!;
    } finally {
      await site.close();
    }
  }

  it("by Vite, verifies a round, refuses a forged one, hashes and proves", async () => {
    await done("npx", ["vite", "build", "--outDir", "by-vite", "--logLevel", "error"], { cwd: folder });
    assert.equal(await saidBy(join(folder, "by-vite")), DONE);
  });

  describe("by esbuild and the line of docs/package.md", () => {
    const built = () => join(folder, "bundle");
    before(async () => {
      await done("bash", ["-c", documented("browser").join("\n")], { cwd: folder });
      cpSync(join(folder, "index.html"), join(built(), "index.html"));
    });

    it("does the same", async () => assert.equal(await saidBy(built()), DONE));

    it("says which file it has lost", async () => {
      assert.match(
        await saidBy(built(), [/^hash.*\.wasm$/]),
        /failed: the prover's kernel is not at \/hash\w+\.wasm: /,
      );
      assert.match(
        await saidBy(built(), [/^proverThread/]),
        /failed: .*proverThread\.browser\.js of tacit's dist\/prover/,
      );
    });
  });

  for (const module of ["client", "hash", "prover", "recheck", "verifier"])
    it(`tacit/${module} imports nothing of Node`, async () => {
      const folderOf = join(folder, `only-${module}`);
      mkdirSync(folderOf);
      writeFileSync(join(folder, `only-${module}.js`), `export * from "tacit/${module}";`);
      const args = ["esbuild", `only-${module}.js`, "--bundle", "--format=esm", `--outfile=only-${module}/out.js`];
      await done("npx", args, { cwd: folder });
      assert.doesNotMatch(readFileSync(join(folderOf, "out.js"), "utf8"), /(from|import\(|require\()\s*"node:/);
    });
});
