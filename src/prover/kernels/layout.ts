/**
 * What lies where in the memory of a kernel instance, in bytes. The first pages belong to the kernels; what follows is
 * given out by the engine.
 */
export const LANES = 8;
/** Scratch of the field multiplications of each field, and of the points. */
export const SCRATCH = { base: 1024, inversion: 2432, scalar: 3072, points: 8192 } as const;
/** Constants that the engine writes once at start. */
export const CONSTANTS = { base: 24576, scalar: 28672, pad: 32768 } as const;
/** First byte that belongs to the engine. */
export const FREE = 65536;

/** Where `sum` finds its working memory: addresses in words of a record. */
export const WORK = {
  /** sums that last: moves on as they are written */
  kept: 0,
  /** sums on the way, as many as additions in a chunk */
  slots: 4,
  list: 8,
  differences: 12,
  products: 16,
  /** 1 after a sum was infinite, which is told by `mend` */
  infinite: 20,
  /** references that the last call took */
  taken: 24,
  bytes: 28,
} as const;
