/**
 * What the prover's kernels take, on both backends: nanoseconds an element for fields, and an addition for sums of points.
 *     npm run bench kernels
 */
import { memory, Module } from "wasmati";
import { table } from "../../src/setup/format.ts";
import { Random } from "../../src/replay/random.ts";
import { BASE_FIELD, addPoints, multiply, SCALAR_FIELD, type Group, type Point } from "../../src/prover/curve.ts";
import { enableRelaxedSimd } from "../../src/prover/engine/backend.ts";
import { Engine, type Backend } from "../../src/prover/engine/engine.ts";
import { makeDomain, takeWitness, toCoset } from "../../src/prover/engine/quotient.ts";
import { loadBases, sumOfProducts } from "../../src/prover/engine/sum.ts";
import { fmaField } from "../../src/prover/kernels/fma.ts";
import { scalarField } from "../../src/prover/kernels/scalar.ts";
import { fn, int, invoke, set, times, variable, type Kernel } from "../../src/prover/kernels/wasm.ts";
import { readKernel } from "../../src/prover/runtime.ts";
import { ensurePackage } from "../package/index.ts";

const BLOCKS = 64;
const ROUNDS = 200;
const RUNS = 15;
const LANES = 8;
const POINTS = 1 << 14;
const DOMAIN = 16;
const GENERATOR: Record<Group, Point> = {
  G1: { x: [1n], y: [2n] },
  G2: {
    x: [
      10857046999023057135944570762232829481370756359578518086990519993285655852781n,
      11559732032986387107991004021392285783925812861821192530917403151452391805634n,
    ],
    y: [
      8495653923123431417604973247489272438418190587263600148770280649306958101930n,
      4082367875863433681332203403145435568316851327593401208105741076214120093531n,
    ],
  },
};

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function millis(run: () => void): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}

/** Runs a kernel over many blocks: (out, a, b), all moving on. */
function over(kernel: Kernel, operands: number, size: number): Kernel {
  return fn(["i32", "i32", "i32"], [], (...addresses) => {
    const at = addresses.slice(0, operands).map((address) => variable("i32", address));
    times(variable("i32", BLOCKS), () => {
      invoke(kernel, ...at);
      for (const address of at) set(address, int.add(address, size));
    });
  });
}

async function fieldRows(backend: Backend): Promise<[string, number][]> {
  const field = (backend === "fma" ? fmaField : scalarField)(BASE_FIELD, 1024);
  const own = memory({ min: 16 });
  const size = field.blockBytes;
  const kernels: Record<string, Kernel> = {
    multiplication: over(field.mul, 3, size),
    square: over(field.sqr, 2, size),
    addition: over(field.add, 3, size),
    ...(field.quadratic ? { "multiplication in Fp2": over(field.quadratic.mul, 3, 2 * size) } : {}),
  };
  const bytes = Module({ memory: own, exports: kernels }).toBytes();
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
  const span = 2 * size * BLOCKS;
  return Object.keys(kernels).map((name) => {
    const run = instance.exports[name] as (...at: number[]) => void;
    const took = Array.from({ length: RUNS }, () =>
      millis(() => {
        for (let i = 0; i < ROUNDS; i++) run(65536, 65536 + span, 65536 + 2 * span);
      }),
    );
    return [name, (median(took) * 1e6) / (ROUNDS * BLOCKS * LANES)];
  });
}

async function engineRows(backend: Backend): Promise<[string, number][]> {
  const module = await WebAssembly.compile((await readKernel(backend)) as Uint8Array<ArrayBuffer>);
  const engine = await Engine.start(module, backend);
  const random = new Random(1);
  const rows: [string, number][] = [];
  for (const group of ["G1", "G2"] as const) {
    // A random walk: points in a progression would meet each other, and so would equal ones.
    const steps = Array.from({ length: 64 }, () => multiply(GENERATOR[group], 1n + random.bits(200)));
    const bases = await loadBases(engine, group, POINTS, (to) => {
      const view = new DataView(to.buffer, to.byteOffset, to.length);
      let point = steps[0];
      for (let i = 0; i < POINTS; i++) {
        point = addPoints(point, random.pick(steps));
        [...point!.x, ...point!.y].forEach((value, k) => {
          const form = (value << 256n) % BASE_FIELD;
          const at = (to.length / POINTS) * i + 32 * k;
          for (let word = 0; word < 4; word++)
            view.setBigUint64(at + 8 * word, BigInt.asUintN(64, form >> BigInt(64 * word)), true);
        });
      }
    });
    if ("bad" in bases) throw new Error("a point is off the curve");
    const scalars = randomNumbers(random, POINTS);
    const took = Array.from({ length: 7 }, () => millis(() => sumOfProducts(engine, [{ bases, scalars }])));
    rows.push([`sum in ${group}, 2^14 random scalars, ms`, median(took)]);
  }
  const domain = makeDomain(engine, DOMAIN);
  const packed = takeWitness(engine, randomNumbers(random, 1 << DOMAIN));
  const took = Array.from({ length: 7 }, () => millis(() => engine.heap.free(toCoset(engine, domain, packed))));
  rows.push([`domain to coset, 2^${DOMAIN}, ms`, median(took)]);
  return rows;
}

function randomNumbers(random: Random, count: number): Uint8Array {
  const bytes = new Uint8Array(32 * count);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const value = random.bits(300) % SCALAR_FIELD;
    for (let word = 0; word < 4; word++)
      view.setBigUint64(32 * i + 8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true);
  }
  return bytes;
}

await ensurePackage();
enableRelaxedSimd();
const [fma, scalar] = await Promise.all(
  (["fma", "scalar"] as const).map(async (backend) => [...(await fieldRows(backend)), ...(await engineRows(backend))]),
);
const others = new Map(scalar);
console.log(
  table([
    ["kernel (ns an element, if not said)", "fma", "scalar"],
    ...fma.map(([name, took]) => [name, took.toFixed(1), others.get(name)?.toFixed(1) ?? "-"]),
  ]),
);
