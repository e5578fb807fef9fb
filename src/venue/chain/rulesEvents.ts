import { getAbiItem, hexToBytes } from "viem";
import { TacitError } from "../../protocol/errors.ts";
import type { Profile } from "../../protocol/instructions.ts";
import { rulesRoot, type Rules } from "../../protocol/rules.ts";
import { parseRules } from "../../protocol/rulesJson.ts";
import { ABI, type EvmNode } from "./node.ts";

/** What happened to announced rules at a contract. */
export type RulesEvent =
  | {
      readonly kind: "announced";
      /** from 1 */
      readonly n: number;
      readonly root: bigint;
      /** when they become valid, seconds since 1970 */
      readonly from: bigint;
      /** what was announced as their file: that it has this root is for the reader to find out (`announcedRules`) */
      readonly text: string;
      readonly block: bigint;
    }
  | { readonly kind: "withdrawn"; readonly n: number; readonly block: bigint }
  | { readonly kind: "changed"; readonly n: number; readonly root: bigint; readonly block: bigint };

/** Up to where events were read: the block that comes next, and how many announcements there were before it. */
export interface RulesCursor {
  readonly block: bigint;
  readonly announced: number;
}

export interface RulesPage {
  /** in the order in which they happened */
  readonly events: readonly RulesEvent[];
  /** where to go on */
  readonly next: RulesCursor;
  /** whether that is all that is confirmed so far */
  readonly complete: boolean;
}

/** An announcement that rounds may use from `from` on. */
export interface UsableAnnouncement {
  readonly root: bigint;
  readonly from: bigint;
  /** of the block that says so: from `from` on nothing withdraws it any more */
  readonly time: bigint;
}

const EVENTS = [
  getAbiItem({ abi: ABI, name: "RulesAnnounced" }),
  getAbiItem({ abi: ABI, name: "RulesWithdrawn" }),
  getAbiItem({ abi: ABI, name: "RulesChanged" }),
] as const;

/**
 * The rules that an announcement is of, if its text has its root.
 * @throws RULES_FILE, OUT_OF_RANGE  when the text is no file of rules
 * @throws RULES_ROOT                when its rules are others than those announced
 */
export function announcedRules({ root, text }: { root: bigint; text: string }, profile: Profile): Rules {
  const rules = rulesOfText(text, profile);
  const is = rulesRoot(rules);
  if (is !== root)
    throw new TacitError("RULES_ROOT", `the text is of other rules than those announced: expected root ${root}`, {
      root,
      is,
    });
  return rules;
}

/** @throws RULES_FILE, OUT_OF_RANGE */
export function rulesOfText(text: string, profile: Profile): Rules {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TacitError("RULES_FILE", "the rules file is no JSON");
  }
  return parseRules(json, profile);
}

/** Reads announcements, of confirmed blocks alone. */
export function rulesReader({ client, address, ask, read, newest, deepest, logsFrom }: EvmNode) {
  const announcement = async (n: number, blockNumber: bigint) => {
    const call = { address, abi: ABI, functionName: "announcement", args: [BigInt(n)], blockNumber } as const;
    const [root, from, withdrawn] = await ask("an announcement", () => client.readContract(call));
    return { root, from, withdrawn };
  };

  return {
    /**
     * What happened from a block on, in as many blocks as one request takes. What the events say is compared with the contract.
     * @throws CHAIN_INCONSISTENT  when the contract has other announcements
     */
    async page(cursor: RulesCursor): Promise<RulesPage> {
      const last = await deepest((await newest()).number);
      if (cursor.block > last) return { events: [], next: cursor, complete: true };
      const { logs, to } = await logsFrom("the announcements", EVENTS, cursor.block, last);
      const complete = to === last;
      let { announced } = cursor;
      const require = (holds: boolean, n: bigint | number, message: string) => {
        if (!holds)
          throw new TacitError("CHAIN_INCONSISTENT", `announcement ${n}: ${message}`, { n: Number(n), block: last });
      };
      const events: RulesEvent[] = [];
      for (const { eventName, args, blockNumber: block } of logs) {
        const n = Number(args.n);
        if (eventName === "RulesAnnounced") {
          require(n === announced + 1, announced + 1, `the next event is of number ${n}`);
          announced = n;
        }
        require(n >= 1 && n <= announced, n, "an event of it, and it was not announced");
        const is = await announcement(n, last);
        if (eventName === "RulesWithdrawn") {
          require(is.withdrawn, n, "an event withdraws it, and the contract does not");
          events.push({ kind: "withdrawn", n, block });
          continue;
        }
        const { root } = args;
        require(is.root === root, n, "the event has another root than the contract");
        if (eventName === "RulesChanged") events.push({ kind: "changed", n, root, block });
        else {
          require(is.from === args.from, n, "the event has another time than the contract");
          // Text that is no UTF-8 is no JSON either, or other rules.
          const text = new TextDecoder().decode(hexToBytes(args.preimage));
          events.push({ kind: "announced", n, root, from: args.from, text, block });
        }
      }
      if (complete) {
        const count = await read("announcementCount", last);
        require(count === BigInt(announced), announced + 1, `the contract counts ${count}, and the node has no event`);
      }
      return { events, next: { block: to + 1n, announced }, complete };
    },

    /** One that was neither withdrawn nor used or passed over, as the last confirmed block has it. */
    async usable(n: number): Promise<UsableAnnouncement | undefined> {
      const blockNumber = await deepest((await newest()).number);
      const { root, from, withdrawn } = await announcement(n, blockNumber);
      if (from === 0n || withdrawn || (await read("announcementsDone", blockNumber)) >= BigInt(n)) return undefined;
      const { timestamp: time } = await ask("a block", () => client.getBlock({ blockNumber }));
      return { root, from, time };
    },
  };
}
