// Written by npm run generate. Do not edit.
// The home of these numbers is src/protocol/parameters.ts.
pragma circom 2.2.0;

// ACCOUNT
function ACCOUNT_BYTES() { return 200; }
function ACCOUNT_GAS() { return 5000; }

// ALL_CANCEL_EVERY
function ALL_CANCEL_EVERY() { return 4; }

// BITS
function BITS_KIND() { return 8; }
function BITS_MARKET() { return 32; }
function BITS_ACCOUNT() { return 20; }
function BITS_NONCE() { return 40; }
function BITS_SIDE() { return 1; }
function BITS_FLAGS() { return 8; }
function BITS_TIME() { return 40; }
function BITS_PRICE() { return 40; }
function BITS_SIZE() { return 32; }
function BITS_MAX_FEE() { return 61; }
function BITS_AMOUNT() { return 92; }
function BITS_RECIPIENT() { return 160; }
function BITS_POSITION() { return 48; }
function BITS_CASH() { return 100; }
function BITS_VALUE() { return 48; }
function BITS_LEGS_VALUE() { return 60; }
function BITS_LEG() { return 7; }
function BITS_RHO() { return 62; }
function BITS_RESERVED() { return 101; }
function BITS_RELEASE() { return 94; }
function BITS_LOTS() { return 48; }
function BITS_COUNT() { return 16; }
function BITS_FEE_PER_LOT() { return 40; }
function BITS_TICK() { return 32; }
function BITS_SLOT() { return 4; }
function BITS_RHO_MIN() { return 61; }
function BITS_REPORTED() { return 40; }
function BITS_CHARGE() { return 40; }
function BITS_WEIGHT() { return 16; }

// BITS_ID_WINDOW
function BITS_ID_WINDOW() { return 16; }

// DEFAULT_CANCELS
function DEFAULT_CANCELS() { return 8; }

// DEFAULT_ENTRIES
function DEFAULT_ENTRIES() { return 8; }

// FEE_DENOMINATOR
function FEE_DENOMINATOR() { return 1000000; }

// FIRST_TENOR
function FIRST_TENOR() { return 10; }

// FIXED
function FIXED_FRACTION() { return 24; }
function FIXED_NUMBER() { return 41; }
function FIXED_LN_PIECE() { return 5; }
function FIXED_LN_POINT() { return 16; }
function FIXED_LN_SCALE() { return 54; }
function FIXED_EXPONENT() { return 26; }
function FIXED_EXP() { return 30; }
function FIXED_EXP_PIECE() { return 3; }
function FIXED_EXP_POINT() { return 18; }
function FIXED_EXP_UNITS_SCALE() { return 31; }
function FIXED_EXP_EIGHTHS_SCALE() { return 27; }
function FIXED_EXP_PARTS_SCALE() { return 27; }
function FIXED_EXP_REST_SCALE() { return 57; }

// FLAG
function FLAG_THIS_AUCTION() { return 1; }
function FLAG_ALL() { return 2; }
function FLAG_LESS_ACCEPTED() { return 1; }

// INSTRUMENTS
function INSTRUMENTS() { return 16; }

// INSTRUMENT_KIND
function INSTRUMENT_KIND_PERPETUAL() { return 1; }
function INSTRUMENT_KIND_FUTURE() { return 2; }
function INSTRUMENT_KIND_CALL() { return 3; }
function INSTRUMENT_KIND_PUT() { return 4; }

// INSURANCE
function INSURANCE() { return 1; }

// KIND
function KIND_ORDER() { return 1; }
function KIND_CANCEL() { return 2; }
function KIND_WITHDRAWAL() { return 3; }
function KIND_DEPOSIT() { return 4; }
function KIND_CLOSE() { return 5; }
function KIND_PURGE() { return 6; }
function KIND_REPRICE() { return 7; }
function KIND_RULES() { return 8; }
function KIND_FOLD() { return 9; }
function KIND_FLAG() { return 10; }
function KIND_SWEEP() { return 11; }
function KIND_REDUCE() { return 12; }
function KIND_ASSUME() { return 13; }
function KIND_QUOTES() { return 16; }

// LIST_ORDERS
function LIST_ORDERS() { return 8; }

// LIST_WORDS
function LIST_WORDS() { return 3; }

// MARKETS
function MARKETS() { return 16; }

// MARKET_STATE
function MARKET_STATE_OPEN() { return 1; }
function MARKET_STATE_HALTED() { return 2; }

// MAX_POSITION_SQUARES
function MAX_POSITION_SQUARES() { return 4951760157141521099596496896; }

// MOST
function MOST_BYTES() { return 110000; }
function MOST_GAS() { return 14000000; }
function MOST_MOVE() { return 67108864; }
function MOST_MOVES() { return 72; }
function MOST_MAINTENANCE() { return 640; }
function MOST_EPOCHS() { return 65536; }
function MOST_DEFAULTS() { return 1024; }
function MOST_CAPACITY() { return 52420; }

// NONCE_WINDOW
function NONCE_WINDOW() { return 65536; }

// NO_MARKET_ID
function NO_MARKET_ID() { return 4294967296; }

