// Goal: what the prover hands out is right, and every job ends, whatever happens to threads and inputs.
// Method: tiny circuits, built once; snarkjs verifies; threads are killed at known moments.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { singleThreaded } from "../../scripts/keys/wasmCurve.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { proofFromJson, proofToJson } from "../../src/protocol/proof.ts";
import { createProver, type CircuitInputs, type Prover, type ProverOptions } from "../../src/prover/index.ts";
import { startWorker } from "../../src/prover/startWorker.ts";
import { builtFixtures, type FixtureName } from "./fixtures.ts";

const THREAD = new URL("../../src/prover/worker.ts", import.meta.url);
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

  async function proverWith(names: FixtureName[], options: ProverOptions = { workers: 1 }): Promise<Prover> {
    const prover = createProver(options);
    provers.push(prover);
    for (const name of names) await prover.load(name, built[name].files);
    return prover;
  }

  async function verifies(name: FixtureName, { proof, publicInputs }: Awaited<ReturnType<Prover["prove"]>>) {
    const { groth16 } = await singleThreaded();
    const key = JSON.parse(await readFile(built[name].files.vkey, "utf8"));
    return groth16.verify(key, publicInputs.map(String), proofToJson(proof));
  }

  it("proves, and snarkjs verifies", async () => {
    const prover = await proverWith(["product"]);
    const steps: string[] = [];
    const result = await prover.prove("product", PRODUCT, { onProgress: ({ step }) => steps.push(step) });
    assert.deepEqual(result.publicInputs, [15n, 15n]);
    assert.ok(await verifies("product", result));
    assert.ok(!(await verifies("product", { ...result, publicInputs: [16n, 15n] })));
    assert.deepEqual(proofFromJson(JSON.parse(JSON.stringify(proofToJson(result.proof)))), result.proof);
    assert.deepEqual([...new Set(steps)], ["witness", "proof"]);
    assert.ok(result.timings.witnessMs > 0 && result.timings.proveMs > 0);
  });

  it("takes buses and nested arrays as inputs", async () => {
    const prover = await proverWith(["shapes"]);
    let next = 0n;
    const take = () => (next += 10n);
    const point = () => ({ x: take(), y: take() });
    const line = () => ({ end: [point(), point()], weight: [take(), take(), take()] });
    const row = () => [take(), take(), take()];
    const inputs = { lines: [line(), line()], point: point(), grid: [row(), row()], none: [], factor: 4n };
    const result = await prover.prove("shapes", inputs);
    let sum = 0n;
    for (let place = 1n; place <= next / 10n; place++) sum += place * place * 10n;
    assert.deepEqual(result.publicInputs, [100n * sum + 16n]);
    assert.ok(await verifies("shapes", result));
  });

  it("proves two circuits side by side, and each again", async () => {
    const prover = await proverWith(["product", "chain"], { workers: 2 });
    const jobs = [1n, 2n, 3n].flatMap((k) => [
      prover.prove("product", { a: k, b: 2n, price: 0n }),
      prover.prove("chain", { start: k - 1n }),
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
    before(async () => {
      prover = createProver({ workers: 1 });
      await prover.load("product", built.product.files);
    });
    after(() => prover.close());
    for (const [why, inputs, signal, problem] of rows)
      it(why, async () => {
        await assert.rejects(prover.prove("product", inputs as CircuitInputs), (error: TacitError) => {
          assert.equal(error.code, "WITNESS_INPUT");
          assert.deepEqual([error.details.signal, error.details.problem], [signal, problem]);
          return true;
        });
        assert.deepEqual((await prover.prove("product", PRODUCT)).publicInputs, [15n, 15n]);
      });
  });

  it("names template and line of a constraint that fails, and no value", async () => {
    const prover = await proverWith(["product"]);
    await assert.rejects(prover.prove("product", { ...PRODUCT, price: 987_654_321n }), (error: TacitError) => {
      assert.equal(error.code, "WITNESS");
      assert.equal(error.details.template, "Small");
      assert.equal(error.details.line, 30);
      assert.match(error.message, /Small, line 30/);
      assert.doesNotMatch(error.message + JSON.stringify(error.details), /987654321/);
      return true;
    });
    assert.deepEqual((await prover.prove("product", PRODUCT)).publicInputs, [15n, 15n]);
  });

  it("aborts a waiting job, a running job, and one that comes aborted", async () => {
    const prover = await proverWith(["product", "chain"]);
    const [running, waiting] = [new AbortController(), new AbortController()];
    const onProgress = ({ step }: { step: string }) => step === "proof" && running.abort();
    const first = prover.prove("chain", { start: 2n }, { signal: running.signal, onProgress });
    const second = prover.prove("chain", { start: 3n }, { signal: waiting.signal });
    const third = prover.prove("product", PRODUCT);
    waiting.abort();
    await assert.rejects(second, { code: "ABORTED" });
    await assert.rejects(first, { code: "ABORTED" });
    assert.deepEqual((await third).publicInputs, [15n, 15n]);
    await assert.rejects(prover.prove("chain", { start: 2n }, { signal: AbortSignal.abort() }), { code: "ABORTED" });
  });

  it("proves once more when a thread dies, and gives up when it dies again", async () => {
    const started: Worker[] = [];
    const startThread = () => {
      const worker = startWorker(THREAD);
      started.push(worker);
      return worker;
    };
    const prover = await proverWith(["chain"], { workers: 1, startThread });
    let kills = 1;
    const onProgress = ({ step }: { step: string }) => {
      if (step === "proof" && kills-- > 0) void started.at(-1)!.terminate();
    };
    assert.deepEqual((await prover.prove("chain", { start: 1n }, { onProgress })).publicInputs, [1n]);
    assert.equal(started.length, 2);
    kills = 2;
    await assert.rejects(prover.prove("chain", { start: 1n }, { onProgress }), { code: "PROVER_CRASHED" });
    assert.deepEqual((await prover.prove("chain", { start: 0n })).publicInputs, [0n]);
  });

  it("gives up when threads do not even start", async () => {
    const startThread = () => new Worker("throw new Error('no')", { eval: true });
    const prover = await proverWith(["product"], { workers: 2, startThread });
    await assert.rejects(prover.prove("product", PRODUCT), { code: "PROVER_CRASHED" });
  });

  it("gives up a job that takes too long", async () => {
    const prover = await proverWith(["chain"], { workers: 1, timeoutMs: 1 });
    await assert.rejects(prover.prove("chain", { start: 1n }), { code: "PROVER_TIMEOUT" });
  });

  it("ends all jobs when it is closed", async () => {
    const prover = await proverWith(["chain"]);
    const jobs = [1n, 2n].map((start) => assert.rejects(prover.prove("chain", { start }), { code: "PROVER_CLOSED" }));
    await prover.close();
    await Promise.all(jobs);
    await assert.rejects(prover.prove("chain", { start: 1n }), { code: "PROVER_CLOSED" });
    await assert.rejects(prover.load("chain", built.chain.files), { code: "PROVER_CLOSED" });
  });

  it("refuses files that do not belong together, and broken ones", async () => {
    const prover = await proverWith([]);
    const { product, chain } = built;
    const zkey = await readFile(product.files.zkey);
    const mixed = { wasm: chain.files.wasm, zkey };
    await assert.rejects(prover.load("mixed", mixed), { code: "KEY_MISMATCH" });
    const cut = { wasm: product.files.wasm, zkey: zkey.subarray(0, zkey.length - 5) };
    await assert.rejects(prover.load("cut", cut), { code: "FILE_FORMAT" });
    await assert.rejects(prover.load("none", { wasm: zkey, zkey }), { code: "FILE_FORMAT" });
    await assert.rejects(prover.prove("mixed", {}), { code: "UNKNOWN_CIRCUIT" });
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
