// Goal: the harness is no formality: a venue that breaks one of its rules is caught, by the trouble that the rule is for.
// Method: the built package with a place changed, a short schedule; and the same schedule with the package as it is, which passes.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { Random } from "../../../src/replay/random.ts";
import { POSTGRES } from "../postgres.ts";
import { brokenBuild, type Break } from "./broken.ts";
import type { Finding, FindingKind } from "./judge.ts";
import { Scene } from "./run.ts";
import { NeverCame } from "./tries.ts";

const STORE = "venue/store/postgres";

interface Case {
  readonly what: string;
  readonly breaks: readonly Break[];
  readonly trouble: string;
  /** of what is found, one of these at least */
  readonly found: readonly FindingKind[];
}

const CASES: readonly Case[] = [
  {
    // Each alone is enough: who takes over ends the connection of who led, and writes look at the epoch.
    what: "writes do not look at the epoch, and who led before is not ended",
    breaks: [
      { file: `${STORE}/postgresStore.js`, text: "id = 0 AND epoch = $1 FOR SHARE", by: "id = 0 AND $1::bigint > 0 FOR SHARE" },
      { file: `${STORE}/lease.js`, text: "    await endBackend(writer, lease.epoch);\n", by: "" },
    ],
    trouble: "renewals of the lease silent",
    found: ["stale"],
  },
  {
    what: "an item is acknowledged before a standby has it",
    breaks: [{ file: `${STORE}/copies.js`, text: 'if (typeof copies !== "object" || copies.standbys === 0)\n        return;', by: "return;" }], // prettier-ignore
    trouble: "primary waits for nobody, is killed, another promoted",
    found: ["lost", "fork"],
  },
]; // prettier-ignore

describe("a cluster whose programs break a rule", () => {
  before(function () {
    if (POSTGRES === undefined) this.skip();
  });

  /** @param root  undefined: of the package as it is; @param tries  how often an acknowledgement is looked for afterwards */
  async function suffers(trouble: string, root: string | undefined, tries?: number): Promise<Finding[]> {
    const scene = await Scene.open({ seed: 1, root, prove: false, disks: false, traders: 3, paceMs: 150 });
    try {
      await scene.suffer(trouble, new Random(1), tries).catch((error: unknown) => {
        // What is broken may well stop, as it should.
        if (root === undefined || !(error instanceof NeverCame)) throw error;
      });
      return (await scene.judge()).findings;
    } finally {
      await scene.close();
    }
  }

  for (const { what, breaks, trouble, found } of CASES) {
    it(`${what}: ${trouble}, and it is found`, async () => {
      const root = brokenBuild(breaks);
      try {
        const findings = await suffers(trouble, root, 300);
        assert.ok(findings.some(({ kind }) => found.includes(kind)), JSON.stringify(findings, null, 2)); // prettier-ignore
      } finally {
        rmSync(root, { recursive: true });
      }
    });

    it(`as it is: ${trouble}, and nothing is found`, async () => {
      assert.deepEqual(await suffers(trouble, undefined), []);
    });
  }
});
