/**
 * Bit widths, hash domain tags and verdict codes: the one home of these facts. `circuits/generated/parameters.circom`
 * is derived from this file by `npm run generate`.
 */

/** Widths in bits. A signed quantity of n bits lies in [-2^n, 2^n) and is packed as x + 2^n in n + 1 bits. */
export const BITS = {
  kind: 8,
  market: 32,
  account: 20,
  nonce: 40,
  side: 1,
  flags: 8,
  time: 40,
  /** signed: a price or limit, cash units per lot */
  price: 40,
  /** order size, lots */
  size: 32,
  maxFee: 61,
  amount: 92,
  recipient: 160,
  /** signed */
  position: 48,
  /** signed */
  cash: 100,
  /** signed: value U of an instrument in a scenario, cash units per lot */
  value: 48,
  /** signed: sum of legs times values, cash units per lot */
  legsValue: 60,
  /** signed: a leg of a market */
  leg: 7,
  /** reservation per lot, cash units */
  rho: 62,
  /** reservation of an account, cash units */
  reserved: 101,
  /** reservation released by one fill: rho times lots */
  release: 94,
  /** lots summed over the entries of a clearing */
  lots: 48,
  /** entries, pending cancels, or pending lists of a market; also its capacities */
  count: 16,
  feePerLot: 40,
  /** unsigned */
  tick: 32,
  /** number of a market slot */
  slot: 4,
  rhoMin: 61,
  /** each number that a feed signs */
  reported: 40,
  /** margin that a lot costs, cash units */
  charge: 40,
  /** of an instrument in the limit on positions */
  weight: 16,
} as const;

/** A validly signed nonce lies in (old, old + 2^16]. */
export const NONCE_WINDOW = 1n << 16n;
/** Of the orders by which the operator reduces an account (defaults.ts): no item takes it, so no cancel names one. */
export const REDUCTION_NONCE = (1n << BigInt(BITS.nonce)) - 1n;
/** An order is admitted only if the weighted sum of squares of the account's positions is at most this: so each |pos| <= 2^46. */
export const MAX_POSITION_SQUARES = 1n << 92n;
/** Fee rates are in millionths of the notional. */
export const FEE_DENOMINATOR = 1_000_000n;

/** Stands in the vector of market ids for a free slot: no item can name it. */
export const NO_MARKET_ID = 1n << 32n;
/** Accounts of the genesis: the venue's, which fees go to, and that of the insurance (defaults.ts). */
export const VENUE = 0;
export const INSURANCE = 1;
/** Instruments of one machine, and market slots of one machine. */
export const INSTRUMENTS = 16;
export const MARKETS = 16;
/** Slots for cancels in one sweep; only each last one of so many may hold an all-cancel; and how many those are. */
export const SWEEP_CANCELS = 64;
export const ALL_CANCEL_EVERY = 4;
export const SWEEP_ALL_CANCELS = SWEEP_CANCELS / ALL_CANCEL_EVERY;
/** Most orders of a list of quotes, and how many of them one of its words holds. */
export const LIST_ORDERS = 8;
export const ORDERS_A_WORD = 3;
export const LIST_WORDS = 3;
/** Markets whose fills one `settle` books. */
export const SETTLE_ROWS = 4;

/** Domain tags: the initial capacity element of Poseidon, except `deposit`, which Solidity also hashes: first input. */
export const TAG = {
  state: 1n,
  core: 2n,
  channels: 3n,
  vector: 4n,
  log: 5n,
  item: 6n,
  auth: 7n,
  leaf: 8n,
  account: 9n,
  positions: 10n,
  node: 11n,
  view: 12n,
  rules: 13n,
  group: 14n,
  marketRules: 15n,
  prices: 16n,
  pricesMeta: 17n,
  scenarios: 18n,
  marketPrices: 19n,
  entry: 20n,
  cancel: 21n,
  fill: 22n,
  payout: 23n,
  sweep: 24n,
  deposit: 25n,
  domain: 26n,
  list: 27n,
  cancelAll: 28n,
  contract: 29n,
  instrument: 30n,
  report: 31n,
  quorum: 32n,
  feeds: 33n,
  pricing: 34n,
  defaults: 35n,
  insurancePayout: 36n,
  history: 37n,
  survey: 38n,
} as const;
export type Tag = keyof typeof TAG;

/** Kinds of log entries. Entries with auth = 0 are commands, and so is REPRICE, whose auth is its quorum's; all others are items. */
export const KIND = {
  order: 1,
  cancel: 2,
  withdrawal: 3,
  deposit: 4,
  close: 5,
  purge: 6,
  reprice: 7,
  rules: 8,
  fold: 9,
  flag: 10,
  sweep: 11,
  reduce: 12,
  assume: 13,
  quotes: 16,
} as const;

/** Flags of an order and of a cancel, of which other bits must be 0; and of a withdrawal that takes less where less is there. */
export const FLAG = { thisAuction: 1, all: 2, lessAccepted: 1 } as const;

export const SIDE = { buy: 0, sell: 1 } as const;
export const RULE = { auction: 0, midpoint: 1 } as const;
export const INSTRUMENT_KIND = { perpetual: 1, future: 2, call: 3, put: 4 } as const;
/** That a market is over follows from the time. */
export const MARKET_STATE = { open: 1, halted: 2 } as const;

