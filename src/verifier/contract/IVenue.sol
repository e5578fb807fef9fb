// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A Tacit venue: one state word that changes only when proofs say that the change follows the rules.
/// @dev Twin: src/verifier/round.ts. Cash units are the units of the token.
///
/// Rules come into force by the instruction `configure`, and only those that the announcer announced here, `timelock`
/// seconds or more before. **Whoever has the announcing key can, after the timelock, change everything that is a rule**:
/// feeds and so prices, margin, fees, markets, the operator's key, and whom the insurance account pays how much. It
/// cannot take what is owed already, nor shorten the timelock, nor bring rules in by itself: that takes a proof, hence
/// the operator. A user who does not like what is announced has the time until it is valid to leave, as far as the
/// operator takes withdrawals. The contract knows roots alone, and cannot tell whether a preimage has the root that it
/// was announced with: whoever reads an announcement hashes it again, and takes one that has another root, or that
/// cannot be read, for rules that nobody knows.
///
/// Where the venue has co-signers, 3f + 1 of them, the log that a round consumed must be final: 2f + 1 of them signed its head
/// (src/protocol/coSigners.ts). The announcer can replace them, after the timelock. A venue that has some never has none again:
/// else the announcing key alone could take away what makes a round final, and leave nothing in its place to ask for it.
interface IVenue {
    /// A round was accepted: time, logCount and log are those of the last log entry that it consumed.
    event Round(uint256 stateBefore, uint256 stateAfter, uint256 time, uint256 logCount, uint256 log);
    /// Deposit number n, from 1, extended the chain of deposits to head.
    event Deposit(
        uint256 indexed n, uint256 head, uint256 indexed keyX, uint256 keyY, uint256 amount, uint256 indexed index
    );
    /// A round credited a withdrawal: the recipient may claim it.
    event Payout(address indexed recipient, uint256 amount);
    /// An account took what it was owed.
    event Claim(address indexed account, address indexed to, uint256 amount);
    /// Announcement number n, from 1: rules of this root may come into force from a time on, seconds since 1970, for
    /// 30 days. The preimage is their file in UTF-8 (docs/formats.md), which nobody has compared with the root.
    event RulesAnnounced(uint256 indexed n, uint256 root, uint256 from, bytes preimage);
    /// The announcement will never be used.
    event RulesWithdrawn(uint256 indexed n);
    /// A round brought announced rules into force.
    event RulesChanged(uint256 indexed n, uint256 root);
    /// From a time on, seconds since 1970, these may be made the co-signers. They take the place of those announced before.
    event CoSignersAnnounced(address[] next, uint256 from);
    /// Those announced will never be the co-signers by that announcement.
    event CoSignersWithdrawn();
    /// These are the co-signers from here on.
    event CoSignersChanged(address[] all);

    // Construction

    /// What a venue is made with.
    /// @param domain, genesisState below the scalar field
    /// @param token of deposits and payouts: a contract
    /// @param keys a contract whose code holds the verification keys (KeyData), those that this one was compiled for
    /// @param maxLag seconds; 64 bits, so that no sum with a time overflows
    /// @param maxDeposits leaves of the account tree that genesis left free: each deposit may open an account, and one
    /// onto a full tree could not be proved, nor any after it
    /// @param minDeposit at least 1: what is worth the proof that credits it
    /// @param announcer of rules, for ever; 0: the rules never change
    /// @param timelock seconds between an announcement and its first use; 64 bits, so that no sum with a time overflows
    /// @param coSigners without whose signatures no round is taken: 3f + 1, 31 at most; or none, and rounds need no signature
    struct Terms {
        uint256 domain;
        uint256 genesisState;
        address token;
        address keys;
        uint64 maxLag;
        uint64 maxDeposits;
        uint256 minDeposit;
        address announcer;
        uint64 timelock;
        address[] coSigners;
    }

    /// These keys are development keys, whose proofs anybody can forge, and this is no development chain.
    error DevelopmentKeys();
    /// The domain, the genesis state and the root of announced rules must be below the scalar field.
    error NotAFieldElement(uint256 value);
    /// The token has no code.
    error NotAContract(address token);
    /// The contract of the keys has another code than this one was compiled for.
    error WrongKeys(bytes32 codeHash);
    /// Co-signers are 3f + 1, 31 at most.
    error CoSignerCount(uint256 count);
    /// The co-signer at this index is 0, or stands before it too.
    error BadCoSigner(uint256 index);

