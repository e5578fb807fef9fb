import {
  TransactionReceiptNotFoundError,
  encodeFunctionData,
  getAbiItem,
  keccak256,
  zeroAddress,
  type LocalAccount,
} from "viem";
import { coSignersOf, type CoSigners } from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import { encodeRound } from "../../verifier/index.ts";
import { pushDeposit } from "../../witness/deposit.ts";
import type { Chain, ChainDeposit, ChainPoint, Estimate, Hex, Submission } from "./chain.ts";
import { ABI, chainError, evmNode, nodeText, refusalOf, type NodeOptions } from "./node.ts";
import { rulesReader } from "./rulesEvents.ts";

export {
  evmAnnouncer,
  readContractCoSigners,
  type Announced,
  type AnnouncerOptions,
  type NextCoSigners,
} from "./announcer.ts";
export { announcedRules, type RulesCursor, type RulesEvent, type RulesPage } from "./rulesEvents.ts";

const DEPOSIT = getAbiItem({ abi: ABI, name: "Deposit" });

export interface EvmOptions extends NodeOptions {
  /** block that the contract was deployed in, or any before it; the contract is asked when left out */
  readonly startBlock?: bigint;
  /** signs and pays; it must be used for nothing else, as its nonces are the relay's */
  readonly account: LocalAccount;
  /** address of the token that the contract must be of; any when left out */
  readonly token?: Hex;
  /** expected; any when left out */
  readonly chainId?: number;
}

/** What nodes call a transaction that they have: geth and its kin, Nethermind, Besu, Erigon, anvil. */
const SENT =
  /already (known|imported|in mempool)|already_exists|known transaction|same hash was already|nonce (is )?too low|OldNonce|AlreadyKnown/i;
/** And one that pays too little, for itself or to take the place of another of its nonce. */
const UNDERPRICED =
  /underpriced|could not replace existing|ReplacementNotAllowed|below (the )?configured minimum|less than block base fee|fee ?too ?low/i;

/** Refusals that a later block takes back. */
const LATER = new Set(["InFuture", "RulesNotYet"]);

