import Database from "libsql";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Point } from "../protocol/babyjub.ts";
import { TacitError } from "../protocol/errors.ts";
import type { SignedReport } from "../protocol/report.ts";
import { parseReport, reportJson } from "./reportJson.ts";

/** Epochs whose reports share a file. */
export const SEGMENT = 1_024n;
/** Files that are read at a start, and whose epochs may still be signed. */
const OPEN_SEGMENTS = 2;
const FILES = { feed: "feed.json", lock: "feed.lock", history: "history.json" } as const;
const NAME = /^signed-(\d{12})\.jsonl$/;

/**
 * What a feed has signed, on disk before it is known to anybody: one line a report in files of 1,024 epochs. The last two are
 * read at a start; of epochs before them nothing is signed any more. The folder is locked by the kernel, so the lock ends
 * with the process.
 */
export class Journal {
  readonly #folder: string;
  readonly #lock: Database.Database;
  /** by number of the segment, then by epoch and contracts */
  readonly #segments = new Map<bigint, Map<string, SignedReport>>();
  /** of which nothing is open any more */
  #closedBelow: bigint;
  #failure: string | null = null;

  /**
   * @param of  whose reports they are: another feed's folder is refused
   * @throws LOCKED, FEED_DATA, FILE
   */
  constructor(folder: string, of: { domain: bigint; key: Point }) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#lock = takeLock(join(folder, FILES.lock));
    } catch (error) {
      if (error instanceof TacitError) throw error;
      throw new TacitError("FILE", `${folder} cannot be used: ${(error as Error).message}`, { path: folder });
    }
    try {
      this.#requireSame(of);
      const numbers = readdirSync(folder)
        .flatMap((name) => NAME.exec(name)?.slice(1) ?? [])
        .map(BigInt)
        .sort((a, b) => (a < b ? -1 : 1));
      const open = numbers.slice(-OPEN_SEGMENTS);
      this.#closedBelow = numbers.length > 0 ? open[0] * SEGMENT : 0n;
      for (const number of open) this.#segments.set(number, this.#read(number, of.domain));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Epochs below it are signed no more. */
  get closedBelow(): bigint {
    return this.#closedBelow;
  }

  /** Why nothing can be signed until the next start, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  find(epoch: bigint, contracts: bigint): SignedReport | null {
    return this.#segments.get(epoch / SEGMENT)?.get(keyOf(epoch, contracts)) ?? null;
  }

  /** The greatest epoch of which something was signed. */
  lastEpoch(): bigint | null {
    const epochs = [...this.#segments.values()].flatMap((of) => [...of.values()].map(({ report }) => report.epoch));
    return epochs.length === 0 ? null : epochs.reduce((a, b) => (a > b ? a : b));
  }

  /**
   * Writes a report that `find` does not have. When it returns, the report is on disk.
   * @throws EPOCH_CLOSED, FILE  after which nothing is written until the next start
   */
  append(signed: SignedReport): void {
    const { epoch, contracts } = signed.report;
    if (this.#failure) throw new TacitError("FILE", `nothing is signed until the next start: ${this.#failure}`);
    if (epoch < this.#closedBelow)
      throw new TacitError("EPOCH_CLOSED", `epoch ${epoch} is closed: expected ${this.#closedBelow} or later`, {
        epoch,
      });
    const number = epoch / SEGMENT;
    const path = this.#pathOf(number);
    const isNew = !this.#segments.has(number);
    try {
      const file = openSync(path, "a", 0o600);
      try {
        const line = Buffer.from(JSON.stringify(reportJson(signed)) + "\n");
        for (let written = 0; written < line.length;) written += writeSync(file, line, written);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      if (isNew) syncFolder(this.#folder);
    } catch (error) {
      // How much of it is on disk is not known: a line after it might be lost with it.
      this.#failure = `${path} cannot be written: ${(error as Error).message}`;
      throw new TacitError("FILE", this.#failure, { path });
    }
    const segment = this.#segments.get(number) ?? new Map<string, SignedReport>();
    segment.set(keyOf(epoch, contracts), signed);
    this.#segments.set(number, segment);
    if (isNew) this.#forget();
  }

  #forget(): void {
    const open = [...this.#segments.keys()].sort((a, b) => (a < b ? -1 : 1)).slice(-OPEN_SEGMENTS);
    for (const number of this.#segments.keys()) if (!open.includes(number)) this.#segments.delete(number);
    const least = open[0] * SEGMENT;
    if (least > this.#closedBelow) this.#closedBelow = least;
  }

  /** The history that was saved last, null where there is none. */
  readHistory(): string | null {
    const path = join(this.#folder, FILES.history);
    return existsSync(path) ? readFileSync(path, "utf8") : null;
  }

  /** So that a start finds the old one or the new one. */
  saveHistory(text: string): void {
    const path = join(this.#folder, FILES.history);
    const partial = `${path}.partial`;
    const file = openSync(partial, "w", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  }

  /** Gives the folder back. */
  close(): void {
    if (!this.#lock.open) return;
    this.#lock.exec("ROLLBACK");
    this.#lock.close();
  }

  #requireSame({ domain, key }: { domain: bigint; key: Point }): void {
    const path = join(this.#folder, FILES.feed);
    const wanted = JSON.stringify({ domain: `${domain}`, keyX: `${key.x}`, keyY: `${key.y}` });
    if (!existsSync(path)) {
      if (readdirSync(this.#folder).some((name) => NAME.test(name)))
        throw damaged(path, "expected it beside the reports that it is of");
      const file = openSync(path, "wx", 0o600);
      try {
        writeFileSync(file, wanted + "\n");
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      syncFolder(this.#folder);
    } else if (readFileSync(path, "utf8").trim() !== wanted)
      throw new TacitError(
        "FEED_DATA",
        `${path} is of another key or domain: expected a folder of this feed's, or a new one`,
        { path },
      );
  }

  #read(number: bigint, domain: bigint): Map<string, SignedReport> {
    const path = this.#pathOf(number);
    const bytes = readFileSync(path);
    // A line without its end was never on disk as a whole, so it never left.
    const end = bytes.lastIndexOf("\n") + 1;
    if (end < bytes.length) {
      truncateSync(path, end);
      const file = openSync(path, "r+");
      fsyncSync(file);
      closeSync(file);
    }
    const found = new Map<string, SignedReport>();
    const lines = bytes.subarray(0, end).toString("utf8").split("\n").slice(0, -1);
    for (const [i, line] of lines.entries()) {
      let signed: SignedReport;
      try {
        signed = parseReport(JSON.parse(line));
      } catch (error) {
        throw damaged(path, `line ${i + 1} is no report: ${(error as Error).message}`);
      }
      const { epoch, contracts } = signed.report;
      const key = keyOf(epoch, contracts);
      if (signed.report.domain !== domain || epoch / SEGMENT !== number || found.has(key))
        throw damaged(path, `line ${i + 1} does not belong there`);
      found.set(key, signed);
    }
    return found;
  }

  #pathOf(number: bigint): string {
    return join(this.#folder, `signed-${String(number).padStart(12, "0")}.jsonl`);
  }
}

const keyOf = (epoch: bigint, contracts: bigint) => `${epoch}/${contracts}`;

function damaged(path: string, why: string): TacitError {
  return new TacitError("FEED_DATA", `${path} is damaged: ${why}`, { path });
}

/** An entry of a folder is on disk when the folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function takeLock(path: string): Database.Database {
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.exec("PRAGMA journal_mode = MEMORY");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new TacitError("LOCKED", `${path} is locked: expected one feed for a folder`, { path });
  }
}
