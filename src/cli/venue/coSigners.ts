import { Api } from "../../client/api.ts";
import { coSignersOf, type CoSigners } from "../../protocol/coSigners.ts";
import { toJson } from "../../protocol/json.ts";
import { isoTime } from "../../setup/format.ts";
import { announcerOf, contractOf } from "./rules.ts";

interface ContractOptions {
  venue: string;
  /** node of the chain that has the venue's contract */
  rpc: string;
}

/** `tacit cosigners show`: of the contract, in force and announced. @returns the exit code */
export async function coSignersShow({ venue, rpc, json }: ContractOptions & { json?: boolean }): Promise<number> {
  const contract = await contractOf(new Api(venue));
  const { readContractCoSigners } = await import("../../venue/chain/announcer.ts");
  const { inForce, next } = await readContractCoSigners({ rpc, contract });
  if (json) {
    const announced = next && { coSigners: next.coSigners.addresses, from: next.from };
    process.stdout.write(toJson({ coSigners: inForce?.addresses ?? [], next: announced }, 2) + "\n");
    return 0;
  }
  const lines = inForce
    ? [`${quorumText(inForce)} make a round final for the contract`, ...listed(inForce)]
    : ["the contract has no co-signers, and takes rounds without signatures"];
  if (next)
    lines.push(`announced, to be applied from ${isoTime(next.from)} on: ${quorumText(next.coSigners)}`, ...listed(next.coSigners)); // prettier-ignore
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  return 0;
}

const quorumText = ({ quorum, addresses }: CoSigners) => `${quorum} of ${addresses.length} co-signers`;
const listed = ({ addresses }: CoSigners) => addresses.map((address, i) => `  ${i}  ${address}`);

/** `tacit cosigners announce`. @throws OUT_OF_RANGE, ADDRESS  by coSignersOf. @returns the exit code */
export async function coSignersAnnounce(
  addresses: readonly string[],
  { venue, rpc }: ContractOptions,
): Promise<number> {
  const next = coSignersOf(addresses, "addresses");
  const from = await (await announcerOf({ rpc }, new Api(venue))).announceCoSigners(next);
  process.stdout.write(`announced, to be applied from ${isoTime(from)} on: ${quorumText(next)}\n`);
  return 0;
}

/** `tacit cosigners withdraw`. @returns the exit code */
export async function coSignersWithdraw({ venue, rpc }: ContractOptions): Promise<number> {
  await (await announcerOf({ rpc }, new Api(venue))).withdrawCoSigners();
  process.stdout.write("what was announced is withdrawn\n");
  return 0;
}

/** `tacit cosigners apply`. @returns the exit code */
export async function coSignersApply({ venue, rpc }: ContractOptions): Promise<number> {
  await (await announcerOf({ rpc }, new Api(venue))).applyCoSigners();
  process.stdout.write("those announced are the co-signers from now on\n");
  return 0;
}
