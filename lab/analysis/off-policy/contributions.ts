/** Σ of the numerators over Σ of the denominators, a pair for each row of a log. */
export interface RowRatio {
  numerators: Float64Array;
  denominators: Float64Array;
}

/** What an estimator is made of: the estimate is the sum of ratios, and so one function judges all of them by unit. */
export interface Contributions {
  /** One, or one a slot: of as many rows each. */
  ratios: readonly RowRatio[];
  /** The weights that the estimate rests on, in sets of which each has to have enough: one, or one a slot. */
  weights: readonly Float64Array[];
}
