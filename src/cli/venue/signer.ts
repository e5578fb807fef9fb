import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import { serveApp } from "../../feeds/jsonService.ts";
import { TacitError } from "../../protocol/errors.ts";
import { signerAddress } from "../../protocol/receipt.ts";
import { createSignerApp, requireLongToken } from "../../venue/signing/signerService.ts";
import { threadSigner } from "../../venue/signing/signatures.ts";
import { readKeyFile, writeKeyFile } from "../keyFile.ts";
import { FILES, signerSecret } from "./operator.ts";

const KEY = { kind: "tacit-signer-key", made: "tacit signer key", variable: "TACIT_SIGNER_PASSPHRASE" } as const;
/** Environment variable with what a venue shows to its signer. */
export const SIGNER_TOKEN = "TACIT_SIGNER_TOKEN";

export interface SignerCommand {
  key?: string;
  data: string;
  host: string;
  port: number;
  passphraseFile?: string;
  logLevel: string;
}

/** `tacit signer`: runs until it is told to stop. @returns the exit code */
export async function signer(options: SignerCommand): Promise<number> {
  if (options.key === undefined) throw new TacitError("USAGE", "--key is missing");
  const token = requireLongToken(SIGNER_TOKEN, process.env[SIGNER_TOKEN]);
  const log = pino({ level: options.logLevel, base: null }, pino.destination(2));
  const secret = await readKeyFile(options.key, KEY, options);
  await mkdir(options.data, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new TacitError("FILE", `${options.data} cannot be made: ${error.message}`, { path: options.data });
  });
  const signatures = threadSigner(secret, { book: join(options.data, FILES.signed) });
  const stop = new Promise<string>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
  });
  try {
    // Before anybody asks: a book that cannot be opened is no signer.
    const state = (await signatures.state())!;
    const app = createSignerApp({
      signatures,
      token,
      ofProcess: true,
      onUnexpected: (error) => log.error({ reason: error.message }, "a request failed"),
      onRefused: ({ code, message }) => log.error({ code }, `not signed: ${message}`),
    });
    const service = await serveApp(app, options);
    log.info({ url: service.url, address: signatures.address, entries: state.n, epoch: state.epoch }, "signs");
    process.stdout.write(`${service.url}\n`);
    log.info({ signal: await stop }, "stopping");
    await service.close();
  } finally {
    await signatures.close();
  }
  return 0;
}

/** `tacit signer key`. @param from  folder of the venue whose signer it is to be; a new one when left out @returns the exit code */
export async function signerKey(
  path: string,
  { from, passphraseFile }: { from?: string; passphraseFile?: string },
): Promise<number> {
  const secret = from === undefined ? new Uint8Array(randomBytes(32)) : await signerSecret(from, undefined);
  const address = signerAddress(secret);
  const isSealed = await writeKeyFile(path, KEY, { secret, told: { address }, passphraseFile });
  const what = from === undefined ? "a new key" : `the key of the venue in ${from}`;
  process.stdout.write(`${path}: ${what}${isSealed ? "" : ", in the open"}\naddress ${address}\n`);
  return 0;
}
