// Written by npm run generate. Do not edit.
// From keys/, src/protocol/instructions.ts, parameters.ts and coSigners.ts.
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title What the venue is compiled for: the keys of its instructions, and bounds that circuits and clients have too.
library Keys {
    /// Hash of the code that holds the keys (KeyData.sol).
    bytes32 internal constant HASH = 0x024478e5e3e45ab20165cef998c302487d6c1f468d027112fed59a813294d4d1;
    /// One more than the greatest code of an instruction.
    uint256 internal constant CODES = 13;
    uint256 internal constant MAX_INSTRUCTIONS = 1024;
    uint256 internal constant TAG_DEPOSIT = 25;
    uint256 internal constant MAX_CO_SIGNERS = 31;
    uint256 internal constant AMOUNT_BITS = 92;
    uint256 internal constant ACCOUNT_BITS = 20;

    /// Whether anybody can forge proofs: then the venue deploys on a development chain only.
    bool internal constant DEVELOPMENT = true;
}