/** An EVM chain, by a node's JSON-RPC. Transactions are of type 2 (EIP-1559). */
export function evmChain(options: EvmOptions): Chain {
  const { rpc, account } = options;
  const node = evmNode(options);
  const { client, address, ask, read, newest, deepest, logsFrom } = node;
  const announced = rulesReader(node);
  let chainId: number | undefined;
  /** The last deposit that was found good, and the block from which the next search begins. */
  let start = { n: 0, head: 0n, block: options.startBlock ?? 0n };
  let found = start;

  async function point(block: bigint, blockTime: bigint): Promise<ChainPoint> {
    const [state, logCount, time, nonce] = await Promise.all([
      read("state", block),
      read("logCount", block),
      read("time", block),
      ask("the nonce", () => client.getTransactionCount({ address: account.address, blockNumber: block })),
    ]);
    return { block, blockTime, state, logCount, time, nonce };
  }

  async function coSignersAt(blockNumber: bigint): Promise<{ coSigners?: CoSigners }> {
    const call = { address, abi: ABI, functionName: "coSigners", blockNumber } as const;
    const addresses = await ask("the co-signers", () => client.readContract(call));
    return addresses.length === 0 ? {} : { coSigners: coSignersOf(addresses) };
  }

  function callData({ stateBefore, instructions, finality = "0x" }: Submission): Hex {
    const args = [stateBefore, encodeRound({ instructions }), finality] as const;
    return encodeFunctionData({ abi: ABI, functionName: "submitRound", args });
  }

  async function estimateAt(tag: "latest" | "pending", data: Hex): Promise<Estimate> {
    try {
      const call = { from: account.address, to: address, data };
      return { ok: true, gas: BigInt(await client.request({ method: "eth_estimateGas", params: [call, tag] })) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw chainError("the estimate of gas", error, rpc);
      return { ok: false, refusal };
    }
  }

  return {
    async open({ domain, freeLeaves }) {
      const id = await ask("the chain's number", () => client.getChainId());
      const wrong = (message: string) => new TacitError("WRONG_CONTRACT", message, { address, chainId: id });
      if (options.chainId !== undefined && id !== options.chainId)
        throw wrong(`the node is of chain ${id}: expected ${options.chainId}`);
      const { number } = await newest();
      if (!(await ask("the code", () => client.getCode({ address, blockNumber: number }))))
        throw wrong(`nothing is deployed at ${address}: expected the venue's contract`);
      const is = await read("domain", number);
      if (is !== domain) throw wrong(`the contract at ${address} is of domain ${is}: expected ${domain}`);
      const addressOf = (functionName: "token" | "announcer") =>
        ask(functionName, () => client.readContract({ address, abi: ABI, functionName, blockNumber: number }));
      const [maxLag, maxDeposits, deployedAt, timelock, token, announcer] = await Promise.all([
        read("maxLag", number),
        read("maxDeposits", number),
        read("deployedAt", number),
        read("timelock", number),
        addressOf("token"),
        addressOf("announcer"),
      ]);
      if (maxDeposits > freeLeaves)
        throw wrong(
          `the contract takes ${maxDeposits} deposits: expected at most ${freeLeaves}, the accounts that are free`,
        );
      if (options.token !== undefined && token.toLowerCase() !== options.token.toLowerCase())
        throw wrong(`the contract is of token ${token}: expected ${options.token}`);
      const deep = await deepest(number);
      if (deep < deployedAt)
        throw new TacitError(
          "NOT_CONFIRMED",
          `the contract is of block ${deployedAt}, and ${deep} is the last confirmed one`,
        );
      const confirmedState = await read("state", deep);
      chainId = id;
      start = { ...start, block: options.startBlock ?? deployedAt };
      found = start;
      return {
        chainId: id,
        address,
        account: account.address,
        token: token.toLowerCase() as Hex,
        maxLag,
        announcer: announcer === zeroAddress ? null : (announcer.toLowerCase() as Hex),
        timelock,
        confirmedState,
        ...(await coSignersAt(number)),
      };
    },

    async deposits(after) {
      const last = await deepest((await newest()).number);
      const count = Number(await read("depositCount", last));
      if (count <= after) return [];
      if (after < found.n) found = start;
      const result: ChainDeposit[] = [];
      const inconsistent = (message: string) => {
        const { n } = found;
        found = start;
        return new TacitError("CHAIN_INCONSISTENT", `deposit ${n + 1}: ${message}`, { n: n + 1, block: last });
      };
      while (result.length === 0 && found.block <= last) {
        const { logs, to } = await logsFrom("the deposits", [DEPOSIT], found.block, last);
        let { n, head } = found;
        for (const { args } of logs) {
          const { keyX, keyY, amount } = args;
          const deposit = { keyX, keyY, index: Number(args.index), amount };
          if (args.n !== BigInt(n) + 1n) throw inconsistent(`the next event is of number ${args.n}`);
          if (args.head !== pushDeposit(head, deposit)) throw inconsistent("its head does not continue the chain");
          [n, head] = [n + 1, args.head];
          if (n > after) result.push({ ...deposit, n, head });
        }
        if (n > found.n) {
          const number = await ask("a deposit's number", () =>
            client.readContract({ address, abi: ABI, functionName: "depositNumber", args: [head], blockNumber: last }),
          );
          if (number !== BigInt(n)) throw inconsistent("the contract does not have the head of the events up to it");
        }
        // All up to here is confirmed, and is not read again.
        found = { n, head, block: to + 1n };
      }
      if (result.length === 0) throw inconsistent(`the contract counts ${count} deposits, and the node has no event`);
      return result;
    },

    rules: (from) => announced.page(from ?? { block: start.block, announced: 0 }),
    announcement: (n) => announced.usable(n),

    async status() {
      const block = await newest();
      const deep = await deepest(block.number);
      const [latest, coSigners] = await Promise.all([point(block.number, block.timestamp), coSignersAt(block.number)]);
      const confirmed =
        deep === block.number
          ? latest
          : await point(deep, (await ask("a confirmed block", () => client.getBlock({ blockNumber: deep }))).timestamp);
      // All was read by numbers of blocks: if another block has the number by now, it was put together from two chains.
      const { hash } = await ask("the block again", () => client.getBlock({ blockNumber: block.number }));
      if (hash !== block.hash)
        throw new TacitError("CHAIN_INCONSISTENT", `block ${block.number} was replaced while it was read`);
      return { latest, confirmed, ...coSigners };
    },

    async estimate(submission) {
      const data = callData(submission);
      const answer = await estimateAt("latest", data);
      if (answer.ok || !LATER.has(answer.refusal)) return answer;
      // The next block is later than the newest one: nodes that make one up for the purpose say what holds in it.
      const next = await estimateAt("pending", data);
      return next.ok ? next : answer;
    },

    async fees() {
      const { maxFeePerGas, maxPriorityFeePerGas } = await ask("the fees", () => client.estimateFeesPerGas());
      return { maxFeePerGas, maxPriorityFeePerGas };
    },

    async sign(submission, fees) {
      if (chainId === undefined) throw new TacitError("NOT_OPEN", "the chain was not opened: expected open() before");
      const { nonce, gas, maxFeePerGas, maxPriorityFeePerGas } = fees;
      const data = callData(submission);
      const terms = { nonce, gas, maxFeePerGas, maxPriorityFeePerGas };
      const raw = await account.signTransaction({ type: "eip1559", chainId, to: address, data, ...terms });
      return { raw, hash: keccak256(raw) };
    },

    async broadcast(raw) {
      try {
        const hash = await client.request({ method: "eth_sendRawTransaction", params: [raw] });
        if (hash !== keccak256(raw))
          throw new TacitError("CHAIN_INCONSISTENT", "the node took another transaction than it was given");
        return "sent";
      } catch (error) {
        if (error instanceof TacitError) throw error;
        const text = nodeText(error) ?? "";
        if (SENT.test(text)) return "sent";
        if (UNDERPRICED.test(text)) return "underpriced";
        throw chainError("sending", error, rpc);
      }
    },

    async receipt(hash) {
      return ask("a receipt", async () => {
        try {
          const { blockNumber, status, gasUsed, transactionHash } = await client.getTransactionReceipt({ hash });
          if (transactionHash !== hash)
            throw new TacitError("CHAIN_GARBAGE", "a receipt: the node answered with another transaction's");
          return { block: blockNumber, success: status === "success", gasUsed };
        } catch (error) {
          if (error instanceof TransactionReceiptNotFoundError) return undefined;
          throw error;
        }
      });
    },
  };
}
