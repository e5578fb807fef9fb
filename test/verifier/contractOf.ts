import { encodeDeployData, type Abi, type BaseError } from "viem";
import { Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployParts, deployVenue, type Parts, type Terms } from "../../src/setup/chain/deploy.ts";
import { compileContracts, keysSolidity, link, type Artifact } from "../../src/setup/contract.ts";
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

/** Selector of the error by which a venue's contract refuses to be made, or "accepted". */
export async function construction(
  chain: Chain,
  venue: Artifact,
  { PoseidonT6 }: Parts,
  args: object,
): Promise<string> {
  const bytecode = link(venue, { PoseidonT6 });
  const data = encodeDeployData({ abi: venue.abi as Abi, bytecode, args: [args] } as never);
  try {
    await chain.client.call({ data });
    return "accepted";
  } catch (error) {
    const reverted = (error as BaseError).walk((cause) => typeof (cause as { data?: unknown }).data === "string");
    if (!reverted) throw error;
    return (reverted as unknown as { data: string }).data.slice(0, 10);
  }
}
