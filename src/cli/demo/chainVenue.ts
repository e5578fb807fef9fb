import { getContractAddress, toHex, type Address } from "viem";
import { Chain, owner, type Deployed } from "../../setup/chain/chain.ts";
import { deployParts, deployVenue } from "../../setup/chain/deploy.ts";
import { compileContracts, keysSolidity } from "../../setup/contract.ts";
import { hash } from "../../protocol/poseidon.ts";
import { encodeRound, type Round, type VerifyingKeys } from "../../verifier/index.ts";

const MACHINE = 1n;
const MAX_LAG = 3600n;
/** The venue is the fourth contract that its owner deploys: after the token, the Poseidon library and the keys. */
const VENUE_NONCE = 3n;
/** It has no co-signers. */
const NO_SIGNATURES = "0x";

/** The demonstration's contract on a chain of its own: a real EVM, started and stopped with it. */
export class ChainVenue {
  readonly domain: bigint;
  readonly maxLag = MAX_LAG;
  readonly #chain: Chain;
  readonly #address: Address;
  #venue!: Deployed;
  #separate!: Deployed;
  #token!: Deployed;

  private constructor(chain: Chain, chainId: number, salt: bigint) {
    this.#chain = chain;
    this.#address = getContractAddress({ from: owner.address, nonce: VENUE_NONCE });
    this.domain = hash("domain", [BigInt(chainId), BigInt(this.#address), MACHINE, salt]);
  }

  /** Starts the chain. The domain is known before the contract is there, since its address is. */
  static async start({ genesisTime, salt }: { genesisTime: bigint; salt: bigint }): Promise<ChainVenue> {
    const chain = await Chain.start({ genesisTime });
    return new ChainVenue(chain, await chain.client.getChainId(), salt);
  }

  /** Deploys token, venue, and for comparison a venue that checks each proof by a pairing product of its own. */
  async deploy(keys: VerifyingKeys, genesisState: bigint, maxDeposits: number): Promise<void> {
    const sources = ["src/setup/chain/TestToken.sol", "src/setup/chain/Harness.sol"];
    const artifacts = compileContracts({ keys: keysSolidity(keys), sources });
    this.#token = await this.#chain.deploy(artifacts.TestToken, []);
    const parts = await deployParts(this.#chain, artifacts, keys);
    const { domain } = this;
    const { address: token } = this.#token;
    const terms = { domain, genesisState, token, maxLag: MAX_LAG, maxDeposits: BigInt(maxDeposits) };
    this.#venue = await deployVenue(this.#chain, artifacts.Venue, parts, terms);
    if (this.#venue.address.toLowerCase() !== this.#address.toLowerCase())
      throw new Error("the venue's address is not the one in its domain");
    this.#separate = await deployVenue(this.#chain, artifacts.Harness, parts, terms);
    for (const { address } of [this.#venue, this.#separate])
      await this.#chain.send({ contract: this.#token, name: "approve", args: [address, 1n << 100n] });
  }

  /** Deposits cash of the owner for the account of key 8 K'. @returns head of the chain of deposits */
  async deposit(deposit: { keyX: bigint; keyY: bigint; index: number; amount: bigint }): Promise<bigint> {
    const { keyX, keyY, index, amount } = deposit;
    for (const contract of [this.#venue, this.#separate])
      await this.#chain.send({ contract, name: "deposit", args: [amount, keyX, keyY, index] });
    return (await this.#chain.read(this.#venue, "depositHead")) as bigint;
  }

  async state(): Promise<bigint> {
    return (await this.#chain.read(this.#venue, "state")) as bigint;
  }

  /** @returns "accepted", or the name of the contract's error; nothing is kept */
  async outcome(state: bigint, round: Round, time: bigint): Promise<string> {
    const args = [state, encodeRound(round), NO_SIGNATURES];
    return this.#chain.outcome({ contract: this.#venue, name: "submitRound", args, time });
  }

  /** Submits a round. @returns gas of the transaction, and of one with a pairing product a proof */
  async submit(state: bigint, round: Round, time: bigint): Promise<{ gas: bigint; separateGas: bigint }> {
    const args = [state, encodeRound(round), NO_SIGNATURES];
    const { gasUsed: gas } = await this.#chain.send({ contract: this.#venue, name: "submitRound", args, time });
    const separate = { contract: this.#separate, name: "submitSeparately", args, time: time + 1n };
    const { gasUsed: separateGas } = await this.#chain.send(separate);
    return { gas, separateGas };
  }

  /** What a recipient may claim. */
  async owed(recipient: bigint): Promise<bigint> {
    return (await this.#chain.read(this.#venue, "owed", [toHex(recipient, { size: 20 })])) as bigint;
  }

  stop(): void {
    this.#chain.stop();
  }
}
