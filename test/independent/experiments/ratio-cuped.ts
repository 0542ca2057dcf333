// CUPED of a ratio metric from what units did, by the delta method over their four sums: numerators and denominators
// after and before (Deng, Knoblich and Lu 2018, section 4). Nothing is linearized by unit, as the product does it.

export interface Sums {
  numerators: Float64Array;
  denominators: Float64Array;
}

export interface RatioArm {
  before: Sums;
  after: Sums;
}

interface Estimated {
  effect: number;
  error: number;
}

/**
 * With M/D after and P/Q before: the difference of M/D − θ·P/Q, treatment − control, and the same over |M/D| of the
 * control. Its derivative by the control's M/D is taken at `at`: the estimate, as GrowthBook does it for ratios, or the
 * ratios as they are, as GrowthBook does it for means.
 */
export function ratioCuped(
  control: RatioArm,
  treatment: RatioArm,
  theta: number,
  at: "estimate" | "levels" = "estimate",
): { difference: Estimated; lift: Estimated } {
  const [a, b] = [control, treatment].map((arm) => meansOf(arm));
  const [levelA, levelB] = [a, b].map(([m, d]) => m / d);
  const size = Math.abs(levelA);
  const effect = levelB - levelA - theta * (b[2] / b[3] - a[2] / a[3]);
  const error = (ofA: number, scale: number): number =>
    Math.sqrt(variance(control, gradient(a, ofA, theta)) + variance(treatment, gradient(b, 1, theta))) / scale;
  return {
    difference: { effect, error: error(1, 1) },
    lift: { effect: effect / size, error: error(at === "levels" ? levelB / levelA : 1 + effect / levelA, size) },
  };
}

/** Means as ratios over one of each unit. */
export function meansAsRatios(before: Float64Array, after: Float64Array): RatioArm {
  const sums = (numerators: Float64Array): Sums => ({ numerators, denominators: numerators.map(() => 1) });
  return { before: sums(before), after: sums(after) };
}

/** GrowthBook's θ of means: of all units as one sample, with what differs between arms in it. */
export function thetaOfMeans(arms: readonly { before: Float64Array; after: Float64Array }[]): number {
  const [x, y] = (["before", "after"] as const).map((time) => arms.flatMap((arm) => [...arm[time]]));
  const [meanX, meanY] = [x, y].map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const deviations = (of: (i: number) => number): number => x.reduce((sum, own, i) => sum + (own - meanX) * of(i), 0);
  return deviations((i) => y[i] - meanY) / deviations((i) => x[i] - meanX);
}

function columnsOf({ before, after }: RatioArm): Float64Array[] {
  return [after.numerators, after.denominators, before.numerators, before.denominators];
}

function meansOf(arm: RatioArm): number[] {
  return columnsOf(arm).map((column) => column.reduce((sum, x) => sum + x, 0) / column.length);
}

/** The derivatives of `times`·M/D − θ·P/Q by M, D, P and Q. */
function gradient([m, d, p, q]: number[], times: number, theta: number): number[] {
  return [times / d, (-times * m) / d ** 2, -theta / q, (theta * p) / q ** 2];
}

/** Of the mean over units: gᵀΛg/n, Λ the sample covariances of the four sums. */
function variance(arm: RatioArm, g: readonly number[]): number {
  const [columns, means] = [columnsOf(arm), meansOf(arm)];
  const n = columns[0].length;
  let total = 0;
  for (const [i, x] of columns.entries())
    for (const [j, y] of columns.entries())
      for (let unit = 0; unit < n; unit++)
        total += (g[i] * g[j] * (x[unit] - means[i]) * (y[unit] - means[j])) / (n - 1);
  return total / n;
}