// OPTION
function OPTION_INPUT() { return 40; }
function OPTION_LEAST_VOLATILITY() { return 28; }
function OPTION_RANGE() { return 26; }
function OPTION_LONGEST() { return 28; }
function OPTION_ROOT() { return 29; }
function OPTION_ROOT_FRACTION() { return 28; }
function OPTION_DEV() { return 14; }
function OPTION_REST() { return 12; }
function OPTION_LEAST() { return 6; }
function OPTION_SHOCK() { return 12; }
function OPTION_FORWARD() { return 46; }
function OPTION_VALUE() { return 47; }
function OPTION_SCORE() { return 41; }
function OPTION_SCORE_PER_MOVE() { return 38; }
function OPTION_STEP() { return 8; }
function OPTION_POINT() { return 9; }
function OPTION_PIECE() { return 5; }
function OPTION_SCALE() { return 54; }

// ORDERS_A_WORD
function ORDERS_A_WORD() { return 3; }

// PHASE
function PHASE_OPEN() { return 0; }
function PHASE_CLEARING() { return 1; }
function PHASE_SETTLING() { return 17; }
function PHASE_PAYING() { return 18; }

// PROOF
function PROOF_BYTES() { return 449; }
function PROOF_GAS() { return 100000; }

// RANK
function RANK_REPRICE() { return 0; }
function RANK_REDUCE() { return 0; }
function RANK_CLOSE() { return 1; }
function RANK_OTHER() { return 31; }

// REDUCTIONS
function REDUCTIONS() { return 16; }

// REDUCTION_NONCE
function REDUCTION_NONCE() { return 1099511627775; }

// RULE
function RULE_AUCTION() { return 0; }
function RULE_MIDPOINT() { return 1; }

// SETTLE_ROWS
function SETTLE_ROWS() { return 4; }

// SIDE
function SIDE_BUY() { return 0; }
function SIDE_SELL() { return 1; }

// SWEEP_ALL_CANCELS
function SWEEP_ALL_CANCELS() { return 16; }

// SWEEP_CANCELS
function SWEEP_CANCELS() { return 64; }

// TAG
function TAG_STATE() { return 1; }
function TAG_CORE() { return 2; }
function TAG_CHANNELS() { return 3; }
function TAG_VECTOR() { return 4; }
function TAG_LOG() { return 5; }
function TAG_ITEM() { return 6; }
function TAG_AUTH() { return 7; }
function TAG_LEAF() { return 8; }
function TAG_ACCOUNT() { return 9; }
function TAG_POSITIONS() { return 10; }
function TAG_NODE() { return 11; }
function TAG_VIEW() { return 12; }
function TAG_RULES() { return 13; }
function TAG_GROUP() { return 14; }
function TAG_MARKET_RULES() { return 15; }
function TAG_PRICES() { return 16; }
function TAG_PRICES_META() { return 17; }
function TAG_SCENARIOS() { return 18; }
function TAG_MARKET_PRICES() { return 19; }
function TAG_ENTRY() { return 20; }
function TAG_CANCEL() { return 21; }
function TAG_FILL() { return 22; }
function TAG_PAYOUT() { return 23; }
function TAG_SWEEP() { return 24; }
function TAG_DEPOSIT() { return 25; }
function TAG_DOMAIN() { return 26; }
function TAG_LIST() { return 27; }
function TAG_CANCEL_ALL() { return 28; }
function TAG_CONTRACT() { return 29; }
function TAG_INSTRUMENT() { return 30; }
function TAG_REPORT() { return 31; }
function TAG_QUORUM() { return 32; }
function TAG_FEEDS() { return 33; }
function TAG_PRICING() { return 34; }
function TAG_DEFAULTS() { return 35; }
function TAG_INSURANCE_PAYOUT() { return 36; }
function TAG_HISTORY() { return 37; }
function TAG_SURVEY() { return 38; }

// TENORS
function TENORS() { return 16; }

// VENUE
function VENUE() { return 0; }

// VERDICT
function VERDICT_ADMITTED() { return 0; }
function VERDICT_MALFORMED() { return 1; }
function VERDICT_UNSIGNED() { return 2; }
function VERDICT_NONCE() { return 3; }
function VERDICT_TOO_LATE() { return 4; }
function VERDICT_UNKNOWN_MARKET() { return 5; }
function VERDICT_BAD_TARGET() { return 6; }
function VERDICT_TOO_MANY_CANCELS() { return 7; }
function VERDICT_MARKET_NOT_OPEN() { return 8; }
function VERDICT_OFF_TICK() { return 9; }
function VERDICT_SIZE() { return 10; }
function VERDICT_BAND() { return 11; }
function VERDICT_MAX_FEE() { return 12; }
function VERDICT_FLAGS() { return 13; }
function VERDICT_MARKET_FULL() { return 14; }
function VERDICT_TOO_MANY_OPEN() { return 15; }
function VERDICT_POSITION_LIMIT() { return 16; }
function VERDICT_PRICES_NOT_FRESH() { return 17; }
function VERDICT_MARGIN() { return 18; }
function VERDICT_IN_LIQUIDATION() { return 19; }

// YEAR_UNITS
function YEAR_UNITS() { return 238491000; }
