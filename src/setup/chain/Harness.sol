// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Batch} from "../../verifier/contract/Batch.sol";
import {Venue} from "../../verifier/contract/Venue.sol";
import {Keys} from "../../verifier/contract/generated/Keys.sol";

/// @title Opens the venue for tests: the coefficients of a round, and its proofs checked one by one for comparison.
contract Harness is Venue {
    constructor(uint256 domain_, uint256 genesisState, address token_, uint64 maxLag_, uint64 maxDeposits_)
        Venue(domain_, genesisState, token_, maxLag_, maxDeposits_)
    {}

    function coefficients(uint256 stateBefore, bytes calldata round) external returns (uint256[] memory result) {
        (Run memory run, uint256[] memory codes) = read(stateBefore, round);
        result = new uint256[](codes.length);
        for (uint256 j = 0; j < codes.length; j++) result[j] = Batch.coefficient(Batch.seedOf(run.words), j);
    }

    /// @notice The same round with one pairing check of four pairs for each proof.
    function submitSeparately(uint256 stateBefore, bytes calldata round) external {
        (Run memory run, uint256[] memory codes) = read(stateBefore, round);
        uint256 next = 2;
        for (uint256 j = 0; j < codes.length; j++) {
            if (!holds(run.words, next, codes[j])) revert PairingFailed();
            next += 1 + Keys.shape(codes[j]).inputs + Batch.PROOF_WORDS;
        }
        (state, time, logCount) = (run.state, run.time, run.logCount);
        emit Round(stateBefore, run.state, run.time, run.logCount, run.log);
    }

    function holds(uint256[] memory words, uint256 next, uint256 code) private view returns (bool) {
        uint256[] memory pairs = new uint256[](24);
        uint256[] memory ic = Keys.ic(code);
        (uint256 x, uint256 y) = (ic[0], ic[1]);
        uint256 inputs = Keys.shape(code).inputs;
        for (uint256 i = 1; i <= inputs; i++) {
            (uint256 termX, uint256 termY) = Batch.mul(ic[2 * i], ic[2 * i + 1], words[next + i]);
            (x, y) = Batch.add(x, y, termX, termY);
        }
        next += 1 + inputs;
        for (uint256 i = 0; i < 6; i++) pairs[i] = words[next + i];
        Batch.put(pairs, 1, Keys.ALPHA_X, Keys.ALPHA_Y, Keys.beta());
        Batch.put(pairs, 2, x, y, Keys.gamma());
        Batch.put(pairs, 3, words[next + 6], words[next + 7], Keys.delta(code));
        return Batch.product(pairs, 4);
    }
}
