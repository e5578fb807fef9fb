// Goal: the harness is no formality: a venue that breaks one of its rules is caught, by the trouble that the rule is for.
// Method: the built package with a place changed, a short schedule; and the same schedule with the package as it is, which passes.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { Random } from "../../../src/replay/random.ts";
import { chainHeads } from "../../../src/protocol/item.ts";
import { logHeadDigest } from "../../../src/protocol/logHead.ts";
import { shownText } from "../../../src/venue/coSigning/wire.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";
import { POSTGRES } from "../postgres.ts";
import { brokenBuild, type Break } from "./broken.ts";
import type { Finding, FindingKind } from "./judge.ts";
import { Scene } from "./run.ts";
import { ask } from "./evidence.ts";
import { NeverCame, until } from "./tries.ts";

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
    // Both: who takes over ends the connection of who led, so that its epoch would not be asked for.
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
    const scene = await Scene.open({
      seed: 1,
      root,
      prove: false,
      signer: false,
      coSigners: 0,
      disks: false,
      traders: 3,
      paceMs: 150,
    });
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

  /** A co-signer is started anew, and its operator lies to it: asks it to sign another first entry than it has. */
  async function liesTo(root: string | undefined): Promise<Finding[]> {
    const scene = await Scene.open({ seed: 1, prove: false, disks: false, ...(root && { roots: { c1: root } }) });
    const { cluster, venue } = scene;
    try {
      await scene.traffic.end();
      const liar = cluster.programs.get("c1")!;
      const at = cluster.direct("c1");
      const { epoch } = await until("a first head", async () => {
        const state = await ask(`${at}/v1/state`);
        return Number(state.n) > 0 && state;
      });
      await liar.end("SIGKILL");
      // The venue would tell it all again.
      for (const way of cluster.waysOf((_, to) => to === "c1")) way.cut();
      liar.start();
      await until("the co-signer", () => ask(`${at}/v1/state`));
      const entry = { item: 1n, auth: 2n, time: 1_700_000_000n };
      const head = { domain: venue.domain, epoch: Number(epoch), n: 1, head: chainHeads(0n, [entry])[0] };
      const signature = await localSigner(cluster.signerKey).sign(logHeadDigest(head));
      const body = shownText({ first: 0, entries: [{ ...entry, sealed: new Uint8Array(8) }], signed: { ...head, signature }, final: null }); // prettier-ignore
      const answer = await fetch(`${at}/v1/heads`, { method: "POST", body, headers: { "content-type": "application/json" } }); // prettier-ignore
      if (root === undefined) assert.equal(((await answer.json()) as { error: { code: string } }).error.code, "FORKED");
      for (const way of cluster.waysOf(() => true)) way.restore();
      return (await scene.judge()).findings;
    } finally {
      await scene.close();
    }
  }

  it("a co-signer that forgets signs a second head, and it is found", async () => {
    const open = "    const coSigner = new CoSigner({";
    const forget = `    (await import("node:fs")).rmSync(join(options.data, "cosigned.db"), { force: true });\n${open}`;
    const root = brokenBuild([{ file: "cli/venue/cosign.js", text: open, by: forget }]);
    try {
      const findings = await liesTo(root);
      assert.ok(findings.some(({ kind, what }) => kind === "fork" && what.startsWith("c1")), JSON.stringify(findings)); // prettier-ignore
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it("as it is: it refuses the second head, and nothing is found", async () => {
    assert.deepEqual(await liesTo(undefined), []);
  });
});
