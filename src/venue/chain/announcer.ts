import { createPublicClient, encodeFunctionData, http, parseEventLogs, toHex, type LocalAccount } from "viem";
import { coSignersOf, type CoSigners } from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import type { Profile } from "../../protocol/instructions.ts";
import { rulesRoot } from "../../protocol/rules.ts";
import type { Hex } from "./chain.ts";
import { ABI, chainError, refusalOf } from "./node.ts";
import { rulesOfText } from "./rulesEvents.ts";

export interface AnnouncerOptions {
  /** http or https address of a node; often it holds a key, so it is never shown */
  readonly rpc: string;
  /** address of the contract */
  readonly contract: Hex;
  /** the contract's announcer. Not the relay's account, whose nonces nothing else may use */
  readonly account: LocalAccount;
  /** to wait for the block: 120,000 when left out */
  readonly timeoutMs?: number;
}

/** An announcement that is in a block, at whatever depth. */
export interface Announced {
  /** from 1 */
  readonly n: number;
  readonly root: bigint;
  /** when the rules become valid, seconds since 1970 */
  readonly from: bigint;
  readonly transaction: Hex;
}

/** Co-signers that are announced, and not in force. */
export interface NextCoSigners {
  readonly coSigners: CoSigners;
  /** when they may be applied, seconds since 1970 */
  readonly from: bigint;
}

/**
 * The co-signers of a contract in the newest block, and those that are announced.
 * @throws what a chain throws that does not answer
 */
export async function readContractCoSigners({
  rpc,
  contract: address,
}: Pick<AnnouncerOptions, "rpc" | "contract">): Promise<{
  readonly inForce: CoSigners | null;
  readonly next: NextCoSigners | null;
}> {
  const client = createPublicClient({ transport: http(rpc, { retryCount: 0 }), cacheTime: 0 });
  try {
    const blockNumber = await client.getBlockNumber();
    const call = { address, abi: ABI, blockNumber } as const;
    const [inForce, [next, from]] = await Promise.all([
      client.readContract({ ...call, functionName: "coSigners" }),
      client.readContract({ ...call, functionName: "nextCoSigners" }),
    ]);
    return {
      inForce: inForce.length === 0 ? null : coSignersOf(inForce),
      next: from === 0n ? null : { coSigners: coSignersOf(next), from },
    };
  } catch (error) {
    throw error instanceof TacitError ? error : chainError("the co-signers", error, rpc);
  }
}

/** Announces rules and co-signers at a contract, and withdraws them, for who has the key. */
export function evmAnnouncer({ rpc, contract, account, timeoutMs = 120_000 }: AnnouncerOptions) {
  const client = createPublicClient({ transport: http(rpc, { retryCount: 0 }), cacheTime: 0, pollingInterval: 500 });

  async function ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined)
        throw new TacitError("ANNOUNCEMENT_REFUSED", `the contract refuses: ${refusal}`, { refusal });
      throw error instanceof TacitError ? error : chainError(what, error, rpc);
    }
  }

  /** Fulfilled when it is in a block. */
  async function send(data: Hex) {
    // The estimate comes first: what the contract refuses costs nothing.
    const request = await ask("preparing the transaction", async () => {
      const gas = await client.estimateGas({ account, to: contract, data });
      const { maxFeePerGas, maxPriorityFeePerGas } = await client.estimateFeesPerGas();
      const nonce = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
      const chainId = await client.getChainId();
      const fees = { maxFeePerGas, maxPriorityFeePerGas };
      return { type: "eip1559", chainId, nonce, to: contract, data, gas: (gas * 6n) / 5n, ...fees } as const;
    });
    const raw = await account.signTransaction(request);
    const hash = await ask("sending", () => client.sendRawTransaction({ serializedTransaction: raw }));
    const receipt = await ask("the receipt", () => client.waitForTransactionReceipt({ hash, timeout: timeoutMs }));
    if (receipt.status !== "success")
      throw new TacitError("ANNOUNCEMENT_REFUSED", "the transaction was reverted: try again", { hash });
    return receipt;
  }

  return {
    /**
     * @param text  a file of rules (docs/formats.md): it becomes public as it is
     * @throws RULES_FILE, OUT_OF_RANGE     when it is none; then nothing is sent
     * @throws ANNOUNCEMENT_REFUSED         by the contract: `refusal` names its error
     * @throws what a chain throws that does not answer: the transaction may be on its way
     */
    async announce(text: string, profile: Profile): Promise<Announced> {
      const root = rulesRoot(rulesOfText(text, profile));
      const data = encodeFunctionData({ abi: ABI, functionName: "announce", args: [root, toHex(text)] });
      const { logs, transactionHash: transaction } = await send(data);
      const [event] = parseEventLogs({ abi: ABI, eventName: "RulesAnnounced", logs });
      const { n, from } = event.args;
      return { n: Number(n), root, from, transaction };
    },

    /** Until its timelock has run. @throws ANNOUNCEMENT_REFUSED, and what a chain throws */
    async withdraw(n: number): Promise<void> {
      await send(encodeFunctionData({ abi: ABI, functionName: "withdrawRules", args: [BigInt(n)] }));
    },

    /**
     * In place of those that wait.
     * @returns when they may be applied, seconds since 1970
     * @throws ANNOUNCEMENT_REFUSED, and what a chain throws
     */
    async announceCoSigners({ addresses }: CoSigners): Promise<bigint> {
      const args = [addresses as readonly Hex[]] as const;
      const { logs } = await send(encodeFunctionData({ abi: ABI, functionName: "announceCoSigners", args }));
      const [event] = parseEventLogs({ abi: ABI, eventName: "CoSignersAnnounced", logs });
      return event.args.from;
    },

    /** Until their timelock has run. @throws ANNOUNCEMENT_REFUSED, and what a chain throws */
    async withdrawCoSigners(): Promise<void> {
      await send(encodeFunctionData({ abi: ABI, functionName: "withdrawCoSigners" }));
    },

    /** Once their timelock has run: with any account. @throws ANNOUNCEMENT_REFUSED, and what a chain throws */
    async applyCoSigners(): Promise<void> {
      await send(encodeFunctionData({ abi: ABI, functionName: "applyCoSigners" }));
    },
  };
}
