import { Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployParts, deployVenue, type Parts, type Terms } from "../../src/setup/chain/deploy.ts";
import { compileContracts, keysSolidity, type Artifact } from "../../src/setup/contract.ts";
import type { Simulator } from "./simulator.ts";

/** What `contractOf` gives. Who asks for it stops the chain. */
export interface Contract {
  chain: Chain;
  token: Deployed;
  venue: Deployed;
  /** number of the block that the venue's contract was made in */
  startBlock: bigint;
  artifacts: Record<string, Artifact>;
  parts: Parts;
}

/**
 * A venue's contract for a simulator's keys, on a chain of its own, with a token that the chain's owner lets it take.
 * @param kind  of the contract
 */
export async function contractOf(
  { keys }: Simulator,
  terms: Omit<Terms, "token">,
  { kind = "Venue", genesisTime }: { kind?: "Venue" | "Harness"; genesisTime?: bigint } = {},
): Promise<Contract> {
  const sources = ["TestToken", "Harness"].map((name) => `src/setup/chain/${name}.sol`);
  const artifacts = compileContracts({ keys: keysSolidity(keys), sources });
  const chain = await Chain.start({ genesisTime });
  try {
    const token = await chain.deploy(artifacts.TestToken, []);
    const parts = await deployParts(chain, artifacts, keys);
    const venue = await deployVenue(chain, artifacts[kind], parts, { ...terms, token: token.address });
    const startBlock = await chain.client.getBlockNumber();
    await chain.send({ contract: token, name: "approve", args: [venue.address, 1n << 100n] });
    return { chain, token, venue, startBlock, artifacts, parts };
  } catch (error) {
    chain.stop();
    throw error;
  }
}
