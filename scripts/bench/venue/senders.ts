import { once } from "node:events";
import WebSocket from "ws";
import type { itemsOf } from "./traders.ts";

/** A client that sends items and measures from sending to the answer. */
export interface Sender {
  send(item: ReturnType<typeof itemsOf>[number]): Promise<void>;
  close(): void;
}

export async function socketSender(url: string): Promise<Sender> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/stream`);
  await once(socket, "open");
  const waiting = new Map<number, (answer: { error?: { message: string } }) => void>();
  socket.on("message", (data) => {
    const answer = JSON.parse(String(data));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let id = 0;
  return {
    send({ kind, text }) {
      socket.send(`{"op":"submit","id":${++id},"kind":"${kind}","item":${text}}`);
      return new Promise((resolve, reject) => {
        waiting.set(id, ({ error }) => (error ? reject(new Error(error.message)) : resolve()));
      });
    },
    close: () => socket.close(),
  };
}

/** One request at a time: those of different connections may overtake one another, and nonces must rise. */
export function httpSender(url: string): Sender {
  const ask = async ({ kind, text: body }: ReturnType<typeof itemsOf>[number]) => {
    const path = `${url}/v1/${kind}s`;
    const request = { method: "POST", headers: { "content-type": "application/json" }, body };
    // A connection that the service has given up for idle is no answer: an item may be sent twice.
    const response = await fetch(path, request).catch(() => fetch(path, request));
    const text = await response.text();
    if (!response.ok) throw new Error(text);
  };
  let last = Promise.resolve();
  return {
    send: (item) => (last = last.then(() => ask(item))),
    close() {},
  };
}
