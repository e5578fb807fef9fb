pragma circom 2.2.0;

include "bits.circom";
include "poseidon.circom";
include "../generated/parameters.circom";

/// LogStep: appends one entry to the log. Any field elements.
/// twins   src/protocol/item.ts (itemHash, logHead)
/// out     item   H_item(domain, A, B, salt)
///         after  H_log(logHead, item, auth, time)
template LogStep() {
    signal input domain;
    signal input logHead;
    signal input A;
    signal input B;
    signal input salt;
    signal input auth;
    signal input time;
    signal output item <== Hash(TAG_ITEM(), 4)([domain, A, B, salt]);
    signal output after <== Hash(TAG_LOG(), 4)([logHead, item, auth, time]);
}

/// ClockStep: the order of log entries. Closes the attack of stamping an entry before its predecessor.
/// in      clock   of the entry before, 32 time + rank
///         time    any field element
///         rank    0 to 31: a constant, or RANK_CLOSE and a market's slot
///         strict  a bit: 1 for commands of rank below 31, which must exceed the clock; others must not be below it
/// proves  0 <= time < 2^40 and the order; no witness exists otherwise: only the operator stamps
/// out     after   32 time + rank
template ClockStep() {
    signal input clock;
    signal input time;
    signal input rank;
    signal input strict;
    signal output after <== 32 * time + rank;
    Range(BITS_TIME())(time);
    Range(BITS_TIME() + 5)(after - clock - strict);
}
