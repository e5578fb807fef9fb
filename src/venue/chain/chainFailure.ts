import { TacitError } from "../../protocol/errors.ts";

/** Carries a failure of the chain past errors of our own, which are thrown on. */
export class ChainFailure extends Error {
  readonly reason: TacitError;
  constructor(reason: TacitError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** What the chain answers. @throws ChainFailure */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ChainFailure(
      error instanceof TacitError ? error : new TacitError("CHAIN_FAILED", "the chain's client failed in itself"),
    );
  }
}
