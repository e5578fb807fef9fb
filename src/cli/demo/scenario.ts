import { Matcher, type Command } from "../../matcher/matcher.ts";
import { viewKey } from "../../protocol/account.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign } from "../../protocol/eddsa.ts";
import { parseGenesis, type GenesisFile } from "../../protocol/genesis.ts";
import { PROFILES } from "../../protocol/instructions.ts";
import {
  A_COLUMNS,
  cancelItem,
  itemHash,
  orderItem,
  withdrawalItem,
  type Item,
  type OrderFields,
} from "../../protocol/item.ts";
import { pack } from "../../protocol/numbers.ts";
import { INSTRUMENTS, SIDE, type Verdict } from "../../protocol/parameters.ts";
import { Random } from "../random.ts";

/**
 * The demonstration: one underlying at 1,000.00; a perpetual, a call and a put struck there, and their straddle; ten
 * traders with zero-intelligence flow (Gode and Sunder 1993: random limit orders, market orders, cancels), and one item
 * for each reason to reject. Money is in cents.
 */

const START = 1_767_225_600n; // 2026-01-01T00:00:00Z
const INTERVAL = 60n;
const MAX_AGE = 600n;
export const TRADERS = 10;
export const DEPOSIT = 40_000_000n;

const [PERP, CALL, PUT, STRADDLE, CROSS, HALTED, TINY] = [101n, 102n, 103n, 104n, 105n, 106n, 107n];
/** Slots that are closed: the straddle's auction and the perpetual's cross. */
export const AUCTION_SLOT = 3;
export const CROSS_SLOT = 4;
export const MARKET_NAMES: Record<string, string> = {
  [String(PERP)]: "perpetual, auction",
  [String(CALL)]: "call 1000, auction",
  [String(PUT)]: "put 1000, auction",
  [String(STRADDLE)]: "straddle 1000, auction",
  [String(CROSS)]: "perpetual, midpoint cross",
  [String(HALTED)]: "halted",
  [String(TINY)]: "room for one order",
};
