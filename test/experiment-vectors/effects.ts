import { expect } from "vitest";
import { difference, type Effect, fixedVerdict, lift, type Verdict } from "../../lab/analysis/comparison.ts";
import { cuped } from "../../lab/analysis/cuped.ts";
import { chiSquareSurvival } from "../../lab/analysis/distributions/chi-square.ts";
import { normalQuantile, normalSurvival } from "../../lab/analysis/distributions/normal.ts";
import { studentQuantile } from "../../lab/analysis/distributions/student.ts";
import { covariance, momentsOf, momentsOfSums } from "../../lab/analysis/moments.ts";
import { benjaminiHochberg, holm } from "../../lab/analysis/multiplicity.ts";
import { linearized } from "../../lab/analysis/ratio.ts";
import { SequentialRatioTest, sampleRatioTest } from "../../lab/analysis/sample-ratio.ts";
import { mixtureScale, sequentialRadius, sequentialVerdict } from "../../lab/analysis/sequential.ts";
import { simulateTests } from "../../testing/experiments/simulated-tests.ts";
import { boundaries, obrienFlemingSpending, pocockSpending } from "../independent/experiments/group-sequential.ts";
import { momentsOfProportion } from "../independent/experiments/proportion.ts";
import { meansAsRatios, ratioCuped, thetaOfMeans } from "../independent/experiments/ratio-cuped.ts";
import { type Any, type Checks, floats, type Near, type Vector } from "./vector.ts";

// Sample ratios, lifts and their tests.

