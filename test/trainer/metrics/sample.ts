// Twelve records with ties across and inside classes, sample weights that binary fractions hold exactly, and five
// groups: two mixed ones, one that a tie spoils, one of a single positive, one of a single negative.
//
// The expected values in the tests beside this file come from scikit-learn 1.9.1 (roc_auc_score, log_loss, ndcg_score,
// calibration_curve) on these numbers, computed once; group means and ratios from those with NumPy.

export const LABELS = Uint8Array.of(0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0);
export const SCORES = Float64Array.of(0.1, 0.8, 0.35, 0.35, 0.6, 0.2, 0.6, 0.9, 0.05, 0.45, 0.35, 0.7);
export const WEIGHTS = Float64Array.of(1, 2, 0.5, 3, 1, 0.25, 2, 1, 4, 1, 0.5, 1.5);
export const GROUPS = Uint32Array.of(0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4);
export const GROUP_COUNT = 5;

/** Twenty records without ties, and none on the edge of a bin. */
export const DISTINCT_SCORES = Float64Array.of(
  ...[0.03, 0.07, 0.12, 0.18, 0.22, 0.27, 0.33, 0.38, 0.41, 0.47],
  ...[0.52, 0.58, 0.63, 0.69, 0.74, 0.79, 0.83, 0.88, 0.93, 0.97],
);
export const DISTINCT_LABELS = Uint8Array.of(0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1);

/** The same records in another order. */
export function reversed<T extends Uint8Array | Uint32Array | Float64Array>(column: T): T {
  return column.slice().reverse() as T;
}
