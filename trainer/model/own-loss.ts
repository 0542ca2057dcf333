/** The mean over a log, read in parts, of a loss that a model learns by in place of the logistic one. */
export class MeanLoss {
  #sum = 0;
  #records = 0;

  /** Adds a part's loss, as `Learner.ownLoss` gives it. */
  add(part: { sum: number; records: number } | null): void {
    this.#sum += part?.sum ?? 0;
    this.#records += part?.records ?? 0;
  }

  /** Null where no part had a record that such a loss is of. */
  get mean(): number | null {
    return this.#records > 0 ? this.#sum / this.#records : null;
  }
}
