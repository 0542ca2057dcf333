import { continuedFraction } from "./continued-fraction.ts";
import { stirlingRest } from "./log-gamma.ts";

/** The two tails of a distribution. The smaller one is exact to its own last digits: it is not 1 minus the other. */
export interface Tails {
  lower: number;
  upper: number;
}

/**
 * P(a, x) and Q(a, x), the regularised incomplete gamma functions, a > 0, x ≥ 0: P by its series (DLMF 8.11.4) where
 * x < a + 1, else Q by its continued fraction (DLMF 8.9.2).
 */
export function incompleteGamma(a: number, x: number): Tails {
  if (!(a > 0 && x >= 0)) return { lower: Number.NaN, upper: Number.NaN };
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 };
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * Number.EPSILON; n++) {
      term *= x / (a + n);
      sum += term;
    }
    const lower = Math.min(1, power(a, x) * sum);
    return { lower, upper: 1 - lower };
  }
  const fraction = continuedFraction(x + 1 - a, (m) => ({ a: m * (a - m), b: x + 2 * m + 1 - a }));
  const upper = Math.min(1, power(a, x) / fraction);
  return { lower: 1 - upper, upper };
}

/** x^a e^−x / Γ(a), of logarithms that are near 0 where x is near a. */
function power(a: number, x: number): number {
  const d = (x - a) / a;
  const log = d > -0.5 && d < 1 ? Math.log1p(d) - d : Math.log(x / a) - d;
  return Math.exp(a * log - stirlingRest(a)) * Math.sqrt(a / (2 * Math.PI));
}
