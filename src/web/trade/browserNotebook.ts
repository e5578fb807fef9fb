import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Notebook } from "../../client/index.ts";

const STORE = "notebooks";

/**
 * A client's notebook in this browser, one by venue and key. Two pages with one key take turns: what one writes the other reads.
 * @param from  text to begin with in the place of what is kept; null for that
 */
export function browserNotebook(
  url: string,
  secret: Uint8Array,
  from: string | null,
): Notebook & { exclusive: NonNullable<Notebook["exclusive"]> } {
  // prettier-ignore
  // Whoever reads the name learns nothing of the key.
  const name = bytesToHex(sha256(new Uint8Array([...utf8ToBytes(`tacit notebook ${url} `), ...secret])));
  let given = from;
  return {
    async read() {
      if (given !== null) {
        const text = given;
        given = null;
        await put(name, text);
        return text;
      }
      const kept = await inStore<unknown>("readonly", (store) => store.get(name));
      return typeof kept === "string" ? kept : null;
    },
    write: (text) => put(name, text),
    exclusive: (work) => navigator.locks.request(`tacit ${name}`, work) as ReturnType<typeof work>,
  };
}

const put = async (name: string, text: string) => void (await inStore("readwrite", (store) => store.put(text, name)));

/** On disk when it is fulfilled. */
async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open("tacit", 1);
    opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error!);
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = db.transaction(STORE, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("it cannot be kept"));
    });
  } finally {
    db.close();
  }
}
