pragma circom 2.2.0;

include "../lib/bits.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../generated/parameters.circom";

/// Withdraw: takes the next payouts from their chain, up to W, and makes each public.
/// twins   src/witness/withdraw.ts, src/protocol/book.ts (pushPayout)
/// params  W slots
/// in      active[W]  bits, used slots first; 0: the slot takes nothing and its public word is 0
///         words[W]   payout words as admit put them: recipient + 2^160 amount, amount at least 1
/// proves  Rule 1: phase open or paying before.
///         Rule 2: payoutsTaken grows by exactly the public words, in order.
///         Rule 3: phase open after iff payoutsTaken = payoutsPut, else paying. A word that was never put leads to a head
///         from which payoutsPut cannot be reached (Poseidon is collision resistant), so phase open, and with it the end
///         of the round, is never reached: nothing is paid that was not put, and nothing twice.
template Withdraw(W) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output payout[W];

    input State() before;
    signal input blindAfter;
    signal input active[W];
    signal input words[W];

    state <== StateWord()(before);
    before.phase * (before.phase - PHASE_PAYING()) === 0;

    UsedFirst(W)(active);
    signal taken[W + 1];
    signal pushed[W];
    taken[0] <== before.payouts.taken;
    for (var j = 0; j < W; j++) {
        pushed[j] <== Hash(TAG_PAYOUT(), 2)([taken[j], words[j]]);
        taken[j + 1] <== taken[j] + active[j] * (pushed[j] - taken[j]);
        payout[j] <== active[j] * words[j];
    }
    signal drained <== IsEqual()(taken[W], before.payouts.put);
    phaseAfter <== PHASE_PAYING() * (1 - drained);

    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged <== before.logged;
    after.accounts <== before.accounts;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing <== before.clearing;
    after.payouts.put <== before.payouts.put;
    after.payouts.taken <== taken[W];
    stateAfter <== StateWord()(after);
}
