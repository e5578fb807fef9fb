import {
  BaseError,
  HttpRequestError,
  RpcRequestError,
  TimeoutError,
  createPublicClient,
  decodeErrorResult,
  http,
  isHex,
  parseAbi,
  type AbiEvent,
  type GetLogsReturnType,
  type PublicClient,
} from "viem";
import { TacitError } from "../../protocol/errors.ts";
import type { Hex } from "./chain.ts";

/** What the venue uses of IVenue.sol: the errors are those that a round or an announcement ends with. */
export const ABI = parseAbi([
  "function submitRound(uint256 stateBefore, bytes round, bytes finality)",
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
  "function announcer() view returns (address)",
  "function timelock() view returns (uint256)",
  "function announcementCount() view returns (uint256)",
  "function announcementsDone() view returns (uint256)",
  "function announcement(uint256 n) view returns (uint256 root, uint128 from, bool withdrawn)",
  "function announce(uint256 root, bytes preimage)",
  "function withdrawRules(uint256 n)",
  "function coSigners() view returns (address[])",
  "function nextCoSigners() view returns (address[] next, uint256 from)",
  "function announceCoSigners(address[] next)",
  "function withdrawCoSigners()",
  "function applyCoSigners()",
  "event Deposit(uint256 indexed n, uint256 head, uint256 indexed keyX, uint256 keyY, uint256 amount, uint256 indexed index)",
  "event RulesAnnounced(uint256 indexed n, uint256 root, uint256 from, bytes preimage)",
  "event RulesWithdrawn(uint256 indexed n)",
  "event RulesChanged(uint256 indexed n, uint256 root)",
  "event CoSignersAnnounced(address[] next, uint256 from)",
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
  "error NoAnnouncement(uint256 instruction)",
  "error WrongRules(uint256 instruction, uint256 expected, uint256 given)",
  "error RulesStampedEarly(uint256 instruction, uint256 time, uint256 from)",
  "error RulesNotYet(uint256 instruction, uint256 from)",
  "error Overdrawn(uint256 instruction, uint256 amount)",
  "error NotFinal(uint256 logCount, uint256 log)",
  "error PrecompileFailed(uint256 precompile)",
  "error PairingFailed()",
  "error NotAFieldElement(uint256 value)",
  "error NotAnnouncer(address caller)",
  "error TooManyAnnouncements()",
  "error UnknownAnnouncement(uint256 n)",
  "error TooLateToWithdraw(uint256 n, uint256 from)",
  "error CoSignerCount(uint256 count)",
  "error BadCoSigner(uint256 index)",
  "error NoCoSignersAnnounced()",
  "error CoSignersStay(uint256 from)",
  "error CoSignersNotYet(uint256 from)",
]);

/** Full answers after which more blocks are asked for at once. */
const ANSWERS = 16;
/** What a node may answer to a request for more than it gives at once. */
const TOO_MUCH = new Set(["CHAIN_REFUSED", "CHAIN_TIMEOUT", "CHAIN_GARBAGE"]);

/** A node, and the contract that it is asked about. */
export interface NodeOptions {
  /** http or https address of a node; often it holds a key, so it is never shown */
  readonly rpc: string;
  /** address of the contract */
  readonly contract: Hex;
  /**
   * blocks on top of one after which nothing undoes it any more, 0 where the chain has no reorganisations; or what the chain
   * itself calls so, where its nodes know the tag
   */
  readonly confirmations: bigint | "safe" | "finalized";
  /** blocks that one request for events spans at most: 2000 when left out. Where a node refuses so many it is halved, and doubled after a while */
  readonly blockRange?: bigint;
  /** that a node may take to answer: 10,000 when left out */
  readonly timeoutMs?: number;
}

type View =
  | "domain"
  | "maxLag"
  | "maxDeposits"
  | "state"
  | "time"
  | "logCount"
  | "depositCount"
  | "deployedAt"
  | "timelock"
  | "announcementCount"
  | "announcementsDone";

/** What all that asks a node of a contract has in common. */
export interface EvmNode {
  readonly client: PublicClient;
  /** of the contract */
  readonly address: Hex;
  /** Every request but those that read the node's words themselves: no error leaves with its address. */
  ask<T>(what: string, request: () => Promise<T>): Promise<T>;
  read(view: View, blockNumber: bigint): Promise<bigint>;
  newest(): Promise<{ readonly number: bigint; readonly timestamp: bigint; readonly hash: Hex }>;
  /** Number of the newest block that nothing undoes any more. */
  deepest(newest: bigint): Promise<bigint>;
  /** Events from a block on: of as many blocks as the node takes, which is tried by halves. `to`: the last of these blocks. */
  logsFrom<const Events extends readonly AbiEvent[]>(
    what: string,
    events: Events,
    from: bigint,
    last: bigint,
  ): Promise<{ logs: GetLogsReturnType<undefined, Events, true>; to: bigint }>;
}

export function evmNode(options: NodeOptions): EvmNode {
  const { rpc, contract: address, confirmations, blockRange = 2000n, timeoutMs = 10_000 } = options;
  const client: PublicClient = createPublicClient({
    transport: http(rpc, { retryCount: 0, timeout: timeoutMs }),
    cacheTime: 0,
  });
  /** blocks of one request, as far as the node is known to take them */
  let range = blockRange;
  /** full answers in a row since the range was changed */
  let answered = 0;

  async function ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw error instanceof TacitError ? error : chainError(what, error, rpc);
    }
  }
  const read = (functionName: View, blockNumber: bigint) =>
    ask(functionName, () => client.readContract({ address, abi: ABI, functionName, blockNumber }));
  async function newest() {
    const block = await ask("the newest block", () => client.getBlock());
    // What is no block is none of number 0.
    if (typeof block.number === "bigint") return block;
    throw new TacitError("CHAIN_GARBAGE", "the newest block: the node answered what is no block");
  }
  async function deepest(newest: bigint): Promise<bigint> {
    if (typeof confirmations === "bigint") return newest > confirmations ? newest - confirmations : 0n;
    const { number } = await ask(`the ${confirmations} block`, () => client.getBlock({ blockTag: confirmations }));
    return number < newest ? number : newest;
  }

  async function logsFrom<const Events extends readonly AbiEvent[]>(
    what: string,
    events: Events,
    from: bigint,
    last: bigint,
  ) {
    for (;;) {
      const to = from + range - 1n < last ? from + range - 1n : last;
      try {
        const logs = await ask(what, () =>
          client.getLogs({ address, events, fromBlock: from, toBlock: to, strict: true }),
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

  return { client, address, ask, read, newest, deepest, logsFrom };
}

/** The contract's error by name, if the node says that the call was reverted by one; OutOfGas if it ran out. */
export function refusalOf(error: unknown): string | undefined {
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
export function nodeText(error: unknown): string | undefined {
  return answerOf(error)?.message;
}

/** Says what went wrong with a request, in the node's words where it has any, and without its address. */
export function chainError(what: string, error: unknown, rpc: string): TacitError {
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
