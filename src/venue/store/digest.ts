import crypto from "node:crypto";
import type { Digest } from "./journal.ts";

/** SHA-256 of Node: about twice as fast as that in JavaScript. */
export const nodeDigest: Digest =
  typeof crypto.hash === "function"
    ? (bytes) => crypto.hash("sha256", bytes, "buffer")
    : (bytes) => crypto.createHash("sha256").update(bytes).digest();
