// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {BabyJubJub} from "./BabyJubJub.sol";
import {Batch} from "./Batch.sol";
import {IVenue} from "./IVenue.sol";
import {KeyData} from "./KeyData.sol";
import {LogHeads} from "./LogHeads.sol";
import {Keys} from "./generated/Keys.sol";

/// @title A Tacit venue. What it promises is written in IVenue.
/// @dev Twin: src/verifier/round.ts.
contract Venue is IVenue {
    uint256 private constant R = Batch.R;
    uint256 private constant MAX_HELD = 1 << 90;
    uint256 private constant MAX_WAITING = 10_000;
    /// Seconds for which announced rules are valid.
    uint256 private constant VALID = 30 days;
    uint256 private constant MAX_ANNOUNCEMENTS = 64;
    uint256 private constant DEVELOPMENT_CHAIN = 31337; // anvil, hardhat

    uint256 public immutable override domain;
    uint256 public immutable override maxLag;
    uint256 public immutable override maxDeposits;
    uint256 public immutable override minDeposit;
    address public immutable override token;
    address public immutable override keys;
    uint256 public immutable override deployedAt;
    address public immutable override announcer;
    uint256 public immutable override timelock;

    uint256 public override state;
    uint256 public override time;
    uint256 public override logCount;

    uint256 public override depositHead;
    uint256 public override depositCount;
    uint256 public override depositsConsumed;
    mapping(uint256 head => uint256 n) public override depositNumber;

    uint256 public override held;
    uint256 public override owing;
    mapping(address account => uint256 amount) public override owed;

    struct Announcement {
        uint256 root;
        uint128 from; // no sum of a block's time and a timelock is wider
        bool withdrawn;
    }

    uint256 public override announcementCount;
    uint256 public override announcementsDone;
    mapping(uint256 n => Announcement) public override announcement;

    address[] private signers; // 3f + 1, or none
    address[] private nextSigners; // announced, and not in force
    uint256 private nextSignersFrom; // 0 where there are none

    constructor(Terms memory terms) {
        if (Keys.DEVELOPMENT && block.chainid != DEVELOPMENT_CHAIN) revert DevelopmentKeys();
        if (terms.domain >= R) revert NotAFieldElement(terms.domain);
        if (terms.genesisState >= R) revert NotAFieldElement(terms.genesisState);
        if (terms.token.code.length == 0) revert NotAContract(terms.token);
        if (terms.keys.codehash != Keys.HASH) revert WrongKeys(terms.keys.codehash);
        if (terms.minDeposit == 0 || terms.minDeposit > MAX_HELD) revert AmountOutOfRange(terms.minDeposit);
        domain = terms.domain;
        state = terms.genesisState;
        token = terms.token;
        keys = terms.keys;
        maxLag = terms.maxLag;
        maxDeposits = terms.maxDeposits;
        minDeposit = terms.minDeposit;
        deployedAt = block.number;
        announcer = terms.announcer;
        timelock = terms.timelock;
        if (terms.coSigners.length != 0) {
            LogHeads.check(terms.coSigners);
            setCoSigners(terms.coSigners);
        }
    }

    // Rounds

    /// The round as far as it was read.
    struct Run {
        uint256 position; // in the bytes of the round
        uint256[] words; // what Batch verifies
        uint256[] keys; // see KeyData
        uint256 next; // in words
        uint256 state;
        uint256 phase;
        uint256 time;
        uint256 logCount;
        uint256 log;
    }

    /// @inheritdoc IVenue
    /// @dev Effects before the proofs are checked are safe: a failed check reverts them, and nothing here calls out to
    /// anything but precompiles.
    function submitRound(uint256 stateBefore, bytes calldata round, bytes calldata finality) external override {
        (Run memory run, uint256[] memory codes) = read(stateBefore, round);
        if (run.phase != 0) revert PhaseNotOpen(run.phase);
        if (run.logCount == logCount) revert NoLogEntry();
        if (run.time > block.timestamp) revert InFuture(run.time);
        if (run.time + maxLag < block.timestamp) revert TooOld(run.time);
        if (signers.length != 0 && !LogHeads.isFinal(signers, domain, run.logCount, run.log, finality)) {
            revert NotFinal(run.logCount, run.log);
        }
        if (!Batch.verify(run.words, codes, run.keys)) revert PairingFailed();

        (state, time, logCount) = (run.state, run.time, run.logCount);
        emit Round(stateBefore, run.state, run.time, run.logCount, run.log);
    }

    /// @dev Runs the instructions up to the checks that concern the round as a whole.
    function read(uint256 stateBefore, bytes calldata round) internal returns (Run memory run, uint256[] memory codes) {
        if (stateBefore != state) revert WrongState(state, stateBefore);
        run.keys = KeyData.load(keys);
        uint256 count = countInstructions(round, run.keys);
        if (count == 0) revert EmptyRound();
        if (count > Keys.MAX_INSTRUCTIONS) revert TooManyInstructions(count);

        run.state = stateBefore;
        run.time = time;
        run.logCount = logCount;
        // Of an instruction, the code is a byte of the round; key hash and state before are words of the batch only.
        run.words = new uint256[](2 + 2 * count + (round.length - count) / 32);
        run.words[0] = domain;
        run.words[1] = count;
        run.next = 2;
        codes = new uint256[](count);
        for (uint256 i = 0; i < count; i++) codes[i] = step(round, run, i);
    }

    /// @dev How many instructions the bytes hold, which end with the last one.
    function countInstructions(bytes calldata round, uint256[] memory data) private pure returns (uint256 count) {
        for (uint256 position = 0; position < round.length; count++) {
            uint256 code = uint8(round[position]);
            uint256 inputs = KeyData.shape(data, code).inputs;
            if (inputs == 0) revert UnknownInstruction(count, code);
            position += 1 + 32 * (inputs - 1 + Batch.PROOF_WORDS);
            if (position > round.length) revert Truncated(count);
        }
    }

    /// @dev Reads an instruction and applies it; its length was checked. The state before is not sent but taken from
    /// the instruction before, so the chain of states cannot break.
    function step(bytes calldata round, Run memory run, uint256 instruction) private returns (uint256 code) {
        code = uint8(round[run.position++]);
        KeyData.Shape memory shape = KeyData.shape(run.keys, code);
        uint256 base = run.next + 1;
        run.words[run.next] = shape.keyHash;
        run.words[base] = run.state;
        uint256 length = shape.inputs - 1 + Batch.PROOF_WORDS;
        uint256[] memory words = run.words;
        uint256 position = run.position;
        assembly ("memory-safe") {
            calldatacopy(add(words, mul(32, add(base, 2))), add(round.offset, position), mul(32, length))
        }
        for (uint256 i = 1; i < shape.inputs; i++) if (words[base + i] >= R) revert InputTooLarge(instruction, i);
        run.position = position + 32 * length;
        run.next = base + 1 + length;

        run.state = words[base + 1];
        run.phase = words[base + 2];
        if (shape.time != 0) consumeLog(run, instruction, base + shape.time);
        if (shape.rules != 0) useRules(instruction, words[base + shape.rules], run.time);
        if (shape.deposits != 0) consumeDeposits(instruction, words[base + shape.deposits]);
        for (uint256 i = 0; i < shape.payouts; i++) pay(instruction, words[base + shape.payout + i]);
    }

    /// @dev Words first to first + 2: time, number and head of the log as far as consumed.
    function consumeLog(Run memory run, uint256 instruction, uint256 first) private pure {
        uint256[] memory words = run.words;
        if (words[first + 1] < run.logCount) revert LogCountFalls(instruction);
        if (words[first] < run.time) revert TimeFalls(instruction);
        (run.time, run.logCount, run.log) = (words[first], words[first + 1], words[first + 2]);
    }

    /// @dev Announced rules come into force, by a log entry of this time. Those announced before them are passed over for ever:
    /// else one that cannot come into force, as somebody holds what it changes, would keep all later ones waiting.
    function useRules(uint256 instruction, uint256 root, uint256 stamp) private {
        for (uint256 n = announcementsDone + 1; n <= announcementCount; n++) {
            Announcement storage found = announcement[n];
            if (found.root != root || !isGood(found)) continue;
            if (stamp < found.from) revert RulesStampedEarly(instruction, stamp, found.from);
            if (block.timestamp < found.from) revert RulesNotYet(instruction, found.from);
            announcementsDone = n;
            emit RulesChanged(n, root);
            return;
        }
        (uint256 next, uint256 expected,) = nextAnnouncement();
        if (next == 0) revert NoAnnouncement(instruction);
        revert WrongRules(instruction, expected, root);
    }

    /// @dev Head 0 is the chain before its first deposit.
    function consumeDeposits(uint256 instruction, uint256 head) private {
        uint256 n = depositNumber[head];
        if (n == 0 && head != 0) revert UnknownDeposit(instruction, head);
        if (n < depositsConsumed) revert StaleDeposit(instruction, head);
        depositsConsumed = n;
    }

    /// @param word recipient + 2^160 amount; 0 in an unused slot
    /// @dev Pays whoever was named, so that no payout can halt the venue. What is credited to 0, to the token or to this
    /// contract stays unclaimed: client and venue refuse to sign and to take such.
    function pay(uint256 instruction, uint256 word) private {
        if (word == 0) return;
        address recipient = address(uint160(word));
        uint256 amount = word >> 160;
        if (amount > held) revert Overdrawn(instruction, amount);
        held -= amount;
        owing += amount;
        owed[recipient] += amount;
        emit Payout(recipient, amount);
    }

    // Announcements

    modifier onlyAnnouncer() {
        if (msg.sender != announcer) revert NotAnnouncer(msg.sender);
        _;
    }

    /// @inheritdoc IVenue
    /// @dev What is passed over once is so for ever: it stays withdrawn, or too old. So nextAnnouncement never walks more
    /// than the bound, which counts those, too, that were withdrawn after one that still waits.
    function announce(uint256 root, bytes calldata preimage) external override onlyAnnouncer {
        if (root >= R) revert NotAFieldElement(root);
        (uint256 next,,) = nextAnnouncement();
        if (next != 0 && announcementCount - next >= MAX_ANNOUNCEMENTS - 1) revert TooManyAnnouncements();
        uint256 n = ++announcementCount;
        announcementsDone = (next == 0 ? n : next) - 1;
        uint256 from = block.timestamp + timelock;
        announcement[n] = Announcement(root, uint128(from), false);
        emit RulesAnnounced(n, root, from, preimage);
    }

    /// @inheritdoc IVenue
    function withdrawRules(uint256 n) external override onlyAnnouncer {
        Announcement storage found = announcement[n];
        if (n == 0 || n > announcementCount || found.withdrawn) revert UnknownAnnouncement(n);
        if (block.timestamp >= found.from) revert TooLateToWithdraw(n, found.from);
        found.withdrawn = true;
        emit RulesWithdrawn(n);
    }

    /// @inheritdoc IVenue
    function nextAnnouncement() public view override returns (uint256 n, uint256 root, uint256 from) {
        for (n = announcementsDone + 1; n <= announcementCount; n++) {
            Announcement storage found = announcement[n];
            if (isGood(found)) return (n, found.root, found.from);
        }
        return (0, 0, 0);
    }

    /// @dev Whether it may still come into force.
    function isGood(Announcement storage found) private view returns (bool) {
        return !found.withdrawn && block.timestamp <= uint256(found.from) + VALID;
    }

    // Co-signers

    /// @inheritdoc IVenue
    function announceCoSigners(address[] calldata next) external override onlyAnnouncer {
        if (nextSignersFrom != 0 && block.timestamp >= nextSignersFrom) revert CoSignersStay(nextSignersFrom);
        LogHeads.check(next);
        nextSigners = next;
        nextSignersFrom = block.timestamp + timelock;
        emit CoSignersAnnounced(next, nextSignersFrom);
    }

    /// @inheritdoc IVenue
    function withdrawCoSigners() external override onlyAnnouncer {
        if (nextSignersFrom == 0) revert NoCoSignersAnnounced();
        if (block.timestamp >= nextSignersFrom) revert CoSignersStay(nextSignersFrom);
        forgetNextCoSigners();
        emit CoSignersWithdrawn();
    }

    /// @inheritdoc IVenue
    function applyCoSigners() external override {
        if (nextSignersFrom == 0) revert NoCoSignersAnnounced();
        if (block.timestamp < nextSignersFrom) revert CoSignersNotYet(nextSignersFrom);
        setCoSigners(nextSigners);
        forgetNextCoSigners();
    }

    /// @inheritdoc IVenue
    function coSigners() external view override returns (address[] memory) {
        return signers;
    }

    /// @inheritdoc IVenue
    function nextCoSigners() external view override returns (address[] memory next, uint256 from) {
        return (nextSigners, nextSignersFrom);
    }

    function setCoSigners(address[] memory all) private {
        signers = all;
        emit CoSignersChanged(all);
    }

    function forgetNextCoSigners() private {
        delete nextSigners;
        nextSignersFrom = 0;
    }

    // Deposits and claims

    /// @inheritdoc IVenue
    function deposit(uint256 amount, uint256 keyX, uint256 keyY, uint32 index) external override {
        if (amount < minDeposit || amount >> Keys.AMOUNT_BITS != 0) revert AmountOutOfRange(amount);
        if (held + amount > MAX_HELD) revert VaultFull(held, amount);
        if (index >> Keys.ACCOUNT_BITS != 0) revert IndexOutOfRange(index);
        if (depositCount == maxDeposits) revert TooManyDeposits();
        if (depositCount - depositsConsumed >= MAX_WAITING) revert TooManyWaiting();
        if (!BabyJubJub.isKey(keyX, keyY)) revert BadKey(keyX, keyY);

        uint256 packed = amount + (uint256(index) << Keys.AMOUNT_BITS);
        uint256 head = PoseidonT6.hash([Keys.TAG_DEPOSIT, depositHead, keyX, keyY, packed]);
        uint256 n = ++depositCount;
        depositHead = head;
        depositNumber[head] = n;
        held += amount;
        emit Deposit(n, head, keyX, keyY, amount, index);

        // The balance must rise by exactly the amount: a token that takes a fee is refused, and so is a token that lets
        // the payer call back in between and counts one transfer twice.
        uint256 before = balance();
        callToken(abi.encodeWithSignature("transferFrom(address,address,uint256)", msg.sender, address(this), amount));
        if (balance() != before + amount) revert TransferFailed();
    }

    /// @inheritdoc IVenue
    function claim(address to) external override {
        payOut(msg.sender, to);
    }

    /// @inheritdoc IVenue
    function claimFor(address account) external override {
        payOut(account, account);
    }

    function payOut(address account, address to) private {
        uint256 amount = owed[account];
        if (amount == 0) revert NothingOwed(account);
        if (to == address(0) || to == address(this) || to == token) revert BadRecipient(to);
        owed[account] = 0;
        owing -= amount;
        emit Claim(account, to, amount);

        // As for deposits: the balance must fall by exactly the amount.
        uint256 before = balance();
        callToken(abi.encodeWithSignature("transfer(address,uint256)", to, amount));
        if (balance() + amount != before) revert TransferFailed();
    }

    function balance() private view returns (uint256) {
        (bool ok, bytes memory result) = token.staticcall(abi.encodeWithSignature("balanceOf(address)", address(this)));
        if (!ok || result.length < 32) revert TransferFailed();
        return abi.decode(result, (uint256));
    }

    /// @dev Some tokens return nothing where the standard wants true.
    function callToken(bytes memory data) private {
        (bool ok, bytes memory result) = token.call(data);
        if (!ok) revert TransferFailed();
        if (result.length != 0 && (result.length < 32 || uint256(bytes32(result)) != 1)) revert TransferFailed();
    }
}
