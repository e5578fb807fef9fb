import { readFile } from "node:fs/promises";
import { Client, Contradiction, openSecret, type SentItem } from "../../client/index.ts";
import { TacitError } from "../../protocol/errors.ts";
import { PROFILES, type ProfileName } from "../../protocol/instructions.ts";
import { printable } from "../../protocol/json.ts";
import { decodeItem } from "../../protocol/item.ts";
import { useHashKernels } from "../../prover/hash/use.ts";
import { isoTime } from "../../setup/format.ts";
import { readKeys } from "../../setup/keyFiles.ts";
import { fileNotebook } from "./fileNotebook.ts";
import { passphrase } from "./passphrase.ts";

export interface TraderOptions {
  /** address of the venue */
  venue: string;
  /** path of the sealed key; what is known of the venue is kept beside it */
  account: string;
  /** number of the account, where the key has several */
  index?: number;
  /** where the passphrase stands: a file, or "-" */
  passphraseFile?: string;
  json?: boolean;
  /** of what sends an item */
  finality?: "receipt" | "quorum";
  cosigners?: readonly string[];
}

/** One line for a person, beside what is printed for programs. */
export function note(text: string): void {
  process.stderr.write(`tacit: ${printable(text)}\n`);
}

/**
 * Opens a client of the key in a file, and says at the end what its owner should know: contradictions, and a clock that is
 * off. @returns the exit code: of `work`, or 1 where something contradicts
 */
export async function withClient(options: TraderOptions, work: (client: Client) => Promise<number>): Promise<number> {
  const client = await openClient(options);
  let code;
  try {
    code = await work(client);
  } catch (error) {
    // Kept, and told below.
    if (!(error instanceof Contradiction) || client.contradictions.length === 0) {
      if (!(error instanceof TacitError && error.code === "CLOCK")) tellClock(client);
      throw error;
    }
    code = 1;
  }
  tellClock(client);
  return shout(client.contradictions) || code;
}

/** @param keyless  of rounds alone */
export async function openClient(options: TraderOptions, { keyless = false } = {}): Promise<Client> {
  const { venue, account, index, passphraseFile: file } = options;
  await useHashKernels();
  let secret: Uint8Array | undefined;
  if (!keyless) {
    const sealed = await readFile(account, "utf8").catch(() => null);
    if (sealed === null)
      throw new TacitError("FILE", `${account} cannot be read: \`tacit account new\` makes a key`, { path: account });
    secret = await openSecret(sealed, await passphrase({ question: "Passphrase: ", file }));
  }
  const notebook = `${account.replace(/\.json$/, "")}.notebook.json`;
  return Client.open({
    ...(index !== undefined && { account: index }),
    url: venue,
    ...(options.finality ? { finality: options.finality } : {}),
    ...(options.cosigners ? { coSigners: options.cosigners } : {}),
    keysOf: (profile) => {
      if (!Object.hasOwn(PROFILES, profile)) throw new TacitError("UNKNOWN_PROFILE", "the venue's profile is unknown");
      return readKeys(profile as ProfileName);
    },
    secret,
    onAcknowledged: ({ receipt }) => note(`entry ${receipt!.n} of the log: acknowledged; waiting for co-signers …`),
    onCompared: (_, same) =>
      note(
        same > 0
          ? `the receipt is confirmed by ${same} of ${options.cosigners!.length} co-signers`
          : `nobody confirms the receipt: none of ${options.cosigners!.length} co-signers could be compared with`,
      ),
    onResent: ({ item, verdict }) =>
      note(`sent again, as it had no answer: ${nameOfItem(item)}: ${verdict ?? "the venue has it"}`),
    onRecalled: ({ item, receipt, verdict }) =>
      note(
        receipt
          ? `${nameOfItem(item)} had no answer: the venue has it as entry ${receipt.n} of its log (${verdict ?? "its verdict is no longer told"})`
          : `${nameOfItem(item)} had no answer: it never arrived, and is forgotten`,
      ),
    ...(keyless ? {} : { notebook: fileNotebook(notebook) }),
  }).catch((error: unknown) => {
    if (!(error instanceof Contradiction) || error.kind !== "otherVenue") throw error;
    throw new TacitError(
      "OTHER_VENUE",
      `${notebook} is of another venue than ${venue}, with another genesis, first state or signer. If it is meant to be ` +
        `another one, copy ${account} and name the copy by --account; if not, it is not the venue that it was`,
      { path: notebook },
    );
  });
}

/** "the order of nonce 5" */
export function nameOfItem(item: SentItem["item"]): string {
  const { kind, head } = decodeItem(item)!;
  return `the ${kind === "quotes" ? "list of quotes" : kind} of nonce ${head.nonce}`;
}

/** What waits for an answer, and what becomes of it. */
export function tellUnanswered(unanswered: readonly SentItem[]): void {
  for (const { item } of unanswered) {
    const { nonce, validUntil } = decodeItem(item)!.head;
    note(
      `${nameOfItem(item)} has no answer and is kept, as the venue may have it: the next item ` +
        `sends it again, until ${isoTime(validUntil)}; \`tacit order drop ${nonce}\` gives it up`,
    );
  }
}

function tellClock({ clockDifference }: Client): void {
  if (clockDifference) note(`${clockDifference}: set it, or orders come too late, or live longer than they should`);
}

/** Contradictions are the loudest thing that there is. @returns the exit code */
export function shout(contradictions: Client["contradictions"]): number {
  for (const { message } of contradictions) note(`CONTRADICTION: ${message}`);
  if (contradictions.length > 0)
    note("the evidence lies in the notebook beside the key: keep it, and stop trading there");
  return contradictions.length > 0 ? 1 : 0;
}
