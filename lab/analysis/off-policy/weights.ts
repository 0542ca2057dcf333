import { FormatError } from "../../../format/errors.ts";

/**
 * Importance weights: how much more probable what was shown would have been under the evaluated policy. Of logarithms
 * of both probabilities, row by row. Throws FormatError where a row says that it was shown with a probability of 0, or
 * above 1.
 */
export function importanceWeights(evaluated: Float64Array, logged: Float64Array): Float64Array {
  if (evaluated.length !== logged.length)
    throw new FormatError("evaluated", `got ${evaluated.length} rows, expected ${logged.length}, as were logged`);
  return evaluated.map((log, i) => {
    // Of a sum of logarithms that is 0 but for rounding, as ε-greedy's of a list's last item.
    if (!(logged[i] > Number.NEGATIVE_INFINITY && logged[i] < ROUNDING))
      throw new FormatError(`logged[${i}]`, `got a log-propensity of ${logged[i]}, expected a finite one of 0 at most`);
    return Math.exp(log - logged[i]);
  });
}

const ROUNDING = 1e-12;

/** Weights, none above `cap`: less variance, and a bias toward less. */
export function clipped(weights: Float64Array, cap: number): Float64Array {
  return weights.map((weight) => Math.min(weight, cap));
}

/**
 * Weights shrunk toward 0, λw/(w² + λ), the large ones most: DR with them is DRos (Su, Dimakopoulou, Krishnamurthy and
 * Dudík 2020, "Doubly Robust Off-Policy Evaluation with Shrinkage").
 */
export function shrunk(weights: Float64Array, lambda: number): Float64Array {
  return weights.map((weight) => (lambda * weight) / (weight * weight + lambda));
}

/**
 * ESS: the number of equally weighted rows that would say as much, (Σw)²/Σw² (Kish 1965). 0 where no row says anything.
 */
export function effectiveSampleSize(weights: Float64Array): number {
  let [sum, squares] = [0, 0];
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  // Of weights beyond what a number holds, one says all that is said.
  if (squares === Number.POSITIVE_INFINITY) return 1;
  return squares > 0 ? sum ** 2 / squares : 0;
}
