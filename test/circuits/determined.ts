/**
 * Does every wire of a circuit follow from its inputs? Known here means determined: no value of a witness is used, so a
 * factor that is known may be zero. What the rules below do not show rests on an axiom of obligations.ts, or is named.
 *
 *   LIN, QUAD  one unknown of a row, in C, or beside a constant factor.
 *   BASIS      all unknowns are bits, with distinct powers of two up to a common scale, their total below the modulus.
 *   CANONICAL  the 254 bits of a known number and the comparison with r - 1, run by run (canonical.circom).
 *   ZERO       E y = 0, and y is known where E is 0, from a row that has E as a factor (IsZero, BothZero).
 *   DIV        E y = a constant other than 0.
 *   DIVMOD     x = d q + r or x = d q - r with q, r and d - 1 - r ranged so that nothing wraps.
 *   SCALAR     the forms that Scalar gives to a number (see obligations.ts).
 *   ARGUED     hints of a template of obligations.ts whose rows are those that its argument is about, and its inputs known.
 *   Last, E y = known is taken for an obligation: E is one of the denominators of obligations.ts.
 */
import { createHash } from "node:crypto";
import { placesOf, type Place } from "./components.ts";
import { ARGUED, BITS_KNOWN, DENOMINATORS, FREE, scalarRows } from "./obligations.ts";
import { invert } from "../../src/protocol/poseidonConstants.ts";
import { MODULUS, modulo, type R1cs } from "./r1cs.ts";
import type { Statement } from "./statements.ts";
import { usesOf } from "./uses.ts";

export interface Determined {
  /** What is wrong: "Bits_1_2.out[3] of Bits" of each wire that does not follow, outputs that rest on what is free. */
  undetermined: string[];
  /** "MultiplySigned.bits[0]": inputs of components that are bits by their header, but not by a row. */
  noBits: string[];
  /** Wires that are free by class: "IsZero.inverse". */
  free: Map<string, number>;
  /** Denominators and forms that are taken for good by class: "MontgomeryAdd.slope". */
  obligations: Map<string, number>;
}

export interface System {
  r1cs: R1cs;
  signals: ReadonlyMap<string, number>;
  statements: readonly Statement[];
  /** Template of the main component. */
  main: string;
}

/** A sum of wires times coefficients in (0, r); wire 0 is the constant 1. */
type Form = Map<number, bigint>;

const below = (bits: number) => (1n << BigInt(bits)) - 1n;

function add(form: Form, wire: number, value: bigint): void {
  const sum = modulo((form.get(wire) ?? 0n) + value);
  if (sum === 0n) form.delete(wire);
  else form.set(wire, sum);
}

/** By how much b is a multiple of a; undefined if it is none. Both have terms. */
function ratio(a: Form, b: Form): bigint | undefined {
  if (a.size === 0 || a.size !== b.size) return undefined;
  const [[first, value]] = a;
  const scale = modulo((b.get(first) ?? 0n) * invert(value));
  if (scale === 0n) return undefined;
  for (const [wire, of] of a) if (b.get(wire) !== modulo(scale * of)) return undefined;
  return scale;
}

/** k of 2^k, for -253 <= k <= 253, by its digits: a Map looks at the low ones of a bigint only. */
const POWERS = new Map<string, number>();
for (let k = 0, power = 1n; k <= 253; k++, power = 2n * power) {
  POWERS.set(modulo(power).toString(16), k);
  POWERS.set(invert(modulo(power)).toString(16), -k);
}
const exponentOf = (power: bigint) => POWERS.get(modulo(power).toString(16));

/** Exponents of distinct powers of two, up to a common scale, from 0; undefined if they are none. */
export function exponentsOf(coefficients: readonly bigint[]): number[] | undefined {
  const scale = invert(coefficients[0]);
  const found = coefficients.map((value) => exponentOf(value * scale));
  if (found.includes(undefined) || new Set(found).size < found.length) return undefined;
  const least = Math.min(...(found as number[]));
  return (found as number[]).map((k) => k - least);
}

/** The rows that compare 254 bits with a limit: of each run of its zeros, places of the ones above it, and its own. */
export function runsOf(limit: bigint, width = 254): { ones: number[]; zeros: number[] }[] {
  const runs: { ones: number[]; zeros: number[] }[] = [];
  const ones: number[] = [];
  let zeros: number[] = [];
  for (let i = width - 1; i >= 0; i--) {
    if ((limit >> BigInt(i)) & 1n) ones.push(i);
    else zeros.push(i);
    if (zeros.length > 0 && (i === 0 || (limit >> BigInt(i - 1)) & 1n)) {
      runs.push({ ones: [...ones], zeros });
      zeros = [];
    }
  }
  return runs;
}

