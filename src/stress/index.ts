/** The crash laboratory: populations through paths of prices, by the rules of a venue. */
export * from "./paths.ts";
export * from "./population.ts";
export * from "./ranges.ts";
export * from "./rules.ts";
export * from "./run.ts";
