import { exp, log, log1p } from "./elementary.ts";
import { descending } from "./ranking.ts";

// Plackett–Luce: each slot's item is drawn among those that are left with a probability proportional to e^z,
// z = logit/τ (Luce 1959, "Individual Choice Behavior"; Plackett 1975, "The Analysis of Permutations").

/**
 * The order of all n candidates: descending in z + Gumbel noise, which draws from Plackett–Luce (Yellott 1977, "The
 * Relationship between Luce's Choice Axiom, Thurstone's Theory of Comparative Judgment …").
 */
export function drawPlackettLuce(z: readonly number[], gumbels: readonly number[]): number[] {
  return descending(z.map((value, i) => value + gumbels[i]));
}

/**
 * ln p of each of the first slots, given the ones before it: z_j − logsumexp(items not shown before j). `shown`:
 * indices of z, each at most once.
 *
 * The sums are built from the last slot backwards: with R the logsumexp of what is left after slot j, ln p is
 * −ln(1 + e^(R − z_j)). Nothing is subtracted from a sum, so that an item which dominates costs no digits.
 */
export function plackettLuceLogPropensities(z: readonly number[], shown: readonly number[]): number[] {
  const isShown = z.map(() => false);
  for (const item of shown) isShown[item] = true;
  let rest = logSumExp(z.filter((_, i) => !isShown[i]));
  const logs = shown.map(() => 0);
  for (let j = shown.length - 1; j >= 0; j--) {
    const own = z[shown[j]];
    // 0 − x, as −x of the last item, which nothing is left beside, would be −0.
    logs[j] = 0 - softplus(rest - own);
    rest = own + softplus(rest - own);
  }
  return logs;
}

/** ln(1 + e^x) */
function softplus(x: number): number {
  return Math.max(x, 0) + log1p(exp(-Math.abs(x)));
}

/** ln Σ e^z; −∞ of none. */
function logSumExp(z: readonly number[]): number {
  const largest = z.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  return largest + log(z.reduce((sum, value) => sum + exp(value - largest), 0));
}
