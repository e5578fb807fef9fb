// Goal: where a standby that lacks what was acknowledged is made the primary, against the rule, a venue answers nothing that contradicts what
// was answered before: with a signer it stops, and with co-signers it has back what was lost.
// Method: a standby that is cut off, items that the other one has, and the first made the primary.
import assert from "node:assert/strict";
import { POSTGRES } from "../postgres.ts";
import { judge } from "./judge.ts";
import { gather } from "./evidence.ts";
import { Scene } from "./run.ts";
import { until } from "./tries.ts";

describe("a standby that lags is made the primary", () => {
  before(function () {
    if (POSTGRES === undefined) this.skip();
  });

  async function promotedWrongly(coSigners: number): Promise<Scene> {
    const scene = await Scene.open({ seed: 1, prove: false, disks: false, coSigners, paceMs: 300 });
    const { cluster, records } = scene;
    const [lagging] = cluster.standbys;
    cluster.way(lagging.name, cluster.primary.name).cut();
    const before = records.acknowledged.length;
    await until("items that one standby lacks", () => records.acknowledged.length > before + 5);
    await cluster.promoteWrongly(lagging);
    await cluster.heal();
    return scene;
  }

  it("a venue whose signer knows more stops, and acknowledges nothing", async () => {
    const scene = await promotedWrongly(0);
    try {
      const from = performance.now();
      const { venues } = scene.cluster;
      await until("venues that stop", () => venues.every(({ said }) => said.some((it) => /SIGNER_AHEAD|FORKED/.test(it))), 1_200); // prettier-ignore
      assert.equal(scene.records.firstSince(from), undefined);
    } finally {
      await scene.close();
    }
  });

  it("co-signers give back what was lost, and the market goes on", async () => {
    const scene = await promotedWrongly(4);
    try {
      await scene.acknowledges(performance.now());
      await scene.traffic.end();
      const { cluster, venue, records, watch, oneDisk } = scene;
      assert.deepEqual(await judge(await gather(cluster, venue, records, { watch, oneDisk })), []);
    } finally {
      await scene.close();
    }
  });
});
