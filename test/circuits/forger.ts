/**
 * Computes the witness of a cheat: some wires are pinned to what the cheat claims, and all that follows is computed anew
 * from the constraints, so that only rules that really bind a pinned wire can be broken.
 */
import { MODULUS, type R1cs } from "./r1cs.ts";
import type { Uses } from "./uses.ts";

/** 2^253 < r < 2^254 */
const FIELD_BITS = 254;

/** A sum of unknown wires, times their coefficients, and a constant: all that is 0. */
interface Equation {
  terms: Map<number, bigint>;
  constant: bigint;
}

/** A wire that is assigned by a hint, and its component. */
interface Hint {
  wire: number;
  component: number;
}

/**
 * What is the same for all forgeries of one circuit.
 *
 * Most wires of a forgery have their honest values, and a constraint in which all known wires have them gives the honest
 * value again: it need not be computed. So there is arithmetic only where a wire is known that the cheat has changed.
 */
export class Forger {
  readonly #r1cs: R1cs;
  readonly #uses: Uses;
  /** 1 for a wire that some constraint forces to 0 or 1. */
  readonly #isBit: Uint8Array;
  /** By part: wires in it, and those of them that are no bits. */
  readonly #size: Uint32Array;
  readonly #noBits: Uint32Array;
  /** Component of each wire that is assigned by a rule, else -1. */
  readonly #owner: Int32Array;
  /** By component: how many such wires it has. */
  readonly #owned: Uint32Array;
  readonly #hints: readonly Hint[];
  /** Of each term: n where its coefficient is 2^(n - 1), -n where it is that negated, else 0. */
  readonly #powers: Int16Array;

