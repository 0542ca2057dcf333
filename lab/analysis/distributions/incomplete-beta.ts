import { continuedFraction } from "./continued-fraction.ts";
import type { Tails } from "./incomplete-gamma.ts";
import { stirlingRest } from "./log-gamma.ts";

/**
 * I_x(a, b), the regularised incomplete beta function, and I_y(b, a) = 1 − I_x(a, b), with y = 1 − x, a, b > 0: the
 * continued fraction of DiDonato and Morris 1992, "Algorithm 708" (their BFRAC), for the tail that x is in. Both x and
 * y are asked for, as one of them may be too near to 1 to tell the other from.
 */
export function incompleteBeta(a: number, b: number, x: number, y: number): Tails {
  if (!(a > 0 && b > 0 && x >= 0 && y >= 0)) return { lower: Number.NaN, upper: Number.NaN };
  if (x === 0) return { lower: 0, upper: 1 };
  if (y === 0) return { lower: 1, upper: 0 };
  const excess = a * y - b * x;
  if (excess < 0) {
    const { lower, upper } = incompleteBeta(b, a, y, x);
    return { lower: upper, upper: lower };
  }
  const fraction = continuedFraction(((excess + 1) * a) / (a + 1), (n) => {
    const w = n * (b - n) * x;
    const s = a + 2 * n - 1;
    return {
      a: ((a + n - 1) / s) * ((a + b + n - 1) / s) * w * x,
      b: n + w / s + ((a + n) / (s + 2)) * (excess + 1 + n * (1 + y)),
    };
  });
  const lower = Math.min(1, power(a, b, x, y) / fraction);
  return { lower, upper: 1 - lower };
}

/** x^a y^b / B(a, b), of logarithms that are near 0 where x is near a/(a + b). */
function power(a: number, b: number, x: number, y: number): number {
  const d = x * b - y * a;
  const log = a * logRatio(x, a, b, d / a) + b * logRatio(y, b, a, -d / b);
  const rest = stirlingRest(a + b) - stirlingRest(a) - stirlingRest(b);
  return Math.exp(log + rest) * Math.sqrt(((a / (a + b)) * b) / (2 * Math.PI));
}

/** ln(x·(a + b)/a) = ln(1 + d) */
function logRatio(x: number, a: number, b: number, d: number): number {
  return d > -0.5 ? Math.log1p(d) : Math.log((x * (a + b)) / a);
}
