// Goal: a witness passes exactly when it satisfies every constraint, and the first that fails is named.
// Method: random systems with coefficients and values at the edges of the field, and real circuits; each against a
// reference on bigint (seed in the name of the test). What holds is broken in one place.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Random } from "../../src/replay/random.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { emitRows } from "../../src/prover/kernels/rows.ts";
import { readRows, RowCheck } from "../../src/prover/rows.ts";
import { writeSections } from "../../src/prover/sections.ts";
import { WitnessProgram, type CircuitInputs } from "../../src/prover/witness.ts";
import { evaluate, firstBroken, parseR1cs, type Constraint, type Linear } from "../circuits/r1cs.ts";
import { builtFixtures, type FixtureName } from "./fixtures.ts";
import { numberBytes } from "./kernels/engines.ts";

const SEED = 20_260_101;
const WIRES = 40;
const EDGES = [0n, 1n, 2n, FIELD - 1n, FIELD - 2n, (FIELD - 1n) / 2n, 1n << 29n, 1n << 253n, (1n << 232n) - 1n];

function r1csFile(wires: number, constraints: readonly Constraint[]): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const join = (parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  const linear = ({ wires, coefficients }: Linear) =>
    join([words(wires.length), ...coefficients.map((c, i) => join([words(wires[i]), numberBytes([c])]))]);
  const head = join([words(32), numberBytes([FIELD]), words(wires, 0, 0, wires - 1, wires, 0, constraints.length)]);
  return writeSections("r1cs", 1, [
    [1, head],
    [2, join(constraints.flatMap((row) => row.map(linear)))],
  ]);
}