/**
 * Verdicts in the order in which they are checked; the index is the permanent code. Codes 1 to 3 are without any
 * effect; every other verdict raises the account's nonce. From `marketNotOpen` on, an order that names an earlier one
 * (`replaces`) cancels it all the same, and so does a list of quotes with all orders before it.
 */
export const VERDICTS = [
  "admitted",
  "malformed",
  "unsigned",
  "nonce",
  "tooLate",
  "unknownMarket",
  "badTarget",
  "tooManyCancels",
  "marketNotOpen",
  "offTick",
  "size",
  "band",
  "maxFee",
  "flags",
  "marketFull",
  "tooManyOpen",
  "positionLimit",
  "pricesNotFresh",
  "margin",
  "inLiquidation",
] as const;
export type Verdict = (typeof VERDICTS)[number];
export const VERDICT = Object.fromEntries(VERDICTS.map((name, code) => [name, code])) as Record<Verdict, number>;

/** clock = 32 time + rank */
export const RANK = { reprice: 0, reduce: 0, close: (slot: number) => 1 + slot, other: 31 } as const;

/** Phases: open, clearing of slot m, settling, paying. A round starts and ends in phase open. */
export const PHASE = {
  open: 0,
  clearing: (slot: number) => 1 + slot,
  settling: 1 + MARKETS,
  paying: 2 + MARKETS,
} as const;

/** Logarithms and exponentials (fixed.ts tells what each number is): widths in bits, and scales of tables. */
export const FIXED = {
  /** of a fraction: both, and what an exponential is of, are in units of 2^-24 */
  fraction: 24,
  /** what a logarithm is of */
  number: 41,
  /** of what it is when it is scaled to [1, 2): the number of a piece, and the place in it */
  lnPiece: 5,
  lnPoint: 16,
  lnScale: 54,
  /** signed: what an exponential is of */
  exponent: 26,
  /** an exponential */
  exp: 30,
  /** bits of each of three factors that tables give, and the place in what is left */
  expPiece: 3,
  expPoint: 18,
  /** of exp of the units, of the eighths, of the 64ths and of what is left */
  expUnitsScale: 31,
  expEighthsScale: 27,
  expPartsScale: 27,
  expRestScale: 57,
} as const;

/** Option values (optionValue.ts tells what each number is): widths in bits. */
export const OPTION = {
  /** volatilities, strikes and times to expiry; both parts of a forward may be 2^40 itself */
  input: 40,
  /** the least volatility of raised rows */
  leastVolatility: 28,
  /** a move of the forward in logarithms, for a move of 1 */
  range: 26,
  /** times that are longer count as the longest of so many */
  longest: 28,
  /** the root of a time: its width, and how many of them are a fraction */
  root: 29,
  rootFraction: 28,
  /** a deviation s: whole steps of the grid, and the rest */
  dev: 14,
  rest: 12,
  /** the least s is 2^6 */
  least: 6,
  /** of multipliers of a deviation: 64ths of 64ths */
  shock: 12,
  /** the moved part of a forward in a scenario, and a value */
  forward: 46,
  value: 47,
  /** signed: a score without moves, and what a move of 1 adds to it */
  score: 41,
  scorePerMove: 38,
  /** of a score: fraction of a step of the grid */
  step: 8,
  /** a number of the grid: its place within a piece, and the number of the piece */
  point: 9,
  piece: 5,
  /** scale of the normal distribution */
  scale: 54,
} as const;
/** Volatility moves by multiplier j of a table where 2^(9 + j) <= tau < 2^(10 + j); the first holds below, the last above. */
export const TENORS = 16;
export const FIRST_TENOR = 10;
/** s = sqrt(v^2 tau / YEAR_UNITS), with 121 the square of the 11 in the units of s and of the grid: 121 years / 16. */
export const YEAR_UNITS = (121n * 365n * 86_400n) / 16n;

/**
 * What a transaction may take: a round is one, and from phase open to phase open it cannot be cut. Call data is what nodes
 * pass on; gas stays under the most of one transaction (EIP-7825: 2^24).
 */
export const MOST = {
  bytes: 110_000,
  gas: 14_000_000,
  /** move of a scenario times the greatest range, 2^-24: exp has its table of logarithms below e^4 */
  move: 4 << 24,
  /** 24ths of the range that a scenario moves */
  moves: 72,
  /** 1024ths: of what maintenance, target and penalty of the defaults are */
  maintenance: 640,
  /** of a funding period and a settlement window: what a feed remembers */
  epochs: 65_536,
  defaults: 1024,
  /** entries of a market: with what defaults may add to them below 2^16 */
  capacity: 52_420,
} as const;
/** Of a proof: its code, at most six public inputs beside the first, eight words; gas as in docs/costs.json. */
export const PROOF = { bytes: 1 + 32 * (6 + 8), gas: 100_000 } as const;
/** Of an account that changes: what publishing its record is to take. */
export const ACCOUNT = { bytes: 200, gas: 5_000 } as const;
/** Entries, and cancels, by which defaults may exceed a market's capacities; of entries a quarter of the capacity beside. */
export const DEFAULT_ENTRIES = 8;
export const DEFAULT_CANCELS = 8;
/** Most open reductions of the insurance account. */
export const REDUCTIONS = 16;
/** log2 of how far a new id of a market is above the greatest one that was ever used, at most. */
export const BITS_ID_WINDOW = 16;
