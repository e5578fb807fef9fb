// Writes to a store until it kills itself at a write point. Arguments: store, log, seed, name of the point, and at which
// time it comes there. What it is about to write, and what was acknowledged, goes to the log at once: what a killed process
// wrote to a file stays.
import { openSync, writeSync } from "node:fs";
import { encodeRecord } from "../../../../src/venue/store/journal.ts";
import { nodeDigest } from "../../../../src/venue/store/digest.ts";
import { openSqliteStore } from "../../../../src/venue/store/sqliteStore.ts";
import { Random } from "../../../../src/replay/random.ts";
import { documentText, snapshotBytes, verify } from "./verify.ts";

async function main(): Promise<void> {
  const [, , path, logPath, seed, killAt, times] = process.argv;
  const random = new Random(Number(seed));
  const log = openSync(logPath, "a");
  const tell = (...lines: string[]) => writeSync(log, lines.map((line) => `${line}\n`).join(""));

  let left = Number(times);
  const store = await openSqliteStore(path, {
    checkpointPages: 40,
    checkpointThread: Number(seed) % 2 === 0,
    onWritePoint: (point) => {
      if (point !== killAt || --left > 0) return;
      tell(`killed ${point}`);
      process.kill(process.pid, "SIGKILL");
      for (;;);
    },
  });

  const verified = await verify(store, logPath);
  tell(`verified ${verified.records} ${verified.acked}`);
  let { tip } = verified;
  let number = Number((await store.get("number")) ?? 0);

  for (;;) {
    const records = Array.from({ length: random.integer(1, 6) }, () => {
      const words = { A: (BigInt(random.integer(0, 1e9)) << 8n) + 1n, B: 1n, salt: 2n };
      const auth = { R8x: 3n, R8y: 4n, S: 5n };
      const place = { ...tip, sequence: tip.sequence + 1, epoch: store.epoch, logCount: tip.logCount + 1 };
      const bytes = encodeRecord(place, { kind: "item", time: 6n, item: words, auth }, nodeDigest);
      const key = bytes.slice(-32);
      tip = { ...place, previous: key };
      return { sequence: place.sequence, bytes, key };
    });
    const lines = records.map(({ sequence, key }) => `record ${sequence} ${Buffer.from(key).toString("hex")}`);
    tell(...lines.map((line) => `sent ${line}`));
    await store.append(records);
    tell(...lines.map((line) => `acked ${line}`));

    if (random.integer(0, 2) === 0) {
      tell(`sent snapshot ${tip.sequence}`);
      await store.saveSnapshot({ sequence: tip.sequence, bytes: snapshotBytes(tip.sequence) }, 2);
      tell(`acked snapshot ${tip.sequence}`);
    }
    if (random.integer(0, 2) === 0) {
      tell(`sent document ${++number}`);
      const changes = {
        [`document/${number}`]: documentText(number),
        number: `${number}`,
        [`document/${number - 1}`]: null,
      };
      await store.put(changes);
      tell(`acked document ${number}`);
    }
    // Gives checkpoints their turn.
    if (random.integer(0, 1) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

void main();
