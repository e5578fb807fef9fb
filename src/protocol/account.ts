import { INSTRUMENTS } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";
import { toField } from "./numbers.ts";

/**
 * Deposits less payouts are at most this, cash units: so all cash stays in the range that circuits/lib/margin.circom counts on.
 * @twins src/verifier/contract/Venue.sol (MAX_HELD)
 */
export const MAX_HELD = 1n << 90n;

/** What is owned. `key` is the point 8 K' of the deposit that opened the account. */
export interface Account {
  readonly keyX: bigint;
  readonly keyY: bigint;
  readonly view: bigint;
  /** grows by one at every write of what is owned; with the nonce, which orders raise, no two leaves are alike */
  readonly seq: bigint;
  /** cash units, signed, net of funding; |cash| < 2^100 */
  readonly cash: bigint;
  /** lots of each instrument, signed; |position| < 2^48 */
  readonly positions: readonly bigint[];
  /** last nonce used, 0 for none */
  readonly nonce: bigint;
  /** cash units held by open orders, below 2^101 */
  readonly reserved: bigint;
  /** number of open orders, at most `maxOpen` of the profile */
  readonly open: bigint;
  /** for later: when it fell under maintenance, and what it waits for to leave; both are 0 */
  readonly flagged: bigint;
  readonly pushedAt: bigint;
}

export const NO_POSITIONS: readonly bigint[] = Object.freeze(Array<bigint>(INSTRUMENTS).fill(0n));

/** A new account: nothing owned, first write. */
export function openAccount(key: { keyX: bigint; keyY: bigint; view: bigint }): Account {
  return {
    ...key,
    seq: 1n,
    cash: 0n,
    positions: NO_POSITIONS,
    nonce: 0n,
    reserved: 0n,
    open: 0n,
    flagged: 0n,
    pushedAt: 0n,
  };
}

/**
 * Leaf of the account tree: H_leaf(H_account(key, view, seq, cash, H_positions), nonce, reserved, open, flagged, pushedAt).
 * @twins circuits/lib/account.circom
 */
export function accountLeaf(account: Account): bigint {
  const { keyX, keyY, view, seq, cash, positions, nonce, reserved, open, flagged, pushedAt } = account;
  const owned = hash("account", [keyX, keyY, view, seq, toField(cash), positionsHash(positions)]);
  return hash("leaf", [owned, nonce, reserved, open, flagged, pushedAt]);
}

/** `accountLeaf` of many, at less cost each. */
export function accountLeaves(accounts: readonly Account[]): bigint[] {
  const fresh = [...new Set(accounts.map(({ positions }) => positions))].filter((it) => !POSITIONS_HASHES.has(it));
  const hashes = hashMany(
    "positions",
    fresh.map((positions) => positions.map(toField)),
  );
  fresh.forEach((positions, i) => POSITIONS_HASHES.set(positions, hashes[i]));
  const owned = hashMany(
    "account",
    accounts.map(({ keyX, keyY, view, seq, cash, positions }) => {
      return [keyX, keyY, view, seq, toField(cash), positionsHash(positions)];
    }),
  );
  return hashMany(
    "leaf",
    accounts.map(({ nonce, reserved, open, flagged, pushedAt }, i) => [
      owned[i],
      nonce,
      reserved,
      open,
      flagged,
      pushedAt,
    ]),
  );
}

/** Positions change less often than accounts do: the hash of an array is kept as long as the array is. */
const POSITIONS_HASHES = new WeakMap<readonly bigint[], bigint>();

/** H_positions(pos[0..16)). The array must not be changed afterwards. */
export function positionsHash(positions: readonly bigint[]): bigint {
  const known = POSITIONS_HASHES.get(positions);
  if (known !== undefined) return known;
  const computed = hash("positions", positions.map(toField));
  POSITIONS_HASHES.set(positions, computed);
  return computed;
}

/** H_view(x of operatorSecret . key, index): trader and operator both derive it; it hides the leaf. */
export function viewKey(sharedX: bigint, index: number): bigint {
  return hash("view", [sharedX, BigInt(index)]);
}
