import { incompleteBeta } from "./incomplete-beta.ts";
import { stirlingRest } from "./log-gamma.ts";
import { normalQuantile } from "./normal.ts";

/** P(T > t) of a Student variable with `degrees` degrees of freedom (DLMF 8.17; Abramowitz and Stegun 26.7.1). */
export function studentSurvival(t: number, degrees: number): number {
  const whole = degrees + t * t;
  const { lower, upper } = incompleteBeta(degrees / 2, 0.5, degrees / whole, (t * t) / whole);
  return t > 0 ? lower / 2 : 0.5 + upper / 2;
}

/**
 * The t with P(T ≤ t) = p, 0 < p < 1: from the normal quantile, or the Cauchy one where degrees are few, by Newton's
 * method in ln P, which is concave, so that no step goes too far.
 */
export function studentQuantile(p: number, degrees: number): number {
  if (!(p > 0 && p < 1 && degrees > 0)) return Number.NaN;
  // Of the upper tail, 1 − p has lost the digits that p never had; of the lower one, all are there.
  if (p > 0.5) return -lowerQuantile(1 - p, degrees);
  return lowerQuantile(p, degrees);
}

function lowerQuantile(tail: number, degrees: number): number {
  let t = -normalQuantile(tail);
  for (let step = 0; step < MAX_STEPS; step++) {
    const survival = studentSurvival(t, degrees);
    const change = (Math.log(survival / tail) * survival) / density(t, degrees);
    t += change;
    if (Math.abs(change) <= 4 * Number.EPSILON * Math.abs(t)) break;
  }
  return -t;
}

/** Newton needs 5 from 3 degrees on, and some dozens for a far tail of 1. */
const MAX_STEPS = 100;

function density(t: number, degrees: number): number {
  const half = degrees / 2;
  // Γ(half + ½)/Γ(half) of Stirling's formula, without ln Γ of large numbers.
  const log = half * Math.log1p(0.5 / half) - 0.5 + stirlingRest(half + 0.5) - stirlingRest(half);
  return Math.exp(log - (half + 0.5) * Math.log1p((t * t) / degrees)) / Math.sqrt(2 * Math.PI);
}
