import { Worker } from "node:worker_threads";

/** The threads to which something is sent by this one meanwhile. */
export async function threadsOf(action: () => Promise<void>): Promise<Worker[]> {
  const asked = new Set<Worker>();
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof postMessage>) {
    asked.add(this);
    return postMessage.apply(this, args);
  };
  try {
    await action();
  } finally {
    Worker.prototype.postMessage = postMessage;
  }
  return [...asked];
}
