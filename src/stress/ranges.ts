/** What a run may have; loaded by the command's help as well. */
export const LEAST_ACCOUNTS = 10;
export const MOST_ACCOUNTS = 1_000_000;
export const LEAST_EPOCHS = 20;
export const MOST_EPOCHS = 100_000;
/** Seconds between auctions: up to the length of an epoch. */
export const LEAST_EVERY = 2;
export const MOST_EVERY = 60;
