import { join } from "node:path";
import { serveApp, type RunningService } from "../../../src/feeds/jsonService.ts";
import { coSignersOf } from "../../../src/protocol/coSigners.ts";
import { CoSigner } from "../../../src/venue/coSigning/coSigner.ts";
import { createCoSignerApp } from "../../../src/venue/coSigning/service.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";
import { genesis, SIGNER } from "../fixture.ts";

export const KEYS = [11, 12, 13, 14].map((i) => localSigner(new Uint8Array(32).fill(i)));
export const SET = coSignersOf(KEYS.map(({ address }) => address));
/** A co-signer as a service. */
export class Service {
  readonly #i: number;
  readonly #folder: string;
  port = 0;
  coSigner!: CoSigner;
  #service: RunningService | null = null;

  constructor(i: number, folder: string) {
    [this.#i, this.#folder] = [i, folder];
  }
  async start(name = "cosigned"): Promise<void> {
    const path = join(this.#folder, `${name}-${this.#i}.db`);
    const operator = SIGNER.address;
    const now = () => 2n ** 39n;
    this.coSigner = new CoSigner({
      path,
      signer: KEYS[this.#i],
      domain: genesis.domain,
      operator,
      coSigners: SET,
      now,
    });
    this.#service = await serveApp(createCoSignerApp({ coSigner: this.coSigner }), { port: this.port });
    this.port = Number(new URL(this.#service.url).port);
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  async stop(): Promise<void> {
    await this.#service?.close();
    if (this.#service) this.coSigner.close();
    this.#service = null;
  }
}
