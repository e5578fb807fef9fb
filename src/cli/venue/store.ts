import { resolve } from "node:path";
import { existsSync } from "node:fs";
import { TacitError } from "../../protocol/errors.ts";
import { counted } from "../../setup/format.ts";
import { withProgress } from "../../setup/progress.ts";
import { copyAll } from "../../venue/store/copyAll.ts";
import { isPostgres } from "../../venue/store/postgres/connection.ts";
import { openPostgresStandby, openPostgresStore } from "../../venue/store/postgres/postgresStore.ts";
import type { Copies } from "../../venue/store/postgres/copies.ts";
import { openThreadStore } from "../../venue/store/threadStore.ts";
import type { Store } from "../../venue/store/store.ts";

export interface PlaceOptions {
  standbys: number;
  acceptOneDisk?: boolean;
  acceptStorageReplication?: boolean;
}

/** On which disks a store in PostgreSQL is to have what it acknowledges. @throws USAGE */
export function copiesOf({ standbys, acceptOneDisk, acceptStorageReplication }: PlaceOptions): Copies {
  if (acceptOneDisk && acceptStorageReplication)
    throw new TacitError("USAGE", "--accept-one-disk and --accept-storage-replication exclude each other");
  return acceptOneDisk ? "oneDisk" : acceptStorageReplication ? "storageReplication" : { standbys };
}

/** A store in a file, or in PostgreSQL, by its path or URL. @param after  epoch that it is to be above */
export function openStore(place: string, options: PlaceOptions, after = 0): Promise<Store> {
  return isPostgres(place)
    ? openPostgresStore(place, { copies: copiesOf(options), after })
    : openThreadStore(resolve(place), { check: "quick", after });
}

/**
 * The same, for a venue: where another has it, it stands by.
 * @param after  epoch of what its signer has signed: a store that is older, or new, goes on from there
 */
export async function openServed(place: string, options: PlaceOptions, after: number): Promise<Store> {
  try {
    return await openStore(place, options, after);
  } catch (error) {
    if (!isPostgres(place) || !(error instanceof TacitError && error.code === "LOCKED")) throw error;
    return openPostgresStandby(place, { copies: copiesOf(options) });
  }
}

/** `tacit store copy`: while no venue has either open. @returns the exit code */
export async function storeCopy(from: string, to: string, options: PlaceOptions & { json?: boolean }): Promise<number> {
  if (!isPostgres(from) && !existsSync(from))
    throw new TacitError("FILE", `there is no ${from}: expected the file of a store, or a URL`, { path: from });
  const source = await openStore(from, options);
  try {
    const target = await openStore(to, options, source.epoch);
    try {
      const copied = await withProgress("copy", (progress) =>
        copyAll(source, target, (part, records) => progress.update(part, counted(records, "record"))),
      );
      const { records, snapshots, documents } = copied;
      const words = [counted(records, "record"), counted(snapshots, "snapshot"), counted(documents, "document")];
      console.log(options.json ? JSON.stringify(copied) : `${words.join(", ")}: each is the same in both`);
      return 0;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
