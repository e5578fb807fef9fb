import { readFile } from "node:fs/promises";
import { TacitError } from "../protocol/errors.ts";

/**
 * Reads a JSON file.
 * @param missing  what to do when there is no such file
 * @throws TacitError FILE, JSON
 */
export async function readJson(path: string, { missing }: { missing?: string } = {}): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    throw new TacitError("FILE", `${path} cannot be read: ${why}${missing ? `; ${missing}` : ""}`, { path, code });
  }
  try {
    // Some editors begin a file with a mark of its encoding; browsers take it off.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    // The engine's message quotes the file, which may be secret: only the place is told.
    const [place = ""] = /at position \d+/.exec((error as Error).message) ?? [];
    throw new TacitError("JSON", `${path} is no JSON ${place}`.trimEnd(), { path });
  }
}
