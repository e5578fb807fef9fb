import { readFile, rm, writeFile } from "node:fs/promises";
import { TacitError } from "../../protocol/errors.ts";
import { writeWhole } from "../../setup/writeWhole.ts";
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
      for (let tries = 0; ; tries++) {
        const taken = await writeFile(lock, String(process.pid), { flag: "wx" }).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === "EEXIST") return false;
            throw new TacitError("FILE", `${lock} cannot be written: ${error.message}`, { path: lock });
          },
        );
        if (taken) break;
        const holder = Number(await readFile(lock, "utf8").catch(() => ""));
        if (holder && !isAlive(holder)) await rm(lock, { force: true });
        else if (tries === LOCK_TRIES)
          throw new TacitError("LOCKED", `${path} is in use by process ${holder}: expected one at a time`, { path });
        else await new Promise((resolve) => setTimeout(resolve, 100));
      }
      try {
        return await work();
      } finally {
        await rm(lock, { force: true });
      }
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
