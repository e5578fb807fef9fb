// Goal: development keys are sound Groth16 keys of their circuit, marked as what they are; builds are reproducible.
// Method: snarkjs proves with them, verifies, and reads them back; hashes of keys that were made with its curve.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import * as snarkjs from "snarkjs";
import { buildCircuits, checkManifest, circuitFolder } from "../../src/setup/build.ts";
import { mainOf } from "../../src/setup/sources.ts";
import { DEVELOPMENT_MARK, developmentKey, developmentSecrets } from "../../src/setup/keys/developmentKey.ts";
import { publishKeys, readManifest } from "../../src/setup/keys/manifest.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { FORMS, type Backend } from "../../src/prover/engine/engine.ts";
import { readSections } from "../../src/prover/sections.ts";
import { builtFixtures, fixtureSource } from "../prover/fixtures.ts";
import { singleThreaded } from "../prover/snarkjs.ts";

/** sha256 of .r1cs, .zkey and verification key, by snarkjs's curve: a key of other bytes is one of another version. */
const MADE = {
  product: [
    "6258aff437b00229d00a83803f9df131b2063ee769a7618d8e5c94e724b9b7d8",
    "ad0be58814c7bb592eb3f2bf49be09d945c539e35e53da80370f77af1a992b85",
    "ca48d84b865ba6ede4cadea46cd140b25849c2c35d7a635f2d0e7cb4a1abfa93",
  ],
  shapes: [
    "f07c33ad9f4ab90305449575ce31e0db8fa5d8cc84ef497c89ced7aabe2e2dd9",
    "6d30245765e92dd44aa9e3b7fd0d44e7dc491bee8afa7bc17c84694cdd3ee677",
    "d933c9e292f421d5af75f2af70c8c4636d26c248567f34f0e9ba83a6e95edd73",
  ],
  chain: [
    "ecd9bb2305d6fffc3bbd436fa02036534ea8ce6336492aa2bad726473d65711d",
    "5ffac0163d435107ca1ea72b79be509585d53463f83ab7e79c1aec0a352bf268",
    "7cd838bcc4dbad7a387914d9cb31ff2182f7bec7bbe89c0faf5232719039d628",
  ],
} as const;
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** A key of another setup, as far as a build can see: its alpha is another point. */
function foreignZkey(zkey: Uint8Array): Uint8Array {
  const foreign = Uint8Array.from(zkey);
  // Of the header: two moduli after their sizes, three numbers, then alpha and beta in G1.
  const alpha = 4 + 32 + 4 + 32 + 12;
  readSections(foreign, "zkey")
    .get(2)!
    .copyWithin(alpha, alpha + 64, alpha + 128);
  return foreign;
}

const foreignVkey = (vkey: string) => {
  const json = JSON.parse(vkey);
  return JSON.stringify({ ...json, vk_alpha_1: json.IC[0] });
};

type Built = Awaited<ReturnType<typeof builtFixtures<"product" | "shapes" | "chain">>>;

