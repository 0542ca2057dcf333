/** What a scorer makes of records. */
export interface Scores {
  /** What is served: calibrated, where the model has a calibration map. */
  logits: Float32Array;
  /** Probabilities, sigmoid(logit). */
  scores: Float32Array;
  /** Entries that were scored with an OOV row because their page was not given. */
  rowsMissing: number;
  /** Entries that were scored with a row of a page that was given. */
  rowsFromPages: number;
  /**
   * [F]: how many values of each field were never seen, as neither the blob nor their page has a row for them. A
   * missing value is none, and a hashed field has none. A context's values count once.
   */
  unseen: Uint32Array;
}
