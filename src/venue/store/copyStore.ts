import AsyncDatabase from "libsql/promise";
import { closeSync, openSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { TacitError } from "../../protocol/errors.ts";
import { sync } from "./sqliteFiles.ts";
import { attempt, storageError } from "./storageErrors.ts";

/** Milliseconds for which a copy waits for another program that has the file locked, such as a shell of SQLite. */
const PATIENCE = 2_000;

/**
 * Writes a copy of a store to a new file, in a thread of the binding's, while the store is in use. Not to be called where
 * the caller's thread may be ended before: that ends the process.
 * @throws STORAGE  with `reason` "exists" when the file is there
 */
export async function copyStore(from: string, to: string): Promise<void> {
  attempt("back up", () => {
    try {
      closeSync(openSync(to, "wx", 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new TacitError("STORAGE", `${to} exists: expected a file that is not there yet`, {
        reason: "exists",
        path: to,
      });
    }
  });
  try {
    // A connection of its own, in a thread of its own: writes go on meanwhile.
    const copier = await new AsyncDatabase(from, { timeout: PATIENCE });
    try {
      await copier.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
    } finally {
      copier.close();
    }
    sync(to);
    sync(dirname(to));
  } catch (error) {
    unlinkSync(to);
    throw storageError("back up", error);
  }
}
