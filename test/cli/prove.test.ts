// Goal: `tacit prove` stands in for `snarkjs groth16 prove`: same files in, and snarkjs verifies what comes out.
// Method: a tiny circuit; bin/tacit.js as a process of its own, in an empty folder.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { singleThreaded } from "../prover/snarkjs.ts";
import { WitnessProgram, wtnsFile } from "../../src/prover/witness.ts";
import { builtFixtures } from "../prover/fixtures.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));

describe("tacit prove", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-"));
  after(() => rmSync(folder, { recursive: true }));
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  let files: Awaited<ReturnType<typeof builtFixtures>>["chain"]["files"];

  before(async () => {
    ({ files } = (await builtFixtures("chain")).chain);
    const program = await WitnessProgram.start(await WebAssembly.compile(readFileSync(files.wasm)));
    const witness = program.calculate({ start: 1n });
    writeFileSync(join(folder, "witness.wtns"), wtnsFile(witness, program.prime));
    witness[32 * 500] ^= 1;
    writeFileSync(join(folder, "wrong.wtns"), wtnsFile(witness, program.prime));
  });
  const prove = (wtns: string, ...options: string[]) =>
    spawnSync("node", [BIN, "prove", files.zkey, wtns, "proof.json", "public.json", ...options], {
      cwd: folder,
      encoding: "utf8",
    });

  it("writes what snarkjs verifies, and tells how long each part took", async () => {
    const { status, stdout, stderr } = prove("witness.wtns", "--json", "--workers", "2");
    assert.equal(status, 0, stderr);
    const { groth16 } = await singleThreaded();
    const key = JSON.parse(readFileSync(files.vkey, "utf8"));
    assert.deepEqual(read("public.json"), ["1"]);
    assert.ok(await groth16.verify(key, read("public.json"), read("proof.json")));
    const { wallMs, threadMs } = JSON.parse(stdout);
    assert.deepEqual(Object.keys(wallMs), ["load", "read", "finish", "prove", "total"]);
    assert.deepEqual(Object.keys(threadMs), ["rows", "fft", "a", "b", "c"]);
  });

  it("refuses a wrong witness, names the constraint, and writes nothing", () => {
    for (const name of ["proof.json", "public.json"]) rmSync(join(folder, name), { force: true });
    const { status, stderr } = prove("wrong.wtns", "--r1cs", files.r1cs);
    assert.equal(status, 1);
    assert.match(stderr, /constraint \d+/);
    assert.ok(!existsSync(join(folder, "proof.json")) && !existsSync(join(folder, "public.json")));
  });

  it("refuses outputs that are one file or a folder, before it proves", () => {
    for (const [proof, publicPath] of [
      ["one.json", "one.json"],
      [".", "public.json"],
    ]) {
      const args = [BIN, "prove", files.zkey, "witness.wtns", proof, publicPath];
      const { status, stderr } = spawnSync("node", args, { cwd: folder, encoding: "utf8" });
      assert.equal(status, 2);
      assert.match(stderr, /a path of its own|is a folder/);
    }
  });

  it("writes through links and into pipes, and leaves them what they are", async () => {
    writeFileSync(join(folder, "real.json"), "");
    symlinkSync("real.json", join(folder, "link.json"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const reading = readFile(join(folder, "pipe"), "utf8");
    const args = [BIN, "prove", files.zkey, "witness.wtns", "link.json", "pipe"];
    const proving = promisify(execFile)("node", args, { cwd: folder });
    assert.deepEqual(JSON.parse(await reading), ["1"]);
    await proving;
    assert.ok(lstatSync(join(folder, "link.json")).isSymbolicLink() && lstatSync(join(folder, "pipe")).isFIFO());
    assert.ok(read("real.json").pi_a);
  });

  it("checks the constraints where it does not check the proof", () => {
    const { status, stderr } = prove("wrong.wtns", "--no-check", "--r1cs", files.r1cs);
    assert.equal(status, 1);
    assert.match(stderr, /constraint \d+/);
  });

  it("says what is wrong with files", () => {
    const { status, stderr } = prove("none.wtns");
    assert.equal(status, 2);
    assert.match(stderr, /none\.wtns/);
  });
});