/**
 * Whether at most one q and r have d q + r, or d q - r, equal to a number of the field, all wires within their bounds:
 * of two solutions d (q - q') is r' - r or r - r' modulo r; both are integers whose difference stays below the modulus,
 * and |r - r'| < d.
 * @param d  its constant; else undefined: it is 1 + r + rest, and so at least 1
 * @param rest  d - 1 - r
 */
export function dividesOnce(most: { q: bigint; r: bigint; rest: bigint }, d?: bigint, modulus = MODULUS): boolean {
  if (most.r + most.rest + 1n >= modulus) return false;
  return (d ?? most.r + most.rest + 1n) * (most.q + 1n) <= modulus;
}

/** Row x (x - 1) = 0, in any order and scale: its wire. */
function bitOf(a: Form, b: Form, c: Form): number | undefined {
  if (c.size > 0) return undefined;
  const roots = [a, b].map((form) => {
    const [wire] = [...form.keys()].filter((key) => key !== 0);
    if (wire === undefined || form.size > (form.has(0) ? 2 : 1)) return undefined;
    return { wire, value: modulo(-(form.get(0) ?? 0n) * invert(form.get(wire)!)) };
  });
  const [x, y] = roots;
  return x && y && x.wire === y.wire && x.value + y.value === 1n && x.value * y.value === 0n ? x.wire : undefined;
}

/**
 * Checks a circuit that was compiled with `optimise: false`.
 * @param skip  obligations that are not taken, by class and name of the signal, or path of the Scalar
 */
