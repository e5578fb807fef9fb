import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { TacitError } from "../protocol/errors.ts";
import { INSTRUCTIONS, publicInputNames } from "../protocol/instructions.ts";
import { BITS, TAG } from "../protocol/parameters.ts";
import { isDevelopmentKey, requireSameSetup, type VerifyingKeys } from "../verifier/keys.ts";
import { wordsG1, wordsG2, type PairG2 } from "../verifier/points.ts";
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
      optimizer: { enabled: true, runs: 10_000 },
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

/**
 * Text of Keys.sol: the keys, and for each instruction which of its public inputs the contract acts on.
 * @throws KEYS_OF_TWO_SETUPS when the keys do not share alpha, beta and gamma
 */
export function keysSolidity(
  keys: VerifyingKeys,
  table: readonly (typeof INSTRUCTIONS)[number][] = INSTRUCTIONS,
): string {
  const rows = table.map(({ code, name }) => ({ code, name, key: keys[name], names: publicInputNames(name) }));
  rows.forEach(({ key }) => requireSameSetup(rows[0].key, key));
  const { alpha, beta, gamma } = rows[0].key.affine;
  const shapes = rows.map(({ code, name, key, names }) => {
    const time = position(names, "time");
    if (time !== 0 && names.slice(time, time + 3).join() !== "time,logCount,log")
      throw new TacitError("INPUT_ORDER", `the extras of ${name} must have time, logCount, log in this order`);
    const payouts = names.filter((input) => input.startsWith("payout")).length;
    const fields = [
      hex(key.hash),
      names.length,
      time,
      position(names, "deposits"),
      position(names, "payout0"),
      payouts,
    ];
    return `        if (code == ${code}) return Shape(${fields.join(", ")}); // ${name}`;
  });
  const deltas = rows.map(({ code, key }) => `        if (code == ${code}) return ${pointG2(key.affine.delta)};`);
  const ics = rows.map(({ code, key }) => {
    const words = key.affine.ic.flatMap(wordsG1);
    const lines = words.map((word, i) => `            words[${i}] = ${hex(word)};`);
    return `        if (code == ${code}) {\n            words = new uint256[](${words.length});\n${lines.join("\n")}\n        }`;
  });
  return `// From keys/, src/protocol/instructions.ts and parameters.ts.
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Verification keys of the instructions. Points of G2 are in the order of the precompile: part of i first.
library Keys {
    /// One more than the greatest code of an instruction.
    uint256 internal constant CODES = ${Math.max(...rows.map(({ code }) => code)) + 1};
    uint256 internal constant TAG_DEPOSIT = ${TAG.deposit};
    uint256 internal constant AMOUNT_BITS = ${BITS.amount};
    uint256 internal constant ACCOUNT_BITS = ${BITS.account};
    uint256 internal constant ALPHA_X = ${hex(alpha[0])};
    uint256 internal constant ALPHA_Y = ${hex(alpha[1])};

    /// Whether anybody can forge proofs: then the venue deploys on a development chain only.
    bool internal constant DEVELOPMENT = ${rows.some(({ key }) => isDevelopmentKey(key))};

    /// Number of public inputs, and at which of them time, log count and log, deposits and payouts begin; 0: has none.
    struct Shape {
        uint256 keyHash;
        uint256 inputs;
        uint256 time;
        uint256 deposits;
        uint256 payout;
        uint256 payouts;
    }

    /// @return shape all 0 when no instruction has the code
    function shape(uint256 code) internal pure returns (Shape memory) {
${shapes.join("\n")}
        return Shape(0, 0, 0, 0, 0, 0);
    }

    function beta() internal pure returns (uint256[4] memory) {
        return ${pointG2(beta)};
    }

    function gamma() internal pure returns (uint256[4] memory) {
        return ${pointG2(gamma)};
    }

    function delta(uint256 code) internal pure returns (uint256[4] memory) {
${deltas.join("\n")}
        revert();
    }

    /// @return words x and y of each point: the constant first, then one for each public input
    function ic(uint256 code) internal pure returns (uint256[] memory words) {
${ics.join("\n")}
    }
}
`;
}

/** Index of a public input; 0, which is the state before, when there is none of the name. */
function position(names: readonly string[], name: string): number {
  return Math.max(0, names.indexOf(name));
}

function pointG2(point: PairG2): string {
  const indent = "\n                ";
  return `[${wordsG2(point)
    .map((word) => `${indent}${hex(word)}`)
    .join(",")}\n            ]`;
}

function hex(word: bigint): string {
  return `0x${word.toString(16).padStart(64, "0")}`;
}
