// Plain JavaScript: bin/tacit.js asks before there is a loader for TypeScript.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Whether a file is there and no source is younger.
 * @param {string} file
 * @param {readonly string[]} sources  files and folders
 */
export function isFresh(file, sources) {
  return existsSync(file) && sources.every((path) => youngest(path) <= statSync(file).mtimeMs);
}

/** @param {string} path @returns {number} */
function youngest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => youngest(join(path, name))));
}
