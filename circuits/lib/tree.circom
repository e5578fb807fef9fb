pragma circom 2.2.0;

include "poseidon.circom";
include "vector.circom";
include "../generated/parameters.circom";

/// Paths of the 4-ary account tree. A node is H_node of its four children; an empty leaf is 0 and an empty node the hash
/// of four empty children.
/// twins   src/protocol/tree.ts

/// Children: the four children of a node, of which one is known by its place and the others follow in order.
/// in      one[4]       the one-hot of the place, already so
/// out     children[4]  those before the place are siblings 0, 1, ..; then node; then the rest of the siblings
/// costs   4
template Children() {
    signal input one[4];
    signal input node;
    signal input siblings[3];
    signal output children[4];
    children[0] <== siblings[0] + one[0] * (node - siblings[0]);
    signal shifted <== siblings[1] + one[0] * (siblings[0] - siblings[1]);
    children[1] <== shifted + one[1] * (node - siblings[1]);
    children[3] <== siblings[2] + one[3] * (node - siblings[2]);
    _ <== one[2]; // implied by the others
    // All four are the node and its siblings, so the sums are equal.
    children[2] <== node + siblings[0] + siblings[1] + siblings[2] - children[0] - children[1] - children[3];
}

/// Root: root of the tree in which leaf lies at index beside these siblings.
/// in      index[2 depth]      already bits, low first; two for each level, leaf level first
///         siblings[depth][3]  of each level, in the order of their places
/// costs   302 a level
template Root(depth) {
    signal input index[2 * depth];
    signal input siblings[depth][3];
    signal input leaf;
    signal output root;
    signal node[depth + 1];
    node[0] <== leaf;
    signal one[depth][4];
    signal children[depth][4];
    for (var i = 0; i < depth; i++) {
        one[i] <== OneHot(2)([index[2 * i], index[2 * i + 1]]);
        children[i] <== Children()(one[i], node[i], siblings[i]);
        node[i + 1] <== Hash(TAG_NODE(), 4)(children[i]);
    }
    root <== node[depth];
}

/// Update: roots of the tree before and after the leaf at index changes; the siblings are the same.
/// in      index, siblings  as for Root
/// costs   602 a level
template Update(depth) {
    signal input index[2 * depth];
    signal input siblings[depth][3];
    signal input leafBefore;
    signal input leafAfter;
    signal output rootBefore;
    signal output rootAfter;
    signal before[depth + 1];
    signal after[depth + 1];
    before[0] <== leafBefore;
    after[0] <== leafAfter;
    signal one[depth][4];
    signal childrenBefore[depth][4];
    signal childrenAfter[depth][4];
    signal moved[depth][3];
    for (var i = 0; i < depth; i++) {
        one[i] <== OneHot(2)([index[2 * i], index[2 * i + 1]]);
        childrenBefore[i] <== Children()(one[i], before[i], siblings[i]);
        before[i + 1] <== Hash(TAG_NODE(), 4)(childrenBefore[i]);
        // The child at the place changes by the difference, which is all that the children change by.
        var rest = after[i] - before[i];
        for (var j = 0; j < 3; j++) {
            moved[i][j] <== one[i][j] * (after[i] - before[i]);
            childrenAfter[i][j] <== childrenBefore[i][j] + moved[i][j];
            rest -= moved[i][j];
        }
        childrenAfter[i][3] <== childrenBefore[i][3] + rest;
        after[i + 1] <== Hash(TAG_NODE(), 4)(childrenAfter[i]);
    }
    rootBefore <== before[depth];
    rootAfter <== after[depth];
}
