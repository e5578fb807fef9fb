pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// State: the registers of the machine (docs/protocol.md, section 2), each a field element, in the order of their hashes.
/// twins   src/protocol/state.ts
bus State {
    signal domain;
    signal phase;
    signal published;
    signal rules;
    signal prices;
    signal accounts;
    signal accountCount;
    signal logHead;
    signal logCount;
    signal clock;
    signal deposits;
    signal inbox;
    signal holders;
    signal blind;
    signal books;
    signal admitted;
    signal cancels;
    signal counts;
    signal sweep;
    signal fillsPut;
    signal fillsTaken;
    signal payoutsPut;
    signal payoutsTaken;
    signal dirtyPut;
    signal dirtyTaken;
}

/// StateWord: the one word that the world sees.
/// in      state  any field elements
/// out     out    H_state(domain, phase, published, rules, prices, core, channels)
template StateWord() {
    input State() state;
    signal output out;
    signal core <== Hash(TAG_CORE(), 9)([
        state.accounts, state.accountCount, state.logHead, state.logCount, state.clock,
        state.deposits, state.inbox, state.holders, state.blind
    ]);
    signal channels <== Hash(TAG_CHANNELS(), 11)([
        state.books, state.admitted, state.cancels, state.counts, state.sweep, state.fillsPut, state.fillsTaken,
        state.payoutsPut, state.payoutsTaken, state.dirtyPut, state.dirtyTaken
    ]);
    out <== Hash(TAG_STATE(), 7)([
        state.domain, state.phase, state.published, state.rules, state.prices, core, channels
    ]);
}
