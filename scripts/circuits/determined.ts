/**
 * Shows that every wire of each instruction follows from its inputs, and on what that rests: prints a table, and fails
 * where a wire does not follow (test/circuits/determined.ts).
 *     npm run circuits:determined
 */
import { table, thousands } from "../../src/setup/format.ts";
import { determined } from "../../test/circuits/determined.ts";
import { compileTemplate } from "../../test/circuits/harness.ts";
import { SMALL_INSTRUCTIONS } from "../../test/circuits/smallCircuits.ts";

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, count) => all + count, 0);
const summary = [["instruction", "rows", "wires", "free", "obligations", "undetermined", "ms"]];
const classes = new Map<string, string[]>();
const wrong: string[] = [];
const names = Object.keys(SMALL_INSTRUCTIONS);
for (const [i, [name, source]] of Object.entries(SMALL_INSTRUCTIONS).entries()) {
  const { r1cs, signals, statements } = await compileTemplate(source);
  const from = performance.now();
  const { undetermined, noBits, free, obligations } = determined({ r1cs, signals, statements, main: source.template });
  const ms = Math.round(performance.now() - from);
  const counts = [r1cs.constraintCount, r1cs.wires, sum(free), sum(obligations), undetermined.length, ms];
  summary.push([`${name} (${source.args?.join(", ")})`, ...counts.map(thousands)]);
  wrong.push(...undetermined.map((wire) => `${name}: ${wire}`), ...noBits.map((wire) => `${name}: ${wire} is no bit`));
  for (const [kind, counted] of [["free", free] as const, ["obligation", obligations] as const])
    for (const [of, count] of counted) {
      const row = classes.get(`${kind} ${of}`) ?? [`${kind} ${of}`, ...names.map(() => "")];
      row[1 + i] = thousands(count);
      classes.set(row[0], row);
    }
}
console.log(table(summary));
console.log(table([["class", ...names], ...[...classes.values()].sort(([a], [b]) => (a < b ? -1 : 1))]));
for (const what of wrong.slice(0, 50)) console.error(what);
if (wrong.length > 50) console.error(`and ${thousands(wrong.length - 50)} more`);
process.exitCode = wrong.length > 0 ? 1 : 0;
