// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title The curve of traders' keys: A x^2 + y^2 = 1 + D x^2 y^2 over the scalar field of BN254.
library BabyJubJub {
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant A = 168700;
    uint256 internal constant D = 168696;

    /// @notice Whether (x, y) is canonical, on the curve, and 8 (x, y) is not the identity.
    function isKey(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= R || y >= R) return false;
        uint256 x2 = mulmod(x, x, R);
        uint256 y2 = mulmod(y, y, R);
        if (addmod(mulmod(A, x2, R), y2, R) != addmod(1, mulmod(D, mulmod(x2, y2, R), R), R)) return false;
        uint256 z = 1;
        for (uint256 i = 0; i < 3; i++) (x, y, z) = double(x, y, z);
        return x != 0 || y != z;
    }

    /// @dev Projective doubling. On the curve z never becomes 0: A is a square and D is not, so the group law has no
    /// exceptions.
    function double(uint256 x, uint256 y, uint256 z) private pure returns (uint256, uint256, uint256) {
        uint256 ax2 = mulmod(A, mulmod(x, x, R), R);
        uint256 y2 = mulmod(y, y, R);
        uint256 f = addmod(ax2, y2, R);
        uint256 j = addmod(f, R - mulmod(2, mulmod(z, z, R), R), R);
        return (mulmod(mulmod(2, mulmod(x, y, R), R), j, R), mulmod(f, addmod(ax2, R - y2, R), R), mulmod(f, j, R));
    }
}
