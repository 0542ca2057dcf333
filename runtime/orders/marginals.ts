// P(item i at rank r) under Plackett–Luce, without going through permutations. Give each item an exponential clock of
// rate λ = e^z; the order in which they ring is Plackett–Luce's (Yellott 1977). Item i has rank r if it rings at a time
// t when exactly r − 1 others have rung:
//
//   P(i at rank r) = ∫ λᵢ e^(−λᵢ t) · P(exactly r − 1 of the others before t) dt,
//
// where the count of the others is Poisson–binomial with probabilities 1 − e^(−λⱼ t).
//
// With t = e^s the integrand is analytic and vanishes at both ends, so that the trapezoidal rule converges
// geometrically (Trefethen and Weideman 2014, "The Exponentially Convergent Trapezoidal Rule", theorem 5.1). Of one
// clock the error is about e^(−π²/h), h the step. Of n it is that of a peak as narrow as σ: e^(−2π²σ²/h²). The
// narrowest is that of the middle ranks of equal clocks, √(e^x − 1)/(x√n) at x = λt = 1.6, which is 1.24/√n. The counts
// without item i are built by halving the items again and again, which takes n·k·log n sums and products of positive
// numbers. To divide item i out of the count of all, n·k, would lose digits where it has all but surely rung.

/** The step of s for one clock: e^(−π²/h) is 3e−18. */
const STEP = 0.245;
/** The step of s for n, times √n: with it e^(−2π²σ²/h²) is 5e−17. */
const STEP_ROOT_N = 0.9;
/** How far below the first time 1/λ begins what counts: rings before that have a probability of e^−38, 3e−17. */
const BEFORE = 38;
/** How far above the last time 1/λ it ends: an item has not rung by then with a probability of e^(−e^3.7), 3e−18. */
const AFTER = 3.7;

/**
 * The probabilities of each rank, n for each of the first k: `[r * n + i]` is that of item i at rank r, from 0 on.
 * `z`: logit/τ of n items. Each within some 1e−13; a rank's sum to 1.
 */
export function plackettLuceMarginals(z: ArrayLike<number>, ranks: number): Float64Array {
  const n = z.length;
  const k = Math.min(ranks, n);
  const marginals = new Float64Array(k * n);
  if (k === 0) return marginals;
  const all = Float64Array.from(z);
  const start = -all.reduce((a, b) => Math.max(a, b)) - BEFORE;
  const end = -all.reduce((a, b) => Math.min(a, b)) + AFTER;
  const step = Math.min(STEP, STEP_ROOT_N / Math.sqrt(n));
  const rung = new Float64Array(n);
  const density = new Float64Array(n);
  for (let node = 0; start + node * step <= end; node++) {
    const s = start + node * step;
    const gap = gapAfter(all, s);
    if (gap > 0) {
      node += Math.ceil(gap / step) - 1;
      continue;
    }
    for (let i = 0; i < n; i++) {
      const hazard = Math.exp(z[i] + s);
      rung[i] = -Math.expm1(-hazard);
      // λt·e^(−λt), as dt = t ds; 0 and not NaN where e^(z + s) is infinite.
      density[i] = step * Math.exp(z[i] + s - hazard);
    }
    countOthers(rung, k, (i, counts) => {
      for (let r = 0; r < k; r++) marginals[r * n + i] += density[i] * counts[r];
    });
  }
  return marginals;
}

/** How far above s the next item begins to count, where none does at s; else 0, or less. */
function gapAfter(z: Float64Array, s: number): number {
  const nearest = z.reduce((near, x) => (x + s > AFTER ? near : Math.max(near, x + s)), Number.NEGATIVE_INFINITY);
  return Number.isFinite(nearest) ? -BEFORE - nearest : 0;
}

/**
 * Calls `use` with each item i and P(exactly r of the others have rung), r from 0 to k − 1, of events with
 * probabilities `p`.
 */
function countOthers(p: Float64Array, k: number, use: (i: number, counts: Float64Array) => void): void {
  const within = (low: number, high: number, counts: Float64Array): void => {
    if (high - low === 1) use(low, counts);
    else {
      const middle = (low + high) >> 1;
      within(low, middle, withAll(counts, p.subarray(middle, high)));
      within(middle, high, withAll(counts, p.subarray(low, middle)));
    }
  };
  const none = new Float64Array(k);
  none[0] = 1;
  within(0, p.length, none);
}

/** The distribution of a count once more events are counted, up to the same k − 1. */
function withAll(counts: Float64Array, events: Float64Array): Float64Array {
  const more = counts.slice();
  for (const p of events) {
    for (let r = more.length - 1; r > 0; r--) more[r] = more[r] * (1 - p) + more[r - 1] * p;
    more[0] *= 1 - p;
  }
  return more;
}
