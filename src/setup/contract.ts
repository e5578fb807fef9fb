import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { TacitError } from "../protocol/errors.ts";
import { MAX_CO_SIGNERS } from "../protocol/coSigners.ts";
import { INSTRUCTIONS, MAX_INSTRUCTIONS, publicInputNames } from "../protocol/instructions.ts";
import { BITS, TAG } from "../protocol/parameters.ts";
import { isDevelopmentKey, requireSameSetup, type VerifyingKeys } from "../verifier/keys.ts";
import { wordsG1, wordsG2 } from "../verifier/points.ts";
import { ROOT } from "./folders.ts";
import { toolFile } from "./tools.ts";

const POSEIDON = "poseidon-solidity";
const FOLDER = "src/verifier/contract/";
const KEYS_FILE = `${FOLDER}generated/Keys.sol`;

/** What a chain needs of a compiled contract. `links`: where in the bytecode the addresses of libraries belong. */
export interface Artifact {
  name: string;
  abi: readonly Record<string, unknown>[];
  bytecode: `0x${string}`;
  /** bytes of code on the chain: at most 24576 */
  size: number;
  links: Record<string, { start: number; length: number }[]>;
}

interface SolcOutput {
  errors?: { severity: string; formattedMessage: string }[];
  contracts: Record<string, Record<string, SolcContract>>;
}
interface SolcContract {
  abi: Artifact["abi"];
  evm: {
    bytecode: { object: string; linkReferences: Record<string, Artifact["links"]> };
    deployedBytecode: { object: string };
  };
}

/**
 * Compiles the venue, with the keys of src/verifier/contract/generated/ or those given.
 * @param keys     text of Keys.sol, by keysSolidity
 * @param sources  more files to compile, by path from the root of the project
 * @returns artifacts by the name of the contract
 * @throws MISSING_TOOL
 * @throws SOLIDITY_REFUSED with the compiler's messages, warnings included
 */
export function compileContracts({ keys, sources = [] }: { keys?: string; sources?: string[] } = {}): Record<
  string,
  Artifact
