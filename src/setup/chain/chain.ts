import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import {
  BaseError,
  ContractFunctionRevertedError,
  createTestClient,
  encodeDeployData,
  http,
  publicActions,
  TransactionReceiptNotFoundError,
  walletActions,
  type Abi,
  type Address,
  type Client,
  type Hex,
  type HttpTransport,
  type PublicActions,
  type TestActions,
  type TransactionReceipt,
  type WalletActions,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { anvil } from "viem/chains";
import { link, type Artifact } from "../contract.ts";
import { atExit } from "../atExit.ts";
import { toolFile } from "../tools.ts";

const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

/** The binary that npm installed for this machine. @throws TacitError MISSING_TOOL */
function anvilBinary(): string {
  const { resolve } = createRequire(toolFile("@foundry-rs/anvil", "/package.json"));
  return resolve(`@foundry-rs/anvil-${process.platform}-${ARCHITECTURE}/bin/anvil`);
}

const MNEMONIC = "test test test test test test test test test test test junk";

export const [owner, trader] = [0, 1].map((addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }));

/** Someone calls a deployed contract. */
export interface Call {
  contract: Deployed;
  name: string;
  args: readonly unknown[];
  from?: typeof owner;
  gas?: bigint;
  /** time of the block, seconds since 1970 */
  time?: bigint;
}
export interface Deployed {
  address: Address;
  abi: Abi;
}

/**
 * Starts a program that ends with this process, however that ends: a shell holds it that reads what this process writes to it,
 * which is nothing, until it is no more there to write. Where there is no such shell it ends with a process that exits.
 */
function startWatched(program: string, args: readonly string[]): ChildProcess {
  if (process.platform === "win32") {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    child.once(
      "exit",
      atExit(() => void child.kill()),
    );
    return child;
  }
  const watch = 'trap "" INT TERM HUP; "$@" & child=$!; cat > /dev/null; kill -9 $child';
  return spawn("/bin/sh", ["-c", watch, "sh", program, ...args], { stdio: ["pipe", "pipe", "ignore"] });
}

/** The port that a chain tells that it listens at. All that it says is read, and nothing from then on is kept. */
function portOf({ stdout }: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said: string | null = "";
    stdout!.setEncoding("utf8").on("data", (text: string) => {
      if (said === null) return;
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec((said += text));
      if (!port) return;
      said = null;
      resolve(Number(port[1]));
    });
    stdout!.once("close", () => reject(new Error(`the development chain ended before it listened: ${said}`)));
  });
}

/** A chain of our own, empty at first, that ends with the process that started it. */
export class Chain {
  readonly #process: ChildProcess;
  readonly client: Client<HttpTransport, typeof anvil, undefined, undefined, TestActions & PublicActions<HttpTransport, typeof anvil> & WalletActions<typeof anvil>>; // prettier-ignore

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    const transport = http(`http://127.0.0.1:${port}`, { retryCount: 0, timeout: 120_000 });
    this.client = createTestClient({ mode: "anvil", chain: anvil, transport, pollingInterval: 20, cacheTime: 0 })
      .extend(publicActions)
      .extend(walletActions);
  }

  /** @param genesisTime  of its first block, seconds since 1970; now when left out */
  static async start({ genesisTime }: { genesisTime?: bigint } = {}): Promise<Chain> {
    // A port of its own choice, which it tells: one that was found free may be another's by then.
    const args = ["--port", "0", "--mnemonic", MNEMONIC, "--gas-limit", "100000000"];
    if (genesisTime !== undefined) args.push("--timestamp", `${genesisTime}`);
    const child = startWatched(anvilBinary(), args);
    const chain = new Chain(child, await portOf(child));
    // Nothing of it keeps this process: it ends with it.
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as Socket | null)?.unref();
    return chain;
  }

  stop(): void {
    if (this.#process.stdin) this.#process.stdin.end();
    else this.#process.kill();
  }

  async deploy(artifact: Artifact, args: readonly unknown[], libraries: Record<string, Address> = {}) {
    const abi = artifact.abi as Abi;
    const data = encodeDeployData({ abi, bytecode: link(artifact, libraries), args } as never);
    const hash = await this.client.sendTransaction({ account: owner, data, gas: 30_000_000n });
    const { contractAddress, status } = await this.#receipt(hash);
    if (!contractAddress || status !== "success") throw new Error(`${artifact.name} was not deployed`);
    return { address: contractAddress, abi };
  }

  /** Asks until it is there: viem asks once a block, and of a block that is there before its receipts there is no next one here. */
  async #receipt(hash: Hex): Promise<TransactionReceipt> {
    for (;;) {
      try {
        return await this.client.getTransactionReceipt({ hash });
      } catch (error) {
        if (!(error instanceof TransactionReceiptNotFoundError)) throw error;
        await setTimeout(20);
      }
    }
  }

  /** Name of the error that the call ends with, or "accepted"; nothing is kept. */
  async outcome(call: Call): Promise<string> {
    try {
      await this.simulate(call);
      return "accepted";
    } catch (error) {
      return errorName(error);
    }
  }

  async simulate({ contract, name, args, from = owner, gas = 50_000_000n, time }: Call): Promise<unknown> {
    const { result } = await this.client.simulateContract({
      ...contract,
      functionName: name,
      args,
      account: from,
      gas,
      ...(time === undefined ? {} : { blockOverrides: { time } }),
    });
    return result;
  }

  async read(contract: Deployed, name: string, args: readonly unknown[] = []): Promise<unknown> {
    return this.client.readContract({ ...contract, functionName: name, args });
  }

  /** Sends a transaction that must succeed. */
  async send({ contract, name, args, from = owner, gas = 50_000_000n, time }: Call) {
    if (time !== undefined) await this.client.setNextBlockTimestamp({ timestamp: time });
    const hash = await this.client.writeContract({ ...contract, functionName: name, args, account: from, gas });
    const receipt = await this.#receipt(hash);
    if (receipt.status !== "success") throw new Error(`${name} was reverted`);
    return receipt;
  }

  /** Writes a storage slot, for limits too far to reach by calls. */
  async store(contract: Deployed, slot: number, value: bigint): Promise<void> {
    const word = (x: bigint | number): Hex => `0x${x.toString(16).padStart(64, "0")}`;
    await this.client.setStorageAt({ address: contract.address, index: word(slot), value: word(value) });
  }
}

function errorName(error: unknown): string {
  const reverted = error instanceof BaseError && error.walk((e) => e instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError && reverted.data) return reverted.data.errorName;
  return error instanceof BaseError ? error.shortMessage : String(error);
}
