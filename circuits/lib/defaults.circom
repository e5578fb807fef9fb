pragma circom 2.2.0;

include "bits.circom";
include "fixed.circom";
include "rules.circom";
include "../generated/parameters.circom";

/// What admission, prices and defaults have in common of them (docs/protocol.md, section 10).
/// twins   src/protocol/defaults.ts

/// Flag: how old the flag of an account is.
/// in      flagged           below 2^40: the time of an entry, or 0
///         grace, lasts      of the rules, below 2^32 and 2^34: lasts is 2 slope + hold
///         time              below 2^40: ranged by ClockStep
/// out     counts            a bit: there is a flag, and it is younger than grace + lasts
///         begun             a bit: it is as old as the grace
///         elapsed           time - flagged - grace
template Flag() {
    signal input flagged;
    signal input grace;
    signal input lasts;
    signal input time;
    signal output counts;
    signal output begun;
    signal output elapsed;
    elapsed <== time - flagged - grace;
    begun <== NotNegative(BITS_TIME() + 1)(elapsed);
    signal within <== NotNegative(BITS_TIME() + 1)(lasts - 1 - elapsed);
    signal none <== IsZero()(flagged);
    counts <== (1 - none) * within;
}

/// Haircut: what is paid for an amount.
/// twins   src/protocol/defaults.ts (paidFor, shortOf)
/// in      amount           below 2^92
///         vault            at most 2^90 (MAX_HELD)
///         relief, deficit  below 2^102: what haircuts kept is at most a deficit and a unit; a deficit is an equity
/// out     paid             floor(amount vault / (vault + short)), at most amount; 0 where that divisor is 0
///         isShort          a bit
template Haircut() {
    signal input amount;
    signal input vault;
    signal input relief;
    signal input deficit;
    signal output paid;
    signal output isShort;
    signal owing <== NotNegative(102)(deficit - relief);
    signal short <== owing * (deficit - relief);
    signal whole <== IsZero()(short);
    isShort <== 1 - whole;
    signal empty <== IsZero()(vault + short);
    signal product <== amount * vault;
    paid <== Quotient(BITS_AMOUNT(), 103)(product, vault + short + empty);
}

/// Deficit: what an account lacks at the mark.
/// in      cash, positions  of the insurance account: |cash| < 2^100, |pos| <= 2^46
///         mark[i]          U_i0, |U| < 2^48
/// out     out              max(0, -E_0)
template Deficit() {
    signal input cash;
    signal input positions[INSTRUMENTS()];
    signal input mark[INSTRUMENTS()];
    signal output out;
    signal value[INSTRUMENTS()];
    var equity = cash;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        value[i] <== positions[i] * mark[i];
        equity += value[i];
    }
    signal solvent <== NotNegative(102)(equity);
    out <== (solvent - 1) * equity;
}
