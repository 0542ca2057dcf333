import { incompleteGamma } from "./incomplete-gamma.ts";

/** P(X > x) of a χ² variable with `degrees` degrees of freedom: Q(degrees/2, x/2), exact in the far tail too. */
export function chiSquareSurvival(x: number, degrees: number): number {
  return incompleteGamma(degrees / 2, Math.max(0, x) / 2).upper;
}
