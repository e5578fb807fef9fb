/** What lies in a store's file: its tables, the statements that read and write them, and how each row is checked. */
import type Database from "libsql";
import crypto from "node:crypto";
import { TacitError } from "../../protocol/errors.ts";
import { nodeDigest } from "./digest.ts";
import type { Snapshot } from "./store.ts";

/** "Taci": tells the file from other databases. */
const APPLICATION_ID = 0x54616369;
const FORMAT = 3;
export const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
  CREATE TABLE records (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL, key BLOB);
  CREATE UNIQUE INDEX records_key ON records (key) WHERE key IS NOT NULL;
  CREATE TABLE snapshots (sequence INTEGER PRIMARY KEY, checksum BLOB NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE documents (name TEXT PRIMARY KEY, checksum BLOB NOT NULL, text BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 0), state TEXT NOT NULL, checksum BLOB NOT NULL);`;

/** The one row of `meta`. */
export interface State {
  /** number of the opening */
  readonly epoch: number;
  /** transactions in the store's life */
  readonly commits: number;
  /** who opened it, and when */
  readonly pid: number;
  readonly since: string;
}

export type PageRow = [count: number, lengths: string | null, bytes: Buffer | null];
export type DocumentRow = [name: unknown, checksum: unknown, text: unknown];

type Statement = Database.Statement;
type StatementName =
  | "addRecord"
  | "readRecords"
  | "sequences"
  | "lastRecord"
  | "countRecords"
  | "findRecord"
  | "addSnapshot"
  | "dropSnapshots"
  | "snapshotSequences"
  | "readSnapshot"
  | "addDocument"
  | "dropDocument"
  | "readDocument"
  | "allDocuments"
  | "listUp"
  | "listDown";

/** Rows come as arrays. Values are always handed over in an array too: the binding ends the process over a bare one. */
export function statements(db: Database.Database): Record<StatementName, Statement> {
  const write = (sql: string): Statement => db.prepare(sql);
  const prepare = (sql: string): Statement => db.prepare(sql).raw(true);
  const list = (order: "ASC" | "DESC") =>
    prepare(
      `SELECT name, checksum, text FROM documents WHERE name >= ?1 AND name > ?2 AND name < ?3 ORDER BY name ${order} LIMIT ?4`,
    );
  return {
    addRecord: write("INSERT INTO records VALUES (?, ?, ?)"),
    // Text is how the aggregate joins; the bytes stay as they are, and the journal's checksums would tell if not.
    readRecords: prepare(
      `SELECT count(*), group_concat(length(bytes)), CAST(group_concat(bytes, '') AS BLOB) FROM records WHERE sequence BETWEEN ? AND ?`,
    ),
    sequences: prepare("SELECT sequence FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence"),
    lastRecord: prepare("SELECT max(sequence) FROM records"),
    countRecords: prepare("SELECT count(*), min(sequence) FROM records"),
    findRecord: prepare("SELECT sequence FROM records WHERE key = ?"),
    addSnapshot: write("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)"),
    dropSnapshots: write(
      "DELETE FROM snapshots WHERE sequence NOT IN (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT ?)",
    ),
    snapshotSequences: prepare("SELECT sequence FROM snapshots ORDER BY sequence DESC"),
    readSnapshot: prepare("SELECT checksum, bytes FROM snapshots WHERE sequence = ?"),
    addDocument: write("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)"),
    dropDocument: write("DELETE FROM documents WHERE name = ?"),
    readDocument: prepare("SELECT name, checksum, text FROM documents WHERE name = ?"),
    allDocuments: prepare("SELECT name, checksum, text FROM documents"),
    listUp: list("ASC"),
    listDown: list("DESC"),
  };
}

export function pragma(db: Database.Database, setting: string): unknown {
  return (db.prepare(`PRAGMA ${setting}`).raw(true).get([]) as unknown[] | undefined)?.[0];
}

/** Whether the database is empty. @throws STORAGE when it is neither that nor a store of this format */
export function isFresh(db: Database.Database): boolean {
  const [application, format] = [pragma(db, "application_id"), pragma(db, "user_version")];
  const [tables] = db.prepare("SELECT count(*) FROM sqlite_schema").raw(true).get([]) as [number];
  if (application === 0 && format === 0 && tables === 0) return true;
  if (application !== APPLICATION_ID)
    throw new TacitError("STORAGE", "the file is a database of something else: expected a store of Tacit", {
      reason: "foreign",
    });
  if (format !== FORMAT)
    throw new TacitError("STORAGE", `the store has format ${format}: expected ${FORMAT}`, {
      reason: "foreign",
      format,
    });
  return false;
}

/** @throws STORAGE when pages, or with `full` indexes, contradict each other */
export function checkPages(db: Database.Database, check: "full" | "quick"): void {
  const found = pragma(db, check === "full" ? "integrity_check(1)" : "quick_check(1)");
  if (found !== "ok")
    throw new TacitError("STORAGE", "the file is damaged: SQLite finds that its pages contradict each other", {
      reason: "damaged",
      found,
    });
}

export type StateStatements = ReturnType<typeof stateStatements>;
export function stateStatements(db: Database.Database): Record<"read" | "write" | "replace", Statement> {
  return {
    read: db.prepare("SELECT state, checksum FROM meta").raw(true),
    write: db.prepare("INSERT OR REPLACE INTO meta VALUES (0, ?, ?)"),
    replace: db.prepare("UPDATE meta SET state = ?, checksum = ? WHERE state = ?"),
  };
}

export function writeState({ write }: StateStatements, state: State): void {
  const text = JSON.stringify(state);
  write.run([text, nodeDigest(Buffer.from(text))]);
}

/** @returns whether `before` was the state, without which nothing is written */
export function replaceState({ replace }: StateStatements, before: State, state: State): boolean {
  const text = JSON.stringify(state);
  return replace.run([text, nodeDigest(Buffer.from(text)), JSON.stringify(before)]).changes === 1;
}

export function readState({ read }: StateStatements): State {
  const [text, checksum] = (read.get([]) as [unknown, unknown] | undefined) ?? [];
  if (typeof text !== "string" || !isChecksum(checksum, () => nodeDigest(Buffer.from(text))))
    throw new TacitError("STORAGE", "the file is damaged: its state does not fit the checksum", { reason: "damaged" });
  return JSON.parse(text);
}

export function snapshotChecksum({ sequence, bytes }: Snapshot): Uint8Array {
  return crypto.createHash("sha256").update(`${sequence}\n`).update(bytes).digest();
}

export function documentChecksum(name: string, text: Uint8Array): Uint8Array {
  return crypto.createHash("sha256").update(`${name}\n`).update(text).digest();
}

export function documentOf([name, checksum, text]: DocumentRow): { name: string; text: string } {
  const whole =
    typeof name === "string" && Buffer.isBuffer(text) && isChecksum(checksum, () => documentChecksum(name, text));
  if (!whole)
    throw new TacitError("STORAGE", "a document is damaged: it does not fit the checksum", { reason: "damaged", name });
  return { name, text: text.toString() };
}

export function isChecksum(found: unknown, expected: () => Uint8Array): boolean {
  return Buffer.isBuffer(found) && found.equals(expected());
}