export function determined(
  { r1cs: given, signals, statements, main }: System,
  skip: (of: string, name: string) => boolean = () => false,
): Determined {
  // circom writes no term twice and none that is 0; who has changed a system may.
  const r1cs = isPlain(given) ? given : plain(given);
  const { starts, termWires, coefficients, constraintCount, wires } = r1cs;
  const uses = usesOf(r1cs);
  const placeOf = placesOf(statements, main);
  const names: string[] = [];
  for (const [name, wire] of signals) if (wire >= 0) names[wire] ??= name;
  const places: (Place | undefined)[] = [];
  const place = (wire: number) => (places[wire] ??= placeOf(names[wire]));
  const inside = (path: string, signal: string) => signals.get(path === "" ? signal : `${path}.${signal}`) ?? -1;

  const form = (part: number): Form => {
    const found: Form = new Map();
    for (let term = starts[part]; term < starts[part + 1]; term++) add(found, termWires[term], coefficients[term]);
    return found;
  };
  const isConstant = (part: number) =>
    starts[part] === starts[part + 1] || (starts[part] + 1 === starts[part + 1] && termWires[starts[part]] === 0);
  /** C, less the product if a factor is constant: what is 0 of a linear row. */
  const linear = (row: number): Form | undefined => {
    const [a, b] = [3 * row, 3 * row + 1];
    if (!isConstant(a) && !isConstant(b)) return undefined;
    const found = form(3 * row + 2);
    const [constant, other] = isConstant(a) ? [a, b] : [b, a];
    const factor = form(constant).get(0) ?? 0n;
    if (factor !== 0n) for (const [wire, value] of form(other)) add(found, wire, -factor * value);
    return found;
  };
  const rowsOf = (wire: number): number[] => {
    const found: number[] = [];
    for (let at = uses.starts[wire]; at < uses.starts[wire + 1]; at++) {
      const row = Math.floor(uses.parts[at] / 3);
      if (found.at(-1) !== row) found.push(row);
    }
    return found;
  };

  // Wires that are one and the same, wires that are bits, and bounds of sums of bits.
  const parent = Int32Array.from({ length: wires }, (_, wire) => wire);
  const rootOf = (wire: number): number => {
    while (parent[wire] !== wire) wire = parent[wire] = parent[parent[wire]];
    return wire;
  };
  const isLinear = new Uint8Array(constraintCount);
  for (let row = 0; row < constraintCount; row++) {
    if (!isConstant(3 * row) && !isConstant(3 * row + 1)) continue;
    isLinear[row] = 1;
    if (starts[3 * row + 3] - starts[3 * row] > 6) continue;
    const found = linear(row)!;
    const [one, two] = found.keys();
    if (found.size === 2 && modulo(found.get(one)! + found.get(two)!) === 0n) {
      const [low, high] = [rootOf(one), rootOf(two)].sort((x, y) => x - y);
      parent[high] = low;
    }
  }
  const members = new Map<number, number[]>();
  for (let wire = 0; wire < wires; wire++) {
    const root = rootOf(wire);
    if (root !== wire) members.set(root, [...(members.get(root) ?? [root]), wire]);
  }
  const bitRoots = new Uint8Array(wires);
  bitRoots[rootOf(0)] = 1;
  for (let row = 0; row < constraintCount; row++) {
    const [a, c, end] = [starts[3 * row], starts[3 * row + 2], starts[3 * row + 3]];
    if (c !== end || c - a > 4 || c - a < 2) continue;
    const bit = bitOf(form(3 * row), form(3 * row + 1), form(3 * row + 2));
    if (bit !== undefined) bitRoots[rootOf(bit)] = 1;
  }
  const isBit = (wire: number) => bitRoots[rootOf(wire)] === 1;
  const rooted = (of: Form): Form => {
    const found: Form = new Map();
    for (const [wire, value] of of) add(found, rootOf(wire), value);
    return found;
  };
  /** Most that a wire can be, by root. */
  const bounds = new Map<number, bigint>();
  const setBound = (wire: number, most: bigint) => {
    const known = bounds.get(rootOf(wire));
    if (known === undefined || most < known) bounds.set(rootOf(wire), most);
  };
  for (let row = 0; row < constraintCount; row++) {
    if (isLinear[row] === 0) continue;
    let others = 0;
    for (let term = starts[3 * row]; term < starts[3 * row + 3]; term++) if (!isBit(termWires[term])) others++;
    if (others !== 1) continue;
    const sum = linear(row)!;
    if (sum.has(0)) continue;
    const whole = [...sum.keys()].find((wire) => !isBit(wire))!;
    const scale = modulo(-invert(sum.get(whole)!));
    const powers = [...sum].filter(([wire]) => wire !== whole).map(([, value]) => exponentOf(value * scale));
    if (powers.some((k) => k === undefined || k < 0)) continue;
    const most = powers.reduce<bigint>((all, k) => all + (1n << BigInt(k!)), 0n);
    if (most < MODULUS) setBound(whole, most);
  }

  const known = new Uint8Array(wires);
  /** In which step a wire became known, and by which rows. */
  const step = new Int32Array(wires);
  const by: (readonly number[])[] = [];
  const order: number[] = [];
  let steps = 0;
  const unknown = new Uint32Array(3 * constraintCount);
  const noBit = new Uint32Array(3 * constraintCount);
  for (let part = 0; part < 3 * constraintCount; part++)
    for (let term = starts[part]; term < starts[part + 1]; term++) {
      unknown[part]++;
      if (!isBit(termWires[term])) noBit[part]++;
    }
  const queue: number[] = [];
  const queued = new Uint8Array(constraintCount);
  const enqueue = (row: number) => {
    if (queued[row] === 1) return;
    queued[row] = 1;
    queue.push(row);
  };
  const learn = (found: Iterable<number>, rows: readonly number[]) => {
    steps++;
    for (const wire of found) {
      if (known[wire] === 1) continue;
      known[wire] = 1;
      step[wire] = steps;
      by[wire] = rows;
      order.push(wire);
      const bit = isBit(wire);
      for (let at = uses.starts[wire]; at < uses.starts[wire + 1]; at++) {
        const part = uses.parts[at];
        unknown[part]--;
        if (!bit) noBit[part]--;
        enqueue(Math.floor(part / 3));
      }
    }
  };
  const unknownsOf = (of: Form) => [...of].filter(([wire]) => known[wire] === 0);

  /** Rows E y = 0 with y unknown and E known, by y; asked again while y is open. */
  const zeroRows = new Map<number, Set<number>>();
  const candidates = new Set<number>();
  const divisions = new Set<number>();

  const ranged = (q: number, r: number) => rootOf(q) !== rootOf(r) && bounds.has(rootOf(q)) && bounds.has(rootOf(r));
  /** q and r from a row, r = F q + known, both ranged, F a form of wires that are known. */
  const divmod = (row: number, q: number, r: number, F: Form): boolean => {
    const [mostQ, mostR] = [bounds.get(rootOf(q))!, bounds.get(rootOf(r))!];
    const root = rootOf(r);
    for (const wire of members.get(root) ?? [r])
      for (const other of rowsOf(wire)) {
        if (other === row || isLinear[other] === 0) continue;
        const of = rooted(linear(other)!);
        const scale = of.get(root);
        if (scale === undefined || of.size > 5) continue;
        for (const [rest, value] of of) {
          const mostRest = bounds.get(rest);
          if (rest === root || rest === 0 || value !== scale || mostRest === undefined) continue;
          // rest + r + 1 - d = 0
          const d: Form = new Map([[0, 1n]]);
          for (const [at, of1] of of) if (at !== rest && at !== root) add(d, at, -of1 * invert(scale));
          const sign = ratio(rooted(F), d);
          if (sign !== 1n && sign !== MODULUS - 1n) continue;
          const constant = d.size === 1 ? d.get(0) : undefined;
          if (!dividesOnce({ q: mostQ, r: mostR, rest: mostRest }, constant)) continue;
          learn([q, r], [row, other]);
          return true;
        }
      }
    return false;
  };

  /** The 254 bits of a row whose sum is known, if the rows that compare them with r - 1 are there. */
  const RUNS = runsOf(MODULUS - 1n);
  const canonical = (bits: readonly number[]): boolean =>
    RUNS.every(({ ones, zeros }) => {
      const missing: Form = new Map([[0, BigInt(ones.length)]]);
      for (const i of ones) add(missing, bits[i], -1n);
      const excess: Form = new Map(zeros.map((i) => [bits[i], 1n]));
      return rowsOf(bits[zeros[0]]).some(
        (row) =>
          ratio(excess, form(3 * row + 2)) !== undefined &&
          [0, 1].some((part) => ratio(missing, form(3 * row + part)) !== undefined),
      );
    });

  const solveLinear = (row: number, of: Form): void => {
    const open = unknownsOf(of);
    if (open.length === 0) return;
    if (open.length === 1) return learn([open[0][0]], [row]);
    if (open.every(([wire]) => isBit(wire))) {
      const exponents = exponentsOf(open.map(([, value]) => value));
      if (exponents === undefined) return;
      const total = exponents.reduce((sum, k) => sum + (1n << BigInt(k)), 0n);
      const wiresOfRow = open.map(([wire]) => wire);
      if (total < MODULUS) return learn(wiresOfRow, [row]);
      const bits: number[] = [];
      exponents.forEach((k, i) => (bits[k] = wiresOfRow[i]));
      if (open.length === 254 && total === (1n << 254n) - 1n && canonical(bits)) learn(wiresOfRow, [row]);
      return;
    }
    const [one, two] = open;
    if (open.length === 2 && ranged(one[0], two[0])) {
      divisions.add(row);
      for (const [[q, ofQ], [r, ofR]] of [
        [one, two],
        [two, one],
      ])
        if (divmod(row, q, r, new Map([[0, modulo(-ofQ * invert(ofR))]]))) return;
    }
  };

  /** y of the rows E y = 0 is 0 where an E is not; where all are, some row gives it. */
  const solveZero = (y: number): boolean => {
    const zero = [...zeroRows.get(y)!];
    const factors = zero.map((row) => {
      const b = form(3 * row + 1);
      return b.size === 1 && b.has(y) ? form(3 * row) : b;
    });
    const vanishes = (row: number) =>
      [0, 1].some((part) => {
        const of = form(3 * row + part);
        return factors.some((factor) => ratio(factor, of) !== undefined);
      });
    for (const row of rowsOf(y)) {
      if (zero.includes(row) || !vanishes(row) || unknown[3 * row + 2] > 3) continue;
      const open = unknownsOf(form(3 * row + 2)).map(([wire]) => wire);
      if (!open.includes(y)) continue;
      const rows = [row, ...zero];
      // Others in it are products with a factor that vanishes too.
      const gone = open.every((wire) => {
        if (wire === y) return true;
        const product = rowsOf(wire).find((at) => {
          if (at === row || !vanishes(at)) return false;
          const c = form(3 * at + 2);
          return c.size === 1 && c.has(wire);
        });
        if (product !== undefined) rows.push(product);
        return product !== undefined;
      });
      if (!gone) continue;
      learn([y], rows);
      return true;
    }
    return false;
  };

  const visit = (row: number): void => {
    const [a, b, c] = [3 * row, 3 * row + 1, 3 * row + 2];
    if (unknown[a] + unknown[b] + unknown[c] === 0) return;
    if (unknown[a] + unknown[b] === 0 && unknown[c] === 1)
      for (let term = starts[c]; term < starts[c + 1]; term++)
        if (known[termWires[term]] === 0 && coefficients[term] !== 0n) return learn([termWires[term]], [row]);
    if (isLinear[row] === 1 || (unknown[a] === 0 && unknown[b] === 0)) {
      const open = unknown[a] + unknown[b] + unknown[c];
      if (open > 2 && noBit[a] + noBit[b] + noBit[c] > 0) return;
      solveLinear(row, isLinear[row] === 1 ? linear(row)! : form(c));
      return;
    }
    if (unknown[a] > 0 && unknown[b] > 0) return;
    const [E, of] = unknown[a] > 0 ? [b, a] : [a, b];
    if (unknown[of] !== 1) return;
    const [[y, coefficient]] = unknownsOf(form(of));
    if (unknown[c] === 0) {
      const result = form(c);
      if (result.size === 1 && result.has(0)) return learn([y], [row]);
      if (result.size === 0 && form(of).size === 1) {
        zeroRows.set(y, (zeroRows.get(y) ?? new Set()).add(row));
        solveZero(y);
      } else candidates.add(row);
    } else if (unknown[c] === 1) {
      const [[r, value]] = unknownsOf(form(c));
      if (r === y || !ranged(y, r)) return;
      divisions.add(row);
      const F: Form = new Map();
      for (const [wire, each] of form(E)) add(F, wire, each * coefficient * invert(value));
      divmod(row, y, r, F);
    }
  };
  const propagate = () => {
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      queued[row] = 0;
      visit(row);
    }
  };
  /** All that needs no axiom. */
  const settle = () => {
    for (let before = -1; before !== steps;) {
      before = steps;
      propagate();
      for (const y of zeroRows.keys()) {
        if (known[y] === 1) zeroRows.delete(y);
        else solveZero(y);
      }
      for (const row of divisions) enqueue(row);
      divisions.clear();
    }
  };

  const obligations = new Map<string, number>();
  const count = (map: Map<string, number>, name: string, more = 1) => map.set(name, (map.get(name) ?? 0) + more);

  /** Scalars by path; whether exact. */
  const scalars = new Map<string, { exact: boolean }>();
  const components = new Map<string, string>();
  for (const name of signals.keys()) {
    const { path, template, signal } = placeOf(name);
    components.set(path, template);
    if (template === "Scalar" && signal === "in") scalars.set(path, { exact: inside(path, "last") >= 0 });
  }
  /** Signals of argued components by path, and of their parts. */
  const argued = new Map<string, string[]>();
  for (const name of signals.keys())
    for (let at = name; at !== "";) {
      at = at.slice(0, Math.max(0, at.lastIndexOf(".")));
      if (!Object.hasOwn(ARGUED, components.get(at) ?? "")) continue;
      const known = argued.get(at);
      if (known) known.push(name);
      else argued.set(at, [name]);
    }
  const named = (path: string, of: Readonly<Record<string, bigint>>): Form => {
    const found: Form = new Map();
    for (const [signal, value] of Object.entries(of)) {
      const wire = signal === "1" ? 0 : inside(path, signal);
      if (wire >= 0) add(found, wire, value);
      else add(found, -1, 1n); // no such signal: equal to no form of the circuit
    }
    return found;
  };
  /** Whether a row a b = c with these forms exists, up to scales. */
  const hasRow = (path: string, a: Form, b: Form, c: Form, through: string): boolean =>
    rowsOf(Math.max(0, inside(path, through))).some((row) => {
      const [x, y, z] = [0, 1, 2].map((part) => form(3 * row + part));
      if (a.size === 0) return isLinear[row] === 1 && ratio(c, linear(row)!) !== undefined;
      for (const [one, two] of [
        [x, y],
        [y, x],
      ]) {
        const [p, q, r] = [ratio(a, one), ratio(b, two), c.size === 0 && z.size === 0 ? 0n : ratio(c, z)];
        if (p !== undefined && q !== undefined && r !== undefined && (r === 0n || modulo(p * q) === r)) return true;
      }
      return false;
    });
  const formed = new Set<string>();
  const takeScalars = () => {
    for (const [path, { exact }] of scalars) {
      const input = inside(path, "in");
      const name = `Scalar(${exact ? 1 : 0})`;
      if (formed.has(path) || known[input] === 0 || skip(name, path)) continue;
      const { bits, rows } = scalarRows(exact);
      if (!bits.every((signal) => inside(path, signal) >= 0 && isBit(inside(path, signal)))) continue;
      if (!rows.every(({ a, b, c, of }) => hasRow(path, named(path, a), named(path, b), named(path, c), of))) continue;
      // Only a hash may come without Rule 2.
      if (!exact && !(members.get(rootOf(input)) ?? []).some((wire) => /^Hash(Tagged)?\.out$/.test(title(wire))))
        continue;
      formed.add(path);
      count(obligations, name);
      learn(
        bits.map((signal) => inside(path, signal)),
        rowsOf(inside(path, "bits[0]")).filter((row) => isLinear[row] === 1),
      );
    }
  };
  /** By path: the rows of an argued component, hashed, as rowsHashOf says. */
  const hashOfRows = (path: string, names: readonly string[]): string => {
    // Of anonymous components the order counts, and not the place.
    const order: string[] = [];
    const ordinal = (at: string) => (order.includes(at) ? order.indexOf(at) : order.push(at) - 1);
    const local = (name: string) =>
      localName(path, name).replace(/_(\d+_\d+)(?=[.[])/g, (_, at: string) => `#${ordinal(at)}`);
    const own = new Map(names.map((name) => [signals.get(name)!, local(name)]));
    own.set(0, "1");
    return rowsHashOf(r1cs, own, new Set([...own.keys()].filter((wire) => wire > 0).flatMap(rowsOf)));
  };
  const takeArgued = () => {
    for (const [path, names] of argued) {
      const template = components.get(path)!;
      const { inputs, hints, rows } = ARGUED[template];
      const of = (signal: string) =>
        names.filter((name) => localName(path, name).replace(/\[.*$/, "") === signal).map((name) => signals.get(name)!);
      if (skip(template, path) || !inputs.flatMap(of).every((wire) => known[wire] === 1)) continue;
      argued.delete(path);
      if (!rows.includes(hashOfRows(path, names))) continue;
      count(obligations, template);
      learn(hints.flatMap(of), []);
    }
  };
  const title = (wire: number) => {
    if (wire === 0) return "1";
    const { template, signal } = place(wire);
    return `${template}.${signal}`;
  };
  /** One, so that no later one is taken that follows from it. */
  const takeDenominator = () => {
    for (const row of candidates) {
      candidates.delete(row);
      const parts = [3 * row, 3 * row + 1];
      const [of] = parts.filter((part) => unknown[part] > 0);
      if (of === undefined) continue;
      const [[y]] = unknownsOf(form(of));
      const name = title(y);
      const axiom = DENOMINATORS[name];
      const E = form(parts.find((part) => part !== of)!);
      if (axiom === undefined || skip(name, names[y])) continue;
      if (ratio(named(place(y).path, axiom.denominator), E) === undefined) continue;
      count(obligations, name);
      return learn([y], [row]);
    }
  };

  learn([0, ...inputsOf(r1cs)], []);
  for (let row = 0; row < constraintCount; row++) enqueue(row);
  for (let before = -1; before !== steps;) {
    before = steps;
    settle();
    takeScalars();
    settle();
    takeArgued();
    settle();
    takeDenominator();
  }

  // What rests on the form that a Scalar gives: 2 on the bits, 1 on a multiple where the scalar is 7 l or more.
  const rests = new Uint8Array(wires);
  const source: string[] = [];
  const sameScalar = (path: string, template: string): string | undefined => {
    const bit = rootOf(inside(path, "bits[0]"));
    const from = [...formed].find((one) => rootOf(inside(one, "bits[0]")) === bit);
    const same = (signal: string) => rootOf(inside(path, signal)) === rootOf(inside(from!, signal));
    if (from === undefined || !same("positive")) return undefined;
    for (let i = 0; i < 250; i++) if (!same(`bits[${i}]`)) return undefined;
    return template === "MultiplySigned" && inside(path, "bits[250]") >= 0 ? undefined : from;
  };
  const clean = (path: string, signal: string) => {
    const wire = inside(path, signal);
    return wire >= 0 && known[wire] === 1 && rests[wire] === 0;
  };
  for (const wire of order) {
    for (const row of by[wire])
      for (let term = starts[3 * row]; term < starts[3 * row + 3]; term++) {
        const premise = termWires[term];
        if (known[premise] === 0 || step[premise] >= step[wire] || rests[premise] === 0) continue;
        const mixed = source[wire] !== undefined && source[wire] !== source[premise];
        rests[wire] = Math.max(rests[wire], mixed ? 2 : rests[premise]);
        source[wire] = source[premise];
      }
    const { path, template, signal } = wire === 0 ? { path: "", template: "", signal: "" } : place(wire);
    if (template === "Scalar" && formed.has(path) && (signal === "positive" || signal.startsWith("bits["))) {
      rests[wire] = 2;
      source[wire] = path;
    } else if (rests[wire] === 2 && /^out\[[01]\]$/.test(signal)) {
      const from = /^Multiply(Fixed)?Signed$/.test(template) ? sameScalar(path, template) : undefined;
      const point = template !== "MultiplySigned" || (clean(path, "point[0]") && clean(path, "point[1]"));
      if (from !== undefined && from === source[wire] && point && clean(from, "in"))
        rests[wire] = scalars.get(from)!.exact ? 1 : 0;
    } else if (rests[wire] === 1 && title(wire) === "Signature.valid") {
      // Where the quotient is not 0 `allowed` is 0, and where it is 0 nothing rests on the form.
      const product = (x: string, y: string, z: string) =>
        hasRow(path, named(path, { [x]: 1n }), named(path, { [y]: 1n }), named(path, { [z]: 1n }), z);
      const answer = (members.get(rootOf(inside(path, "below"))) ?? []).find((at) => title(at) === "IsZero.out");
      if (answer === undefined) continue;
      const isZero = place(answer).path;
      const asked = rootOf(inside(isZero, "in")) === rootOf(inside(source[wire], "quotient"));
      const vanishes = hasRow(isZero, named(isZero, { in: 1n }), named(isZero, { out: 1n }), new Map(), "out");
      const allowed = vanishes && product("keyGiven", "below", "allowed") && product("allowed", "equal", "valid");
      if (allowed && asked && clean(path, "allowed")) rests[wire] = 0;
    }
  }

  // What is left: sets of wires that rows tie together, each of a class that may be free.
  const undetermined: string[] = [];
  const free = new Map<string, number>();
  const report = (wire: number, what: string) => undetermined.push(`${names[wire]} of ${place(wire).template}${what}`);
  const seen = new Uint8Array(wires);
  for (let wire = 1; wire < wires; wire++) {
    if (known[wire] === 1) {
      if (rests[wire] === 0) continue;
      let owner = place(wire).path;
      while (owner !== "" && components.get(owner) !== "Signature")
        owner = owner.slice(0, Math.max(0, owner.lastIndexOf(".")));
      if (components.get(owner) === "Signature" && title(wire) !== "Signature.valid") count(free, "Scalar.form");
      else report(wire, ", which rests on the form of a scalar");
      continue;
    }
    if (seen[wire] === 1) continue;
    const group = [wire];
    const rows = new Set<number>();
    seen[wire] = 1;
    for (const one of group)
      for (const row of rowsOf(one)) {
        rows.add(row);
        for (let term = starts[3 * row]; term < starts[3 * row + 3]; term++) {
          const other = termWires[term];
          if (known[other] === 1 || seen[other] === 1) continue;
          seen[other] = 1;
          group.push(other);
        }
      }
    const binding = [...rows].filter((row) =>
      termWires.subarray(starts[3 * row], starts[3 * row + 3]).some((other) => other !== 0 && known[other] === 1),
    );
    const titles = new Set(group.map((one) => title(one).replace(/\[.*$/, "")));
    const found = Object.entries(FREE).find(
      ([name, { members: of, rows: most, bits }]) =>
        titles.has(name) &&
        (typeof most === "number" ? [most] : most).includes(binding.length) &&
        [...titles].every((one) => one === name || of.includes(one)) &&
        (bits === undefined || group.every((one) => title(one) !== name || bounds.get(rootOf(one)) === below(bits))),
    );
    const outside = group.some((one) => one <= r1cs.publicOutputs);
    if (found !== undefined && !outside) count(free, found[0], group.length);
    else for (const one of group) report(one, "");
  }

  const noBits: string[] = [];
  for (const [name, wire] of signals) {
    if (wire < 0) continue;
    const { template, signal } = placeOf(name);
    if (BITS_KNOWN[template]?.includes(signal.replace(/\[.*$/, "")) && !isBit(wire) && !isConstantBit(wire))
      noBits.push(name);
  }
  return { undetermined, noBits, free, obligations };

  /** Whether a row sets it, or what it equals, to 0 or 1. */
  function isConstantBit(wire: number): boolean {
    const root = rootOf(wire);
    return (members.get(root) ?? [root]).some((one) =>
      rowsOf(one).some((row) => {
        const of = isLinear[row] === 1 ? linear(row)! : new Map<number, bigint>();
        const value = of.get(one);
        if (value === undefined || of.size > 2 || (of.size === 2 && !of.has(0))) return false;
        return [0n, 1n].includes(modulo(-(of.get(0) ?? 0n) * invert(value)));
      }),
    );
  }
}

/** A signal as its component names it. */
const localName = (path: string, name: string) => (path === "" ? name : name.slice(path.length + 1));

/** What is the same of all copies of a component: its rows, in names of its own. @param names  of its wires */
function rowsHashOf(
  { starts, termWires, coefficients }: R1cs,
  names: ReadonlyMap<number, string>,
  rows: Iterable<number>,
): string {
  const texts: string[] = [];
  for (const row of rows) {
    const wires = termWires.subarray(starts[3 * row], starts[3 * row + 3]);
    if (!wires.every((wire) => names.has(wire))) continue;
    const part = (at: number) =>
      Array.from({ length: starts[at + 1] - starts[at] }, (_, i) => starts[at] + i)
        .map((term) => `${names.get(termWires[term])} ${coefficients[term]}`)
        .sort()
        .join("+");
    texts.push([0, 1, 2].map((i) => part(3 * row + i)).join("|"));
  }
  return createHash("sha256").update(texts.sort().join("\n")).digest("hex").slice(0, 16);
}

function isPlain({ starts, termWires, coefficients, wires }: R1cs): boolean {
  const seen = new Int32Array(wires).fill(-1);
  for (let part = 0; part + 1 < starts.length; part++)
    for (let term = starts[part]; term < starts[part + 1]; term++) {
      if (coefficients[term] === 0n || seen[termWires[term]] === part) return false;
      seen[termWires[term]] = part;
    }
  return true;
}

function inputsOf({ publicOutputs, publicInputs, privateInputs }: R1cs): number[] {
  return Array.from({ length: publicInputs + privateInputs }, (_, i) => 1 + publicOutputs + i);
}

/** The system without some of its rows. */
export function withoutRows(r1cs: R1cs, removed: (row: number) => boolean): R1cs {
  const starts: number[] = [0];
  const terms: number[] = [];
  for (let row = 0; row < r1cs.constraintCount; row++) {
    if (removed(row)) continue;
    for (let part = 3 * row; part < 3 * row + 3; part++) {
      for (let term = r1cs.starts[part]; term < r1cs.starts[part + 1]; term++) terms.push(term);
      starts.push(terms.length);
    }
  }
  return {
    ...r1cs,
    constraintCount: (starts.length - 1) / 3,
    nonzeros: terms.length,
    starts: Uint32Array.from(starts),
    termWires: Uint32Array.from(terms, (term) => r1cs.termWires[term]),
    coefficients: terms.map((term) => r1cs.coefficients[term]),
    units: Int8Array.from(terms, (term) => r1cs.units[term]),
  };
}

/** The system with each wire once in a part, and no term that is 0. */
function plain(r1cs: R1cs): R1cs {
  const starts: number[] = [0];
  const termWires: number[] = [];
  const coefficients: bigint[] = [];
  for (let part = 0; part < 3 * r1cs.constraintCount; part++) {
    const form: Form = new Map();
    for (let term = r1cs.starts[part]; term < r1cs.starts[part + 1]; term++)
      add(form, r1cs.termWires[term], r1cs.coefficients[term]);
    termWires.push(...form.keys());
    coefficients.push(...form.values());
    starts.push(termWires.length);
  }
  const units = Int8Array.from(coefficients, (value) => (value === 1n ? 1 : value === MODULUS - 1n ? -1 : 0));
  const parts = { starts: Uint32Array.from(starts), termWires: Uint32Array.from(termWires), coefficients, units };
  return { ...r1cs, ...parts, nonzeros: termWires.length };
}
