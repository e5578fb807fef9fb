import type { Account } from "../protocol/account.ts";
import type { ClaimName } from "../protocol/instructions.ts";
import { vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import type { Terms } from "../protocol/rules.ts";
import { stateWord, type State } from "../protocol/state.ts";
import { BLOCK, NOTHING, SURVEYED, sumsHash, surveyBlock, type Surveyed } from "../protocol/survey.ts";
import type { Tree } from "../protocol/tree.ts";
import { accountSignals, NO_ACCOUNT, pricesOpening, rulesOpening, type Signals } from "./ledger.ts";
import { stateSignals } from "./state.ts";

/** A claim about a state, ready to be proved. */
export interface ClaimInputs {
  readonly name: ClaimName;
  readonly inputs: { [name: string]: bigint | Signals };
  /** in the order of `publicInputNames` */
  readonly publicInputs: readonly bigint[];
}

/** All that a state commits to, as far as a survey reads it. */
export interface SurveySource extends Terms {
  readonly state: State;
  readonly accounts: readonly Account[];
  readonly tree: Tree;
}

/** Proofs that a survey takes. */
export function blocksOf({ accounts }: Pick<SurveySource, "accounts">): number {
  return Math.ceil(accounts.length / BLOCK);
}

/**
 * Inputs of one `survey` after another, all of them over all accounts. @twins circuits/claims/survey.circom
 * @param blind  fresh random field elements: what hides the sums before the last
 */
export function* surveyInputs(source: SurveySource, blind: () => bigint): Generator<ClaimInputs> {
  const { rules, prices, state, accounts, tree } = source;
  const word = stateWord(state);
  const { group, idsHash, rulesRows, instrumentsHash } = rulesOpening(rules);
  const { meta, pricesRows } = pricesOpening(prices);
  const opened = {
    before: stateSignals(state),
    group,
    defaults: { ...rules.group.defaults },
    idsHash,
    rowsHash: vectorHash(rulesRows),
    instrumentsHash,
    meta,
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    pricesRows,
    values: prices.values.map((scenario) => scenario.map(toField)),
  };
  const blocks = blocksOf(source);
  let [sums, hiding]: [Surveyed, bigint] = [NOTHING, 0n];
  for (let block = 0; block < blocks; block++) {
    const after = surveyBlock(sums, accounts, block, source, state.clock >> 5n);
    const hidingAfter = blind();
    const isLast = block === blocks - 1;
    yield {
      name: "survey",
      inputs: {
        ...opened,
        block: BigInt(block),
        account: Array.from({ length: BLOCK }, (_, j) => accountSignals(accounts[BLOCK * block + j] ?? NO_ACCOUNT)),
        path: tree.path(BLOCK * block).slice(2),
        sums: sumsSignals(sums),
        blind: hiding,
        blindAfter: hidingAfter,
      },
      publicInputs: [
        word,
        block === 0 ? 0n : sumsHash(word, block, sums, hiding),
        isLast ? 0n : sumsHash(word, block + 1, after, hidingAfter),
        ...SURVEYED.map((name) => (isLast ? toField(after[name]) : 0n)),
      ],
    };
    [sums, hiding] = [after, hidingAfter];
  }
}

function sumsSignals(sums: Surveyed): Signals {
  return Object.fromEntries(SURVEYED.map((name) => [name, toField(sums[name])]));
}
