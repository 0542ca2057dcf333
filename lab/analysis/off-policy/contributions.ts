/**
 * What an estimator is made of: a numerator and a denominator for each row of a log. The estimate is the ratio of their
 * sums, and so one function judges every estimator by unit.
 */
export interface Contributions {
  numerators: Float64Array;
  denominators: Float64Array;
  /** The weights that the estimate rests on, in sets of which each has to have enough: one, or one a slot. */
  weights: readonly Float64Array[];
}
