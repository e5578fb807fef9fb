// Goal: the polynomials of a circuit at tau, and the Lagrange polynomials of the prover's coset, are what their definition says.
// Method: bigint, on every small domain and one of many blocks; random matrices (seed in the name of the suite) with empty
// rows, repeated wires and coefficients at the ends of the field.
import assert from "node:assert/strict";
import { toNumbers } from "../../src/setup/keys/lists.ts";
import { domainPower, oddLagrangeAtTau, qapAtTau, withKeyCoefficients } from "../../src/setup/keys/qap.ts";
import { Random } from "../../src/replay/random.ts";
import type { TacitError } from "../../src/protocol/errors.ts";
import { inverse, mod, SCALAR_FIELD as r } from "../../src/prover/curve.ts";
import type { Engine } from "../../src/prover/engine/engine.ts";
import { power, rootOfUnity } from "../../src/prover/engine/quotient.ts";
import type { R1cs, SparseMatrix } from "../../src/prover/r1cs.ts";
import { describeEngines, numberBytes, numbersOf } from "../prover/kernels/engines.ts";

const SEED = 20_260_402;

/** Value at tau of the polynomial that is 1 at x and 0 at the other n-th roots of the number x^n. */
function lagrange(tau: bigint, x: bigint, n: bigint): bigint {
  const value = (power(tau, n) - power(x, n)) * x * inverse(n * power(x, n) * (tau - x), r);
  return mod(value, r);
}

describeEngines(`a circuit's polynomials at tau, seed ${SEED}`, (start) => {
  const random = new Random(SEED);
  const field = () => random.bits(300) % r;
  const edge = () => random.pick([0n, 1n, 1n, 2n, r - 1n, r - 1n, r - 2n, (r + 1n) / 2n, field(), field()]);
  let engine: Engine;
  before(async () => {
    engine = await start();
  });

  function numbers(list: number, count: number): bigint[] {
    toNumbers(engine, list, Math.ceil(count / 8));
    const found = numbersOf(engine.heap.bytes(list, 32 * count));
    engine.heap.free(list);
    return found;
  }

  function matrix(rows: number, wires: number, most: number): SparseMatrix {
    const starts = new Uint32Array(rows + 1);
    for (let row = 0; row < rows; row++) starts[row + 1] = starts[row] + random.integer(0, most);
    const length = starts[rows];
    return {
      starts,
      wires: Uint32Array.from({ length }, () => random.pick([0, random.integer(0, wires - 1)])),
      coefficients: numberBytes(Array.from({ length }, edge)),
    };
  }

  for (const constraints of [0, 1, 2, 5, 6, 13, 14, 30, 60, 125, 500])
    it(`of ${constraints} constraints`, () => {
      const [wires, outputs, publicInputs] = [3 + random.integer(0, 40), 1, random.integer(0, 1)];
      const matrices = {
        a: matrix(constraints, wires, 4),
        b: matrix(constraints, wires, 3),
        c: matrix(constraints, wires, 2),
      };
      const r1cs: R1cs = { wires, outputs, publicInputs, privateInputs: 0, constraints, ...matrices };
      const used = engine.heap.used;
      const tau = field();
      const size = 1n << BigInt(domainPower(r1cs));
      const root = rootOfUnity(domainPower(r1cs));
      const values = Array.from({ length: Number(size) }, (_, row) => lagrange(tau, power(root, BigInt(row)), size));
      const found = qapAtTau(engine, withKeyCoefficients(engine, r1cs), tau);
      for (const name of ["a", "b", "c"] as const) {
        const { starts, wires: columns, coefficients } = matrices[name];
        const of = numbersOf(coefficients);
        const expected = Array.from({ length: wires }, () => 0n);
        for (let row = 0; row < constraints; row++)
          for (let i = starts[row]; i < starts[row + 1]; i++)
            expected[columns[i]] = (expected[columns[i]] + of[i] * values[row]) % r;
        // Each public value, and the constant, has a row of its own in A.
        if (name === "a")
          for (let wire = 0; wire <= outputs + publicInputs; wire++)
            expected[wire] = (expected[wire] + values[constraints + wire]) % r;
        assert.deepEqual(numbers(found[name], wires), expected, name);
      }
      assert.equal(engine.heap.used, used, "memory is given back");
    });

  it("the prover's coset, on every domain up to 2^9", () => {
    for (let domain = 1; domain <= 9; domain++) {
      const [tau, factor] = [field(), field()];
      const root = rootOfUnity(domain + 1);
      const size = 1 << domain;
      const expected = Array.from(
        { length: size },
        (_, i) => (lagrange(tau, power(root, BigInt(2 * i + 1)), BigInt(2 * size)) * factor) % r,
      );
      assert.deepEqual(numbers(oddLagrangeAtTau(engine, domain, tau, factor), size), expected);
    }
  });

  it("coefficients that are not below the modulus are refused", () => {
    for (const wrong of [r, r + 1n, (1n << 256n) - 1n]) {
      const a = {
        starts: Uint32Array.of(0, 3),
        wires: Uint32Array.of(0, 1, 2),
        coefficients: numberBytes([1n, wrong, 2n]),
      };
      const none = { starts: new Uint32Array(2), wires: new Uint32Array(0), coefficients: new Uint8Array(0) };
      const r1cs = { wires: 3, outputs: 1, publicInputs: 0, privateInputs: 1, constraints: 1, a: none, b: a, c: none };
      assert.throws(
        () => withKeyCoefficients(engine, r1cs),
        ({ code, details }: TacitError) => {
          assert.deepEqual([code, details.format, details.section], ["FILE_FORMAT", "r1cs", 2]);
          return true;
        },
      );
    }
  });
});
