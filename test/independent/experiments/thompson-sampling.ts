import { at } from "../refusal.ts";

// Thompson sampling with Beta distributions: the policy that logged a part of Open Bandit. The product does not have
// it: it explores by Plackett–Luce and ε-greedy, whose propensities are known without integrals.

/** A click rate's distribution: Beta(alpha, beta). */
export interface Beta {
  alpha: number;
  beta: number;
}

/** Rates beyond are too rare to count, and steps are a fortieth of the narrowest distribution's deviation. */
const MAX_RATE = 0.02;
const STEP = 5e-6;

/**
 * P(item i has rank r) where each item's rate is drawn and items are ranked by it: `[r][i]`, r from 0 to `ranks` − 1.
 * That is ∫ fᵢ(x) P(exactly r of the others are above x) dx, by the trapezoidal rule.
 */
export function thompsonMarginals(items: Beta[], ranks: number): number[][] {
  const distributions = items.map(distribution);
  const marginals = Array.from({ length: ranks }, () => new Array<number>(items.length).fill(0));
  for (let node = 0; node * STEP < MAX_RATE; node++) {
    const above = distributions.map(({ survival }) => at(survival, node));
    for (const [i, { mass }] of distributions.entries()) {
      if (at(mass, node) < 1e-15) continue;
      const counts = countOf(above, i, ranks);
      for (const [r, row] of marginals.entries()) row[i] = at(row, i) + at(mass, node) * at(counts, r);
    }
  }
  return marginals;
}

/** P(exactly r are so), r below `ranks`, of independent events other than the one with index `but`. */
function countOf(probabilities: number[], but: number, ranks: number): number[] {
  const counts = new Array<number>(ranks).fill(0);
  counts[0] = 1;
  for (const [j, p] of probabilities.entries()) {
    if (j === but) continue;
    for (let r = ranks - 1; r > 0; r--) counts[r] = at(counts, r) * (1 - p) + at(counts, r - 1) * p;
    counts[0] = at(counts, 0) * (1 - p);
  }
  return counts;
}

/** The probability about each node, and that of being above it. */
function distribution({ alpha, beta }: Beta): { mass: Float64Array; survival: Float64Array } {
  const log = (x: number): number => (alpha - 1) * Math.log(x) + (beta - 1) * Math.log1p(-x);
  const peak = log((alpha - 1) / (alpha + beta - 2));
  const mass = Float64Array.from({ length: Math.ceil(MAX_RATE / STEP) }, (_, node) =>
    Math.exp(log(node * STEP) - peak),
  );
  const total = mass.reduce((sum, m) => sum + m, 0);
  let below = 0;
  const survival = mass.map((m) => {
    below += m;
    return 1 - (below - m / 2) / total;
  });
  return { mass: mass.map((m) => m / total), survival };
}
