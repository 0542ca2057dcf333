import { incompleteBeta } from "./incomplete-beta.ts";

/** P(X ≥ k) of n trials with probability ½: I_½(k, n − k + 1) (DLMF 8.17.5). */
export function fairCoinSurvival(k: number, n: number): number {
  if (k <= 0) return 1;
  return k > n ? 0 : incompleteBeta(k, n - k + 1, 0.5, 0.5).lower;
}

/** The exact p-value of a sign test for either side: `wins` of `of` that are no ties. */
export function signTest(wins: number, of: number): number {
  return Math.min(1, 2 * fairCoinSurvival(Math.max(wins, of - wins), of));
}
