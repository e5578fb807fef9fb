import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { EMPTY_JOURNAL, readJournal, tipAfter, type Tip } from "../../../../src/venue/store/journal.ts";
import { nodeDigest } from "../../../../src/venue/store/digest.ts";
import type { Store } from "../../../../src/venue/store/store.ts";

/**
 * Lines that children write to a file, each before or after what it tells of: `sent` and `acked` with what it was (`record`
 * with sequence and checksum, `snapshot` and `document` with a number), and `killed` with the write point.
 */
export function readLog(path: string): string[][] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => line.split(" "));
}

export const snapshotBytes = (sequence: number) => new Uint8Array(10_000 + (sequence % 100)).fill(sequence);
export const documentText = (number: number) => `${number} `.repeat(400);

/**
 * Compares what a store holds with what was sent to it and what was acknowledged. Nothing acknowledged may be missing, and
 * nothing may be there twice, out of order, in part, or without having been sent.
 * @returns the tip of its journal, and how many records and acknowledgements were compared
 */
export async function verify(store: Store, logPath: string): Promise<{ tip: Tip; records: number; acked: number }> {
  const log = readLog(logPath);
  const told = (verb: string, what: string) => log.filter((line) => line[0] === verb && line[1] === what);
  const sent = new Set(told("sent", "record").map(([, , sequence, checksum]) => `${sequence} ${checksum}`));
  const acked = new Map(told("acked", "record").map(([, , sequence, checksum]) => [Number(sequence), checksum]));
  let tip = EMPTY_JOURNAL;
  for await (const record of readJournal(store, 0, EMPTY_JOURNAL, nodeDigest)) {
    const checksum = Buffer.from(record.checksum).toString("hex");
    assert.ok(sent.has(`${record.sequence} ${checksum}`), `record ${record.sequence} was never sent`);
    const expected = acked.get(record.sequence);
    if (expected) assert.equal(checksum, expected, `record ${record.sequence} is not the one that was acknowledged`);
    assert.equal(await store.find(record.checksum), record.sequence, "found by its key");
    tip = tipAfter(record);
  }
  assert.equal(await store.last(), tip.sequence);
  const last = Math.max(-1, ...acked.keys());
  assert.ok(tip.sequence >= last, `record ${last} was acknowledged, the last one is ${tip.sequence}`);

  // A put writes a number, the document of that number, and takes the one before away: all three or none.
  const number = Number((await store.get("number")) ?? 0);
  const documents = await store.list("document/");
  assert.deepEqual(documents, number === 0 ? [] : [{ name: `document/${number}`, text: documentText(number) }]);
  const documentsSent = told("sent", "document").map(([, , n]) => Number(n));
  const documentsAcked = told("acked", "document").map(([, , n]) => Number(n));
  assert.ok(number === 0 || documentsSent.includes(number), "the documents were sent");
  assert.ok(number >= Math.max(0, ...documentsAcked), "acknowledged documents are there");

  const snapshots: number[] = [];
  for await (const { sequence, bytes } of store.snapshots()) {
    assert.deepEqual(Uint8Array.from(bytes), snapshotBytes(sequence), "a snapshot is whole");
    snapshots.push(sequence);
  }
  const snapshotsAcked = told("acked", "snapshot").map(([, , n]) => Number(n));
  assert.deepEqual(
    snapshots,
    snapshots.toSorted((a, b) => b - a),
  );
  assert.ok(snapshots.length <= 2);
  if (snapshotsAcked.length > 0) assert.ok(snapshots[0] >= Math.max(...snapshotsAcked), "the newest snapshot is there");
  return { tip, records: tip.sequence + 1, acked: acked.size };
}
