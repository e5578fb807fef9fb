/**
 * What the contract costs on a chain, measured on one of our own: bytes of code, and gas. Proofs are made up, by keys whose
 * secrets are known: gas does not depend on what a proof says, but for how many of its bytes are 0. So nothing is to be built,
 * and each run comes to the same figures.
 */
import { trader, type Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployVenue } from "../../src/setup/chain/deploy.ts";
import { compileContracts, keysArtifact } from "../../src/setup/contract.ts";
import { readKeys } from "../../src/setup/keyFiles.ts";
import { coSignersOf } from "../../src/protocol/coSigners.ts";
import { logHeadDigest } from "../../src/protocol/logHead.ts";
import { encodeFinality, encodeRound, type Round } from "../../src/verifier/index.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";
import { contractOf } from "../../test/verifier/contractOf.ts";
import { KEY } from "../../test/verifier/forge.ts";
import { Simulator, type Step } from "../../test/verifier/simulator.ts";

/** Time of the chain's first block, and of the log's entries. */
const START = 1_767_225_600n;
const DEPOSITS = 4;
const AMOUNT = 1_000_000n;
/** Head of the log after the smallest round: as long as others are. */
const LOG = 3n ** 159n;

export interface ContractCosts {
  /** of code, by contract: those that a venue's is made of, with the committed keys */
  bytes: Record<string, number>;
  gas: {
    /** the first one, and each that follows */
    firstDeposit: number;
    deposit: number;
    /** of one who never had the token */
    claim: number;
    /** one admit */
    smallestRound: number;
    /** and with the signatures of 3 of 4 co-signers */
    smallestRoundCoSigned: number;
    /** a round like that of `tacit demo`: so many instructions, of every kind */
    instructions: number;
    round: number;
    /** of that round, rounded up to a thousand: to reckon with */
    perInstruction: number;
    /** of what it costs with a pairing check for each proof */
    percentOfSeparate: number;
  };
}

/** @throws MISSING_TOOL */
export async function contractCosts(): Promise<ContractCosts> {
  const simulator = new Simulator("costs");
  const genesisState = simulator.random();
  const terms = { domain: simulator.random(), genesisState, maxLag: 3_600n, maxDeposits: 254n };
  const { chain, token, venue, artifacts, parts } = await contractOf(simulator, terms, { genesisTime: START });
  try {
    const separate = await deployVenue(chain, artifacts.Harness, parts, { ...terms, token: token.address });
    await chain.send({ contract: token, name: "approve", args: [separate.address, 1n << 100n] });
    const deposits = await gasOfDeposits(chain, venue);
    await gasOfDeposits(chain, separate);
    const heads = await headsOf(chain, venue);

    const smallest = simulator.round(genesisState, [
      { name: "admit", inputs: { time: START, logCount: 1n, log: LOG } },
    ]);
    const snapshot = await chain.client.snapshot();
    const smallestRound = await gasOf(chain, venue, "submitRound", genesisState, smallest);
    await chain.client.revert({ id: snapshot });
    const signers = [1, 2, 3, 4].map((byte) => localSigner(new Uint8Array(32).fill(byte)));
    const coSigners = coSignersOf(signers.map(({ address }) => address));
    const coSigned = await deployVenue(chain, artifacts.Venue, parts, { ...terms, coSigners, token: token.address });
    const head = { domain: terms.domain, epoch: 1, n: 1, head: LOG };
    const signatures = signers.map((signer) => signer.sign(logHeadDigest(head)) as string);
    const finality = encodeFinality(coSigners, { ...head, signatures });
    const smallestRoundCoSigned = await gasOf(chain, coSigned, "submitRound", genesisState, smallest, finality);

    const steps = likeTheDemonstration(heads);
    const round = simulator.round(genesisState, steps);
    const gas = await gasOf(chain, venue, "submitRound", genesisState, round);
    const { gasUsed: claim } = await chain.send({
      contract: venue,
      name: "claim",
      args: [trader.address],
      from: trader,
    });
    const alone = await gasOf(chain, separate, "submitSeparately", genesisState, round);
    return {
      bytes: await bytesOfCode(),
      gas: {
        firstDeposit: deposits[0],
        deposit: deposits[1],
        claim: Number(claim),
        smallestRound,
        smallestRoundCoSigned,
        instructions: steps.length,
        round: gas,
        perInstruction: Math.ceil(gas / steps.length / 1000) * 1000,
        percentOfSeparate: Math.round((100 * gas) / alone),
      },
    };
  } finally {
    chain.stop();
  }
}

async function bytesOfCode(): Promise<Record<string, number>> {
  const { Venue, PoseidonT6 } = compileContracts();
  const parts = [Venue, keysArtifact(await readKeys("demo")), PoseidonT6];
  return Object.fromEntries(parts.map(({ name, size }) => [name, size]));
}

async function gasOfDeposits(chain: Chain, contract: Deployed): Promise<number[]> {
  const gas: number[] = [];
  for (let i = 0; i < DEPOSITS; i++) {
    const { gasUsed } = await chain.send({ contract, name: "deposit", args: [AMOUNT, ...KEY, 2 + i] });
    gas.push(Number(gasUsed));
  }
  return gas;
}

/** Heads of the chain of deposits, one after the other. */
async function headsOf(chain: Chain, venue: Deployed): Promise<bigint[]> {
  const events = await chain.client.getContractEvents({ ...venue, eventName: "Deposit", fromBlock: 0n });
  return (events as unknown as { args: { head: bigint } }[]).map(({ args }) => args.head);
}

/** Deposits one by one, three orders a proof, an auction and a midpoint cross with their fills, and a payout. */
function likeTheDemonstration(heads: readonly bigint[]): Step[] {
  let entries = 0n;
  const at = (more: bigint) => ({ time: START, logCount: (entries += more) });
  return [
    ...heads.map((deposits): Step => ({ name: "deposit", inputs: { ...at(1n), deposits } })),
    ...Array.from({ length: 12 }, (): Step => ({ name: "admit", inputs: at(3n) })),
    { name: "auction", inputs: { ...at(1n), phaseAfter: 17n } },
    { name: "settle" },
    { name: "midpoint", inputs: { ...at(1n), phaseAfter: 18n } },
    { name: "settle" },
    {
      name: "withdraw",
      inputs: { payout0: BigInt(trader.address) + (AMOUNT << 160n), payout1: 0n, payout2: 0n, payout3: 0n },
    },
  ];
}

async function gasOf(
  chain: Chain,
  contract: Deployed,
  name: string,
  state: bigint,
  round: Round,
  finality = "0x",
): Promise<number> {
  const { gasUsed } = await chain.send({ contract, name, args: [state, encodeRound(round), finality] });
  return Number(gasUsed);
}
