import { fetchJson, requireUrl, shownUrl } from "../feeds/fetchJson.ts";
import {
  isFinal,
  readCoSignedHead,
  readHashedEntries,
  readLogHead,
  readSignature,
  readField,
  type CoSignedHead,
  type CoSigners,
} from "../protocol/coSigners.ts";
import { TacitError } from "../protocol/errors.ts";
import { chainHeads } from "../protocol/item.ts";
import { asObject } from "../protocol/json.ts";
import { logHeadSigner } from "../protocol/logHead.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import { receiptJson } from "../protocol/wire.ts";
import type { Api, Fetch } from "./api.ts";
import { Contradiction } from "./knowledge.ts";

export interface FinalityOptions {
  readonly api: Pick<Api, "get">;
  readonly domain: bigint;
  /** of the venue's receipts */
  readonly signer: string;
  /** null: the venue has none */
  readonly coSigners: CoSigners | null;
  /** addresses of co-signers, to be asked directly */
  readonly urls: readonly string[];
  readonly fetch: Fetch;
}

/** Seconds for which a venue is asked to wait, milliseconds for a co-signer, and its longest answer: 1,024 entries. */
const WAIT = 10;
const PATIENCE = 10_000;
const LONGEST = 1024 * 1024;

/** Whether what a venue has acknowledged is what all others are shown: by signatures of its co-signers, whom it cannot sign for. */
export class Finality {
  readonly #options: FinalityOptions;

  /** @throws USAGE  when an address is none */
  constructor(options: FinalityOptions) {
    this.#options = { ...options, urls: options.urls.map((url) => requireUrl("coSigners", url).replace(/\/+$/, "")) };
  }

  /** Whether there are co-signers to be asked directly. */
  get asks(): boolean {
    return this.#options.urls.length > 0;
  }

  /** @throws NO_CO_SIGNERS */
  get #coSigners(): CoSigners {
    const { coSigners } = this.#options;
    if (!coSigners) throw new TacitError("NO_CO_SIGNERS", "the genesis of this venue names no co-signers: nothing of it is ever final"); // prettier-ignore
    return coSigners;
  }

  /**
   * The final head that the log has come to from a receipt on; null where there is none within a time.
   * @param seconds  to wait for it
   * @throws Contradiction "fork"  when what is final is not what the receipt says, or a co-signer was shown another log
   * @throws NO_CO_SIGNERS, UNREACHABLE, BAD_ANSWER, FORMAT
   */
  async of(receipt: SignedReceipt, { seconds = 0 }: { seconds?: number } = {}): Promise<CoSignedHead | null> {
    const coSigners = this.#coSigners;
    await this.compare(receipt);
    const n = Number(receipt.n) + 1;
    for (let left = seconds; ; left -= WAIT) {
      const wait = Math.max(0, Math.min(WAIT, left));
      const answer = asObject("finality", await this.#options.api.get(`/finality/${n}${wait > 0 ? `?wait=${wait}` : ""}`)); // prettier-ignore
      if (answer.final !== null) {
        const final = readCoSignedHead("final", answer.final);
        const entries = answer.entries === null ? null : readHashedEntries("entries", answer.entries);
        const { domain } = this.#options;
        if (final.domain !== domain || final.n < n || !isFinal(coSigners, final))
          throw new TacitError(
            "BAD_ANSWER",
            "the venue tells a head as final that no quorum of its co-signers has signed",
          );
        // Too far behind to be shown: the proven log has what lies between.
        if (!entries) return null;
        if (entries.length !== final.n - n)
          throw new TacitError("BAD_ANSWER", "the venue does not tell as many entries as lie before what is final");
        if ((chainHeads(receipt.head, entries).at(-1) ?? receipt.head) !== final.head)
          throw new Contradiction(
            "fork",
            `what is final after ${final.n} entries does not follow from the receipt of entry ${receipt.n}`,
            {
              receipt: receiptJson(receipt),
              final: answer.final,
              entries: answer.entries,
            },
          );
        return final;
      }
      if (left <= WAIT) break;
      await this.compare(receipt);
    }
    await this.compare(receipt);
    return null;
  }

  /**
   * Asks co-signers, of whom the addresses are known, for the head at a receipt's place.
   * @returns how many of them have the same
   * @throws Contradiction "fork"  when the venue has signed another one for any of them
   */
  async compare(receipt: SignedReceipt): Promise<number> {
    const same = await Promise.all(this.#options.urls.map((url) => this.#isSame(url, receipt)));
    return same.filter(Boolean).length;
  }

  /** What is not the venue's own word against itself says nothing: a co-signer may be away, behind, or lie. */
  async #isSame(url: string, receipt: SignedReceipt): Promise<boolean> {
    const { fetch, signer, domain } = this.#options;
    let json: unknown, head: bigint, follows: boolean;
    try {
      const answer = await fetchJson(fetch, `${url}/v1/heads/${receipt.n + 1n}`, {
        timeoutMs: PATIENCE,
        most: LONGEST,
      });
      json = answer.json;
      if (answer.status !== 200) return false;
      const told = asObject("answer", json);
      head = readField("head", told.head);
      const signed = readLogHead("signed", told.signed);
      const signature = readSignature("signed.signature", asObject("signed", told.signed).signature);
      const entries = told.entries === null ? null : readHashedEntries("entries", told.entries);
      follows =
        signed.domain === domain &&
        entries !== null &&
        signed.n === Number(receipt.n) + 1 + entries.length &&
        (chainHeads(head, entries).at(-1) ?? head) === signed.head &&
        logHeadSigner(signed, signature) === signer;
    } catch (error) {
      if (error instanceof TacitError) return false;
      throw error;
    }
    if (!follows) return false;
    if (head === receipt.head) return true;
    throw new Contradiction(
      "fork",
      `it has signed another log for ${shownUrl(url)} than the one of the receipt of entry ${receipt.n}`,
      {
        receipt: receiptJson(receipt),
        other: json as Record<string, unknown>,
      },
    );
  }
}
