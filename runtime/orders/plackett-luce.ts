import { doublesOf, zerosOf } from "./arena.ts";
import { exp, log, log1p } from "./elementary.ts";
import { gumbel } from "./noise.ts";
import { best } from "./ranking.ts";

// Plackett–Luce: each slot's item is drawn among those that are left with a probability proportional to e^z,
// z = logit/τ (Luce 1959, "Individual Choice Behavior"; Plackett 1975, "The Analysis of Permutations").

/**
 * The first `slots` of n candidates: descending in z + Gumbel noise, which draws from Plackett–Luce (Yellott 1977, "The
 * Relationship between Luce's Choice Axiom, Thurstone's Theory of Comparative Judgment …"). `uniforms`: a number in
 * (0, 1) for each.
 */
export function drawPlackettLuce(z: Float64Array, uniforms: Float64Array, slots: number): Int32Array {
  const noisy = doublesOf(z.length);
  for (let i = 0; i < z.length; i++) noisy[i] = z[i] + gumbel(uniforms[i]);
  return best(noisy, slots);
}

/**
 * ln p of each of the first slots, given the ones before it: z_j − logsumexp(items not shown before j). `shown`:
 * indices of z, each at most once.
 *
 * The sums are built from the last slot backwards: with R the logsumexp of what is left after slot j, ln p is
 * −ln(1 + e^(R − z_j)). Nothing is subtracted from a sum, so that an item which dominates costs no digits.
 */
export function plackettLuceLogPropensities(z: ArrayLike<number>, shown: ArrayLike<number>): Float64Array {
  const isShown = zerosOf(z.length);
  for (let j = 0; j < shown.length; j++) isShown[shown[j]] = 1;
  let rest = logSumExpBut(z, isShown);
  const logs = doublesOf(shown.length);
  for (let j = shown.length - 1; j >= 0; j--) {
    const own = z[shown[j]];
    const more = softplus(rest - own);
    // 0 − x, as −x of the last item, which nothing is left beside, would be −0.
    logs[j] = 0 - more;
    rest = own + more;
  }
  return logs;
}

/** ln(1 + e^x) */
function softplus(x: number): number {
  return Math.max(x, 0) + log1p(exp(-Math.abs(x)));
}

/** ln Σ e^z over those that are not shown; −∞ of none. */
function logSumExpBut(z: ArrayLike<number>, isShown: Int32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < z.length; i++) if (isShown[i] === 0) largest = Math.max(largest, z[i]);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  let sum = 0;
  for (let i = 0; i < z.length; i++) if (isShown[i] === 0) sum += exp(z[i] - largest);
  return largest + log(sum);
}
