/** Traders of `tacit replay`, where the profile has room for so many; loaded by the command's help as well. */
export const MOST_TRADERS = 1022;
