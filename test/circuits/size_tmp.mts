import { compileTemplate } from "./harness.ts";
const c = async (file: string, template: string, args: number[]) => {
  const x = await compileTemplate({ file: `circuits/instructions/${file}.circom`, template, args });
  console.log(template, args.join(), x.constraints);
  return x.constraints;
};
const which = process.argv[2];
if (which === "settle") {
  const a1 = await c("settle", "Settle", [10, 1, 1]);
  const a2 = await c("settle", "Settle", [10, 2, 1]);
  const b1 = await c("settle", "Settle", [10, 1, 8]);
  const b2 = await c("settle", "Settle", [10, 2, 8]);
  console.log({
    single: a2 - a1,
    fixed: 2 * a1 - a2,
    run: b2 - b1,
    slots1: (131072 - 2 * a1 + a2) / (a2 - a1),
    slots8: (131072 - 2 * b1 + b2) / (b2 - b1),
  });
  const d1 = await c("settle", "Settle", [4, 1, 1]);
  const d2 = await c("settle", "Settle", [4, 2, 1]);
  const e1 = await c("settle", "Settle", [4, 1, 8]);
  const e2 = await c("settle", "Settle", [4, 2, 8]);
  console.log({
    single: d2 - d1,
    run: e2 - e1,
    slots1: (65536 - 2 * d1 + d2) / (d2 - d1),
    slots8: (65536 - 2 * e1 + e2) / (e2 - e1),
  });
} else
  for (const [S, max] of [
    [12, 131072],
    [4, 65536],
  ]) {
    const a = await c("clear", "Clear", [S, 1, 0]);
    const b = await c("clear", "Clear", [S, 2, 0]);
    console.log({ entry: b - a, fixed: 2 * a - b, slots: (max - 2 * a + b) / (b - a) });
  }