  /**
   * @param signals  wires by names, a component before its parts
   * @param hints    names of signals that are assigned by a hint (`<--`), without path and index
   */
  constructor(r1cs: R1cs, uses: Uses, signals: ReadonlyMap<string, number>, hints: ReadonlySet<string>) {
    this.#r1cs = r1cs;
    const { wires, constraintCount, starts, termWires } = r1cs;
    this.#uses = uses;
    this.#isBit = new Uint8Array(wires);
    for (let i = 0; i < constraintCount; i++) {
      const bit = bitOf(r1cs, i);
      if (bit !== undefined) this.#isBit[bit] = 1;
    }
    const powers = new Map<bigint, number>();
    for (let n = 1; n <= FIELD_BITS; n++)
      powers.set(modulo(1n << BigInt(n - 1)), n).set(modulo(-1n << BigInt(n - 1)), -n);
    this.#powers = Int16Array.from(r1cs.coefficients, (value) => powers.get(value) ?? 0);
    this.#size = new Uint32Array(3 * constraintCount);
    this.#noBits = new Uint32Array(3 * constraintCount);
    for (let part = 0; part < 3 * constraintCount; part++)
      for (let term = starts[part]; term < starts[part + 1]; term++) {
        this.#size[part]++;
        if (this.#isBit[termWires[term]] === 0) this.#noBits[part]++;
      }

    const components = new Map<string, number>();
    const owned: number[] = [];
    this.#owner = new Int32Array(wires).fill(-1);
    const found: Hint[] = [];
    for (const [name, wire] of signals) {
      const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
      const component = components.get(path) ?? owned.push(0) - 1;
      components.set(path, component);
      if (hints.has(name.slice(path.length).replace(/^\.|\[.*$/g, ""))) found.push({ wire, component });
      else {
        this.#owner[wire] = component;
        owned[component]++;
      }
    }
    this.#owned = Uint32Array.from(owned);
    this.#hints = found;
  }

  /**
   * 1. A constraint that is linear in exactly one unknown wire gives that wire.
   * 2. A linear constraint whose unknowns are all bits, times different powers of two, gives those bits.
   * 3. When neither helps, one wire that is assigned by a hint keeps its honest value: first in a component that waits
   *    for nothing else.
   * @param honest  a witness that satisfies all constraints
   * @param pinned  values by wires
   */
  forge(honest: readonly bigint[], pinned: ReadonlyMap<number, bigint>): bigint[] {
    const { wires, constraintCount, starts, termWires, publicOutputs, publicInputs, privateInputs } = this.#r1cs;
    const [uses, owner, isBit] = [this.#uses, this.#owner, this.#isBit];
    const values = Array.from<bigint | undefined>({ length: wires });
    const unknown = this.#size.slice();
    const noBits = this.#noBits.slice();
    const waiting = this.#owned.slice();
    /** By constraint: known wires whose value is not the honest one. */
    const changed = new Uint32Array(constraintCount);
    // All of them once: a signal that equals a constant waits for no other.
    const queue = Array.from({ length: constraintCount }, (_, i) => i);

    const assign = (wire: number, value: bigint) => {
      values[wire] = value;
      if (owner[wire] !== -1) waiting[owner[wire]]--;
      const [bit, change] = [isBit[wire], value === honest[wire] ? 0 : 1];
      let last = -1;
      for (let at = uses.starts[wire]; at < uses.starts[wire + 1]; at++) {
        const part = uses.parts[at];
        const constraint = Math.floor(part / 3);
        unknown[part]--;
        noBits[part] -= 1 - bit;
        changed[constraint] += change;
        if (constraint !== last) queue.push(constraint);
        last = constraint;
      }
    };
    const propagate = () => {
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
        const [a, b, c] = [3 * i, 3 * i + 1, 3 * i + 2];
        if (unknown[a] > 0 && unknown[b] > 0) continue;
        if (unknown[a] + unknown[b] > 0) {
          if (this.#staysOpen(unknown[a] > 0 ? a : b, c, unknown, noBits, values)) continue;
        } else {
          if (unknown[c] === 0 || (unknown[c] > 1 && noBits[c] > 0)) continue;
          const bits = unknown[c] > 1 ? this.#widthOfBits(c, values) : 0;
          if (bits === undefined) continue;
          // The only solution is the honest one.
          if (changed[i] === 0 && bits < FIELD_BITS) {
            for (let term = starts[c]; term < starts[c + 1]; term++)
              if (values[termWires[term]] === undefined) assign(termWires[term], honest[termWires[term]]);
            continue;
          }
        }
        const { terms, constant } = this.#equation(i, values);
        if (terms.size === 0) continue;
        const [[wire, coefficient]] = terms;
        if (terms.size === 1) assign(wire, changed[i] === 0 ? honest[wire] : quotient(-constant, coefficient));
        else if ([...terms.keys()].every((term) => isBit[term] === 1))
          for (const [bit, value] of decompose({ terms, constant }) ?? []) assign(bit, value);
      }
    };
    /** The first hint that is open, of those whose component waits for least; before `from` none is open. */
    let from = 0;
    const next = () => {
      while (from < this.#hints.length && values[this.#hints[from].wire] !== undefined) from++;
      let best: Hint | undefined;
      for (let i = from; i < this.#hints.length; i++) {
        const hint = this.#hints[i];
        if (values[hint.wire] !== undefined) continue;
        if (best === undefined || waiting[hint.component] < waiting[best.component]) best = hint;
        if (waiting[best.component] === 0) return best;
      }
      return best;
    };

    assign(0, 1n);
    for (const [wire, value] of pinned) assign(wire, modulo(value));
    for (let wire = 1 + publicOutputs; wire <= publicOutputs + publicInputs + privateInputs; wire++)
      if (!pinned.has(wire)) assign(wire, honest[wire]);
    propagate();

    for (let hint = next(); hint !== undefined; hint = next()) {
      assign(hint.wire, honest[hint.wire]);
      propagate();
    }
    for (let wire = 1; wire < wires; wire++) {
      if (values[wire] !== undefined) continue;
      assign(wire, honest[wire]);
      propagate();
    }
    return values as bigint[];
  }

  /**
   * Whether a constraint whose one factor is known surely has two unknown wires or more, that are not all bits. Where it
   * is hard to say, the answer is no.
   */
  #staysOpen(
    linear: number,
    result: number,
    unknown: Uint32Array,
    noBits: Uint32Array,
    values: readonly (bigint | undefined)[],
  ): boolean {
    if (unknown[linear] + unknown[result] < 2 || noBits[linear] + noBits[result] === 0) return false;
    const { starts, termWires } = this.#r1cs;
    // A wire on both sides may cancel out.
    if (unknown[result] > 0)
      for (let term = starts[linear]; term < starts[linear + 1]; term++)
        for (let other = starts[result]; other < starts[result + 1]; other++)
          if (termWires[term] === termWires[other] && values[termWires[term]] === undefined) return false;
    // And all of them do where the known factor is 0.
    const factor = linear % 3 === 0 ? linear + 1 : linear - 1;
    return this.#split(factor, values).constant !== 0n;
  }

  /**
   * The unknown wires of a part, if their coefficients are different powers of two, all or none of them negated: the
   * number of bits of the sum that they can make.
   */
  #widthOfBits(part: number, values: readonly (bigint | undefined)[]): number | undefined {
    const { starts, termWires } = this.#r1cs;
    let sign = 0;
    let width = 0;
    const seen = new Uint8Array(FIELD_BITS + 1);
    for (let term = starts[part]; term < starts[part + 1]; term++) {
      if (values[termWires[term]] !== undefined) continue;
      const power = this.#powers[term];
      if (power === 0 || power * sign < 0 || seen[Math.abs(power)] === 1) return undefined;
      sign = power;
      seen[Math.abs(power)] = 1;
      width = Math.max(width, Math.abs(power));
    }
    return width;
  }

  /** A constraint in its unknown wires. One of its factors at least is known. */
  #equation(constraint: number, values: readonly (bigint | undefined)[]): Equation {
    const [left, right, result] = [0, 1, 2].map((part) => this.#split(3 * constraint + part, values));
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

/** Bits whose sum, each times its own power of two (all negated perhaps), is what the equation asks; if there are any. */
function decompose({ terms, constant }: Equation): [number, bigint][] | undefined {
  for (const sign of [1n, -1n]) {
    const powers = [...terms].map(([wire, value]) => ({ wire, power: modulo(sign * value) }));
    const sum = modulo(-sign * constant);
    const mask = powers.reduce((all, { power }) => all | power, 0n);
    const single = powers.every(({ power }) => (power & (power - 1n)) === 0n);
    if (!single || new Set(powers.map(({ power }) => power)).size < powers.length || (sum & ~mask) !== 0n) continue;
    return powers.map(({ wire, power }) => [wire, (sum & power) === 0n ? 0n : 1n]);
  }
  return undefined;
}

export function modulo(x: bigint): bigint {
  const rest = x % MODULUS;
  return rest < 0n ? rest + MODULUS : rest;
}

function quotient(x: bigint, y: bigint): bigint {
  if (y === 1n) return modulo(x);
  if (y === MODULUS - 1n) return modulo(-x);
  return modulo(x * inverse(y));
}

/** @param x  in (0, r) */
function inverse(x: bigint): bigint {
  let [a, b, u, v] = [x, MODULUS, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, u, v] = [b - q * a, a, v - q * u, u];
  }
  return u;
}
