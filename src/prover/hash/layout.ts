/**
 * What lies where in the memory of the kernels of hashes and signatures, in bytes: for those of eight lanes and for those
 * of one, the scratch of the field; a block for products on the way; the list of the lanes' places in packed numbers;
 * blocks of constants, which who starts the kernels writes; and blocks for what is on the way;
 * of those of one lane, a packed number and the scratch of its inversion.
 */
export const HASH_LAYOUT = {
  eight: { scratch: 1024, block: 2048, list: 2560, constants: 4096, temporaries: 16384 },
  single: { scratch: 8192, block: 8448, list: 8576, constants: 9216, temporaries: 24576, inverse: 33280 },
} as const;
/** First byte that belongs to who runs the kernels. */
export const HASH_FREE = 65536;

/** Constants, a block each. */
export const CONSTANT = {
  zero: 0,
  one: 1,
  /** from a number to its Montgomery form, and back */
  read: 2,
  write: 3,
  /** from v / R to R / v, which the inverse of a packed element is to become */
  invert: 4,
  /** sqrt(-168700): what x is multiplied with where a = -1; and its inverse */
  root: 5,
  unroot: 6,
  /** 2 d of that curve */
  twiceD: 7,
  /** of the tangents at a point of order 8 and at its double, on the Montgomery curve */
  slope: 8,
  intercept: 9,
  secondSlope: 10,
  secondIntercept: 11,
} as const;

/** Multiples of a point are taken from tables of 1 to 2^(WINDOW_BITS - 1) times the point, by digits with a sign. */
export const WINDOW_BITS = 4;
/** Offsets in an entry of a table, in bytes. */
export const ENTRY = { difference: 0, sum: 32, product: 64, z: 96, bytes: 128 } as const;
/** A digit: where Y - X is, where Y + X is, and where the entry is, with the sign as bit 0. */
export const RECORD_BYTES = 12;

/**
 * Where the constants of Poseidon of one arity lie: words of a record, each an address but for the first two. Blocks and
 * elements come in the order of use.
 */
export const PROGRAM = {
  /** t */
  width: 0,
  partialRounds: 4,
  /** blocks: t of each full round */
  full: 8,
  /** blocks: one of each partial round */
  partial: 12,
  /** elements: t x t, line by line */
  matrix: 16,
  /** the matrices of the last full round before the partial rounds, and of the first after them */
  entry: 20,
  exit: 24,
  /** elements: of each partial round t - 1 of its row, then t - 1 of its column */
  sparse: 28,
  bytes: 32,
} as const;
