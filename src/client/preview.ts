/** What an order would do to its account, before it is signed. */
import { equities, reservation } from "../protocol/margin.ts";
import { settled } from "../protocol/clearing.ts";
import { fee, slotOf } from "../protocol/market.ts";
import { SIDE, type Verdict } from "../protocol/parameters.ts";
import type { Decoded } from "../protocol/item.ts";
import type { Terms } from "../protocol/rules.ts";
import type { Account } from "../protocol/account.ts";

/** All in cash units. */
export interface OrderPreview {
  readonly verdict: Verdict;
  /** why it would be rejected, in words; null where it would be admitted, as far as can be known here */
  readonly reason: string | null;
  /** if all of it is filled at its limit */
  readonly fee: bigint;
  /** what it holds while it is open */
  readonly reserved: bigint;
  /** by scenario, the mark first; none where the market has no prices. `free` is equity less what is reserved */
  readonly scenarios: readonly {
    readonly equity: bigint;
    readonly free: bigint;
    /** free while it is open: what it replaces holds its own until the next clear */
    readonly open: bigint;
    /** once all of it is filled, at its limit */
    readonly filled: { readonly equity: bigint; readonly free: bigint };
  }[];
}

/** @source docs/protocol.md, sections 6 and 8 */
export function effectOf(
  order: Extract<Decoded, { kind: "order" }>,
  account: Account,
  { rules, prices }: Terms,
): Pick<OrderPreview, "fee" | "reserved" | "scenarios"> {
  const { head, body } = order;
  const { limit, size } = body;
  const side = Number(head.side);
  const slot = slotOf(rules, head.market);
  const [row, quoted] = [rules.markets[slot], prices.markets[slot]];
  if (!row) return { fee: 0n, reserved: 0n, scenarios: [] };
  const charged = fee(row, limit, size);
  if (!quoted) return { fee: charged, reserved: 0n, scenarios: [] };
  const reserved = size * reservation(row, quoted, rules.group.slack, side, limit);
  const lots = side === SIDE.buy ? size : -size;
  const fill = { account: Number(head.account), closed: true, lots, release: 0n, fee: charged };
  const after = settled(account, fill, row.legs, { price: limit, funding: quoted.funding });
  const filled = equities(after, prices);
  return {
    fee: charged,
    reserved,
    scenarios: equities(account, prices).map((equity, k) => {
      const free = equity - account.reserved;
      return {
        equity,
        free,
        open: free - reserved,
        filled: { equity: filled[k], free: filled[k] - account.reserved },
      };
    }),
  };
}
