/**
 * Computes the witness of a cheat: some wires are pinned to what the cheat claims, and all that follows from them is computed
 * anew, as the circuit's own program would: so a constraint can only be broken that binds a pinned wire, or what follows.
 */
import { MODULUS, modulo, quotient, type R1cs } from "./r1cs.ts";
import type { Uses } from "./uses.ts";

/** A sum of unknown wires, times their coefficients, and a constant: all that is 0. */
interface Equation {
  terms: Map<number, bigint>;
  constant: bigint;
}

/** How a hint is computed from other wires. */
export interface Formula {
  readonly of: readonly number[];
  readonly value: (values: readonly bigint[]) => bigint;
}

/** A wire that is assigned by a hint (`<--`); without a formula the rules of its component give it, where they can. */
interface Hint extends Partial<Formula> {
  readonly wire: number;
}

const NONE = -1;

/** A constraint with more unknown wires is only looked at if they are bits. */
const FEW = 3;

/**
 * What is the same for all forgeries of one circuit. Each wire that is neither an input nor a hint is computed by one
 * constraint, that which `<==` made of it, and by no other. A wire floats if it is a hint or depends on one of its own
 * component: rules of that component compute it, whichever can.
 */
export class Forger {
  readonly #r1cs: R1cs;
  /** By constraint: its wires but the constant 1, each once; and by wire: the constraints that it is in. */
  readonly #wiresOf: readonly (readonly number[])[];
  readonly #constraintsOf: readonly (readonly number[])[];
  /** 1 for a wire that some constraint forces to 0 or 1. */
  readonly #isBit: Uint8Array;
  /** By constraint: the wire that it computes, or NONE. */
  readonly #computes: Int32Array;
  /** By wire: its component where it floats, else NONE. */
  readonly #floats: Int32Array;
  /** By constraint: the innermost component that contains all its wires. */
  readonly #owner: Int32Array;
  /** By constraint: the wires to which it may give their values. */
  readonly #given: readonly (readonly number[])[];
  readonly #hints: readonly (Hint & { needs: readonly number[] })[];

