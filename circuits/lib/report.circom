pragma circom 2.2.0;

include "bits.circom";
include "eddsa.circom";
include "poseidon.circom";
include "ranges.circom";
include "vector.circom";
include "../generated/parameters.circom";

/// Numbers of a report: index, average, sigma and premium, then one an instrument; and how many of them a word holds.
/// twins   src/protocol/report.ts
function REPORT_NUMBERS() { return 4 + INSTRUMENTS(); }
function NUMBERS_A_WORD() { return 6; }
function REPORT_WORDS() { return (REPORT_NUMBERS() + NUMBERS_A_WORD() - 1) \ NUMBERS_A_WORD(); }
/// How many of 3f + 1 feeds are a quorum: 2f + 1.
function QUORUM(FEEDS) { return 2 * (FEEDS - 1) \ 3 + 1; }

/// ReportNumbers: the numbers of a report from its words.
/// twins   src/protocol/report.ts (reportNumbers)
/// in      words    any field elements; no witness exists where one has bits beyond its numbers
/// out     numbers  each below 2^40
template ReportNumbers() {
    signal input words[REPORT_WORDS()];
    signal output numbers[REPORT_NUMBERS()];
    component word[REPORT_WORDS()];
    for (var w = 0; w < REPORT_WORDS(); w++) {
        var count = REPORT_NUMBERS() - w * NUMBERS_A_WORD();
        if (count > NUMBERS_A_WORD()) count = NUMBERS_A_WORD();
        word[w] = Bits(count * BITS_REPORTED());
        word[w].in <== words[w];
        for (var i = 0; i < count; i++) {
            var sum = 0;
            for (var j = 0; j < BITS_REPORTED(); j++) sum += word[w].out[i * BITS_REPORTED() + j] * (1 << j);
            numbers[w * NUMBERS_A_WORD() + i] <== sum;
        }
    }
}

/// Median: the middle one of an odd number of values.
/// twins   src/protocol/median.ts
/// params  N, odd
/// in      in[N]  each below 2^40, ranged by the caller
/// out     out    the only number that all three rules allow, below 2^40
/// Rule 1: (N + 1) / 2 of the values are upper ones, the others lower ones.
/// Rule 2: no upper one is below the median, no lower one above it. Rule 3: some upper one is the median.
/// So at most (N - 1) / 2 are below it, as many above it, and it is one of them.
template Median(N) {
    assert(N % 2 == 1);
    signal input in[N];
    signal output out;
    var half = (N - 1) \ 2;
    var rank[N];
    var middle = 0;
    for (var j = 0; j < N; j++) {
        rank[j] = 0;
        for (var i = 0; i < N; i++) {
            if (in[i] < in[j] || (in[i] == in[j] && i < j)) rank[j]++;
        }
        if (rank[j] == half) middle = in[j];
    }
    // Hint, then bind: see the rules. Which of equal values are upper ones is free, and the median is the same.
    out <-- middle;
    signal upper[N];
    signal distance[N];
    signal other[N];
    var uppers = 0;
    for (var j = 0; j < N; j++) {
        upper[j] <-- rank[j] >= half ? 1 : 0;
        upper[j] * (upper[j] - 1) === 0;
        uppers += upper[j];
        distance[j] <== (2 * upper[j] - 1) * (in[j] - out);
        Range(BITS_REPORTED())(distance[j]);
        // 0 of an upper one that is the median, else between 1 and 2^40.
        if (j == 0) other[0] <== distance[0] + 1 - upper[0];
        else other[j] <== other[j - 1] * (distance[j] + 1 - upper[j]);
    }
    uppers === half + 1;
    other[N - 1] === 0;
}