    // Rounds: refusals in the words of ROUND_REFUSALS; `instruction` is its index.

    /// The round has no instruction.
    error EmptyRound();
    /// More instructions than a round may have.
    error TooManyInstructions(uint256 count);
    /// No instruction has this code.
    error UnknownInstruction(uint256 instruction, uint256 code);
    /// The bytes end within an instruction.
    error Truncated(uint256 instruction);
    /// A public input is not below the scalar field; `index` counts from the state before.
    error InputTooLarge(uint256 instruction, uint256 index);
    /// The round was made for another state: perhaps another round came first.
    error WrongState(uint256 expected, uint256 given);
    /// The last instruction leaves the machine in the midst of a clearing.
    error PhaseNotOpen(uint256 phase);
    /// The round consumes no log entry.
    error NoLogEntry();
    /// Fewer log entries consumed than before.
    error LogCountFalls(uint256 instruction);
    /// A log entry older than the one before it.
    error TimeFalls(uint256 instruction);
    /// The last log entry is stamped later than this block.
    error InFuture(uint256 time);
    /// The last log entry is older than maxLag allows.
    error TooOld(uint256 time);
    /// The chain of deposits never had this head.
    error UnknownDeposit(uint256 instruction, uint256 head);
    /// The head is older than the deposits already consumed.
    error StaleDeposit(uint256 instruction, uint256 head);
    /// It brings in rules, and no announcement is left that it could use.
    error NoAnnouncement(uint256 instruction);
    /// It brings in rules of none of the announcements that are left; expected: those of the next one.
    error WrongRules(uint256 instruction, uint256 expected, uint256 given);
    /// It brings in rules by a log entry that is stamped earlier than they are valid from.
    error RulesStampedEarly(uint256 instruction, uint256 time, uint256 from);
    /// It brings in rules that are not valid yet.
    error RulesNotYet(uint256 instruction, uint256 from);
    /// More is paid out than the machine holds: a proof system that is sound never gets here.
    error Overdrawn(uint256 instruction, uint256 amount);
    /// There are co-signers, and no 2f + 1 of them signed that the log has this head after so many entries; or what was given
    /// with their signatures is not as submitRound wants it, or one of them is not good.
    error NotFinal(uint256 logCount, uint256 log);
    /// A precompile failed: a point off the curve, a coordinate not below the base field, a point outside the subgroup,
    /// or too little gas. It says nothing about the proofs.
    error PrecompileFailed(uint256 precompile);
    /// At least one proof does not hold.
    error PairingFailed();

    // Announcements

    /// The caller is not the announcer.
    error NotAnnouncer(address caller);
    /// 64 announcements were made that wait, or were withdrawn after one that does: let that one be used or withdrawn.
    error TooManyAnnouncements();
    /// No announcement has this number, or it was withdrawn before.
    error UnknownAnnouncement(uint256 n);
    /// Its timelock has run: it stays.
    error TooLateToWithdraw(uint256 n, uint256 from);
    /// No co-signers are announced.
    error NoCoSignersAnnounced();
    /// The timelock of those announced has run: they are not withdrawn or replaced any more, and anybody may apply them.
    error CoSignersStay(uint256 from);
    /// The timelock of those announced has not run.
    error CoSignersNotYet(uint256 from);

    // Deposits and claims

    /// The amount is not in minDeposit to 2^92 - 1; or, of a new contract, minDeposit is 0 or above 2^90.
    error AmountOutOfRange(uint256 amount);
    /// The machine would hold more than 2^90.
    error VaultFull(uint256 held, uint256 amount);
    /// The account number is not below 2^20.
    error IndexOutOfRange(uint256 index);
    /// No account is left: maxDeposits were made.
    error TooManyDeposits();
    /// 10,000 deposits wait to be credited: try again when a round has credited some.
    error TooManyWaiting();
    /// The key is not canonical, not on BabyJubJub, or of small order.
    error BadKey(uint256 keyX, uint256 keyY);
    /// The token refused the transfer, or did not move the amount.
    error TransferFailed();
    /// Nothing is owed to the account.
    error NothingOwed(address account);
    /// Nobody could take what is sent to 0, to the token or to the venue itself.
    error BadRecipient(address to);