export const EFFECTS: Checks = {
  "srm.chi2.kohavi": checkRatioTest,
  "srm.chi2.three": checkRatioTest,
  "srm.chi2.quiet": checkRatioTest,
  // The file's value at 60 is wrong from the third digit on: ours is erfc(√30), by its continued fraction in 40 digits,
  // too.
  "srm.chi2.tail"({ input, expected: [ordinary, wrong, far], tolerance }) {
    expect(wrong).toBe(9.43689570931383e-15);
    for (const [i, p] of [ordinary, 9.485737571073848e-15, far].entries())
      expect(Math.abs(chiSquareSurvival(input[i][0], input[i][1]) / p - 1)).toBeLessThan(tolerance ?? 0);
  },
  "ssrm.units": checkSequentialRatioTest,
  "ssrm.batches": checkSequentialRatioTest,

  "welch.absolute": ({ input, expected }, near) => near(tested(difference(...sumsOf(input))), expected),
  "welch.relative": ({ input, expected }, near) => near(tested(lift(...sumsOf(input))), expected),
  "proportion.relative": ({ input, expected }, near) => near(tested(lift(...proportionsOf(input))), expected),
  "student.quantile": ({ input, expected }, near) =>
    near(
      input.map(([p, degrees]: Any) => studentQuantile(p, degrees)),
      expected,
    ),
  "ratio.delta"({ input: { clicks, exposures }, expected }, near) {
    const { mean, variance, units } = momentsOf(linearized(floats(clicks), floats(exposures)));
    near({ ratio: mean, variance, se: Math.sqrt(variance / units) }, expected);
  },
  "ratio.covariance"({ input, expected }, near) {
    const [m, d] = [floats(input.m), floats(input.d)];
    const { mean, variance } = momentsOf(linearized(m, d));
    near({ ratio: mean, covariance: covariance(m, d), variance }, expected);
  },
  "cuped.theta"({ input: { pre, post }, expected }, near) {
    const arm = { before: floats(pre), after: floats(post) };
    near({ theta: cuped([arm, arm]).theta }, expected);
  },
  "cuped.variance"({ input: { pre, post }, expected }, near) {
    const { theta, arms } = cuped([{ before: floats(pre), after: floats(post) }]);
    const [{ variance, levelVariance }] = arms;
    near(
      { theta, rho: Math.sqrt(1 - variance / levelVariance), variance: levelVariance, adjusted: variance },
      expected,
    );
  },
  // θ and the derivative of the lift are GrowthBook's of means. The analysis has ratios alone, of which it is another.
  "cuped.test"({ input: { preA, postA, preB, postB }, expected }, near) {
    const arms = [
      { before: floats(preA), after: floats(postA) },
      { before: floats(preB), after: floats(postB) },
    ];
    const theta = thetaOfMeans(arms);
    const [control, treatment] = arms.map(({ before, after }) =>
      momentsOf(
        after,
        after.map((x, i) => x - theta * before[i]),
      ),
    );
    const [one, other] = arms.map(({ before, after }) => meansAsRatios(before, after));
    const { error } = ratioCuped(one, other, theta, "levels").lift;
    const relative = tested({ ...lift(control, treatment), error });
    near({ absolute: tested(difference(control, treatment)), relative }, expected);
  },

  "sequential.rho": ({ input, expected }, near) =>
    near(
      input.map(([alpha, planned]: Any) => mixtureScale(alpha, planned)),
      expected,
    ),
  "sequential.mean"({ input, expected }, near) {
    const effect = lift(...sumsOf(input));
    near(verdictOf(effect, sequentialVerdict(effect, input.alpha, input.nStar)), expected);
  },
  "sequential.proportion"({ input, expected }, near) {
    const effect = lift(...proportionsOf(input));
    const verdict = sequentialVerdict(effect, input.alpha, input.nStar);
    near(verdictOf(effect, verdict), expected);
    near(verdict.p / expected.p, 1);
  },
  "sequential.equivalence": ({ input: { N, nStar, alpha }, expected }, near) =>
    near({ radius: sequentialRadius(N, nStar, alpha), fixed: normalQuantile(1 - alpha / 2) }, expected),
  // Fewer and smaller tests than the file's 1,000 with 10,000 units an arm: rates are within four standard errors of
  // the difference of the two. `npm run bench -- experiments` is the long form.
  "measured.peeking"({ input, expected }) {
    const [tests, published] = [200, 1000];
    for (const [i, ctr] of input.ctr.entries()) {
      const { covered, ...rates } = simulateTests({ tests, units: 1000, looks: 40, ctr, lift: 0, seed: 5 });
      for (const [name, rate] of Object.entries({ ...rates, coverage: covered })) {
        const p = expected[name][i];
        const error = Math.sqrt(p * (1 - p) * (1 / tests + 1 / published));
        expect(Math.abs(rate - p), `${name} at ${ctr}: ${rate}, expected about ${p}`).toBeLessThan(4 * error);
      }
    }
  },
  "group-sequential.obrien-fleming": ({ input, expected }, near) =>
    near(boundaries(NORMAL, input.t, obrienFlemingSpending(NORMAL, 0.05)), expected),
  "group-sequential.pocock": ({ input, expected }, near) =>
    near(boundaries(NORMAL, input.t, pocockSpending(0.05)), expected),

  holm: ({ input, expected }, near) => near(holm(input), expected),
  "benjamini-hochberg": ({ input, expected }, near) => near(benjaminiHochberg(input), expected),
  "benjamini-hochberg.1995": ({ input: { p, q }, expected }) =>
    expect(benjaminiHochberg(p).filter((adjusted) => adjusted <= q)).toHaveLength(expected.rejected),
};

const NORMAL = { survival: normalSurvival, quantile: normalQuantile };

function checkRatioTest({ input: { observed, weights }, expected }: Vector, near: Near): void {
  const { chiSquare, degrees, p } = sampleRatioTest(observed, weights);
  near({ chi2: chiSquare, df: degrees, p }, expected);
  near(p / expected.p, 1);
}

function checkSequentialRatioTest({ input, expected }: Vector, near: Near): void {
  const watched = new SequentialRatioTest(input.null, input.dirichlet);
  const looks = input.data.map((batch: number[]) => {
    watched.add(batch);
    return [watched.logM1, watched.logM0];
  });
  near({ logM1: looks.map(([m1]: number[]) => m1), logM0: looks.map(([, m0]: number[]) => m0) }, expected);
}

function sumsOf({ a, b }: Any) {
  const of = ({ n, sum, sumSquares }: Any) => momentsOfSums(n, sum, sumSquares);
  return [of(a), of(b)] as const;
}

function proportionsOf({ a, b }: Any) {
  return [momentsOfProportion(a.n, a.sum), momentsOfProportion(b.n, b.sum)] as const;
}

/** The fixed test, with the names of the file. */
function tested(effect: Effect) {
  return { se: effect.error, ...verdictOf(effect, fixedVerdict(effect, 0.05)) };
}

function verdictOf({ effect }: Effect, { low, high, p }: Verdict) {
  return { effect, ci: [low, high], p };
}
