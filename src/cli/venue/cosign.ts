import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import { serveApp } from "../../feeds/jsonService.ts";
import { parseAddress } from "../../protocol/address.ts";
import { coSignersOf } from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import { parseGenesis } from "../../protocol/genesis.ts";
import { signerAddress } from "../../protocol/receipt.ts";
import { useHashKernels } from "../../prover/hash/use.ts";
import { readJson } from "../../setup/readJson.ts";
import { CoSigner, isSecondHead } from "../../venue/coSigning/coSigner.ts";
import { createCoSignerApp } from "../../venue/coSigning/service.ts";
import { localSigner } from "../../venue/signing/signer.ts";
import { readKeyFile, writeKeyFile } from "../keyFile.ts";

const KEY = { kind: "tacit-cosigner-key", made: "tacit cosign key", variable: "TACIT_COSIGNER_PASSPHRASE" } as const;

export interface CosignCommand {
  key?: string;
  genesis?: string;
  signer?: string;
  /** in place of those of the genesis, where they have changed since */
  cosigners?: string[];
  data: string;
  host: string;
  port: number;
  passphraseFile?: string;
  logLevel: string;
}

/** `tacit cosign`: runs until it is told to stop. @returns the exit code */
export async function cosign(options: CosignCommand): Promise<number> {
  const { key, genesis: file, signer: address } = options;
  for (const [name, value] of Object.entries({ key, genesis: file, signer: address }))
    if (value === undefined) throw new TacitError("USAGE", `--${name} is missing`);
  const operator = `0x${parseAddress("--signer", address!).toString(16).padStart(40, "0")}`;
  const genesis = parseGenesis(await readJson(file!));
  const coSigners = options.cosigners ? coSignersOf(options.cosigners, "--cosigners") : genesis.coSigners;
  if (!coSigners) throw new TacitError("USAGE", `${file} names no co-signers: expected them there, or in --cosigners`);
  // A page of entries then takes a fifth of the time, in which nobody else is answered.
  await useHashKernels();
  const log = pino({ level: options.logLevel, base: null }, pino.destination(2));
  const signer = localSigner(await readKeyFile(key!, KEY, options));
  await mkdir(options.data, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new TacitError("FILE", `${options.data} cannot be made: ${error.message}`, { path: options.data });
  });
  const coSigner = new CoSigner({
    path: join(options.data, "cosigned.db"),
    signer,
    domain: genesis.domain,
    operator,
    coSigners,
    now: () => BigInt(Math.floor(Date.now() / 1000)),
  });
  const stop = new Promise<string>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
  });
  try {
    const app = createCoSignerApp({
      coSigner,
      ofProcess: true,
      onUnexpected: (error) => log.error({ reason: error.message }, "a request failed"),
      onRefused: (error) => {
        const { code, message, details } = error;
        log[isSecondHead(error) ? "error" : "warn"]({ code, n: details.n }, `not signed: ${message}`);
      },
    });
    const service = await serveApp(app, options);
    log.info({ url: service.url, address: signer.address, entries: coSigner.state.n }, "co-signs");
    process.stdout.write(`${service.url}\n`);
    log.info({ signal: await stop }, "stopping");
    await service.close();
  } finally {
    coSigner.close();
  }
  return 0;
}

/** `tacit cosign key`. @returns the exit code */
export async function cosignKey(path: string, { passphraseFile }: { passphraseFile?: string }): Promise<number> {
  const secret = new Uint8Array(randomBytes(32));
  const address = signerAddress(secret);
  const isSealed = await writeKeyFile(path, KEY, { secret, told: { address }, passphraseFile });
  process.stdout.write(`${path}: a new key${isSealed ? "" : ", in the open"}\naddress ${address}\n`);
  return 0;
}
