// Goal: nothing that a cluster has acknowledged is lost or doubled, no two of its answers contradict each other, and every round is proved,
// whatever is killed, stopped, cut off, filled or promoted.
// Method: all programs as processes of their own, clients who trade meanwhile, a seeded schedule of troubles, a judge who looks from outside.
import assert from "node:assert/strict";
import { POSTGRES } from "../postgres.ts";
import { run } from "./run.ts";

const SEED = Number(process.env.TACIT_SEED ?? 1);
/** Of 38: `npm run cluster` has them all. */
const TROUBLES = 8;

describe("a cluster in trouble", () => {
  before(function () {
    if (POSTGRES === undefined) this.skip();
  });

  it(`keeps what it has acknowledged (TACIT_SEED=${SEED})`, async () => {
    const { findings, evidence } = await run({
      seed: SEED,
      count: TROUBLES,
      tell: (line) => console.log(`      ${line}`),
    });
    console.log(`      ${evidence.acknowledged.length} acknowledged, of ${evidence.sent.length} sent; ${evidence.proved!.venues[0].rounds.length} rounds`); // prettier-ignore
    assert.deepEqual(findings, []);
  });
});
