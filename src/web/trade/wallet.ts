import { TacitError } from "../../protocol/errors.ts";
import { TEXTS } from "./texts.ts";

/** A wallet in this browser. @source EIP-1193, "Ethereum Provider JavaScript API" */
interface Provider {
  request(asked: { method: string; params?: readonly unknown[] }): Promise<unknown>;
}

export interface VenueContract {
  readonly chainId: string;
  readonly address: string;
  readonly token: string;
}

/** Milliseconds between two looks for a receipt. */
const LOOK = 1_500;
/** First four bytes of the hash of `approve(address,uint256)` and `deposit(uint256,uint256,uint256,uint32)`. */
const APPROVE = "095ea7b3";
const DEPOSIT = "75739529";

/** Words of a call, each 32 bytes. @source Solidity, "Contract ABI Specification" */
const callOf = (selector: string, words: readonly bigint[]) =>
  `0x${selector}${words.map((word) => word.toString(16).padStart(64, "0")).join("")}`;

/**
 * Deposits at the venue's contract for a key: lets it take the amount, and has it take it, which a wallet asks its owner for.
 * @param tell  how far it is
 * @returns what to say once the chain has it
 * @throws NO_WALLET, OTHER_CHAIN, WALLET  as the wallet refuses, or the chain
 */
export async function depositByWallet(
  { chainId, address, token }: VenueContract,
  amount: bigint,
  { x, y, index }: { readonly x: bigint; readonly y: bigint; readonly index: number },
  tell: (text: string) => void,
): Promise<string> {
  const { ethereum } = globalThis as unknown as { ethereum?: Provider };
  if (!ethereum) throw new TacitError("NO_WALLET", TEXTS.walletNone);
  const ask = async (method: string, params: readonly unknown[] = []) => {
    try {
      return await ethereum.request({ method, params });
    } catch (error) {
      throw new TacitError("WALLET", TEXTS.walletRefuses(String((error as { message?: unknown } | null)?.message ?? method))); // prettier-ignore
    }
  };
  const [from] = (await ask("eth_requestAccounts")) as [string];
  const chain = BigInt((await ask("eth_chainId")) as string);
  if (chain !== BigInt(chainId)) throw new TacitError("OTHER_CHAIN", TEXTS.walletOtherChain(String(chain), chainId));
  const send = async (to: string, data: string) => {
    const hash = await ask("eth_sendTransaction", [{ from, to, data }]);
    tell(TEXTS.walletWaits);
    for (;;) {
      const receipt = (await ask("eth_getTransactionReceipt", [hash])) as { status?: string } | null;
      if (receipt?.status === "0x1") return;
      if (receipt) throw new TacitError("WALLET", TEXTS.walletReverted);
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  };
  tell(TEXTS.walletApprove);
  await send(token, callOf(APPROVE, [BigInt(address), amount]));
  tell(TEXTS.walletDeposit);
  await send(address, callOf(DEPOSIT, [amount, x, y, BigInt(index)]));
  return TEXTS.walletDone;
}
