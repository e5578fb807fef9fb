pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// History: what prices carry from epoch to epoch; funding is signed; the last two are hashes of vectors.
/// twins   src/protocol/prices.ts (historyHash)
bus History {
    signal index;
    signal range;
    signal funding;
    signal fundingRest;
    signal last;
    signal payoffs;
}

/// HistoryHash: H_history(index, range, F, rest, H_vector(last), H_vector(payoffs)).
template HistoryHash() {
    input History() history;
    signal output out <== Hash(TAG_HISTORY(), 6)([
        history.index, history.range, history.funding, history.fundingRest, history.last, history.payoffs
    ]);
}
