// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";
import {Keys} from "./generated/Keys.sol";

/// @title Co-signers, and their signatures of heads of the log.
/// @dev Twins: src/protocol/coSigners.ts, src/protocol/logHead.ts (`logHeadDigest`), and `encodeFinality` in
/// src/verifier/finality.ts.
library LogHeads {
    /// No chain and no contract is in it: the domain of the venue is a field of what is signed.
    bytes32 private constant SEPARATOR = keccak256(
        abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Tacit"), keccak256("1"))
    );
    bytes32 private constant TYPE_HASH = keccak256("LogHead(uint256 domain,uint256 epoch,uint256 n,uint256 head)");
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// Bytes of an epoch, of a signature, and of one with the index of its co-signer.
    uint256 private constant EPOCH = 4;
    uint256 private constant SIGNATURE = 65;
    uint256 private constant ITEM = 1 + SIGNATURE;

    /// @dev Reverts unless they are 3f + 1, as `coSignersOf` has it.
    function check(address[] memory signers) internal pure {
        if (signers.length % 3 != 1 || signers.length > Keys.MAX_CO_SIGNERS) revert IVenue.CoSignerCount(signers.length);
        for (uint256 i = 0; i < signers.length; i++) {
            if (signers[i] == address(0)) revert IVenue.BadCoSigner(i);
            for (uint256 j = 0; j < i; j++) if (signers[i] == signers[j]) revert IVenue.BadCoSigner(i);
        }
    }

    /// @notice Whether 2f + 1 of 3f + 1 co-signers signed that the log of a domain has this head after n entries.
    /// @param finality as `submitRound` takes it: each of its signatures must be good
    function isFinal(address[] storage signers, uint256 domain, uint256 n, uint256 head, bytes calldata finality)
        internal
        view
        returns (bool)
    {
        uint256 count = signers.length;
        if (finality.length < EPOCH || (finality.length - EPOCH) % ITEM != 0) return false;
        if ((finality.length - EPOCH) / ITEM < (2 * count + 1) / 3) return false;
        bytes32 signed = digest(domain, uint32(bytes4(finality)), n, head);
        uint256 next; // index that the next signature has at least
        for (uint256 position = EPOCH; position < finality.length; position += ITEM) {
            uint256 index = uint8(finality[position]);
            if (index < next || index >= count) return false;
            next = index + 1;
            // No co-signer is 0.
            if (signerOf(signed, finality[position + 1:position + ITEM]) != signers[index]) return false;
        }
        return true;
    }

    /// @notice What is signed.
    function digest(uint256 domain, uint256 epoch, uint256 n, uint256 head) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", SEPARATOR, keccak256(abi.encode(TYPE_HASH, domain, epoch, n, head))));
    }

    /// @param signature r, s and 27 or 28
    /// @return 0 when nobody made it, or s is the greater one of the two that fit
    function signerOf(bytes32 signed, bytes calldata signature) private pure returns (address) {
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) return address(0);
        // 0 for any v but 27 and 28.
        return ecrecover(signed, uint8(signature[64]), bytes32(signature[:32]), s);
    }
}
