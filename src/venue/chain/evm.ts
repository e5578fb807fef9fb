import {
  BaseError,
  HttpRequestError,
  RpcRequestError,
  TimeoutError,
  TransactionReceiptNotFoundError,
  createPublicClient,
  decodeErrorResult,
  encodeFunctionData,
  http,
  isHex,
  keccak256,
  parseAbi,
  type LocalAccount,
} from "viem";
import { TacitError } from "../../protocol/errors.ts";
import { encodeRound } from "../../verifier/index.ts";
import { pushDeposit } from "../../witness/deposit.ts";
import type { Chain, ChainDeposit, ChainPoint, Estimate, Hex, Submission } from "./chain.ts";

/** What the venue uses of IVenue.sol: the errors are those that submitRound ends with. */
const ABI = parseAbi([
  "function submitRound(uint256 stateBefore, bytes round)",
  "function domain() view returns (uint256)",
  "function maxLag() view returns (uint256)",
  "function maxDeposits() view returns (uint256)",
  "function state() view returns (uint256)",
  "function time() view returns (uint256)",
  "function logCount() view returns (uint256)",
  "function depositCount() view returns (uint256)",
  "function depositNumber(uint256 head) view returns (uint256)",
  "function token() view returns (address)",
  "function deployedAt() view returns (uint256)",
  "event Deposit(uint256 indexed n, uint256 head, uint256 indexed keyX, uint256 keyY, uint256 amount, uint256 indexed index)",
  "error EmptyRound()",
  "error TooManyInstructions(uint256 count)",
  "error UnknownInstruction(uint256 instruction, uint256 code)",
  "error Truncated(uint256 instruction)",
  "error InputTooLarge(uint256 instruction, uint256 index)",
  "error WrongState(uint256 expected, uint256 given)",
  "error PhaseNotOpen(uint256 phase)",
  "error NoLogEntry()",
  "error LogCountFalls(uint256 instruction)",
  "error TimeFalls(uint256 instruction)",
  "error InFuture(uint256 time)",
  "error TooOld(uint256 time)",
  "error UnknownDeposit(uint256 instruction, uint256 head)",
  "error StaleDeposit(uint256 instruction, uint256 head)",
  "error Overdrawn(uint256 instruction, uint256 amount)",
  "error PrecompileFailed(uint256 precompile)",
  "error PairingFailed()",
]);
const DEPOSIT = ABI.find((item) => item.type === "event")!;
/** Full answers after which more blocks are asked for at once. */
const ANSWERS = 16;
/** What a node may answer to a request for more than it gives at once. */
const TOO_MUCH = new Set(["CHAIN_REFUSED", "CHAIN_TIMEOUT", "CHAIN_GARBAGE"]);

export interface EvmOptions {
  /** http or https address of a node; often it holds a key, so it is never shown */
  readonly rpc: string;
  /** address of the contract */
  readonly contract: Hex;
  /** block that the contract was deployed in, or any before it; the contract is asked when left out */
  readonly startBlock?: bigint;
  /** signs and pays; it must be used for nothing else, as its nonces are the relay's */
  readonly account: LocalAccount;
  /**
   * blocks on top of one after which nothing undoes it any more, 0 where the chain has no reorganisations; or what the chain
   * itself calls so, where its nodes know the tag
   */
  readonly confirmations: bigint | "safe" | "finalized";
  /** address of the token that the contract must be of; any when left out */
  readonly token?: Hex;
  /** expected; any when left out */
  readonly chainId?: number;
  /** blocks that one request for deposits spans at most: 2000 when left out. Where a node refuses so many it is halved, and doubled after a while */
  readonly blockRange?: bigint;
  /** that a node may take to answer: 10,000 when left out */
  readonly timeoutMs?: number;
}

/** What nodes call a transaction that they have: geth and its kin, Nethermind, Besu, Erigon, anvil. */
const SENT =
  /already (known|imported|in mempool)|already_exists|known transaction|same hash was already|nonce (is )?too low|OldNonce|AlreadyKnown/i;
