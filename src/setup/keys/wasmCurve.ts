import * as snarkjs from "snarkjs";

/**
 * bn254 in WebAssembly, as snarkjs brings it along, on memory of our own: functions take addresses. Field elements
 * have 32 bytes, little endian; "mont" marks those in Montgomery form, x * 2^256 mod p. An affine point is two
 * coordinates (zeros for infinity), a projective one three.
 */
export interface WasmCurve {
  call: Record<string, (...addresses: number[]) => void>;
  memory: WebAssembly.Memory;
  /** views of the memory as it is now: an allocation may replace them */
  bytes: Uint8Array;
  words: Uint32Array;
  generator: { G1: number; G2: number };
  alloc(length: number): number;
  /** Frees all that was allocated since `mark`. */
  free(mark: number): void;
  mark(): number;
}

export const SCALAR_FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
export const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
/** The batch functions put their own intermediate values above what is allocated: room for `BATCH` points. */
export const BATCH = 2048;
const HEADROOM = BATCH * 1024;
const PAGE = 65536;

/** What we use of snarkjs's curve object. */
interface SnarkjsCurve {
  tm: { code: Uint8Array<ArrayBuffer>; pG1gen: number; pG2gen: number };
}

/** snarkjs with its curve made to run in this thread, so that it starts no threads which would keep the process alive. */
export async function singleThreaded(): Promise<typeof snarkjs> {
  await singleThreadedCurve();
  return snarkjs;
}

export async function startWasmCurve(): Promise<WasmCurve> {
  const { tm } = await singleThreadedCurve();
  const memory = new WebAssembly.Memory({ initial: 64 });
  const instance = await WebAssembly.instantiate(await WebAssembly.compile(tm.code), { env: { memory } });
  const curve: WasmCurve = {
    call: instance.exports as WasmCurve["call"],
    memory,
    bytes: new Uint8Array(memory.buffer),
    words: new Uint32Array(memory.buffer),
    generator: { G1: tm.pG1gen, G2: tm.pG2gen },
    alloc(length) {
      const address = curve.mark();
      const end = address + length;
      const missing = end + HEADROOM - memory.buffer.byteLength;
      if (missing > 0) {
        // In large steps, as each one makes new views.
        memory.grow(Math.ceil(Math.max(missing, 1 << 24) / PAGE));
        curve.bytes = new Uint8Array(memory.buffer);
        curve.words = new Uint32Array(memory.buffer);
      }
      curve.words[0] = end;
      curve.bytes.fill(0, address, end);
      return address;
    },
    free(mark) {
      curve.words[0] = mark;
    },
    // Word 0 is where this module keeps the end of what is allocated.
    mark: () => (curve.words[0] = (curve.words[0] + 7) & ~7),
  };
  return curve;
}

export function writeField(curve: WasmCurve, address: number, value: bigint): void {
  const view = new DataView(curve.memory.buffer, address, 32);
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
}

/** Writes a new field element into new memory. */
export function putField(curve: WasmCurve, value: bigint): number {
  const address = curve.alloc(32);
  writeField(curve, address, value);
  return address;
}

export const mod = (value: bigint): bigint => ((value % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD;
export const toMont = (value: bigint): bigint => mod(value << 256n);

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square))
    if (rest & 1n) result = mod(result * square);
  return result;
}

export const inverse = (value: bigint): bigint => power(value, SCALAR_FIELD - 2n);

async function singleThreadedCurve(): Promise<SnarkjsCurve> {
  const holder = globalThis as { curve_bn128?: SnarkjsCurve & { tm: { singleThread?: boolean } } };
  if (!holder.curve_bn128?.tm.singleThread) {
    const { curves } = snarkjs as unknown as {
      curves: { getCurveFromName(name: string, options: { singleThread: boolean }): Promise<SnarkjsCurve> };
    };
    holder.curve_bn128 = await curves.getCurveFromName("bn128", { singleThread: true });
  }
  return holder.curve_bn128!;
}
