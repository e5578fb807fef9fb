/** Does one thing at a time; asked for while it is done, once more. */
export class Single {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Fulfilled when it is done, and nobody has asked again. */
  run(): Promise<void> {
    this.#again = true;
    return (this.#running ??= this.#loop());
  }

  async #loop(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#work();
      }
    } finally {
      this.#running = null;
    }
  }
}