    /// @notice Applies a round, or reverts.
    /// @param stateBefore the state that the round starts from: must be the state of the venue
    /// @param round for each instruction its code (1 byte), its public inputs but the state before, and its proof, the
    /// eight words of A, B, C in the order of the precompiles
    /// @param finality that the log of this domain has the round's last log head after its last log entry: the epoch that was
    /// signed with it (4 bytes, big endian), then 2f + 1 signatures or more, each as the index of its co-signer (1 byte,
    /// rising), r, s (the lower one) and 27 or 28 (65 bytes). Not read where there are no co-signers
    function submitRound(uint256 stateBefore, bytes calldata round, bytes calldata finality) external;

    /// @notice Announces rules: valid from `timelock` seconds after this block on, for 30 days, once, and only after those
    /// announced before, but for such as were withdrawn or are too old. For the announcer alone.
    /// @param root of the rules
    /// @param preimage UTF-8 of their file (docs/formats.md): emitted, and neither read nor kept
    function announce(uint256 root, bytes calldata preimage) external;

    /// @notice Withdraws an announcement that is not valid yet. For the announcer alone.
    function withdrawRules(uint256 n) external;

    /// @notice Announces co-signers: to be applied from `timelock` seconds after this block on. Those that wait are replaced.
    /// For the announcer alone.
    /// @param next 3f + 1, 31 at most: never none
    function announceCoSigners(address[] calldata next) external;

    /// @notice Withdraws announced co-signers whose timelock has not run. For the announcer alone.
    function withdrawCoSigners() external;

    /// @notice Makes those announced the co-signers, once their timelock has run. For anybody.
    function applyCoSigners() external;

    /// @notice Takes `amount` of the token from the caller for the account of a key.
    /// @param keyX, keyY a point K' of BabyJubJub: the account's key is 8 K'
    /// @param index of the account to credit if it has that key; else a new account is opened
    function deposit(uint256 amount, uint256 keyX, uint256 keyY, uint32 index) external;

    /// @notice Sends all that the caller is owed.
    function claim(address to) external;

    /// @notice Sends all that an account is owed to that account, whoever calls.
    function claimFor(address account) external;

    function domain() external view returns (uint256);
    function token() external view returns (address);
    function keys() external view returns (address);
    /// @notice Number of the block that the contract was made in.
    function deployedAt() external view returns (uint256);
    /// @notice Seconds: how old the last log entry of a round may be.
    function maxLag() external view returns (uint256);
    /// @notice How many deposits it takes in all.
    function maxDeposits() external view returns (uint256);
    /// @notice The least amount of a deposit.
    function minDeposit() external view returns (uint256);
    /// @notice Who announces rules; 0: nobody ever does. Seconds between an announcement and its first use.
    function announcer() external view returns (address);
    function timelock() external view returns (uint256);
    /// @notice How many announcements were made, and up to which number none will be used any more.
    function announcementCount() external view returns (uint256);
    function announcementsDone() external view returns (uint256);
    /// @notice An announcement by its number: root, from when on it is valid (0: there is none), whether it was
    /// withdrawn.
    function announcement(uint256 n) external view returns (uint256 root, uint128 from, bool withdrawn);
    /// @notice The oldest that may still be used, valid yet or not: number (0: nothing), root, from when on it is valid. A later one
    /// may be used before it, which passes it over.
    function nextAnnouncement() external view returns (uint256 n, uint256 root, uint256 from);
    /// @notice The co-signers, in the order of their indexes; none: rounds need no signatures.
    function coSigners() external view returns (address[] memory);
    /// @notice Those announced, and from when on they may be applied; none and 0 where nothing waits.
    function nextCoSigners() external view returns (address[] memory next, uint256 from);
    function state() external view returns (uint256);
    /// @notice Time of the last log entry consumed, and how many were.
    function time() external view returns (uint256);
    function logCount() external view returns (uint256);
    /// @notice Head of the chain of deposits; their number; number of the last one that a round consumed.
    function depositHead() external view returns (uint256);
    function depositCount() external view returns (uint256);
    function depositsConsumed() external view returns (uint256);
    /// @notice Number of the deposit that made this head; 0 if none did.
    function depositNumber(uint256 head) external view returns (uint256);
    /// @notice Deposited and not yet credited to a recipient; credited and not yet claimed. The token balance is at
    /// least their sum.
    function held() external view returns (uint256);
    function owing() external view returns (uint256);
    function owed(address account) external view returns (uint256);
}
