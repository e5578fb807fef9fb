/** Modules that bring no types: what we use of them. */

declare module "circom2" {
  export const bindings: Record<string, unknown>;
  export const preopens: Record<string, string>;
  export class CircomRunner {
    constructor(options: {
      args: string[];
      env?: Record<string, string | undefined>;
      preopens?: Record<string, string>;
      bindings?: Record<string, unknown>;
    });
    compile(wasm: Uint8Array): Promise<WebAssembly.Module>;
    execute(wasm: Uint8Array): Promise<WebAssembly.Instance>;
  }
}

declare module "circomlib";

/** GPL: an oracle for tests, never part of what we ship. Field elements are opaque, in Montgomery form. */
declare module "circomlibjs" {
  type Element = Uint8Array;
  interface Field {
    p: bigint;
    e(value: bigint | number | string | Element): Element;
    toObject(element: Element): bigint;
    toString(element: Element, radix?: number): string;
    eq(a: Element, b: Element): boolean;
  }
  type PoseidonInput = bigint | number | string | Element;
  interface Poseidon {
    F: Field;
    (inputs: PoseidonInput[], initialState?: PoseidonInput, outputs?: 1): Element;
    (inputs: PoseidonInput[], initialState: PoseidonInput, outputs: number): Element[];
  }
  type Point = [Element, Element];
  interface BabyJub {
    F: Field;
    p: bigint;
    order: bigint;
    subOrder: bigint;
    Generator: Point;
    Base8: Point;
    addPoint(a: Point, b: Point): Point;
    mulPointEscalar(point: Point, scalar: bigint): Point;
    inSubgroup(point: Point): boolean;
    inCurve(point: Point): boolean;
    packPoint(point: Point): Uint8Array;
    unpackPoint(packed: Uint8Array): Point | null;
  }
  interface Signature {
    R8: Point;
    S: bigint;
  }
  interface Eddsa {
    F: Field;
    babyJub: BabyJub;
    poseidon: Poseidon;
    prv2pub(privateKey: Uint8Array): Point;
    pruneBuffer(buffer: Uint8Array): Uint8Array;
    signPoseidon(privateKey: Uint8Array, message: Element): Signature;
    verifyPoseidon(message: Element, signature: Signature, publicKey: Point): boolean;
    packSignature(signature: Signature): Uint8Array;
    unpackSignature(packed: Uint8Array): Signature;
  }
  export function buildPoseidon(): Promise<Poseidon>;
  export function buildPoseidonReference(): Promise<Poseidon>;
  export function buildBabyjub(): Promise<BabyJub>;
  export function buildEddsa(): Promise<Eddsa>;
}

/** Input and output are JSON, as solc's "standard JSON" describes it. */
declare module "solc" {
  const solc: {
    version(): string;
    compile(input: string, callbacks?: { import(path: string): { contents: string } | { error: string } }): string;
  };
  export default solc;
}
