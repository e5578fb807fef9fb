/** A thread of the pool in a browser. */
import { serve } from "./commands.ts";
import type { FromThread, ToThread } from "./messages.ts";

const scope = globalThis as unknown as {
  postMessage(message: FromThread, transfer: ArrayBuffer[]): void;
  onmessage: (event: { data: ToThread }) => void;
};
serve({
  listen: (handler) => void (scope.onmessage = ({ data }) => handler(data)),
  post: (message, transfer = []) => scope.postMessage(message, transfer),
});
