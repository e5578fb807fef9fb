// Goal: what the prover hands out is right, and every job ends, whatever happens to threads and inputs.
// Method: tiny circuits, built once; snarkjs verifies; threads are killed at known moments.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { singleThreaded } from "./snarkjs.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { proofFromJson, proofToJson } from "../../src/protocol/proof.ts";
import { SCALAR_FIELD } from "../../src/prover/curve.ts";
import {
  createProver,
  type CircuitInputs,
  type Prover,
  type ProverOptions,
  type ProvingKey,
} from "../../src/prover/index.ts";
import { readSections } from "../../src/prover/sections.ts";
import { wtnsFile } from "../../src/prover/witness.ts";
import { startWorker } from "../../src/prover/startWorker.ts";
import { builtFixtures, type FixtureName } from "./fixtures.ts";

const THREAD = new URL("../../dist/prover/proverThread.js", import.meta.url);
const PRODUCT = { a: 3n, b: 5n, price: 7n };

describe("prover", () => {
  let built: Awaited<ReturnType<typeof builtFixtures<FixtureName>>>;
  const provers: Prover[] = [];

  before(async () => {
    built = await builtFixtures("chain", "product", "shapes");
  });
  afterEach(async () => {
    await Promise.all(provers.splice(0).map((prover) => prover.close()));
  });

  function proverOf(options: ProverOptions = { workers: 2 }): Prover {
    const prover = createProver(options);
    provers.push(prover);
    return prover;
  }
  const load = (prover: Prover, name: FixtureName, { r1cs = true } = {}) => {
    const { zkey, wasm, inputs, r1cs: constraints } = built[name].files;
    return prover.load(zkey, { wasm, inputs, r1cs: r1cs ? constraints : undefined });
  };

  async function verifies(name: FixtureName, { proof, publicInputs }: Awaited<ReturnType<Prover["prove"]>>) {
    const { groth16 } = await singleThreaded();
    const key = JSON.parse(await readFile(built[name].files.vkey, "utf8"));
    return groth16.verify(key, publicInputs.map(String), proofToJson(proof));
  }

  for (const workers of [1, 2, 3, 5])
    for (const memory of ["shared", "separate"] as const)
      it(`proves with ${workers} threads and ${memory} memory, and snarkjs verifies`, async () => {
        const prover = proverOf({ workers, memory });
        const key = await load(prover, "product");
        const fractions: number[] = [];
        const onProgress = ({ step, fraction }: { step: string; fraction: number }) =>
          void (step === "proof" && fractions.push(fraction));
        const result = await prover.proveInputs(key, PRODUCT, { onProgress });
        assert.deepEqual(result.publicInputs, [15n, 15n]);
        assert.ok(await verifies("product", result));
        assert.ok(!(await verifies("product", { ...result, publicInputs: [16n, 15n] })));
        assert.deepEqual(proofFromJson(JSON.parse(JSON.stringify(proofToJson(result.proof)))), result.proof);
        assert.equal(fractions.at(-1), 1);
        assert.deepEqual(
          fractions.toSorted((a, b) => a - b),
          fractions,
        );
      });

  it("gives the verification key that snarkjs made", async () => {
    const prover = proverOf();
    const key = await load(prover, "product");
    assert.deepEqual(key.verificationKey, JSON.parse(await readFile(built.product.files.vkey, "utf8")));
  });

  it("takes a witness from a file, from bytes, and from its own program", async () => {
    const prover = proverOf();
    const key = await load(prover, "chain");
    const witness = await prover.witness(key, { start: 5n });
    const file = wtnsFile(witness.values, SCALAR_FIELD);
    for (const given of [witness, file, new Blob([file as Uint8Array<ArrayBuffer>])])
      assert.ok(await verifies("chain", await prover.prove(key, given)));
    const bytes = await readFile(built.chain.files.zkey);
    const other = await prover.load(new Uint8Array(bytes));
    assert.ok(await verifies("chain", await prover.prove(other, file)));
  });

  it("makes two proofs of one witness that share no element", async () => {
    const prover = proverOf();
    const key = await load(prover, "chain");
    const witness = await prover.witness(key, { start: 5n });
    const [one, two] = [await prover.prove(key, witness), await prover.prove(key, witness)];
    for (const part of ["a", "b", "c"] as const) assert.notDeepEqual(one.proof[part], two.proof[part]);
    assert.ok((await verifies("chain", one)) && (await verifies("chain", two)));
  });

  it("takes buses and nested arrays as inputs", async () => {
    const prover = proverOf();
    const key = await load(prover, "shapes");
    let next = 0n;
    const take = () => (next += 10n);
    const point = () => ({ x: take(), y: take() });
    const line = () => ({ end: [point(), point()], weight: [take(), take(), take()] });
    const row = () => [take(), take(), take()];
    const inputs = { lines: [line(), line()], point: point(), grid: [row(), row()], none: [], factor: 4n };
    const result = await prover.proveInputs(key, inputs);
    let sum = 0n;
    for (let place = 1n; place <= next / 10n; place++) sum += place * place * 10n;
    assert.deepEqual(result.publicInputs, [100n * sum + 16n]);
    assert.ok(await verifies("shapes", result));
  });

  it("proves two circuits side by side, and each again", async () => {
    const prover = proverOf();
    const [product, chain] = [await load(prover, "product"), await load(prover, "chain")];
    const jobs = [1n, 2n, 3n].flatMap((k) => [
      prover.proveInputs(product, { a: k, b: 2n, price: 0n }),
      prover.proveInputs(chain, { start: k - 1n }),
    ]);
    const results = await Promise.all(jobs);
    assert.deepEqual(results[0].publicInputs, [2n, 3n]);
    assert.deepEqual(results[1].publicInputs, [0n]);
    assert.deepEqual(results[3].publicInputs, [1n]);
    assert.deepEqual(results[4].publicInputs, [6n, 5n]);
    for (const [index, result] of results.entries()) assert.ok(await verifies(index % 2 ? "chain" : "product", result));
  });

  describe("refuses inputs, and names the signal", () => {
    const P = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
    const rows: [why: string, inputs: unknown, signal: string | undefined, problem: string][] = [
      ["unknown", { ...PRODUCT, fee: 1n }, "fee", "unknown"],
      ["missing", { a: 1n, b: 1n }, "price", "missing"],
      ["too many values", { ...PRODUCT, a: [1n, 2n] }, "a", "size"],
      ["not below the modulus", { ...PRODUCT, a: P }, "a", "value"],
      ["negative", { ...PRODUCT, b: -1n }, "b", "value"],
      ["a number instead of a bigint", { ...PRODUCT, b: 1 }, "b", "value"],
      ["nothing at all", {}, "a", "missing"],
      ["an object where a number belongs", { ...PRODUCT, a: { x: 1n } }, "a.x", "unknown"],
      ["a function", { ...PRODUCT, a: () => 1n }, undefined, "value"],
    ];
    let prover: Prover;
    let key: ProvingKey;
    before(async () => {
      prover = createProver({ workers: 1 });
      key = await load(prover, "product");
    });
    after(() => prover.close());
    for (const [why, inputs, signal, problem] of rows)
      it(why, async () => {
        await assert.rejects(prover.proveInputs(key, inputs as CircuitInputs), (error: TacitError) => {
          assert.equal(error.code, "WITNESS_INPUT");
          assert.deepEqual([error.details.signal, error.details.problem], [signal, problem]);
          return true;
        });
        assert.deepEqual((await prover.proveInputs(key, PRODUCT)).publicInputs, [15n, 15n]);
      });
  });

  it("names template and line of a constraint that fails, and no value", async () => {
    const prover = proverOf();
    const key = await load(prover, "product");
    await assert.rejects(prover.proveInputs(key, { ...PRODUCT, price: 987_654_321n }), (error: TacitError) => {
      assert.equal(error.code, "WITNESS");
      assert.equal(error.details.template, "Small");
      assert.equal(error.details.line, 30);
      assert.match(error.message, /Small, line 30/);
      assert.doesNotMatch(error.message + JSON.stringify(error.details), /987654321/);
      return true;
    });
    assert.deepEqual((await prover.proveInputs(key, PRODUCT)).publicInputs, [15n, 15n]);
  });

  it("refuses a wrong witness: by the constraint, if it has the .r1cs, and else by the proof", async () => {
    const prover = proverOf();
    const [named, plain] = [await load(prover, "chain"), await load(prover, "chain", { r1cs: false })];
    const { values } = await prover.witness(plain, { start: 3n });
    values[32 * 600] ^= 1;
    const witness = { values, timings: { witnessMs: 0, checkMs: 0 } };
    await assert.rejects(prover.prove(named, witness), (error: TacitError) => {
      assert.equal(error.code, "WITNESS");
      assert.equal(typeof error.details.constraint, "number");
      return true;
    });
    await assert.rejects(prover.prove(plain, witness), { code: "WITNESS" });
    const unchecked = await prover.prove(plain, witness, { check: false });
    assert.ok(!(await verifies("chain", unchecked)));
  });

  it("refuses a witness of another circuit", async () => {
    const prover = proverOf();
    const [product, chain] = [await load(prover, "product"), await load(prover, "chain")];
    const witness = await prover.witness(chain, { start: 3n });
    await assert.rejects(prover.prove(product, witness), { code: "WITNESS_MISMATCH" });
    await assert.rejects(prover.prove(product, wtnsFile(witness.values, SCALAR_FIELD)), { code: "WITNESS_MISMATCH" });
  });

  it("refuses a key whose points are off the curve, and names the section", async () => {
    const prover = proverOf();
    const bytes = await readFile(built.product.files.zkey);
    const sections = readSections(bytes, "zkey");
    for (const id of [5, 7, 8, 9]) {
      const broken = new Uint8Array(bytes);
      broken[sections.get(id)!.byteOffset - bytes.byteOffset] ^= 1;
      await assert.rejects(prover.load(broken), (error: TacitError) => {
        assert.deepEqual([error.code, error.details.section], ["FILE_FORMAT", id]);
        return true;
      });
    }
    assert.ok(await verifies("product", await prover.proveInputs(await load(prover, "product"), PRODUCT)));
  });

  it("aborts a waiting job, a running job, and one that comes aborted", async () => {
    const prover = proverOf();
    const [product, chain] = [await load(prover, "product"), await load(prover, "chain")];
    const [running, waiting] = [new AbortController(), new AbortController()];
    const onProgress = ({ step }: { step: string }) => step === "proof" && running.abort();
    const first = prover.proveInputs(chain, { start: 2n }, { signal: running.signal, onProgress });
    const second = prover.proveInputs(chain, { start: 3n }, { signal: waiting.signal });
    const third = prover.proveInputs(product, PRODUCT);
    waiting.abort();
    await assert.rejects(second, { code: "ABORTED" });
    await assert.rejects(first, { code: "ABORTED" });
    assert.deepEqual((await third).publicInputs, [15n, 15n]);
    await assert.rejects(prover.proveInputs(chain, { start: 2n }, { signal: AbortSignal.abort() }), {
      code: "ABORTED",
    });
  });

  it("proves once more when a thread dies, and gives up when it dies again", async () => {
    const started: Worker[] = [];
    const startThread = () => {
      const worker = startWorker(THREAD);
      started.push(worker);
      return worker;
    };
    const prover = proverOf({ workers: 2, startThread });
    const key = await load(prover, "chain");
    const witness = await prover.witness(key, { start: 1n });
    const threads = started.length;
    let kills = 1;
    const onProgress = () => {
      if (kills-- > 0) void started.at(kills < 1 ? 0 : -1)!.terminate();
    };
    assert.deepEqual((await prover.prove(key, witness, { onProgress })).publicInputs, [1n]);
    assert.equal(started.length, threads + 1);
    let last = started.length;
    void started.at(-1)!.terminate();
    await assert.rejects(
      prover.prove(key, witness, {
        onProgress() {
          if (started.length === last) return;
          last = started.length;
          void started.at(-1)!.terminate();
        },
      }),
      { code: "PROVER_CRASHED" },
    );
    assert.deepEqual((await prover.proveInputs(key, { start: 0n })).publicInputs, [0n]);
  });

  it("gives up when threads do not even start", async () => {
    const prover = proverOf({ workers: 2, startThread: () => new Worker("throw new Error('no')", { eval: true }) });
    await assert.rejects(load(prover, "product"), { code: "PROVER_CRASHED" });
  });

  it("gives up a job that takes too long, and goes on", async () => {
    let hang = false;
    const startThread = () => (hang ? new Worker("setInterval(() => {}, 1000)", { eval: true }) : startWorker(THREAD));
    hang = true;
    const prover = proverOf({ workers: 1, timeoutMs: 50, startThread });
    await assert.rejects(load(prover, "chain"), { code: "PROVER_TIMEOUT" });
    hang = false;
    const patient = proverOf({ workers: 1, startThread });
    assert.deepEqual((await patient.proveInputs(await load(patient, "chain"), { start: 0n })).publicInputs, [0n]);
  });

  it("keeps a key that is unloaded until the proofs with it are done", async () => {
    for (const workers of [1, 2]) {
      const prover = proverOf({ workers });
      const key = await load(prover, "chain");
      const witness = await prover.witness(key, { start: 1n });
      for (const at of [0, 0.2, 0.5]) {
        const again = await load(prover, "chain");
        let unloaded = false;
        const onProgress = ({ fraction }: { fraction: number }) => {
          if (unloaded || fraction < at) return;
          unloaded = true;
          prover.unload(again);
          // What is freed would be taken for this.
          void load(prover, "product").catch(() => {});
        };
        assert.ok(await verifies("chain", await prover.prove(again, witness, { check: false, onProgress })));
        await assert.rejects(prover.prove(again, witness), { code: "UNKNOWN_KEY" });
      }
    }
  });

  it("keeps nothing of a key whose load was aborted or refused", async () => {
    const prover = proverOf();
    const bytes = await readFile(built.chain.files.zkey);
    const used = async () => (await prover.memory()).map((thread) => thread.used);
    const controller = new AbortController();
    const aborted = prover.load(bytes, {}, { signal: controller.signal });
    setTimeout(() => controller.abort(), 0);
    await aborted.catch((error: TacitError) => assert.equal(error.code, "ABORTED"));
    const broken = new Uint8Array(bytes);
    broken[readSections(bytes, "zkey").get(9)!.byteOffset - bytes.byteOffset] ^= 1;
    await assert.rejects(prover.load(broken), { code: "FILE_FORMAT" });
    const key = await prover.load(bytes);
    prover.unload(key);
    assert.deepEqual(await used(), [0, 0]);
  });

  it("leaves no thread when it is closed while a key is loaded", async () => {
    const alive = new Set<Worker>();
    const startThread = () => {
      const worker = startWorker(THREAD);
      alive.add(worker);
      worker.on("exit", () => alive.delete(worker));
      return worker;
    };
    const prover = createProver({ workers: 2, startThread });
    const loading = assert.rejects(load(prover, "chain"), { code: "PROVER_CLOSED" });
    await prover.close();
    await loading;
    await Promise.all([...alive].map((worker) => worker.terminate()));
    const late = createProver({ workers: 2, startThread });
    await load(late, "product");
    await late.close();
    assert.equal(alive.size, 0);
  });

  it("replaces a thread that never answers, for the jobs that come after", async () => {
    const deaf = `const { parentPort } = require("node:worker_threads");
      parentPort.on("message", ({ id, name }) => name === "loadProgram" && parentPort.postMessage({ id, result: undefined }));`;
    let started = 0;
    // The third thread is the one for witnesses.
    const startThread = () => (++started === 3 ? new Worker(deaf, { eval: true }) : startWorker(THREAD));
    const prover = proverOf({ workers: 2, timeoutMs: 4000, startThread });
    const key = await load(prover, "chain");
    await assert.rejects(prover.witness(key, { start: 1n }), { code: "PROVER_TIMEOUT" });
    assert.deepEqual((await prover.proveInputs(key, { start: 1n })).publicInputs, [1n]);
    assert.equal(started, 4);
  });

  it("refuses values that are no witness, also where it does not check the proof", async () => {
    const prover = proverOf();
    const key = await load(prover, "chain");
    assert.ok((await prover.memory()).every(({ taken }) => taken > 0));
    const witness = await prover.witness(key, { start: 1n });
    for (const wire of [0, 1, 500]) {
      const values = witness.values.slice();
      values.fill(255, 32 * wire, 32 * wire + 32);
      await assert.rejects(prover.prove(key, { ...witness, values }, { check: false }), { code: "FILE_FORMAT" });
    }
  });

  it("ends all jobs when it is closed", async () => {
    const prover = proverOf();
    const key = await load(prover, "chain");
    const jobs = [1n, 2n].map((start) => assert.rejects(prover.proveInputs(key, { start }), { code: "PROVER_CLOSED" }));
    await prover.close();
    await Promise.all(jobs);
    await assert.rejects(prover.proveInputs(key, { start: 1n }), { code: "PROVER_CLOSED" });
    await assert.rejects(load(prover, "chain"), { code: "PROVER_CLOSED" });
  });

  it("refuses files that do not belong together, and broken ones", async () => {
    const prover = proverOf();
    const { product, chain } = built;
    const zkey = await readFile(product.files.zkey);
    await assert.rejects(prover.load(zkey, { wasm: chain.files.wasm }), { code: "WITNESS_MISMATCH" });
    await assert.rejects(prover.load(zkey, { r1cs: chain.files.r1cs }), { code: "WITNESS_MISMATCH" });
    const cut = zkey.subarray(0, zkey.length - 5);
    await assert.rejects(prover.load(cut, { wasm: product.files.wasm }), { code: "FILE_FORMAT" });
    await assert.rejects(prover.load(zkey, { wasm: zkey }), { code: "FILE_FORMAT" });
    await assert.rejects(prover.load("none.zkey"), { code: "SOURCE" });
    const key = await prover.load(zkey);
    await assert.rejects(prover.proveInputs(key, PRODUCT), { code: "NO_PROGRAM" });
    prover.unload(key);
    await assert.rejects(prover.prove(key, zkey), { code: "UNKNOWN_KEY" });
  });

  it("leaves no file open, whatever becomes of a load", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const prover = proverOf();
    prover.unload(await load(prover, "product"));
    const before = open();
    const { product, chain } = built;
    for (let i = 0; i < 3; i++)
      await assert.rejects(prover.load(product.files.zkey, { wasm: chain.files.wasm }), { code: "WITNESS_MISMATCH" });
    // Files that are still being opened when another part has failed are closed when they are open.
    prover.unload(await load(prover, "product"));
    assert.equal(open(), before);
  });

  it("holds no more memory after fifty proofs than after ten", async () => {
    const prover = proverOf({ workers: 1 });
    const key = await load(prover, "chain");
    const witness = await prover.witness(key, { start: 5n });
    const used: number[] = [];
    for (let i = 0; i < 50; i++) {
      await prover.prove(key, witness, { check: false });
      used.push((await prover.memory())[0].used);
    }
    assert.equal(used[49], used[9]);
    prover.unload(key);
    assert.equal((await prover.memory())[0].used, 0);
  });
});

describe("proof as JSON", () => {
  const proof = proofToJson({ a: [1n, 2n], b: [[3n, 4n], [5n, 6n]], c: [7n, 8n] }); // prettier-ignore
  const broken: [why: string, change: object][] = [
    ["a part is missing", { pi_c: undefined }],
    ["a coordinate is a number", { pi_a: [1, "2", "1"] }],
    ["a coordinate has a leading zero", { pi_a: ["01", "2", "1"] }],
    ["a coordinate is not below the modulus", { pi_a: ["9".repeat(77), "2", "1"] }],
    ["a point is at infinity", { pi_a: ["0", "1", "0"] }],
    ["another curve", { curve: "bls12381" }],
  ];
  for (const [why, change] of broken)
    it(`is refused: ${why}`, () => {
      assert.throws(() => proofFromJson({ ...proof, ...change }), { code: "PROOF_FORMAT" });
    });
  it("is read as it was written", () => assert.deepEqual(proofToJson(proofFromJson(proof)), proof));
});
