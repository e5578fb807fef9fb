pragma circom 2.2.0;

include "bits.circom";
include "../generated/parameters.circom";

/// Longs: which positions are not below 0.
/// in      positions  |pos| < 2^48; no witness exists otherwise
template Longs() {
    signal input positions[INSTRUMENTS()];
    signal output out[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) out[i] <== NotNegative(BITS_POSITION())(positions[i]);
}

/// Equities: E_k of an account, less the charges of its positions for k >= 1 (docs/protocol.md, section 6).
/// twins   src/protocol/margin.ts (equities, charges)
/// params  S scenarios
/// in      cash, positions            |pos| < 2^48
///         isLong[i]                  a bit: the position is not below 0; of one that is 0 either bit gives the same
///         values[k][i]               U_ik
///         longCharges, shortCharges  of a lot of each instrument
/// out     equity[S]
template Equities(S) {
    signal input cash;
    signal input positions[INSTRUMENTS()];
    signal input isLong[INSTRUMENTS()];
    signal input values[S][INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal output equity[S];
    signal chargePerLot[INSTRUMENTS()];
    signal charge[INSTRUMENTS()];
    var charges = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        chargePerLot[i] <== isLong[i] * (longCharges[i] + shortCharges[i]) - shortCharges[i];
        charge[i] <== positions[i] * chargePerLot[i];
        charges += charge[i];
    }
    signal value[S][INSTRUMENTS()];
    for (var k = 0; k < S; k++) {
        var sum = k == 0 ? cash : cash - charges;
        for (var i = 0; i < INSTRUMENTS(); i++) {
            value[k][i] <== positions[i] * values[k][i];
            sum += value[k][i];
        }
        equity[k] <== sum;
    }
}

/// MarginHolds: for every scenario k, d_k >= 0, or E_k - reserved + d_k >= 0 (docs/protocol.md, section 6).
/// twins   src/protocol/margin.ts (marginOf)
/// params  S scenarios
/// in      cash, positions, reserved  of the account: |cash| < 2^100, |pos| < 2^48, reserved < 2^101
///         values[k][i]               U_ik, |U| < 2^48
///         longCharges, shortCharges  of a lot of each instrument, below 2^40; they count for k >= 1
///         quantity                   lots of an order, below 2^32; or the amount of a withdrawal, below 2^92; or what a list
///                                    of quotes reserves, below 2^97
///         unit[k]                    delta_k of an order, |unit| < 2^61; else -1; d_k = quantity unit_k
///         Who keeps these ranges:
///             cash       deposits less payouts are at most 2^90 (MAX_HELD): Venue.sol takes no more, src/matcher refuses
///                        them (VAULT_FULL); what trades and fees add is within 2^99 (docs/protocol.md, section 3)
///             positions  rule 16 of Admit, for whatever is open besides: 2^46 and less than 2^46
///             reserved   128 open orders at most (rule 15), each below 2^62 2^32
///             values     Reprice, as the charges; unit: sums of 16 legs times values, and the limit, are within 2^60; quantity:
///                        ranged by Item
///         A number beyond its range would leave no witness, and the venue would stand: never a wrong answer.
/// out     out                        a bit
///         full                       a bit: for every k, E_k - reserved + min(d_k, 0) >= 0
template MarginHolds(S) {
    signal input cash;
    signal input reserved;
    signal input positions[INSTRUMENTS()];
    signal input values[S][INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input quantity;
    signal input unit[S];
    signal output out;
    signal output full;

    component owned = Equities(S);
    owned.cash <== cash;
    owned.positions <== positions;
    owned.isLong <== Longs()(positions);
    owned.values <== values;
    owned.longCharges <== longCharges;
    owned.shortCharges <== shortCharges;

    signal gains[S];
    signal loses[S];
    signal change[S];
    signal covered[S];
    signal fails[S];
    var failing = 0;
    var uncovered = 0;
    for (var k = 0; k < S; k++) {
        // quantity > 0 wherever the answer counts, so the sign of d_k is the sign of unit_k.
        gains[k] <== NotNegative(BITS_RHO())(unit[k]);
        loses[k] <== (1 - gains[k]) * unit[k];
        change[k] <== quantity * loses[k];
        // |E_k| < 2^101, reserved < 2^101, |d_k| < 2^97.
        covered[k] <== NotNegative(103)(owned.equity[k] - reserved + change[k]);
        fails[k] <== (1 - gains[k]) * (1 - covered[k]);
        failing += fails[k];
        uncovered += 1 - covered[k];
    }
    out <== IsZero()(failing);
    full <== IsZero()(uncovered);
}
