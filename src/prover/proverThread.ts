/** A thread of the pool in Node. */
import { parentPort } from "node:worker_threads";
import { serve } from "./commands.ts";

serve({
  listen: (handler) => void parentPort!.on("message", handler),
  post: (message, transfer = []) => parentPort!.postMessage(message, transfer),
});