describe("check of constraints", () => {
  const random = new Random(SEED);
  const element = () => (random.unit() < 0.5 ? random.pick(EDGES) : random.bits(254) % FIELD);
  const linear = (size: number, coefficient = element): Linear => ({
    wires: Uint32Array.from({ length: size }, () => random.integer(0, WIRES - 1)),
    coefficients: Array.from({ length: size }, coefficient),
  });
  /** Any a and b; c gets what is missing as a coefficient of wire 0. */
  const rowThatHolds = (witness: bigint[], a: Linear, b: Linear, c: Linear): Constraint => {
    const missing = (evaluate(a, witness) * evaluate(b, witness) - evaluate(c, witness)) % FIELD;
    const coefficients = [...c.coefficients, (missing + FIELD) % FIELD];
    return [a, b, { wires: Uint32Array.of(...c.wires, 0), coefficients }];
  };
  const start = async (file: Uint8Array) =>
    RowCheck.start(new WebAssembly.Module(Uint8Array.from(emitRows())), readRows(file));
  const refuses = (check: RowCheck, witness: Uint8Array, where: object) =>
    assert.throws(
      () => check.check(witness),
      (error: { code: string; details: { reason: string } }) => {
        assert.equal(error.code, "WITNESS");
        const { reason, ...rest } = error.details;
        assert.equal(typeof reason, "string");
        assert.deepEqual(rest, where);
        return true;
      },
    );

  it(`holds where bigints say so, and fails at the same row (seed ${SEED})`, async () => {
    for (let round = 0; round < 20; round++) {
      const witness = [1n, ...Array.from({ length: WIRES - 1 }, element)];
      const size = () => random.integer(0, 6);
      const rows = Array.from({ length: 30 }, () =>
        rowThatHolds(witness, linear(size()), linear(size()), linear(size())),
      );
      const check = await start(r1csFile(WIRES, rows));
      check.check(numberBytes(witness));
      for (let wire = 1; wire < WIRES; wire++) {
        const changed = witness.with(wire, (witness[wire] + random.pick([1n, FIELD - 1n, 1n << 29n])) % FIELD);
        const constraint = firstBroken(parseR1cs(r1csFile(WIRES, rows)), changed);
        if (constraint < 0) check.check(numberBytes(changed));
        else refuses(check, numberBytes(changed), { constraint });
      }
    }
  });

  it("sums hundreds of the largest terms", async () => {
    const largest = [1n, ...Array<bigint>(WIRES - 1).fill(FIELD - 1n)];
    const coefficients = [1n, FIELD - 1n, FIELD - 2n, (1n << 253n) - 1n];
    for (const left of coefficients)
      for (const right of coefficients)
        for (const size of [128, 129, 1_000]) {
          const wide = (coefficient: bigint) => linear(size, () => coefficient);
          const [a, b] = [wide(left), wide(right)];
          const rows = [a, linear(0)].map((c) => rowThatHolds(largest, a, b, c));
          (await start(r1csFile(WIRES, rows))).check(numberBytes(largest));
          const { wires, coefficients } = rows[1][2];
          const off: Constraint = [a, b, { wires, coefficients: coefficients.map((x) => (x + 1n) % FIELD) }];
          refuses(await start(r1csFile(WIRES, [rows[0], off])), numberBytes(largest), { constraint: 1 });
        }
  });

  it("sums as many terms as it says, and refuses a row with more", async () => {
    const largest = [1n, ...Array<bigint>(WIRES - 1).fill(FIELD - 1n)];
    for (const coefficient of [1n, FIELD - 2n]) {
      const widest = () => linear(16_384, () => coefficient);
      const row = rowThatHolds(
        largest,
        widest(),
        widest(),
        linear(16_383, () => coefficient),
      );
      (await start(r1csFile(WIRES, [row]))).check(numberBytes(largest));
    }
    const wider = linear(16_385, () => 2n);
    assert.throws(() => readRows(r1csFile(WIRES, [[wider, wider, wider]])), { code: "FILE_FORMAT" });
  });

  it("tells many thousand coefficients apart", async () => {
    const witness = [1n, ...Array.from({ length: WIRES - 1 }, element)];
    const any = () => linear(100, () => random.bits(254) % FIELD);
    const rows = Array.from({ length: 150 }, () => rowThatHolds(witness, any(), any(), any()));
    const read = readRows(r1csFile(WIRES, rows));
    assert.ok(read.table.length > 40_000 * 9);
    (await RowCheck.start(new WebAssembly.Module(Uint8Array.from(emitRows())), read)).check(numberBytes(witness));
  });

  it("refuses what is no assignment of the wires", async () => {
    const check = await start(r1csFile(3, []));
    check.check(numberBytes([1n, 0n, FIELD - 1n]));
    refuses(check, numberBytes([0n, 0n, 0n]), { wire: 0 });
    refuses(check, numberBytes([FIELD + 1n, 0n, 0n]), { wire: 0 });
    refuses(check, numberBytes([1n, FIELD, 0n]), { wire: 1 });
    refuses(check, numberBytes([1n, 0n, (1n << 256n) - 1n]), { wire: 2 });
    refuses(check, numberBytes([1n, 0n]), {});
    refuses(check, numberBytes([1n, 0n, 0n, 0n]), {});
  });

  it("refuses a coefficient that is not below the modulus", () => {
    const one: Linear = { wires: Uint32Array.of(0), coefficients: [FIELD] };
    assert.throws(() => readRows(r1csFile(1, [[one, one, one]])), { code: "FILE_FORMAT" });
  });

  describe("on circuits", () => {
    const circuits: [FixtureName, CircuitInputs][] = [
      ["product", { a: 3n, b: 5n, price: 7n }],
      ["chain", { start: 2n }],
    ];
    for (const [name, inputs] of circuits)
      it(`${name}: a witness with one changed value is refused, at the right constraint`, async () => {
        const { files } = (await builtFixtures(name))[name];
        const file = await readFile(files.r1cs);
        const program = await WitnessProgram.start(await WebAssembly.compile(await readFile(files.wasm)));
        const witness = program.calculate(inputs);
        const check = await start(file);
        check.check(witness);
        const parsed = parseR1cs(file);
        for (let wire = 1; wire < program.size; wire += Math.ceil(program.size / 50)) {
          const changed = Uint8Array.from(witness);
          changed[32 * wire] ^= 1;
          const view = new DataView(changed.buffer);
          const values = Array.from({ length: program.size }, (_, i) =>
            [3, 2, 1, 0].reduce((sum, word) => (sum << 64n) | view.getBigUint64(32 * i + 8 * word, true), 0n),
          );
          refuses(check, changed, { constraint: firstBroken(parsed, values) });
        }
      });
  });
});