/** And one that pays too little, for itself or to take the place of another of its nonce. */
const UNDERPRICED =
  /underpriced|could not replace existing|ReplacementNotAllowed|below (the )?configured minimum|less than block base fee|fee ?too ?low/i;

/** An EVM chain, by a node's JSON-RPC. Transactions are of type 2 (EIP-1559). */
export function evmChain(options: EvmOptions): Chain {
  const { rpc, contract: address, account, confirmations, blockRange = 2000n, timeoutMs = 10_000 } = options;
  const client = createPublicClient({
    transport: http(rpc, { retryCount: 0, timeout: timeoutMs }),
    cacheTime: 0,
  });
  let chainId: number | undefined;
  /** The last deposit that was found good, and the block from which the next search begins. */
  let start = { n: 0, head: 0n, block: options.startBlock ?? 0n };
  let found = start;
  /** blocks of one request, as far as the node is known to take them */
  let range = blockRange;
  /** full answers in a row since the range was changed */
  let answered = 0;

  /** Every request but the estimate and the sending, which read the node's words themselves: no error leaves with its address. */
  async function ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw error instanceof TacitError ? error : chainError(what, error, rpc);
    }
  }
  type View = "domain" | "maxLag" | "maxDeposits" | "state" | "time" | "logCount" | "depositCount" | "deployedAt";
  const read = (functionName: View, blockNumber: bigint) =>
    ask(functionName, () => client.readContract({ address, abi: ABI, functionName, blockNumber }));
  const newest = () => ask("the newest block", () => client.getBlock());
  /** Number of the newest block that nothing undoes any more. */
  async function deepest(newest: bigint): Promise<bigint> {
    if (typeof confirmations === "bigint") return newest > confirmations ? newest - confirmations : 0n;
    const { number } = await ask(`the ${confirmations} block`, () => client.getBlock({ blockTag: confirmations }));
    return number < newest ? number : newest;
  }

  async function point(block: bigint, blockTime: bigint): Promise<ChainPoint> {
    const [state, logCount, time, nonce] = await Promise.all([
      read("state", block),
      read("logCount", block),
      read("time", block),
      ask("the nonce", () => client.getTransactionCount({ address: account.address, blockNumber: block })),
    ]);
    return { block, blockTime, state, logCount, time, nonce };
  }

  /** Deposits from a block on: of as many blocks as the node takes, which is tried by halves. */
  async function logsFrom(from: bigint, last: bigint) {
    for (;;) {
      const to = from + range - 1n < last ? from + range - 1n : last;
      try {
        const logs = await ask("the deposits", () =>
          client.getLogs({ address, event: DEPOSIT, fromBlock: from, toBlock: to, strict: true }),
        );
        // Where it was a hiccup, or the node has more room than at other times, as many as at first are reached again: not at
        // once, as a node with a bound would refuse each second request.
        if (to - from + 1n === range && ++answered === ANSWERS) {
          range = 2n * range < blockRange ? 2n * range : blockRange;
          answered = 0;
        }
        return { logs, to };
      } catch (error) {
        // In whatever words a node says that it is too much; where it is something else, one block fails too.
        const smaller = (to - from + 1n) / 2n;
        if (smaller === 0n || !(error instanceof TacitError) || !TOO_MUCH.has(error.code)) throw error;
        range = smaller;
        answered = 0;
      }
    }
  }

  function callData({ stateBefore, instructions }: Submission): Hex {
    const args = [stateBefore, encodeRound({ instructions })] as const;
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
      const [maxLag, maxDeposits, token, deployedAt] = await Promise.all([
        read("maxLag", number),
        read("maxDeposits", number),
        ask("the token", () => client.readContract({ address, abi: ABI, functionName: "token", blockNumber: number })),
        read("deployedAt", number),
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
        confirmedState,
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
        const { logs, to } = await logsFrom(found.block, last);
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

    async status() {
      const block = await newest();
      const deep = await deepest(block.number);
      const latest = await point(block.number, block.timestamp);
      const confirmed =
        deep === block.number
          ? latest
          : await point(deep, (await ask("a confirmed block", () => client.getBlock({ blockNumber: deep }))).timestamp);
      // All was read by numbers of blocks: if another block has the number by now, it was put together from two chains.
      const { hash } = await ask("the block again", () => client.getBlock({ blockNumber: block.number }));
      if (hash !== block.hash)
        throw new TacitError("CHAIN_INCONSISTENT", `block ${block.number} was replaced while it was read`);
      return { latest, confirmed };
    },

    async estimate(submission) {
      const data = callData(submission);
      const answer = await estimateAt("latest", data);
      if (answer.ok || answer.refusal !== "InFuture") return answer;
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

/** The contract's error by name, if the node says that the call was reverted by one; OutOfGas if it ran out. */
function refusalOf(error: unknown): string | undefined {
  const answer = answerOf(error);
  if (!answer) return undefined;
  const data = revertDataOf(answer);
  if (data) {
    try {
      return decodeErrorResult({ abi: ABI, data }).errorName;
    } catch {
      return `error ${data.slice(0, 10)}`;
    }
  }
  return /gas required exceeds|out of gas|exceeds block gas limit/i.test(answer.message) ? "OutOfGas" : undefined;
}

/** What the node answered instead of a result, whatever the HTTP status it came with. */
interface NodeError {
  readonly message: string;
  readonly data?: unknown;
}
function answerOf(error: unknown): NodeError | undefined {
  if (!(error instanceof BaseError)) return undefined;
  const answer = error.walk((each) => each instanceof RpcRequestError) as RpcRequestError | null;
  if (answer) return { message: answer.details, data: answer.data };
  const failed = error.walk((each) => each instanceof HttpRequestError) as HttpRequestError | null;
  try {
    // The body of an answer of another status than 200: its `error`, or all of it.
    const body = JSON.parse(failed!.details) as { message?: unknown; data?: unknown };
    return typeof body.message === "string" ? { message: body.message, data: body.data } : undefined;
  } catch {
    return undefined;
  }
}

/** Nodes put it into `data`, into `data.data`, or behind words there or in the message: "Reverted 0x...". */
function revertDataOf({ message, data }: NodeError): Hex | undefined {
  const inner = typeof data === "object" && data !== null && "data" in data ? data.data : data;
  for (const text of [inner, message]) {
    const [found] = typeof text === "string" ? (/\b0x(?:[0-9a-f]{2}){4,}\b/i.exec(text) ?? []) : [];
    if (isHex(found)) return found;
  }
  return undefined;
}

/** What the node said, if it answered with an error of its own. */
function nodeText(error: unknown): string | undefined {
  return answerOf(error)?.message;
}

/** Says what went wrong with a request, in the node's words where it has any, and without its address. */
function chainError(what: string, error: unknown, rpc: string): TacitError {
  const find = <Kind extends Error>(kind: abstract new (...args: never[]) => Kind) =>
    error instanceof BaseError ? (error.walk((each) => each instanceof kind) as Kind | null) : null;
  if (find(TimeoutError)) return new TacitError("CHAIN_TIMEOUT", `${what}: the node did not answer in time`);
  const text = nodeText(error);
  if (text !== undefined) {
    // An address like https://host/v3/KEY: whatever of it could be a key is not repeated.
    const parts = rpc.split(/[^\w-]+/).filter((part) => part.length >= 8);
    const safe = parts.reduce((rest, part) => rest.replaceAll(part, "..."), text).slice(0, 200);
    return new TacitError("CHAIN_REFUSED", `${what}: the node refused: ${safe}`);
  }
  const failed = find(HttpRequestError);
  if (failed?.status !== undefined)
    return new TacitError("CHAIN_UNREACHABLE", `${what}: the node could not be asked: HTTP status ${failed.status}`);
  if (failed && !find(SyntaxError))
    return new TacitError("CHAIN_UNREACHABLE", `${what}: the node could not be asked: no connection`);
  const name = failed ? "no JSON" : error instanceof Error ? error.name : typeof error;
  return new TacitError("CHAIN_GARBAGE", `${what}: the node answered what cannot be read (${name})`);
}
