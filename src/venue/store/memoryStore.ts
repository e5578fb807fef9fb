import { TacitError } from "../../protocol/errors.ts";
import {
  requireName,
  requirePrefix,
  requireRecords,
  requireSnapshot,
  type Snapshot,
  type Store,
  type StoredRecord,
} from "./store.ts";

/** A store that is gone with the process: for tests, and for who embeds a venue without a disk. */
export function memoryStore(): Store {
  const records: Uint8Array[] = [];
  const sequences = new Map<string, number>();
  const documents = new Map<string, string>();
  let kept: Snapshot[] = [];
  let closed = false;
  const nameOf = (key: Uint8Array) => Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const requireOpen = () => {
    if (closed) throw new TacitError("STORAGE", "the store is closed", { reason: "closed" });
  };

  return {
    epoch: 1,
    async append(added: readonly StoredRecord[]) {
      requireOpen();
      requireRecords(added, records.length - 1);
      const keys = added.flatMap(({ key }) => (key ? [nameOf(key)] : []));
      if (new Set(keys).size < keys.length || keys.some((key) => sequences.has(key)))
        throw new TacitError("STORAGE", "a record has this key already", { reason: "key" });
      for (const { sequence, bytes, key } of added) {
        records.push(bytes.slice());
        if (key) sequences.set(nameOf(key), sequence);
      }
    },
    async *read(from, count = Infinity) {
      requireOpen();
      for (let i = from; i < Math.min(records.length, from + count); i++) yield records[i].slice();
    },
    async last() {
      requireOpen();
      return records.length - 1;
    },
    async find(key) {
      requireOpen();
      return sequences.get(nameOf(key));
    },
    async saveSnapshot(snapshot, keep) {
      requireOpen();
      requireSnapshot(snapshot, keep);
      const others = kept.filter(({ sequence }) => sequence !== snapshot.sequence);
      const all = [...others, { sequence: snapshot.sequence, bytes: snapshot.bytes.slice() }];
      kept = all.sort((a, b) => b.sequence - a.sequence).slice(0, keep);
    },
    async *snapshots() {
      requireOpen();
      for (const { sequence, bytes } of kept) yield { sequence, bytes: bytes.slice() };
    },
    async put(changes) {
      requireOpen();
      const entries = Object.entries(changes);
      for (const [name] of entries) requireName(name);
      for (const [name, text] of entries)
        if (text === null) documents.delete(name);
        else documents.set(name, text);
    },
    async get(name) {
      requireOpen();
      return documents.get(requireName(name));
    },
    async list(prefix, { after, before, limit = Infinity, reverse = false } = {}) {
      requireOpen();
      requirePrefix("prefix", prefix);
      const found = [...documents]
        .filter(([name]) => name.startsWith(prefix))
        .filter(([name]) => (after === undefined || name > after) && (before === undefined || name < before))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, text]) => ({ name, text }));
      return (reverse ? found.reverse() : found).slice(0, limit);
    },
    async backup() {
      throw new TacitError("UNSUPPORTED", "a store in memory has no file to copy");
    },
    async close() {
      closed = true;
    },
  };
}
