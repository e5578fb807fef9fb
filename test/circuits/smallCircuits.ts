/** The instructions at small sizes, compiled so that every signal and every row of the sources exists. */
import { LIST_ORDERS, RULE } from "../../src/protocol/parameters.ts";
import type { CircuitSource } from "./harness.ts";

export const SMALL_INSTRUCTIONS: Readonly<Record<string, CircuitSource>> = {
  withdraw: {
    file: "circuits/instructions/withdraw.circom",
    template: "Withdraw",
    args: [2],
    optimise: false,
    attributed: false,
  },
  settle: {
    file: "circuits/instructions/settle.circom",
    template: "Settle",
    args: [1, 2, 2],
    optimise: false,
    attributed: false,
  },
  deposit: {
    file: "circuits/instructions/deposit.circom",
    template: "Deposit",
    args: [1, 2],
    optimise: false,
    attributed: false,
  },
  admit: {
    file: "circuits/instructions/admit.circom",
    template: "Admit",
    args: [1, 2, 1, 10, 1],
    optimise: false,
    attributed: false,
  },
  quote: {
    file: "circuits/instructions/admit.circom",
    template: "Admit",
    args: [1, 2, 1, 10, LIST_ORDERS],
    optimise: false,
    attributed: false,
  },
  auction: {
    file: "circuits/instructions/clear.circom",
    template: "Clear",
    args: [2, RULE.auction],
    optimise: false,
    attributed: false,
  },
  midpoint: {
    file: "circuits/instructions/clear.circom",
    template: "Clear",
    args: [2, RULE.midpoint],
    optimise: false,
    attributed: false,
  },
  fold: {
    file: "circuits/instructions/fold.circom",
    template: "Fold",
    args: [2, 2],
    optimise: false,
    attributed: false,
  },
  configure: {
    file: "circuits/instructions/configure.circom",
    template: "Configure",
    args: [4, 4, 4, 28, 10],
    optimise: false,
    attributed: false,
  },
  reprice: {
    file: "circuits/instructions/reprice.circom",
    template: "Reprice",
    args: [2, 4, 2],
    optimise: false,
    attributed: false,
  },
  enforce: {
    file: "circuits/instructions/enforce.circom",
    template: "Enforce",
    args: [1, 2, 2],
    optimise: false,
    attributed: false,
  },
  assume: {
    file: "circuits/instructions/assume.circom",
    template: "Assume",
    args: [1, 2, 2],
    optimise: false,
    attributed: false,
  },
  survey: {
    file: "circuits/claims/survey.circom",
    template: "Survey",
    args: [2, 2],
    optimise: false,
    attributed: false,
  },
};
