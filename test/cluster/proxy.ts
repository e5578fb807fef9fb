import { createServer, connect, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { once } from "node:events";

/** A connection through a proxy, and what was said on it first. */
interface Pair {
  readonly from: Socket;
  readonly to: Socket;
  first: string;
}

/** A way to a port that can be cut: connections end, and no others are taken; or that goes silent: nothing passes either way. */
export class Proxy {
  readonly #to: number;
  readonly #pairs = new Set<Pair>();
  #server: TcpServer | null = null;
  #isCut = false;
  /** connections that are silent: those that began with these words; "" for all */
  #silent: string | null = null;
  port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  async start(): Promise<void> {
    this.#server = createServer({ pauseOnConnect: true }, (from) => {
      if (this.#isCut) return void from.destroy();
      const pair: Pair = { from, to: connect(this.#to, "127.0.0.1"), first: "" };
      this.#pairs.add(pair);
      const { to } = pair;
      from.once("data", (bytes) => {
        pair.first = bytes.toString("latin1");
        if (this.#isSilent(pair)) pause(pair);
      });
      for (const [one, other] of [
        [from, to],
        [to, from],
      ]) {
        one.on("data", (bytes) => other.write(bytes));
        one.on("error", () => {});
        one.on("close", () => {
          this.#pairs.delete(pair);
          other.destroy();
        });
      }
      if (this.#silent === "") pause(pair);
      else from.resume();
    }).listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  #isSilent({ first }: Pair): boolean {
    return this.#silent !== null && first.includes(this.#silent);
  }

  cut(): void {
    this.#isCut = true;
    for (const { from, to } of this.#pairs) for (const socket of [from, to]) socket.destroy();
  }

  /** @param words  of what the client says first: only such connections go silent, such as those of a name (application_name) */
  silence(words = ""): void {
    this.#silent = words;
    for (const pair of this.#pairs) if (this.#isSilent(pair)) pause(pair);
  }

  restore(): void {
    this.#isCut = false;
    this.#silent = null;
    for (const { from, to } of this.#pairs) for (const socket of [from, to]) socket.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server?.close();
  }
}

function pause({ from, to }: Pair): void {
  for (const socket of [from, to]) socket.pause();
}
