import { TacitError } from "../protocol/errors.ts";
import { toJson } from "../protocol/json.ts";
import { surveyJson, type Survey } from "../verifier/index.ts";
import { blocksOf, surveyInputs } from "../witness/survey.ts";
import type { Pipeline } from "./proving/pipeline.ts";
import { randomElement } from "./randomElement.ts";
import type { Store } from "./store/store.ts";

/** A survey that is made, or failed: of the state of a round, so many of its proofs are there. */
export interface SurveyProgress {
  readonly round: number;
  readonly proofs: number;
  readonly done: number;
  /** code of the error that ended it */
  readonly trouble: string | null;
}

/** Where the last survey is kept. */
const NAME = "survey";

/** Surveys of the state that the last proven round left: one at a time, its proofs one after the other beside those of rounds. */
export class Surveys {
  readonly #store: Store;
  readonly #pipeline: Pipeline | null;
  #progress: SurveyProgress | null = null;

  constructor({ store, pipeline }: { store: Store; pipeline: Pipeline | null }) {
    this.#store = store;
    this.#pipeline = pipeline;
  }

  /** Of the one that is made, or of the last where that failed. */
  get progress(): SurveyProgress | null {
    return this.#progress;
  }

  /** The file of the last one (docs/formats.md), or undefined. */
  last(): Promise<string | undefined> {
    return this.#store.get(NAME);
  }

  /**
   * Begins one.
   * @returns what it will be, and a promise that is fulfilled when it is kept
   * @throws SURVEY  while another is made, and where nothing is proved
   */
  start(): { progress: SurveyProgress; made: Promise<void> } {
    if (this.#progress && this.#progress.trouble === null)
      throw new TacitError("SURVEY", "a survey is being made: expected one at a time", { round: this.#progress.round });
    const source = this.#pipeline?.surveySource();
    if (!source)
      throw new TacitError("SURVEY", "no survey can be made: no state is proved here, or it is not assembled yet");
    const { round } = source;
    const proofs: Survey["proofs"][number][] = [];
    const progress = (this.#progress = { round, proofs: blocksOf(source), done: 0, trouble: null });
    const make = async () => {
      for (const claim of surveyInputs(source, randomElement)) {
        proofs.push({ publicInputs: claim.publicInputs, proof: await this.#pipeline!.proveClaim(claim) });
        this.#progress = { ...progress, done: proofs.length };
      }
      await this.#store.put({ [NAME]: toJson(surveyJson({ round, proofs })) });
      this.#progress = null;
    };
    const made = make().catch((error: unknown) => {
      const trouble = error instanceof TacitError ? error.code : "UNEXPECTED";
      this.#progress = { ...progress, done: proofs.length, trouble };
      throw error;
    });
    // Who does not ask for it finds what ended it in `progress`.
    made.catch(() => {});
    return { progress, made };
  }
}
