import { readFile } from "node:fs/promises";
import type Database from "libsql";
import { TacitError } from "../../protocol/errors.ts";
import { writeWhole } from "../../setup/writeWhole.ts";
import { dropLock, lockFile, makeFile } from "../../venue/store/sqliteFiles.ts";
import { codeOf } from "../../venue/store/storageErrors.ts";
import type { Notebook } from "../../client/index.ts";

/** Half a minute, at ten a second. */
const LOCK_TRIES = 300;

/** A notebook on disk, which holds orders and receipts: for its owner alone, and for one process at a time. */
export function fileNotebook(path: string): Notebook {
  const lock = `${path}.lock`;
  return {
    read: () =>
      readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw new TacitError("FILE", `${path} cannot be read: ${error.message}`, { path });
      }),
    async write(text) {
      await writeWhole(path, text, { mode: 0o600 });
    },
    async exclusive(work) {
      let held: ReturnType<typeof tryLock>;
      for (let tries = 0; ; tries++) {
        held = tryLock(lock);
        if (held) break;
        if (tries === LOCK_TRIES)
          throw new TacitError("LOCKED", `${path} is in use by another process: expected one at a time`, { path });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      try {
        return await work();
      } finally {
        dropLock(held);
      }
    },
  };
}

/** A lock of the kernel: it is gone with the process that has it, however that ends. @returns null while another has it */
function tryLock(path: string): Database.Database | null {
  try {
    makeFile(path);
    return lockFile(path);
  } catch (error) {
    if (codeOf(error) === "SQLITE_BUSY") return null;
    throw new TacitError("FILE", `${path} cannot be written: ${(error as Error).message}`, { path });
  }
}
