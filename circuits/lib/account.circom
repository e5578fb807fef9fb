pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// Account: what one leaf of the account tree commits to; amounts are signed field elements.
/// twins   src/protocol/account.ts (units and ranges)
bus Account {
    signal keyX;
    signal keyY;
    signal view;
    signal seq;
    signal cash;
    signal positions[INSTRUMENTS()];
    signal nonce;
    signal reserved;
    signal open;
    signal flagged;
    signal pushedAt;
}

/// PositionsHash: H_positions(pos[0..16)).
template PositionsHash() {
    signal input positions[INSTRUMENTS()];
    signal output out <== Hash(TAG_POSITIONS(), INSTRUMENTS())(positions);
}

/// Leaf: the leaf of an account whose positions have the given hash.
/// out     leaf   H_leaf(H_account(key, view, seq, cash, positions), nonce, reserved, open, flagged, pushedAt)
template Leaf() {
    input Account() account;
    signal input positionsHash;
    signal output out;
    // The positions enter by their hash.
    for (var i = 0; i < INSTRUMENTS(); i++) _ <== account.positions[i];
    signal owned <== Hash(TAG_ACCOUNT(), 6)([
        account.keyX, account.keyY, account.view, account.seq, account.cash, positionsHash
    ]);
    out <== Hash(TAG_LEAF(), 6)([
        owned, account.nonce, account.reserved, account.open, account.flagged, account.pushedAt
    ]);
}