describe("development keys", () => {
  let built: Built;
  let temporary: string;
  before(async () => {
    built = await builtFixtures("product", "shapes", "chain");
    temporary = await mkdtemp(join(tmpdir(), "tacit-keys-"));
    await singleThreaded();
  });
  after(() => rm(temporary, { recursive: true, force: true }));

  it("prove and verify with snarkjs alone", async () => {
    const { wasm, zkey, vkey } = built.product.files;
    const { proof, publicSignals } = await snarkjs.groth16.fullProve({ a: 2n, b: 9n, price: 255n }, wasm, zkey);
    assert.deepEqual(publicSignals, ["18", "266"]);
    const key = JSON.parse(await readFile(vkey, "utf8"));
    assert.ok(await snarkjs.groth16.verify(key, publicSignals, proof));
    assert.ok(!(await snarkjs.groth16.verify(key, ["18", "267"], proof)));
  });

  for (const name of Object.keys(MADE) as (keyof typeof MADE)[])
    for (const backend of Object.keys(FORMS) as Backend[])
      it(`have the bytes that they always had (${name}, ${backend})`, async () => {
        const file = await readFile(built[name].files.r1cs);
        const shares: number[] = [];
        const { zkey, verificationKey } = await developmentKey(file, (share) => shares.push(share), backend);
        assert.deepEqual([file, zkey, stableJson(verificationKey)].map(sha256), MADE[name]);
        assert.deepEqual(
          shares,
          shares.toSorted((a, b) => a - b),
        );
        assert.ok(shares[0] >= 0 && shares.at(-1) === 1);
        assert.deepEqual(verificationKey, await snarkjs.zKey.exportVerificationKey(zkey));
      });

  it("have the verification key that snarkjs exports", async () => {
    for (const { files } of Object.values(built)) {
      const exported = await snarkjs.zKey.exportVerificationKey(files.zkey);
      assert.equal(await readFile(files.vkey, "utf8"), stableJson(exported));
    }
  });

  it("share alpha, beta and gamma, and have each its own delta, which is neither 1 nor gamma", async () => {
    const keys = await Promise.all(
      Object.values(built).map(async ({ files }) => JSON.parse(await readFile(files.vkey, "utf8"))),
    );
    for (const part of ["vk_alpha_1", "vk_beta_2", "vk_gamma_2"])
      assert.equal(new Set(keys.map((key) => JSON.stringify(key[part]))).size, 1);
    const deltas = keys.map((key) => JSON.stringify(key.vk_delta_2));
    assert.equal(new Set([...deltas, JSON.stringify(keys[0].vk_gamma_2)]).size, keys.length + 1);
    const { gamma, delta } = developmentSecrets("00");
    assert.ok(delta !== gamma && delta > 1n);
  });

  it("say inside what they are", async () => {
    const record = readSections(await readFile(built.product.files.zkey), "zkey").get(10)!;
    assert.equal(new TextDecoder().decode(record).slice(-DEVELOPMENT_MARK.length), DEVELOPMENT_MARK);
    // snarkjs shows the names of contributions when it verifies a key: so far it must be able to read.
    const json = (await snarkjs.zKey.exportJson(built.product.files.zkey)) as { nPublic: number };
    assert.equal(json.nPublic, 2);
  });

  it("have the same bytes in every build", async () => {
    const again = await buildCircuits([fixtureSource("product", temporary), fixtureSource("shapes", temporary)]);
    for (const { name, stamp } of again) {
      const first = built[name as "product" | "shapes"].stamp;
      for (const file of ["r1cs", "wasm", "sym", "inputs"] as const)
        assert.equal(stamp.compiled.files[file].sha256, first.compiled.files[file].sha256, `${name} ${file}`);
      for (const file of ["zkey", "vkey"] as const)
        assert.equal(stamp.key.files[file].sha256, first.key.files[file].sha256, `${name} ${file}`);
    }
  });

  describe("build", () => {
    it("leaves alone what is up to date", async () => {
      const steps: string[] = [];
      await buildCircuits([fixtureSource("chain")], { onProgress: ({ step }) => steps.push(step) });
      assert.deepEqual(steps, ["done"]);
    });

    it("notices files that were changed or lost", async () => {
      const source = fixtureSource("product", join(temporary, "changed"));
      await cp(built.product.folder, source.folder, { recursive: true });
      const steps = async () => {
        const seen: string[] = [];
        await buildCircuits([source], { onProgress: ({ step }) => seen.push(step) });
        return [...new Set(seen)];
      };
      await steps();
      await utimes(join(source.folder, "main.zkey"), 1, 1);
      assert.deepEqual(await steps(), ["done"]);
      await writeFile(join(source.folder, "main.zkey"), "spoilt");
      assert.deepEqual(await steps(), ["key", "done"]);
      await rm(join(source.folder, "main.wasm"));
      assert.deepEqual(await steps(), ["compile", "done"]);
    });

    it("removes what a killed build has left, and nothing of one that runs", async () => {
      const source = fixtureSource("product", join(temporary, "leftovers"));
      const [old, young] = [1, 2].map((pid) => join(source.folder, `.compile-${pid}-0`));
      for (const folder of [old, young]) await mkdir(folder, { recursive: true });
      await utimes(old, 1, 1);
      await buildCircuits([source]);
      assert.deepEqual(
        (await readdir(source.folder)).filter((name) => name.startsWith(".compile-")),
        [basename(young)],
      );
    });

    describe("never replaces a key that is no development key", () => {
      let source: ReturnType<typeof fixtureSource>;
      let zkey: string;
      beforeEach(async () => {
        source = fixtureSource("product", await mkdtemp(join(temporary, "foreign-")));
        await cp(built.product.folder, source.folder, { recursive: true });
        await buildCircuits([source]);
        zkey = join(source.folder, "main.zkey");
      });
      const refused = async (path: string, content: Uint8Array | string) => {
        await writeFile(path, content);
        await assert.rejects(buildCircuits([source]), (error: TacitError) => {
          assert.equal(error.code, "KEY_NOT_DEVELOPMENT");
          assert.equal(error.details.path, path);
          assert.equal(error.details.circuit, "product");
          assert.ok(error.message.includes(path));
          return true;
        });
        assert.deepEqual(await readFile(path), Buffer.from(content));
      };

      it("a proving key, also where the circuit has to be compiled first", async () => {
        const foreign = foreignZkey(await readFile(zkey));
        await refused(zkey, foreign);
        await rm(join(source.folder, "main.wasm"));
        await refused(zkey, foreign);
        await rm(join(source.folder, "stamp.json"));
        await refused(zkey, foreign);
      });
      it("one that is cut, or of another curve or protocol", async () => {
        const bytes = await readFile(zkey);
        await refused(zkey, foreignZkey(bytes).slice(0, 2_000));
        await refused(zkey, bytes.subarray(0, 40));
        await refused(zkey, new TextEncoder().encode("zkey and nothing else"));
      });
      it("a verification key, also one that cannot be read", async () => {
        const vkey = join(source.folder, "vkey.json");
        const text = await readFile(vkey, "utf8");
        await refused(vkey, foreignVkey(text));
        await refused(vkey, text.slice(0, 200));
      });
      it("but leaves the one in its place that the manifest names, for this circuit", async () => {
        const foreign = foreignZkey(await readFile(zkey));
        const { constraints, wires } = built.product.stamp.compiled;
        const ceremony = { constraints, wires, publicInputs: 2, development: false, domainPower: 5, vkey: "v" };
        const r1cs = built.product.stamp.compiled.files.r1cs.sha256;
        const named = { ...source, ceremony: { ...ceremony, r1cs, zkey: sha256(foreign) } };
        await writeFile(zkey, foreign);
        for (const spoil of [[], ["main.wasm"], ["stamp.json"]]) {
          for (const name of spoil) await rm(join(source.folder, name));
          const [{ stamp }] = await buildCircuits([named]);
          assert.equal(stamp.key.files.zkey.sha256, sha256(foreign));
          assert.equal(stamp.compiled.files.r1cs.sha256, r1cs);
          assert.deepEqual(await readFile(zkey), Buffer.from(foreign));
        }
        for (const change of [{ zkey: "another" }, { r1cs: "another" }]) {
          const other = { ...named, ceremony: { ...named.ceremony, ...change } };
          await assert.rejects(buildCircuits([other]), { code: "KEY_NOT_DEVELOPMENT" });
        }
        assert.deepEqual(await readFile(zkey), Buffer.from(foreign));
      });
    });

    const refusals: [why: string, code: string, main: string, text: RegExp, outputs?: string[]][] = [
      ["a mistake", "CIRCUIT_COMPILE", "template T() { signal output a; a <== b; }", /b/],
      [
        "a warning",
        "CIRCUIT_WARNING",
        "template T() { signal input x; signal input y; signal output a <== x * x; }",
        /CA01/,
      ],
      ["a missing file", "CIRCUIT_SOURCE", 'include "nowhere.circom"; template T() {}', /nowhere/],
      [
        "other public values",
        "PUBLIC_INPUTS",
        "template T() { signal input x; signal output a <== x * x; }",
        /must be b/,
        ["b"],
      ],
    ];
    for (const [why, code, text, words, outputs] of refusals)
      it(`refuses ${why}`, async () => {
        const main = `pragma circom 2.2.0;\n${text}\ncomponent main = T();\n`;
        const source = { name: "t", folder: join(temporary, `refused-${code}`), main, outputs };
        await assert.rejects(buildCircuits([source]), (error: TacitError) => {
          assert.equal(error.code, code);
          assert.equal(error.details.circuit, "t");
          assert.match(error.message, words);
          return true;
        });
      });

    it("lets a public value bear another name where circom reserves its own", async () => {
      const main = "pragma circom 2.2.0;\ntemplate T() { signal input x; signal output logAfter <== x * x; }\n";
      const source = { name: "t", folder: join(temporary, "reserved"), main: `${main}component main = T();\n` };
      await buildCircuits([{ ...source, outputs: ["log"] }]);
    });

    it("derives mains from the table of instructions", () => {
      const main = mainOf("demo", "midpoint");
      assert.match(main, /include "instructions\/clear\.circom";/);
      assert.ok(main.includes(`component main = Clear(${PROFILES.demo.clear}, 1);`), main);
    });
  });

  describe("manifest", () => {
    let build: string;
    let keys: string;
    beforeEach(async () => {
      const root = await mkdtemp(join(temporary, "manifest-"));
      [build, keys] = [join(root, "build"), join(root, "keys")];
      await publish("admit", "product");
    });

    /** Takes a fixture for the circuit of an instruction. */
    async function publish(name: "admit" | "settle", fixture: keyof Built) {
      const folder = circuitFolder("demo", name, build);
      await cp(built[fixture].folder, folder, { recursive: true });
      await publishKeys("demo", [{ ...built[fixture], name, folder }], keys);
    }
    const check = (...names: ("admit" | "settle")[]) => checkManifest("demo", { names, build, keys });
    const differs =
      (...fields: string[]) =>
      (error: TacitError) => {
        assert.equal(error.code, "MANIFEST_MISMATCH");
        const found = (error.details.differences as { name: string; field: string }[]).map(
          (row) => `${row.name} ${row.field}`,
        );
        assert.deepEqual(found, fields);
        return true;
      };

    it("fits what was published", async () => {
      await check("admit");
      const text = await readFile(join(keys, "manifest.json"), "utf8");
      await publish("settle", "chain");
      await check("admit", "settle");
      await rm(join(keys, "manifest.json"));
      await publish("admit", "product");
      assert.equal(await readFile(join(keys, "manifest.json"), "utf8"), text);
      assert.equal((await readManifest(keys)).demo.admit.development, true);
    });

    it("shows what is missing or changed", async () => {
      await assert.rejects(check("admit", "settle"), differs("settle entry", "settle build"));
      await writeFile(join(circuitFolder("demo", "admit", build), "main.zkey"), "spoilt");
      await writeFile(join(keys, "demo", "admit.json"), "{}");
      await assert.rejects(check("admit"), differs("admit development", "admit vkey", "admit zkey"));
    });

    it("is not told that a development key is none", async () => {
      const manifest = await readManifest(keys);
      manifest.demo.admit.development = false;
      await writeFile(join(keys, "manifest.json"), JSON.stringify(manifest));
      await assert.rejects(check("admit"), differs("admit development"));
    });

    it("is not written, nor any key, where a key would be replaced that is no development key", async () => {
      const path = join(keys, "demo", "settle.json");
      const manifest = await readFile(join(keys, "manifest.json"), "utf8");
      const text = await readFile(built.chain.files.vkey, "utf8");
      // Of no entry, and of one that says that it is a development key.
      for (const entry of [false, true]) {
        if (entry) await publish("settle", "chain");
        const before = await readFile(join(keys, "manifest.json"), "utf8");
        assert.equal(before === manifest, !entry);
        for (const foreign of [foreignVkey(text), text.slice(0, 100), '{"Alpha":{"X":"1","Y":"2"}}', '["1", "2"]']) {
          await writeFile(path, foreign);
          await assert.rejects(publish("settle", "shapes"), (error: TacitError) => {
            assert.deepEqual([error.code, error.details.path], ["KEY_NOT_DEVELOPMENT", path]);
            return true;
          });
          assert.equal(await readFile(path, "utf8"), foreign);
          assert.equal(await readFile(join(keys, "manifest.json"), "utf8"), before);
        }
        await rm(path);
      }
      await writeFile(path, "{}");
      await publish("settle", "chain");
      assert.equal(await readFile(path, "utf8"), text);
    });

    it("is not written anew where it cannot be read", async () => {
      await writeFile(join(keys, "manifest.json"), "<<<<<<< {}");
      await assert.rejects(publish("settle", "chain"), { code: "JSON" });
      assert.equal(await readFile(join(keys, "manifest.json"), "utf8"), "<<<<<<< {}");
    });

    it("keeps the key of a ceremony, and refuses another circuit for it", async () => {
      const manifest = await readManifest(keys);
      manifest.demo.admit.development = false;
      manifest.demo.admit.zkey = "of the ceremony";
      await writeFile(join(keys, "manifest.json"), JSON.stringify(manifest));
      await publish("admit", "product");
      assert.equal((await readManifest(keys)).demo.admit.zkey, "of the ceremony");
      await assert.rejects(publish("admit", "chain"), differs("admit r1cs"));
    });
  });
});