/// Quorum: the reports of 2f + 1 of 3f + 1 feeds, and the medians of their numbers.
/// twins   src/protocol/report.ts (requireQuorum, quorumAuth, medians)
/// params  FEEDS: 3f + 1, at most 8
/// in      domain, contracts, epoch  that the reports are to be about
///         keys                      of all feeds, opened from the rules: in the prime subgroup, not the identity, as genesis and
///                                   Configure have them
///         feed[j]                   number of the feed that made report j; R8x, R8y, S its signature
///         words[j]                  the numbers of report j
/// proves  Rule 1: numbers of feeds rise, and are below FEEDS. Rule 2: each report is signed by the feed's key, and is about this
///         domain, these contracts and this epoch. Rule 3: no index, average or sigma is 0.
/// out     auth     the chain of the quorum
///         numbers  the medians, each below 2^40; 0, for none, where one of the quorum has none: else f false ones and an honest one
///                  without a number could decide it
template Quorum(FEEDS) {
    assert(FEEDS % 3 == 1 && FEEDS >= 4 && FEEDS <= 8);
    var Q = QUORUM(FEEDS);
    var W = REPORT_WORDS();
    var k = FEEDS > 4 ? 3 : 2;
    signal input domain;
    signal input contracts;
    signal input epoch;
    signal input keys[FEEDS][2];
    signal input feed[Q];
    signal input words[Q][W];
    signal input R8x[Q];
    signal input R8y[Q];
    signal input S[Q];
    signal output auth;
    signal output numbers[REPORT_NUMBERS()];

    signal at[Q][1 << k];
    signal part[Q][FEEDS][2];
    signal key[Q][2];
    signal message[Q];
    signal valid[Q];
    signal signed[Q];
    signal chain[Q + 1];
    signal reported[Q][REPORT_NUMBERS()];
    chain[0] <== 0;
    for (var j = 0; j < Q; j++) {
        // Rule 1.
        at[j] <== OneHotOf(k)(feed[j]);
        for (var i = FEEDS; i < 1 << k; i++) at[j][i] === 0;
        if (j > 0) Range(k)(feed[j] - feed[j - 1] - 1);

        // Rule 2.
        for (var c = 0; c < 2; c++) {
            var sum = 0;
            for (var i = 0; i < FEEDS; i++) {
                part[j][i][c] <== at[j][i] * keys[i][c];
                sum += part[j][i][c];
            }
            key[j][c] <== sum;
        }
        message[j] <== Hash(TAG_REPORT(), 3 + W)([
            domain, contracts, epoch, words[j][0], words[j][1], words[j][2], words[j][3]
        ]);
        valid[j] <== Signature()(1, key[j][0], key[j][1], R8x[j], R8y[j], S[j], message[j]);
        valid[j] === 1;
        signed[j] <== Hash(TAG_AUTH(), 3)([R8x[j], R8y[j], S[j]]);
        chain[j + 1] <== Hash(TAG_QUORUM(), 4)([chain[j], feed[j], message[j], signed[j]]);

        // Rule 3.
        reported[j] <== ReportNumbers()(words[j]);
        for (var n = 0; n < 3; n++) NotZero()(reported[j][n]);
    }
    auth <== chain[Q];
    component median[REPORT_NUMBERS()];
    // Of numbers below 2^40 the product of Q, at most 5, is below the modulus: 0 iff one of them is.
    signal product[REPORT_NUMBERS() - 3][Q];
    signal isNone[REPORT_NUMBERS() - 3];
    for (var n = 0; n < REPORT_NUMBERS(); n++) {
        median[n] = Median(Q);
        for (var j = 0; j < Q; j++) median[n].in[j] <== reported[j][n];
        if (n < 3) numbers[n] <== median[n].out;
        else {
            product[n - 3][0] <== reported[0][n];
            for (var j = 1; j < Q; j++) product[n - 3][j] <== product[n - 3][j - 1] * reported[j][n];
            isNone[n - 3] <== IsZero()(product[n - 3][Q - 1]);
            numbers[n] <== (1 - isNone[n - 3]) * median[n].out;
        }
    }
}
