import type { Address } from "viem";
import type { VerifyingKeys } from "../../verifier/index.ts";
import { keysArtifact, type Artifact } from "../contract.ts";
import type { Chain, Deployed } from "./chain.ts";

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
}

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
  { minDeposit = 1n, ...terms }: Terms,
): Promise<Deployed> {
  return chain.deploy(artifact, [{ ...terms, keys, minDeposit }], { PoseidonT6 });
}
