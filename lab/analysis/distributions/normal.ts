import { incompleteGamma } from "./incomplete-gamma.ts";

/** P(Z > z) of a standard normal Z: ½ Q(½, z²/2) in the upper tail (DLMF 7.11.2). Exact to 1e−14 of itself. */
export function normalSurvival(z: number): number {
  const half = incompleteGamma(0.5, (z * z) / 2);
  return z > 0 ? half.upper / 2 : 0.5 + half.lower / 2;
}

/**
 * The z with P(Z ≤ z) = p, 0 < p < 1: ∓∞ at the ends, NaN outside. Hastings' rational approximation (Abramowitz and
 * Stegun 26.2.23, error 4.5e−4), which steps of Halley's method make exact.
 */
export function normalQuantile(p: number): number {
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (!(p > 0 && p < 1)) return Number.NaN;
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(tail));
  let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let step = 0; step < 3; step++) {
    // (survival − tail)/density, and the density's own slope, −z.
    const error = (normalSurvival(z) - tail) * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2);
    z += error / (1 - (z * error) / 2);
  }
  return p < 0.5 ? -z : z;
}
