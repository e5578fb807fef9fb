// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Keys} from "./generated/Keys.sol";

/// @title Verification keys as the code of a contract that does nothing: a stop, then words.
/// @dev Written by keysCode of src/setup/contract.ts. Points of G2 are in the order of the precompile: part of i first.
/// Words: alpha (x, y), beta (4), gamma (4); for each code below Keys.CODES where its record begins, 0 if there is none.
/// A record: hash of the key, shape, delta (4), then x and y of each point of IC, the constant first.
library KeyData {
    /// Number of public inputs, and at which of them time, log count and log, deposits, payouts and rules begin; 0: has
    /// none.
    struct Shape {
        uint256 keyHash;
        uint256 inputs;
        uint256 time;
        uint256 deposits;
        uint256 payout;
        uint256 payouts;
        uint256 rules;
    }

    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant TABLE = 10;
    uint256 private constant DELTA = 2; // in a record
    uint256 private constant IC = 6;

    /// @param account a contract whose code has the hash Keys.HASH
    function load(address account) internal view returns (uint256[] memory data) {
        assembly ("memory-safe") {
            let size := sub(extcodesize(account), 1)
            data := mload(0x40)
            mstore(data, div(size, 32))
            extcodecopy(account, add(data, 32), 1, size)
            mstore(0x40, add(add(data, 32), size))
        }
    }

    /// @return result all 0 when no instruction has the code
    function shape(uint256[] memory data, uint256 code) internal pure returns (Shape memory result) {
        if (code >= Keys.CODES) return result;
        uint256 record = data[TABLE + code];
        if (record == 0) return result;
        uint256 packed = data[record + 1];
        return Shape(
            data[record],
            packed & 0xffff,
            (packed >> 16) & 0xffff,
            (packed >> 32) & 0xffff,
            (packed >> 48) & 0xffff,
            (packed >> 64) & 0xffff,
            (packed >> 80) & 0xffff
        );
    }

    function alpha(uint256[] memory data) internal pure returns (uint256 x, uint256 y) {
        return (data[0], data[1]);
    }

    /// @return where four words begin, as for the others
    function beta() internal pure returns (uint256) {
        return BETA;
    }

    function gamma() internal pure returns (uint256) {
        return GAMMA;
    }

    function delta(uint256[] memory data, uint256 code) internal pure returns (uint256) {
        return data[TABLE + code] + DELTA;
    }

    /// @return where x and y of the points begin
    function ic(uint256[] memory data, uint256 code) internal pure returns (uint256) {
        return data[TABLE + code] + IC;
    }
}
