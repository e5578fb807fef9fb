import { TacitError } from "../../protocol/errors.ts";
import { decodeItem } from "../../protocol/item.ts";
import { nodeDigest } from "./digest.ts";
import { decodeRecord, EMPTY_JOURNAL, itemKey, tipAfter } from "./journal.ts";
import { PAGE, type Store, type StoredRecord } from "./store.ts";

/** What a copy holds. */
export interface Copied {
  readonly records: number;
  readonly snapshots: number;
  readonly documents: number;
}

/** Documents that are read at once. */
const DOCUMENTS = 500;

/**
 * Copies a store into an empty one, of whatever kind, that was opened with an epoch above its own; each record is checked as the journal
 * has it, then all is read again from both and compared.
 * @param onProgress  with the part that is done, and how many records
 * @throws STORAGE  "exists" where the other is not empty, "damaged" where it does not hold what it was given; JOURNAL_DAMAGED; as the stores
 */
export async function copyAll(
  from: Store,
  to: Store,
  onProgress: (part: number, records: number) => void = () => {},
): Promise<Copied> {
  if ((await to.last()) !== -1 || (await to.list("", { limit: 1 })).length > 0)
    throw new TacitError("STORAGE", "the store is not empty: expected one that holds nothing", { reason: "exists" });
  if (to.epoch <= from.epoch)
    throw new TacitError("STORAGE", `the store has epoch ${to.epoch}: expected one above ${from.epoch}`, { reason: "foreign" }); // prettier-ignore
  const total = (await from.last()) + 1;
  let records = 0;
  let tip = EMPTY_JOURNAL;
  let batch: StoredRecord[] = [];
  const flush = async () => {
    await to.append(batch);
    batch = [];
    onProgress((0.5 * records) / Math.max(1, total), records);
  };
  for await (const bytes of from.read(0, total)) {
    const record = decodeRecord(bytes, { ...tip, sequence: tip.sequence + 1 }, nodeDigest);
    tip = tipAfter(record);
    const { entry } = record;
    const decoded = entry.kind === "item" ? decodeItem(entry.item) : null;
    batch.push({
      sequence: records++,
      bytes: Uint8Array.from(bytes),
      ...(decoded ? { key: itemKey(decoded.head) } : {}),
    });
    if (batch.length === PAGE) await flush();
  }
  await flush();
  const snapshots = [];
  for await (const snapshot of from.snapshots()) snapshots.unshift(snapshot);
  for (const snapshot of snapshots) await to.saveSnapshot(snapshot, snapshots.length);
  let documents = 0;
  for await (const page of documentsOf(from)) {
    await to.put(Object.fromEntries(page.map(({ name, text }) => [name, text])));
    documents += page.length;
  }

  const differs = (what: string) => new TacitError("STORAGE", `the copy differs: ${what}`, { reason: "damaged", what });
  const pairs = [from, to].map((it) => it.read(0, total)[Symbol.asyncIterator]());
  for (let sequence = 0; sequence < total; sequence++) {
    const [one, other] = await Promise.all(pairs.map((it) => it.next()));
    if (other.done || Buffer.compare(one.value!, other.value) !== 0) throw differs(`record ${sequence}`);
    if (sequence % PAGE === 0) onProgress(0.5 + (0.5 * sequence) / total, sequence);
  }
  if ((await to.last()) !== total - 1) throw differs("the last record");
  let at = snapshots.length;
  for await (const { sequence, bytes } of to.snapshots()) {
    const own = snapshots[--at];
    if (own?.sequence !== sequence || Buffer.compare(own.bytes, bytes) !== 0) throw differs(`snapshot ${sequence}`);
  }
  if (at !== 0) throw differs("snapshots");
  for await (const page of documentsOf(from))
    for (const { name, text } of page) if ((await to.get(name)) !== text) throw differs(`document ${name}`);
  return { records, snapshots: snapshots.length, documents };
}

async function* documentsOf(store: Store): AsyncGenerator<{ name: string; text: string }[]> {
  for (let after = ""; ;) {
    const page = await store.list("", { after, limit: DOCUMENTS });
    if (page.length > 0) yield page;
    if (page.length < DOCUMENTS) return;
    after = page[page.length - 1].name;
  }
}
