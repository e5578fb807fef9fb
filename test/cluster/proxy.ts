import { createServer, connect, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { once } from "node:events";

/** A way to a port that can be cut: connections end, and no others are taken; or that goes silent: nothing passes either way. */
export class Proxy {
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: TcpServer | null = null;
  #state: "open" | "cut" | "silent" = "open";
  port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  async start(): Promise<void> {
    this.#server = createServer({ pauseOnConnect: true }, (from) => {
      if (this.#state === "cut") return void from.destroy();
      const to = connect(this.#to, "127.0.0.1");
      for (const [one, other] of [
        [from, to],
        [to, from],
      ]) {
        this.#sockets.add(one);
        one.on("data", (bytes) => other.write(bytes));
        one.on("error", () => {});
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
      if (this.#state === "open") from.resume();
      else to.pause();
    }).listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#state = "cut";
    for (const socket of this.#sockets) socket.destroy();
  }

  silence(): void {
    this.#state = "silent";
    for (const socket of this.#sockets) socket.pause();
  }

  restore(): void {
    this.#state = "open";
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server?.close();
  }
}
