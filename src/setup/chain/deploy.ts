import { zeroAddress, type Address } from "viem";
import type { CoSigners } from "../../protocol/coSigners.ts";
import type { VerifyingKeys } from "../../verifier/index.ts";
import { keysArtifact, type Artifact } from "../contract.ts";
import { owner, type Chain, type Deployed } from "./chain.ts";

/** What a venue's contract is made with: see IVenue.sol. */
export interface Terms {
  domain: bigint;
  genesisState: bigint;
  token: Address;
  /** seconds */
  maxLag: bigint;
  maxDeposits: bigint;
  /** default: 1 */
  minDeposit?: bigint;
  /** of rules: the account that deploys when left out; null: the rules never change */
  announcer?: Address | null;
  /** seconds between an announcement, of rules or co-signers, and its first use; default: DEVELOPMENT_TIMELOCK */
  timelock?: bigint;
  /** of the genesis; rounds need no signatures when left out */
  coSigners?: CoSigners;
}

/** Seconds: long enough to withdraw what was announced by mistake, short enough to wait for. */
export const DEVELOPMENT_TIMELOCK = 60n;

/** Contracts that a venue's is made of. */
export interface Parts {
  PoseidonT6: Address;
  keys: Address;
}

/** Deploys what a venue's contract links and reads. @param artifacts  as compileContracts gives them */
export async function deployParts(
  chain: Chain,
  artifacts: Record<string, Artifact>,
  keys: VerifyingKeys,
): Promise<Parts> {
  const { address: PoseidonT6 } = await chain.deploy(artifacts.PoseidonT6, []);
  const { address } = await chain.deploy(keysArtifact(keys), []);
  return { PoseidonT6, keys: address };
}

/** Deploys a venue's contract. @param artifact  Venue, or one that is made like it */
export function deployVenue(
  chain: Chain,
  artifact: Artifact,
  { PoseidonT6, keys }: Parts,
  { minDeposit = 1n, announcer = owner.address, timelock = DEVELOPMENT_TIMELOCK, coSigners, ...terms }: Terms,
): Promise<Deployed> {
  const all = {
    ...terms,
    keys,
    minDeposit,
    announcer: announcer ?? zeroAddress,
    timelock,
    coSigners: coSigners?.addresses ?? [],
  };
  return chain.deploy(artifact, [all], { PoseidonT6 });
}
