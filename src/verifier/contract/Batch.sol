// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";
import {KeyData} from "./KeyData.sol";
import {Keys} from "./generated/Keys.sol";

/// @title Many Groth16 proofs by one product of pairings.
/// @dev Twin: src/verifier/batch.ts, which states the equation and the coefficients.
library Batch {
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// Words of a proof: A, B, C.
    uint256 internal constant PROOF_WORDS = 8;
    uint256 private constant ADD = 6;
    uint256 private constant MUL = 7;
    uint256 private constant PAIRING = 8;

    /// What the proofs of one key sum up to.
    struct Sums {
        bool used;
        uint256[] scalars; // of the points of IC
        uint256 cx;
        uint256 cy;
    }

    /// @notice Whether all proofs hold. Reverts, and never returns false, when a precompile fails.
    /// @param words domain, count, then for each proof the hash of its key, its public inputs, A, B, C
    /// @param codes of the instructions, one for each proof: at least one
    /// @param data the keys
    function verify(uint256[] memory words, uint256[] memory codes, uint256[] memory data)
        internal
        view
        returns (bool)
    {
        uint256 seed = seedOf(words);
        Sums[] memory sums = new Sums[](Keys.CODES);
        uint256[] memory pairs = new uint256[](6 * (codes.length + 2 + Keys.CODES));
        uint256 total; // of the coefficients
        uint256 next = 2;
        unchecked {
            for (uint256 j = 0; j < codes.length; j++) {
                uint256 r = coefficient(seed, j);
                total = addmod(total, r, R);
                uint256 inputs = KeyData.shape(data, codes[j]).inputs;
                addInputs(sums[codes[j]], r, words, next, inputs);
                next += 1 + inputs;
                addProof(sums[codes[j]], r, words, next, pairs, 6 * j);
                next += PROOF_WORDS;
            }
        }
        return close(sums, pairs, codes.length, total, data);
    }

    /// @dev The public inputs follow the hash of the key, which is at `from`.
    function addInputs(Sums memory sum, uint256 r, uint256[] memory words, uint256 from, uint256 inputs) private pure {
        unchecked {
            if (!sum.used) {
                sum.used = true;
                sum.scalars = new uint256[](inputs + 1);
            }
            sum.scalars[0] = addmod(sum.scalars[0], r, R);
            for (uint256 i = 1; i <= inputs; i++) {
                sum.scalars[i] = addmod(sum.scalars[i], mulmod(r, words[from + i], R), R);
            }
        }
    }

    /// @dev A, B and C are at `from`; (r A, B) goes into the pairs at `to`.
    function addProof(
        Sums memory sum,
        uint256 r,
        uint256[] memory words,
        uint256 from,
        uint256[] memory pairs,
        uint256 to
    ) private view {
        unchecked {
            (pairs[to], pairs[to + 1]) = mul(words[from], words[from + 1], r);
            for (uint256 i = 2; i < 6; i++) pairs[to + i] = words[from + i];
            (uint256 x, uint256 y) = mul(words[from + 6], words[from + 7], r);
            (sum.cx, sum.cy) = add(sum.cx, sum.cy, x, y);
        }
    }

    function seedOf(uint256[] memory words) internal pure returns (uint256 seed) {
        assembly ("memory-safe") {
            seed := keccak256(add(words, 32), mul(mload(words), 32))
        }
    }

    /// @notice 128 bits of keccak256(seed, j), never 0.
    function coefficient(uint256 seed, uint256 j) internal pure returns (uint256 r) {
        r = uint256(keccak256(abi.encode(seed, j))) >> 128;
        if (r == 0) r = 1;
    }

    /// @dev Appends the pairs that the proofs share, and asks the precompile.
    function close(Sums[] memory sums, uint256[] memory pairs, uint256 count, uint256 total, uint256[] memory data)
        private
        view
        returns (bool)
    {
        unchecked {
            (uint256 x, uint256 y) = KeyData.alpha(data);
            (x, y) = mul(x, y, total);
            put(pairs, count++, x, y, data, KeyData.beta());
            (x, y) = (0, 0);
            uint256 slot = count++;
            for (uint256 code = 0; code < sums.length; code++) {
                Sums memory sum = sums[code];
                if (!sum.used) continue;
                (uint256 icX, uint256 icY) = inputsOf(sum.scalars, data, KeyData.ic(data, code));
                (x, y) = add(x, y, icX, icY);
                put(pairs, count++, sum.cx, sum.cy, data, KeyData.delta(data, code));
            }
            put(pairs, slot, x, y, data, KeyData.gamma());
        }
        return product(pairs, count);
    }

    /// @dev Sum of the points of IC times their scalars. Many are 0, such as words of payouts in unused slots.
    function inputsOf(uint256[] memory scalars, uint256[] memory data, uint256 ic)
        internal
        view
        returns (uint256 x, uint256 y)
    {
        unchecked {
            for (uint256 i = 0; i < scalars.length; i++) {
                if (scalars[i] == 0) continue;
                (uint256 termX, uint256 termY) = mul(data[ic + 2 * i], data[ic + 2 * i + 1], scalars[i]);
                (x, y) = add(x, y, termX, termY);
            }
        }
    }

    /// @dev Pair number n: (-(x, y), g2), the words of g2 from `first` on.
    function put(uint256[] memory pairs, uint256 n, uint256 x, uint256 y, uint256[] memory data, uint256 first)
        internal
        pure
    {
        unchecked {
            pairs[6 * n] = x;
            pairs[6 * n + 1] = (Q - y) % Q; // infinity, (0, 0), stays what it is
            for (uint256 i = 0; i < 4; i++) pairs[6 * n + 2 + i] = data[first + i];
        }
    }

    function mul(uint256 x, uint256 y, uint256 scalar) internal view returns (uint256 resultX, uint256 resultY) {
        bool ok;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, x)
            mstore(add(p, 32), y)
            mstore(add(p, 64), scalar)
            ok := staticcall(gas(), MUL, p, 96, p, 64)
            resultX := mload(p)
            resultY := mload(add(p, 32))
        }
        if (!ok) revert IVenue.PrecompileFailed(MUL);
    }

    function add(uint256 x, uint256 y, uint256 otherX, uint256 otherY)
        internal
        view
        returns (uint256 resultX, uint256 resultY)
    {
        bool ok;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, x)
            mstore(add(p, 32), y)
            mstore(add(p, 64), otherX)
            mstore(add(p, 96), otherY)
            ok := staticcall(gas(), ADD, p, 128, p, 64)
            resultX := mload(p)
            resultY := mload(add(p, 32))
        }
        if (!ok) revert IVenue.PrecompileFailed(ADD);
    }

    /// @notice Whether the product of the first `count` pairs is 1.
    function product(uint256[] memory pairs, uint256 count) internal view returns (bool) {
        bool ok;
        uint256 result;
        assembly ("memory-safe") {
            ok := staticcall(gas(), PAIRING, add(pairs, 32), mul(192, count), 0, 32)
            ok := and(ok, eq(returndatasize(), 32))
            result := mload(0)
        }
        if (!ok) revert IVenue.PrecompileFailed(PAIRING);
        return result == 1;
    }
}
