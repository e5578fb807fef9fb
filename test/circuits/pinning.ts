/** What the tests of circuits share: forgeries made by program, at least one for each statement that can be broken alone. */
import assert from "node:assert/strict";
import type { Circuit, Inputs } from "./harness.ts";
import type { Random } from "../../src/replay/random.ts";
import { isRecording } from "./record.ts";
import { missed, type Statement } from "./statements.ts";

/** Signals that are tried of each statement: it may stand in many components and loops. */
const TRIED = 2;

/** Other rules that are met again by another input, for one cheat. */
const REPAIRS = 5;

/** Beyond what is given to a component that only asks: no bit, below 0, the ends of amounts, clocks, lots, times. */
const BEYOND = [2n, 0n, -1n, ...[40n, 41n, 45n, 48n, 92n].map((bits) => 1n << bits)];

/** Hints that are free where nothing depends on them: see IsZero, Canonical, BothZero, Scalar in circuits/lib. */
const FREE = /^(signal inverse|factor\[run\]|signal left|signal right|positive) <--/;

/**
 * No signal can have another value: in each example each that a rule computes or a hint assigns is pinned to others, until
 * its rule was broken alone; then inputs are, for rules that compute nothing. Where the cheat breaks a second rule, an input
 * that stands in it is chosen so that it holds.
 * @param file    only of statements in it, or of one of its templates: "fold.circom Fold"
 * @param byHand  text of statements that take a cheat of several signals, which is tried elsewhere
 * @param sample  of a great circuit: so many of the statements, at random; where the tests are recorded all the same all
 */
export function pinsEach(
  circuit: Circuit,
  examples: Record<string, Inputs>,
  file: string,
  byHand: readonly string[] = [],
  sample?: { readonly random: Random; readonly count: number },
): void {
  const alone = new Set<Statement>();
  const [source, of] = file.split(" ");
  const isMine = (it: Statement) => it.file.endsWith(`/${source}`) && (of === undefined || it.template === of);
  const mine = [...new Set(circuit.rules.flat())].filter(isMine);
  assert.ok(mine.length > 0, `no statement is of ${file}`);
  for (const text of byHand)
    assert.ok(
      mine.some((it) => it.text === text),
      `no statement is ${text}`,
    );
  const all = mine.filter(({ text }) => !byHand.includes(text));
  if (sample && !isRecording())
    while (all.length > sample.count) all.splice(sample.random.integer(0, all.length - 1), 1);
  /** Tries a cheat; what it breaks alone is noted. */
  const tries = (inputs: Inputs, pinned: Record<string, bigint>, wanted?: Statement): boolean => {
    for (let pins = pinned, repair = 0; ; repair++) {
      const forged = circuit.solveForged(inputs, pins);
      const broken = circuit.brokenRules(forged);
      const common = missed(broken);
      if (common.length > 0) {
        circuit.refused(inputs, pins, broken);
        for (const it of common) alone.add(it);
        if (wanted === undefined || alone.has(wanted)) return true;
      }
      if (broken.length === 0) return repair > 0;
      const met = repair < REPAIRS && circuit.repaired(forged, pins, wanted);
      if (!met) return true;
      pins = { ...pins, ...met };
    }
  };
  for (const inputs of Object.values(examples)) {
    const honest = circuit.witness(inputs);
    const others = (name: string) => {
      const value = circuit.read(name, honest);
      return value < 2n ? [1n - value, 2n] : [value + 1n, value - 1n];
    };
    const byStatement = new Map<Statement, string[]>();
    for (const { name, statement } of circuit.computed()) {
      const names = byStatement.get(statement);
      if (names) names.push(name);
      else byStatement.set(statement, [name]);
    }
    const hints = [...byStatement.keys()].filter((it) => it.operator === "<--" && isMine(it));
    for (const statement of [...hints, ...all]) {
      const computed = byStatement.has(statement) && statement.operator !== null;
      const names = computed ? byStatement.get(statement)! : circuit.inputsBehind(statement);
      for (const name of [...names.slice(0, TRIED - 1), ...names.slice(1 - TRIED)])
        for (const cheat of [...others(name), ...(statement.operator === null ? BEYOND : [])]) {
          if (alone.has(statement)) break;
          const bound = tries(inputs, { [name]: cheat }, statement);
          assert.ok(bound || !computed || FREE.test(statement.text), `${name} = ${cheat} has a proof`);
          // Or the hints beside it stay as they are.
          const beside = Object.fromEntries(
            circuit.hintsBeside(name).map((hint) => [hint, circuit.read(hint, honest)]),
          );
          if (!alone.has(statement)) tries(inputs, { ...beside, [name]: cheat }, statement);
        }
    }
  }
  const left = all.filter((statement) => !alone.has(statement)).map(({ text }) => text);
  assert.deepEqual(left, [], "no cheat breaks these alone");
}