> {
  const { compile } = createRequire(import.meta.url)(toolFile("solc")) as {
    compile(input: string, callbacks: { import(path: string): { contents: string } | { error: string } }): string;
  };
  const read = (path: string) =>
    path === KEYS_FILE && keys !== undefined
      ? keys
      : readFileSync(
          path.startsWith(POSEIDON) ? toolFile(POSEIDON, path.slice(POSEIDON.length)) : join(ROOT, path),
          "utf8",
        );
  const input = {
    language: "Solidity",
    sources: Object.fromEntries([`${FOLDER}Venue.sol`, ...sources].map((path) => [path, { content: read(path) }])),
    settings: {
      viaIR: false,
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 1_000_000 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode", "evm.deployedBytecode.object"] } },
    },
  };
  const find = (path: string) => {
    try {
      return { contents: read(path) };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const output = JSON.parse(compile(JSON.stringify(input), { import: find })) as SolcOutput;
  if (output.errors?.length) {
    const messages = output.errors.map(({ formattedMessage }) => formattedMessage).join("\n");
    throw new TacitError("SOLIDITY_REFUSED", `solc does not accept the contracts:\n${messages}`);
  }
  const artifacts: Record<string, Artifact> = {};
  for (const contracts of Object.values(output.contracts))
    for (const [name, { abi, evm }] of Object.entries(contracts))
      artifacts[name] = {
        name,
        abi,
        bytecode: `0x${evm.bytecode.object}`,
        size: evm.deployedBytecode.object.length / 2,
        links: Object.assign({}, ...Object.values(evm.bytecode.linkReferences)),
      };
  return artifacts;
}

/**
 * Bytecode with the addresses of its libraries.
 * @throws LIBRARY_MISSING when an address is not given
 */
export function link({ name, bytecode, links }: Artifact, addresses: Record<string, string>): `0x${string}` {
  let code = bytecode.slice(2);
  for (const [library, places] of Object.entries(links)) {
    const address = addresses[library];
    if (!/^0x[0-9a-fA-F]{40}$/.test(address ?? ""))
      throw new TacitError("LIBRARY_MISSING", `${name} must be linked: expected the address of ${library}`, {
        library,
      });
    for (const { start, length } of places)
      code = code.slice(0, 2 * start) + address.slice(2).toLowerCase() + code.slice(2 * (start + length));
  }
  return `0x${code}`;
}

/** Bytes that a contract may have: what more a chain does not take (EIP-170). */
const MAX_CODE = 24_576;

/**
 * Code of the contract that holds the keys, as KeyData.sol reads it: for each instruction its key, and which of its public
 * inputs the contract acts on.
 * @throws KEYS_OF_TWO_SETUPS when the keys do not share alpha, beta and gamma
 * @throws TOO_MANY_KEYS when they are more than one contract holds
 */
export function keysCode(
  keys: VerifyingKeys,
  table: readonly (typeof INSTRUCTIONS)[number][] = INSTRUCTIONS,
): `0x${string}` {
  const rows = table.map(({ code, name }) => ({ code, name, key: keys[name], names: publicInputNames(name) }));
  rows.forEach(({ key }) => requireSameSetup(rows[0].key, key));
  const { alpha, beta, gamma } = rows[0].key.affine;
  const words = [...wordsG1(alpha), ...wordsG2(beta), ...wordsG2(gamma)];
  const records = words.length;
  for (let code = 0; code < codesOf(table); code++) words.push(0n);
  for (const { code, name, key, names } of rows) {
    const time = position(names, "time");
    if (time !== 0 && names.slice(time, time + 3).join() !== "time,logCount,log")
      throw new TacitError("INPUT_ORDER", `the extras of ${name} must have time, logCount, log in this order`);
    const rules = position(names, "rules");
    if (rules !== 0 && time === 0)
      throw new TacitError(
        "INPUT_ORDER",
        `the extras of ${name} must have time beside rules: it says from when they are`,
      );
    const payouts = names.filter((input) => input.startsWith("payout")).length;
    const shape = [names.length, time, position(names, "deposits"), position(names, "payout0"), payouts, rules];
    const packed = shape.reduce((sum, value, i) => sum + (BigInt(value) << BigInt(16 * i)), 0n);
    words[records + code] = BigInt(words.length);
    words.push(key.hash, packed, ...wordsG2(key.affine.delta), ...key.affine.ic.flatMap(wordsG1));
  }
  if (1 + 32 * words.length > MAX_CODE)
    throw new TacitError("TOO_MANY_KEYS", `the keys take ${1 + 32 * words.length} bytes: expected at most ${MAX_CODE}`);
  // A stop before them: whoever calls it does nothing.
  return `0x00${words.map((word) => hex(word).slice(2)).join("")}`;
}

/** One more than the greatest code of an instruction. */
function codesOf(table: readonly { code: number }[]): number {
  return Math.max(...table.map(({ code }) => code)) + 1;
}

/**
 * The contract that holds the keys, to be deployed as others are. Its constructor copies what follows it: PUSH2 length, DUP1,
 * PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN.
 * @throws as keysCode
 */
export function keysArtifact(keys: VerifyingKeys): Artifact {
  const code = keysCode(keys).slice(2);
  const size = code.length / 2;
  const length = size.toString(16).padStart(4, "0");
  return { name: "Keys", abi: [], bytecode: `0x61${length}80600a3d393df3${code}`, size, links: {} };
}

/** Text of Keys.sol: what the contract is compiled for. @throws as keysCode */
export function keysSolidity(
  keys: VerifyingKeys,
  table: readonly (typeof INSTRUCTIONS)[number][] = INSTRUCTIONS,
): string {
  const hash = bytesToHex(keccak_256(hexToBytes(keysCode(keys, table).slice(2))));
  return `// From keys/, src/protocol/instructions.ts, parameters.ts and coSigners.ts.
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title What the venue is compiled for: the keys of its instructions, and bounds that circuits and clients have too.
library Keys {
    /// Hash of the code that holds the keys (KeyData.sol).
    bytes32 internal constant HASH = 0x${hash};
    /// One more than the greatest code of an instruction.
    uint256 internal constant CODES = ${codesOf(table)};
    uint256 internal constant MAX_INSTRUCTIONS = ${MAX_INSTRUCTIONS};
    uint256 internal constant TAG_DEPOSIT = ${TAG.deposit};
    uint256 internal constant MAX_CO_SIGNERS = ${MAX_CO_SIGNERS};
    uint256 internal constant AMOUNT_BITS = ${BITS.amount};
    uint256 internal constant ACCOUNT_BITS = ${BITS.account};

    /// Whether anybody can forge proofs: then the venue deploys on a development chain only.
    bool internal constant DEVELOPMENT = ${table.some(({ name }) => isDevelopmentKey(keys[name]))};
}
`;
}

/** Index of a public input; 0, which is the state before, when there is none of the name. */
function position(names: readonly string[], name: string): number {
  return Math.max(0, names.indexOf(name));
}

function hex(word: bigint): string {
  return `0x${word.toString(16).padStart(64, "0")}`;
}
