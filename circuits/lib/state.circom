pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// Channel: a chain of words that one instruction puts and another takes, in order: its head at either end.
bus Channel {
    signal put;
    signal taken;
}

/// Fixed: what no instruction changes. All but the domain are for later, and 0.
bus Fixed {
    signal domain;
    signal published;
    signal inbox;
    Channel() dirty;
}

/// Roots: of the rules in force, and of the prices.
bus Roots {
    signal rules;
    signal prices;
}

/// Log: the log, as far as it is consumed.
bus Log {
    signal head;
    signal count;
    signal clock;
}

/// Accounts: root of their tree, leaves in use, the deposits credited, the holders of each instrument, and what is held: deposits
/// less what was paid out.
bus Accounts {
    signal root;
    signal count;
    signal deposits;
    signal holders;
    signal vault;
}

/// Losses: what haircuts kept, and what the insurance account lacked when it was looked at last, cash units.
/// twins   src/protocol/defaults.ts (Held)
bus Losses {
    signal relief;
    signal deficit;
}

/// Markets: H_vector of what waits in each market slot.
bus Markets {
    signal books;
    signal admitted;
    signal cancels;
    signal counts;
}

/// Clearing: what a clear leaves to its next proof, and to settle; fees booked that the venue has not been credited with; and what
/// of fees is the insurance account's and was not credited, 2^-16 cash units.
bus Clearing {
    signal sweep;
    signal fees;
    signal share;
    Channel() fills;
}

/// State: the registers of the machine (docs/protocol.md, section 2), each a field element. Those that an instruction
/// leaves alone together are a bus, so that it copies them whole.
/// twins   src/protocol/state.ts (registers and hashes), src/witness/state.ts (which register each signal is)
bus State {
    Fixed() fixed;
    Roots() roots;
    signal phase;
    Log() logged;
    Accounts() accounts;
    Losses() losses;
    signal blind;
    Markets() markets;
    Clearing() clearing;
    Channel() payouts;
}

/// StateWord: the one word that the world sees.
/// in      state  any field elements
/// out     out    H_state(domain, phase, published, rules, prices, core, channels)
template StateWord() {
    input State() state;
    signal output out;
    signal core <== Hash(TAG_CORE(), 12)([
        state.accounts.root, state.accounts.count, state.logged.head, state.logged.count, state.logged.clock,
        state.accounts.deposits, state.fixed.inbox, state.accounts.holders, state.accounts.vault, state.losses.relief,
        state.losses.deficit, state.blind
    ]);
    signal channels <== Hash(TAG_CHANNELS(), 13)([
        state.markets.books, state.markets.admitted, state.markets.cancels, state.markets.counts, state.clearing.sweep,
        state.clearing.fees, state.clearing.share, state.clearing.fills.put, state.clearing.fills.taken, state.payouts.put,
        state.payouts.taken, state.fixed.dirty.put, state.fixed.dirty.taken
    ]);
    out <== Hash(TAG_STATE(), 7)([
        state.fixed.domain, state.phase, state.fixed.published, state.roots.rules, state.roots.prices, core, channels
    ]);
}