  /**
   * @param signals    wires by names
   * @param hints      in the order in which a hint that nothing gives keeps its honest value
   * @param computing  whether a constraint comes from `<==`, and not from `===`
   */
  constructor(
    r1cs: R1cs,
    uses: Uses,
    signals: ReadonlyMap<string, number>,
    hints: readonly Hint[],
    computing: (constraint: number) => boolean,
  ) {
    this.#r1cs = r1cs;
    const { wires, constraintCount, starts, termWires } = r1cs;
    this.#wiresOf = Array.from({ length: constraintCount }, (_, i) =>
      [...new Set(termWires.subarray(starts[3 * i], starts[3 * i + 3]))].filter((wire) => wire !== 0),
    );
    this.#constraintsOf = Array.from({ length: wires }, (_, wire) => [
      ...new Set(uses.parts.subarray(uses.starts[wire], uses.starts[wire + 1]).map((part) => Math.floor(part / 3))),
    ]);
    this.#isBit = new Uint8Array(wires);
    for (let i = 0; i < constraintCount; i++) {
      const bit = bitOf(r1cs, i);
      if (bit !== undefined) this.#isBit[bit] = 1;
    }

    const components = new Map<string, number>([["", 0]]);
    const parents = [0];
    const depths = [0];
    const componentAt = (path: string): number => {
      const known = components.get(path);
      if (known !== undefined) return known;
      const parent = componentAt(path.slice(0, Math.max(0, path.lastIndexOf("."))));
      components.set(path, parents.length);
      depths.push(depths[parent] + 1);
      return parents.push(parent) - 1;
    };
    const componentOf = new Int32Array(wires);
    for (const [name, wire] of signals) {
      const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
      componentOf[wire] = componentAt(path);
    }
    const innermost = (x: number, y: number): number => {
      while (x !== y) [x, y] = depths[x] >= depths[y] ? [parents[x], y] : [x, parents[y]];
      return x;
    };
    this.#owner = new Int32Array(constraintCount);
    for (let i = 0; i < constraintCount; i++)
      this.#owner[i] = this.#wiresOf[i].map((wire) => componentOf[wire]).reduce(innermost);

    this.#computes = this.#match(computing, new Set(hints.map(({ wire }) => wire)));
    this.#floats = new Int32Array(wires).fill(NONE);
    const queue = hints.map(({ wire }) => wire);
    for (const wire of queue) this.#floats[wire] = componentOf[wire];
    for (let wire = queue.pop(); wire !== undefined; wire = queue.pop())
      for (const i of this.#constraintsOf[wire]) {
        const made = this.#computes[i];
        if (made === NONE || this.#floats[made] !== NONE || componentOf[made] !== this.#floats[wire]) continue;
        this.#floats[made] = componentOf[made];
        queue.push(made);
      }
    this.#given = this.#wiresOf.map((all, i) =>
      all.filter((wire) => this.#computes[i] === wire || this.#floats[wire] === this.#owner[i]),
    );
    // A hint waits for what is not computed from hints itself, in the rules that may give it.
    this.#hints = hints.map((hint) => ({
      ...hint,
      needs:
        hint.of ??
        this.#constraintsOf[hint.wire]
          .filter((i) => this.#owner[i] === componentOf[hint.wire])
          .flatMap((i) => this.#wiresOf[i].filter((wire) => this.#floats[wire] !== componentOf[hint.wire]))
          .filter((wire, at, all) => all.indexOf(wire) === at),
    }));
  }

  /**
   * The wire that each constraint computes. It is computed before it is used, so a wire that stands in one of them only is
   * computed by that one; without both the same holds of the rest.
   */
  #match(computing: (constraint: number) => boolean, hints: ReadonlySet<number>): Int32Array {
    const { wires, constraintCount, publicOutputs, publicInputs, privateInputs } = this.#r1cs;
    const computes = new Int32Array(constraintCount).fill(NONE);
    const open = Uint8Array.from({ length: constraintCount }, (_, i) => (computing(i) ? 1 : 0));
    const isComputed = (wire: number) =>
      (wire <= publicOutputs || wire > publicOutputs + publicInputs + privateInputs) && !hints.has(wire);
    const uses = new Uint32Array(wires);
    for (let i = 0; i < constraintCount; i++) if (open[i] === 1) for (const wire of this.#wiresOf[i]) uses[wire]++;
    const queue = Array.from({ length: wires }, (_, wire) => wire).filter((it) => uses[it] === 1 && isComputed(it));
    for (let wire = queue.pop(); wire !== undefined; wire = queue.pop()) {
      const constraint = this.#constraintsOf[wire].find((i) => open[i] === 1);
      if (constraint === undefined) continue;
      computes[constraint] = wire;
      open[constraint] = 0;
      for (const other of this.#wiresOf[constraint]) if (--uses[other] === 1 && isComputed(other)) queue.push(other);
    }
    if (open.includes(1)) throw new Error(`it is not clear what constraint ${open.indexOf(1)} computes`);
    return computes;
  }

  /**
   * What may change are the wires that follow from pinned ones; all others keep their values.
   * 1. A constraint that is linear in exactly one of these gives it, if it computes it or owns it where it floats.
   * 2. One whose unknown wires are bits that float, times different powers of two, gives those bits.
   * 3. A hint that rounds is computed by its formula.
   * 4. When nothing helps, a hint keeps its honest value: first one that waits for nothing.
   * @param honest  a witness that satisfies all constraints
   * @param pinned  values by wires
   */
  forge(honest: readonly bigint[], pinned: ReadonlyMap<number, bigint>): bigint[] {
    const values: (bigint | undefined)[] = [...honest];
    const unknown = new Uint16Array(this.#r1cs.constraintCount);
    const cone = this.#following([...pinned.keys()]);
    for (const [wire, value] of pinned) values[wire] = modulo(value);
    const queue = new Set<number>();
    for (const wire of pinned.keys()) for (const i of this.#constraintsOf[wire]) queue.add(i);
    for (const wire of cone) {
      values[wire] = undefined;
      for (const i of this.#constraintsOf[wire]) {
        unknown[i]++;
        queue.add(i);
      }
    }
    const assign = (wire: number, value: bigint) => {
      values[wire] = value;
      for (const i of this.#constraintsOf[wire]) if (--unknown[i] > 0) queue.add(i);
    };
    /** Constraints whose unknown wires are bits, and no bits fit: one less makes no difference. */
    const hopeless = new Set<number>();
    const propagate = () => {
      for (const i of queue) {
        queue.delete(i);
        if (unknown[i] > 1 && hopeless.has(i)) continue;
        const found = this.#solve(i, unknown[i], values);
        if (found === undefined) hopeless.add(i);
        for (const [wire, value] of found ?? []) assign(wire, value);
      }
    };
    propagate();
    const isKnown = (wire: number) => values[wire] !== undefined;
    for (let open = this.#hints.filter(({ wire }) => !isKnown(wire)); open.length > 0;) {
      const ready = open.filter(({ needs }) => needs.every(isKnown));
      const next = ready.find(({ value }) => value) ?? ready[0] ?? open[0];
      const of = next.of?.map((wire) => values[wire]!);
      assign(next.wire, of && ready.includes(next) && of[1] !== 0n ? modulo(next.value!(of)) : honest[next.wire]);
      propagate();
      open = open.filter(({ wire }) => !isKnown(wire));
    }
    const left = cone.find((wire) => values[wire] === undefined);
    if (left !== undefined) throw new Error(`nothing computes wire ${left}`);
    return values as bigint[];
  }

  /** The constraint that computes a wire, if one does. */
  computes(wire: number): number | undefined {
    return this.#constraintsOf[wire].find((i) => this.#computes[i] === wire);
  }

  /** Whether a wire is a hint, or depends on one of its own component. */
  floats(wire: number): boolean {
    return this.#floats[wire] !== NONE;
  }

  wiresOf(constraint: number): readonly number[] {
    return this.#wiresOf[constraint];
  }

  /** The wire of which this one is a copy, of a copy and so on. */
  source(wire: number): number {
    const made = this.computes(wire);
    const [other, ...more] = made === undefined ? [] : this.#wiresOf[made].filter((it) => it !== wire);
    return made === undefined || other === undefined || more.length > 0 || !this.#copies(made)
      ? wire
      : this.source(other);
  }

  /** Whether a constraint says that two wires are equal. */
  #copies(constraint: number): boolean {
    const { starts, units } = this.#r1cs;
    const [a, b, c, end] = [0, 1, 2, 3].map((part) => starts[3 * constraint + part]);
    return (a === b || b === c) && end - c === 2 && units[c] * units[c + 1] === -1;
  }

  /** The value of a wire for which a constraint holds, the others as they are; if it says one. */
  valueFor(constraint: number, wire: number, witness: readonly bigint[]): bigint | undefined {
    const values: (bigint | undefined)[] = [...witness];
    values[wire] = undefined;
    const parts = [0, 1, 2].map((part) => 3 * constraint + part);
    if (this.#isOpen(parts[0], values) && this.#isOpen(parts[1], values)) return undefined;
    const { terms, constant } = this.#equation(parts, values);
    const coefficient = terms.get(wire);
    return coefficient === undefined ? undefined : quotient(-constant, coefficient);
  }

  /** All wires that may depend on these, without them. */
  #following(from: readonly number[]): number[] {
    const found = new Set(from);
    for (const wire of found)
      for (const i of this.#constraintsOf[wire]) for (const other of this.#given[i]) found.add(other);
    return [...found].slice(from.length);
  }

  /**
   * The wires that a constraint gives, with their values: none where it does not say enough. Undefined where they should be
   * bits, and no bits fit.
   */
  #solve(constraint: number, unknown: number, values: readonly (bigint | undefined)[]): [number, bigint][] | undefined {
    const given = this.#given[constraint];
    if (unknown === 0 || unknown > Math.max(given.length, FEW)) return [];
    const [left, right, result] = [0, 1, 2].map((part) => 3 * constraint + part);
    if (given.length === 1 && this.#computes[constraint] === given[0] && unknown === 1) {
      const value = this.#outcome(constraint, given[0], values);
      if (value !== undefined) return [[given[0], value]];
    }
    if (this.#isOpen(left, values) && this.#isOpen(right, values)) return [];
    const isFreeBit = (wire: number) => this.#isBit[wire] === 1 && given.includes(wire);
    if (unknown > FEW && !this.#wiresOf[constraint].every((it) => values[it] !== undefined || isFreeBit(it))) return [];
    const { terms, constant } = this.#equation([left, right, result], values);
    if (terms.size === 1) {
      const [[wire, coefficient]] = terms;
      return given.includes(wire) ? [[wire, quotient(-constant, coefficient)]] : [];
    }
    return [...terms.keys()].every(isFreeBit) ? decompose({ terms, constant }) : [];
  }

  /** The value of a wire that only stands in the result of a constraint whose other wires are known. */
  #outcome(constraint: number, wire: number, values: readonly (bigint | undefined)[]): bigint | undefined {
    const { starts, termWires, coefficients, units } = this.#r1cs;
    const sums = [0n, 0n, 0n];
    let coefficient = 0n;
    for (let part = 0; part < 3; part++)
      for (let term = starts[3 * constraint + part]; term < starts[3 * constraint + part + 1]; term++) {
        const value = values[termWires[term]];
        if (value !== undefined)
          sums[part] += units[term] === 0 ? coefficients[term] * value : units[term] === 1 ? value : -value;
        else if (part === 2 && termWires[term] === wire) coefficient = coefficients[term];
        else return undefined;
      }
    return quotient((sums[0] % MODULUS) * (sums[1] % MODULUS) - sums[2], coefficient);
  }

  #isOpen(part: number, values: readonly (bigint | undefined)[]): boolean {
    const { starts, termWires } = this.#r1cs;
    for (let term = starts[part]; term < starts[part + 1]; term++)
      if (values[termWires[term]] === undefined) return true;
    return false;
  }

  /** A constraint in its unknown wires. One of its factors at least is known. */
  #equation(parts: readonly number[], values: readonly (bigint | undefined)[]): Equation {
    const [left, right, result] = parts.map((part) => this.#split(part, values));
    const [factor, other] = left.terms.size > 0 ? [right.constant, left] : [left.constant, right];
    const terms = new Map<number, bigint>();
    const add = (wire: number, value: bigint) => terms.set(wire, modulo((terms.get(wire) ?? 0n) + value));
    for (const [wire, value] of other.terms) add(wire, factor * value);
    for (const [wire, value] of result.terms) add(wire, -value);
    for (const [wire, value] of terms) if (value === 0n) terms.delete(wire);
    return { terms, constant: modulo(factor * other.constant - result.constant) };
  }

  #split(part: number, values: readonly (bigint | undefined)[]): Equation {
    const { starts, termWires, coefficients, units } = this.#r1cs;
    const terms = new Map<number, bigint>();
    let constant = 0n;
    for (let term = starts[part]; term < starts[part + 1]; term++) {
      const value = values[termWires[term]];
      if (value === undefined) terms.set(termWires[term], coefficients[term]);
      else if (units[term] === 1) constant += value;
      else if (units[term] === -1) constant -= value;
      else constant += coefficients[term] * value;
    }
    return { terms, constant: modulo(constant) };
  }
}

/** The wire x of a constraint x * (x - 1) = 0, in any order and scale. */
function bitOf(r1cs: R1cs, constraint: number): number | undefined {
  const { starts, termWires, coefficients } = r1cs;
  const [a, b, c, end] = [0, 1, 2, 3].map((part) => starts[3 * constraint + part]);
  if (a === b || b === c || c !== end) return undefined;
  let bit = 0;
  for (const wire of termWires.subarray(a, c)) {
    if (wire === 0 || wire === bit) continue;
    if (bit !== 0) return undefined;
    bit = wire;
  }
  if (bit === 0) return undefined;
  const isZero = (from: number, to: number, x: bigint) => {
    let sum = 0n;
    for (let term = from; term < to; term++) sum += coefficients[term] * (termWires[term] === 0 ? 1n : x);
    return sum % MODULUS === 0n;
  };
  return [0n, 1n].every((x) => isZero(a, b, x) || isZero(b, c, x)) ? bit : undefined;
}

/**
 * Bits whose sum, each times its own power of two (all negated perhaps), is what the equation asks: undefined if no bits fit,
 * none if the coefficients are others.
 */
function decompose({ terms, constant }: Equation): [number, bigint][] | undefined {
  for (const sign of [1n, -1n]) {
    const powers = [...terms].map(([wire, value]) => ({ wire, power: modulo(sign * value) }));
    const single = powers.every(({ power }) => (power & (power - 1n)) === 0n);
    if (!single || new Set(powers.map(({ power }) => power)).size < powers.length) continue;
    const sum = modulo(-sign * constant);
    const mask = powers.reduce((all, { power }) => all | power, 0n);
    return (sum & ~mask) === 0n ? powers.map(({ wire, power }) => [wire, (sum & power) === 0n ? 0n : 1n]) : undefined;
  }
  return [];
}
