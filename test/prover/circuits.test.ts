// Goal: for any circuit, snarkjs and our verifier accept what the prover makes, and the prover's check what snarkjs makes; and
// nothing that does not hold is handed out.
// Method: random systems of constraints (seed in the name of the suite) of all small domains, a key of snarkjs's own ceremony,
// keys with one value of each kind changed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Random } from "../../src/replay/random.ts";
import { developmentKey } from "../../src/setup/keys/developmentKey.ts";
import { singleThreaded } from "./snarkjs.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { proofFromJson, proofToJson } from "../../src/protocol/proof.ts";
import { SCALAR_FIELD } from "../../src/prover/curve.ts";
import { openKey } from "../../src/prover/files/zkey.ts";
import { ProofCheck } from "../../src/prover/groth16.ts";
import { createProver, type Prover } from "../../src/prover/index.ts";
import { writeSections } from "../../src/prover/sections.ts";
import { wtnsFile } from "../../src/prover/witness.ts";
import { ceremony, withSection } from "./files/fixtures.ts";
import { builtFixtures } from "./fixtures.ts";
import { numberBytes } from "./kernels/engines.ts";

const SEED = 20_260_401;
const MAGIC = "zkey";

type Linear = [wire: number, coefficient: bigint][];

/** A circuit of this many constraints, each of which fixes one more wire; with a witness. */
function randomCircuit(random: Random, constraints: number): { r1cs: Uint8Array; wtns: Uint8Array; inputs: bigint[] } {
  const publicInputs = random.integer(1, Math.min(3, constraints));
  const values = [1n, ...Array.from({ length: publicInputs }, () => random.pick([0n, 1n, random.bits(253)]))];
  const known = () => random.integer(0, values.length - 1);
  const coefficient = () => random.pick([1n, 1n, SCALAR_FIELD - 1n, 2n, random.bits(253)]);
  const linear = (): Linear => {
    const terms = new Map<number, bigint>();
    for (let i = random.integer(1, 4); i > 0; i--) terms.set(known(), coefficient());
    return [...terms];
  };
  const value = (terms: Linear) => terms.reduce((sum, [wire, c]) => (sum + values[wire] * c) % SCALAR_FIELD, 0n);
  const rows = Array.from({ length: constraints }, (): Linear[] => {
    const [a, b] = [linear(), linear()];
    values.push((value(a) * value(b)) % SCALAR_FIELD);
    return [a, b, [[values.length - 1, 1n]]];
  });
  const words = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  const wires = values.length;
  const head = [words(32), numberBytes([SCALAR_FIELD]), words(wires, 0, publicInputs, wires - 1 - publicInputs, wires, 0, constraints)]; // prettier-ignore
  const body = rows.flatMap((row) =>
    row.flatMap((terms) => [words(terms.length), ...terms.flatMap(([wire, c]) => [words(wire), numberBytes([c])])]),
  );
  const labels = Uint8Array.from(Array.from({ length: wires }, (_, i) => [i, 0, 0, 0, 0, 0, 0, 0].map((x, k) => (k === 1 ? i >> 8 : x & 255))).flat()); // prettier-ignore
  const r1cs = writeSections("r1cs", 1, [
    [1, new Uint8Array(Buffer.concat(head))],
    [2, new Uint8Array(Buffer.concat(body))],
    [3, labels],
  ]);
  return { r1cs, wtns: wtnsFile(numberBytes(values), SCALAR_FIELD), inputs: values.slice(1, 1 + publicInputs) };
}

describe(`proofs of random circuits (seed ${SEED})`, () => {
  const random = new Random(SEED);
  let prover: Prover;
  before(() => {
    prover = createProver({ workers: 2 });
  });
  after(() => prover.close());

  for (const constraints of [1, 2, 3, 5, 12, 13, 29, 60, 61, 100, 250, 500, 1000, 2000])
    it(`${constraints} constraints`, async () => {
      const { r1cs, wtns, inputs } = randomCircuit(random, constraints);
      const { zkey, verificationKey } = await developmentKey(r1cs, () => {});
      const key = await prover.load(zkey, { r1cs });
      const { proof, publicInputs } = await prover.prove(key, wtns);
      prover.unload(key);
      assert.deepEqual(publicInputs, inputs);
      const { groth16 } = await singleThreaded();
      assert.ok(await groth16.verify(verificationKey as never, inputs.map(String), proofToJson(proof)));
      // And the other way round.
      const theirs = await groth16.prove(zkey, { type: "mem", data: wtns } as never);
      const { points, ic } = await openKey(zkey);
      const holds = (publicInputs: bigint[]) => {
        const check = new ProofCheck(points, ic, publicInputs);
        const proof = proofFromJson(theirs.proof);
        check.begin(proof);
        return check.holds(proof);
      };
      assert.ok(holds(inputs));
      assert.ok(!holds([inputs[0] ^ 1n, ...inputs.slice(1)]));
    });

  describe("with a key of snarkjs's ceremony", () => {
    let key: Uint8Array;
    let wtns: Uint8Array;
    const PRODUCT = { a: 3n, b: 5n, price: 7n };
    before(async () => {
      const { files } = (await builtFixtures("product")).product;
      ({ key } = await ceremony(files.r1cs));
      const loaded = await prover.load(key, { wasm: files.wasm, inputs: files.inputs });
      wtns = wtnsFile((await prover.witness(loaded, PRODUCT)).values, SCALAR_FIELD);
      prover.unload(loaded);
      assert.ok((await readFile(files.r1cs)).length > 0);
    });

    it("proves, and snarkjs verifies", async () => {
      const loaded = await prover.load(key);
      const { proof, publicInputs } = await prover.prove(loaded, wtns);
      const { groth16 } = await singleThreaded();
      assert.ok(await groth16.verify(loaded.verificationKey as never, publicInputs.map(String), proofToJson(proof)));
      prover.unload(loaded);
    });

    // Another value of the right kind: only the proof can tell.
    const changes: [what: string, section: number, change: (bytes: Uint8Array) => void][] = [
      ["a coefficient", 4, (bytes) => void (bytes[4 + 12] ^= 1)],
      ["a row", 4, (bytes) => void (bytes[4 + 4] ^= 1)],
      ["points of A in another order", 5, (bytes) => bytes.set(bytes.slice(64, 128), 128)],
      ["points of B in another order", 7, (bytes) => bytes.set(bytes.slice(0, bytes.length - 128), 128)],
      ["points of C in another order", 8, (bytes) => bytes.set(bytes.slice(0, 64), 64)],
      ["points of H in another order", 9, (bytes) => bytes.set(bytes.slice(0, 64), 64)],
    ];
    for (const [what, section, change] of changes)
      it(`hands out no proof of a key with ${what} changed`, async () => {
        const loaded = await prover.load(withSection(key, MAGIC, section, change));
        await assert.rejects(prover.prove(loaded, wtns), (error: TacitError) => {
          assert.ok(error.code === "WITNESS" || error.code === "PROVE_FAILED", error.code);
          return true;
        });
        prover.unload(loaded);
      });
  });
});
