// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Batch} from "../../verifier/contract/Batch.sol";
import {Venue} from "../../verifier/contract/Venue.sol";
import {KeyData} from "../../verifier/contract/KeyData.sol";

/// @title Opens the venue for tests: the coefficients of a round, and its proofs checked one by one for comparison. Both take what
/// submitRound takes, and do not read signatures of co-signers.
contract Harness is Venue {
    constructor(Terms memory terms) Venue(terms) {}

    function coefficients(uint256 stateBefore, bytes calldata round, bytes calldata)
        external
        returns (uint256[] memory result)
    {
        (Run memory run, uint256[] memory codes) = read(stateBefore, round);
        result = new uint256[](codes.length);
        for (uint256 j = 0; j < codes.length; j++) result[j] = Batch.coefficient(Batch.seedOf(run.words), j);
    }

    /// @notice The same round with one pairing check of four pairs for each proof.
    function submitSeparately(uint256 stateBefore, bytes calldata round, bytes calldata) external {
        (Run memory run, uint256[] memory codes) = read(stateBefore, round);
        uint256 next = 2;
        for (uint256 j = 0; j < codes.length; j++) {
            if (!holds(run, next, codes[j])) revert PairingFailed();
            next += 1 + KeyData.shape(run.keys, codes[j]).inputs + Batch.PROOF_WORDS;
        }
        (state, time, logCount) = (run.state, run.time, run.logCount);
        emit Round(stateBefore, run.state, run.time, run.logCount, run.log);
    }

    function holds(Run memory run, uint256 next, uint256 code) private view returns (bool) {
        uint256[] memory keys = run.keys;
        uint256[] memory pairs = new uint256[](24);
        (uint256 x, uint256 y) = inputsOf(run, next, code);
        Batch.put(pairs, 2, x, y, keys, KeyData.gamma());
        next += 1 + KeyData.shape(keys, code).inputs;
        for (uint256 i = 0; i < 6; i++) pairs[i] = run.words[next + i];
        (x, y) = KeyData.alpha(keys);
        Batch.put(pairs, 1, x, y, keys, KeyData.beta());
        (x, y) = (run.words[next + 6], run.words[next + 7]);
        Batch.put(pairs, 3, x, y, keys, KeyData.delta(keys, code));
        return Batch.product(pairs, 4);
    }

    function inputsOf(Run memory run, uint256 next, uint256 code) private view returns (uint256 x, uint256 y) {
        uint256[] memory scalars = new uint256[](KeyData.shape(run.keys, code).inputs + 1);
        scalars[0] = 1;
        for (uint256 i = 1; i < scalars.length; i++) scalars[i] = run.words[next + i];
        return Batch.inputsOf(scalars, run.keys, KeyData.ic(run.keys, code));
    }
}
