import { createPublicClient, encodeFunctionData, http, parseEventLogs, toHex, type LocalAccount } from "viem";
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

/** Announces rules at a contract, and withdraws them, for who has the key. */
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
  };
}
