import { describe, expect, test } from "vitest";
import { difference, fixedVerdict, harmP, lift } from "../../../lab/analysis/comparison.ts";
import { cuped } from "../../../lab/analysis/cuped.ts";
import { covariance, type Moments, momentsOf, momentsOfSums } from "../../../lab/analysis/moments.ts";
import { linearized, momentsOfRatioSums } from "../../../lab/analysis/ratio.ts";
import { mixtureScale, sequentialRadius, sequentialVerdict } from "../../../lab/analysis/sequential.ts";
import { winsorized } from "../../../lab/analysis/winsorize.ts";
import { momentsOfProportion } from "../../independent/experiments/proportion.ts";
import { meansAsRatios, ratioCuped, thetaOfMeans } from "../../independent/experiments/ratio-cuped.ts";
import { expectDigits, expectNear } from "./near.ts";

// Numbers of GrowthBook's own tests (growthbook/growthbook, packages/stats/tests at 8f1db445), or computed with its
// library; see the ids in the names.

const floats = (...values: number[]): Float64Array => Float64Array.from(values);
const a = momentsOfSums(3407, 1396.87, 52377.9767);
const b = momentsOfSums(3461, 2422.7, 134698.29);

describe("two means", () => {
  test("welch.absolute", () => {
    const effect = difference(a, b);
    const { low, high, p } = fixedVerdict(effect, 0.05);
    expectNear([effect.effect, effect.error], [0.29, 0.12478363158758794]);
    expectNear([low, high, p], [0.04537789255929012, 0.5346221074407098, 0.020158402643587037]);
    expectDigits(harmP(effect, 1), p / 2);
    expectDigits(harmP(effect, -1), 1 - p / 2);
  });

  test("welch.relative", () => {
    const effect = lift(a, b);
    const { low, high, p } = fixedVerdict(effect, 0.05);
    expectNear([effect.effect, effect.error], [0.7073170731707317, 0.3787943616681428]);
    expectNear([low, high, p], [-0.03526008906611777, 1.449894235407581, 0.06191182745618362]);
  });

  test("proportion.relative", () => {
    const effect = lift(momentsOfProportion(28, 14), momentsOfProportion(30, 16));
    const { low, high, p } = fixedVerdict(effect, 0.05);
    expectNear([effect.effect, effect.error, low, high, p], [0.06667, 0.2717, -0.47767, 0.61101, 0.80707], 1e-4);
  });
});

describe("an arm whose units are all alike", () => {
  /** Units of which so many have a click. */
  const clicks = (units: number, clicked: number): Moments =>
    momentsOf(Float64Array.from({ length: units }, (_, i) => (i < clicked ? 1 : 0)));
  const pooledError = (units: number[], variance: number): number =>
    Math.sqrt(units.reduce((sum, n) => sum + variance / n, 0));

  test("and that is the smaller one is compared by Student's variance", () => {
    // One click is expected of 500 units: of three logs in eight they have none.
    const [many, few] = [clicks(20_000, 40), clicks(500, 0)];
    const error = pooledError([20_000, 500], (19_999 * many.variance) / 20_498);
    for (const [found, sign] of [
      [difference(many, few), -1],
      [difference(few, many), 1],
    ] as const) {
      expectNear([found.effect, found.error, found.degrees], [sign * 0.002, error, 20_498]);
      expect(sequentialVerdict(found, 0.05, 10_000).p).toBeGreaterThan(0.5);
      expect(fixedVerdict(found, 0.05).p).toBeCloseTo(0.32, 2);
    }
  });

  test("has a lift whose interval says how little that is", () => {
    const [many, none] = [clicks(20_000, 40), clicks(500, 0)];
    const found = lift(many, none);
    const share = 19_999 / 20_498;
    // At a lift of −100 % the control's own error is none of it.
    expectNear([found.effect, found.error], [-1, Math.sqrt((share * many.variance) / 500) / 0.002]);
    // Five units of five are no proof where nine of ten have it.
    const all = lift(clicks(5000, 4500), clicks(5, 5));
    expect(fixedVerdict(all, 0.05).p).toBeGreaterThan(0.4);
    expect(fixedVerdict(all, 0.05).low).toBeLessThan(0);
    // And of a control that is the smaller one.
    expect(fixedVerdict(lift(clicks(5, 5), clicks(5000, 4500)), 0.05).p).toBeGreaterThan(0.4);
  });

  test("and that is no smaller is compared by Welch's, as is any that are not", () => {
    const one = clicks(600, 200);
    const alike = difference(one, clicks(600, 0));
    expectNear([alike.error, alike.degrees], [Math.sqrt(one.variance / 600), 599]);
    expectNear([difference(clicks(600, 0), clicks(50, 3)).error], [Math.sqrt(clicks(50, 3).variance / 50)]);
    expect(difference(clicks(600, 0), clicks(50, 0)).error).toBe(0);
    expect(difference(one, clicks(1, 0)).error).toBeNaN();
  });
});

describe("a ratio by unit", () => {
  test("ratio.delta", () => {
    const ratio = momentsOf(linearized(floats(3, 0, 2, 5, 1, 0, 4, 2), floats(10, 4, 8, 20, 5, 3, 15, 9)));
    expectNear([ratio.mean, ratio.variance], [0.22972972972972974, 0.003902698708534491]);
    expectNear([Math.sqrt(ratio.variance / 8)], [0.022087040058976017]);
  });

  test("is the same from sums", () => {
    const [n, d] = [floats(3, 0, 2, 5, 1, 0, 4, 2), floats(10, 4, 8, 20, 5, 3, 15, 9)];
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
    const one = n.map(() => 1);
    const sums = { units: 8, n: dot(n, one), d: dot(d, one), nn: dot(n, n), nd: dot(n, d), dd: dot(d, d) };
    expectNear(Object.values(momentsOfRatioSums(sums)), Object.values(momentsOf(linearized(n, d))));
  });

  test("ratio.covariance", () => {
    const [m, d] = [floats(0.3, 0.5, 0.9, 22), floats(2, 1, 5, 3)];
    const ratio = momentsOf(linearized(m, d));
    expectNear(
      [ratio.mean, covariance(m, d), ratio.variance],
      [2.1545454545454543, 2.1416666666666657, 15.764613528219838],
    );
  });

  test("needs denominators", () => {
    expect(() => linearized(floats(1, 2), floats(1))).toThrow(
      "denominators: got 1, expected one for each of 2 numerators",
    );
    expect(() => linearized(floats(1, 2), floats(0, 0))).toThrow("denominators: got a sum of 0, expected more than 0");
  });
});

describe("CUPED", () => {
  const first = { before: floats(4, 6, 3, 8, 5, 5, 7, 2), after: floats(5, 7, 3, 9, 4, 6, 8, 2) };
  const second = { before: floats(5, 5, 4, 7, 6, 4, 7, 3), after: floats(6, 7.5, 4.5, 9, 5, 8, 8.5, 3) };

  test("cuped.theta", () => {
    const arm = { before: floats(0.3, 0.5, 0.9, 22), after: floats(2, 1, 5, 3) };
    expect(Math.abs(cuped([arm, arm]).theta - 0.01864)).toBeLessThan(1e-5);
  });

  test("cuped.variance", () => {
    const { theta, arms } = cuped([first]);
    expectNear([theta, arms[0].levelVariance, arms[0].variance], [1.1785714285714286, 6, 0.4438775510204082]);
    expectNear([1 - arms[0].variance / 6], [0.9622995418076772 ** 2]);
  });

  // Of means, which the analysis has none of, GrowthBook takes another θ and another derivative of the lift.
  test("cuped.test", () => {
    const arms = [first, second];
    const theta = thetaOfMeans(arms);
    const [control, treatment] = arms.map((arm) => adjusted(arm, theta));
    const [one, other] = arms.map(({ before, after }) => meansAsRatios(before, after));
    const { error } = ratioCuped(one, other, theta, "levels").lift;
    for (const [effect, expected] of [
      [
        difference(control, treatment),
        [0.796215429403202, 0.6027437921958335, -0.5564035536234193, 2.1488344124298235, 0.21743621826563264],
      ],
      [
        { ...lift(control, treatment), error },
        [0.1447664417096731, 0.1169457701266208, -0.11767187902634643, 0.4072047624456926, 0.24547182993467986],
      ],
    ] as const) {
      const { low, high, p } = fixedVerdict(effect, 0.05);
      expectNear([effect.effect, effect.error, low, high, p], [...expected], 1e-12);
    }
  });

  test("of ratios: negating the metric negates the effect and keeps its error", () => {
    const den = floats(10, 14, 8, 20, 5, 13, 15, 9);
    const compare = (sign: number) => {
      const lin = (values: Float64Array) =>
        linearized(
          values.map((x) => sign * x),
          den,
        );
      const [control, treatment] = cuped(
        [first, second].map(({ before, after }) => ({ before: lin(before), after: lin(after) })),
      ).arms;
      return [difference(control, treatment), lift(control, treatment)];
    };
    const [[up, upLift], [down, downLift]] = [compare(1), compare(-1)];
    expect(upLift.effect).toBeGreaterThan(0.1);
    expectNear([down.effect, down.error], [-up.effect, up.error]);
    expectNear([downLift.effect, downLift.error], [-upLift.effect, upLift.error]);
    expect(up.error).toBeLessThan(0.7 * difference(...plainRatios(first, second, den)).error);
  });

  test.each([
    [1, "its own θ"],
    [1, 0.5],
    [-1, "its own θ"],
    [-1, 0.5],
  ])("of ratios, times %d, with %s: is the delta method's over the four sums of a unit", (sign, given) => {
    const [denBefore, denAfter] = [floats(9, 12, 7, 15, 9, 10, 14, 4), floats(10, 14, 8, 20, 5, 13, 15, 9)];
    const raw = [first, second].map(({ before, after }) => ({
      before: { numerators: before.map((x) => sign * x), denominators: denBefore },
      after: { numerators: after.map((x) => sign * x), denominators: denAfter },
    }));
    const linear = raw.map(({ before, after }) => ({
      before: linearized(before.numerators, before.denominators),
      after: linearized(after.numerators, after.denominators),
    }));
    const found = cuped(linear);
    const theta = typeof given === "number" ? given : found.theta;
    const [control, treatment] = typeof given === "number" ? linear.map((arm) => adjusted(arm, given)) : found.arms;
    const expected = ratioCuped(raw[0], raw[1], theta);
    for (const [effect, { effect: value, error }] of [
      [difference(control, treatment), expected.difference],
      [lift(control, treatment), expected.lift],
    ] as const) {
      expectDigits(effect.effect, value, 1e-12);
      expectDigits(effect.error, error, 1e-12);
    }
  });

  // Computed from sums and products of these arrays with the formulas of gbstats at growthbook/growthbook 78e25953
  // (RegressionAdjustedRatioStatistic, compute_theta_regression_adjusted_ratio, and
  // frequentist_variance_relative_cuped_ratio; PyPI's newest, 0.8.0, has none of them) on the SampleMeanStatistic of
  // 0.8.0. The lift's is right there for levels above 0 alone; later, by the vector cuped.ratio, the negated metric has
  // the negated lift with the same error.
  const itsOwn = {
    ...{ given: null, theta: 0.3481563700919744 },
    ...{ difference: [0.06154598732603467, 0.04577173609532429], lift: [0.1314846092874377, 0.1053368579359209] },
  };
  const half = {
    ...{ given: 0.5, theta: 0.5 },
    ...{ difference: [0.05755010232845509, 0.04587660379627187], lift: [0.12294794588351769, 0.10493741655456507] },
  };
  test.each([
    { sign: 1, ...itsOwn },
    { sign: 1, ...half },
    { sign: -1, ...itsOwn },
    { sign: -1, ...half },
  ])("of ratios of 8 and 10 units, times $sign, given θ $given: as GrowthBook's", ({ sign, given, ...expected }) => {
    const negated = (values: number[]) => Float64Array.from(values, (value) => sign * value);
    const arms = [
      {
        before: linearized(negated([4, 6, 3, 8, 5, 5, 7, 2]), floats(9, 12, 7, 15, 9, 10, 14, 4)),
        after: linearized(negated([5, 7, 3, 9, 4, 6, 8, 2]), floats(10, 14, 8, 20, 5, 13, 15, 9)),
      },
      {
        before: linearized(negated([5, 5, 4, 7, 6, 4, 7, 3, 3, 6]), floats(8, 11, 8, 13, 10, 9, 12, 6, 7, 11)),
        after: linearized(negated([6, 7.5, 4.5, 9, 5, 8, 8.5, 3, 4, 7]), floats(11, 13, 9, 19, 6, 12, 16, 8, 10, 12)),
      },
    ];
    const found = cuped(arms);
    const [control, treatment] = given === null ? found.arms : arms.map((arm) => adjusted(arm, given));
    expectNear([given ?? found.theta], [expected.theta], 1e-12);
    for (const [compare, [effect, error]] of [
      [difference, expected.difference],
      [lift, expected.lift],
    ] as const) {
      const compared = compare(control, treatment);
      expectNear([compared.effect, compared.error], [sign * effect, error], 1e-12);
    }
  });

  // test_two_sided_ttest_test_runs_ratio_ra of packages/stats/tests/frequentist/test_tests.py, whose values have five
  // decimals. The test has sums and products of 100 units an arm, and these units have them.
  test("of ratios: as GrowthBook's own test of two arms of 100 units", () => {
    const arms = GROWTHBOOK_ARMS.map((arm) => {
      const [after, afterDenominators, before, beforeDenominators] = unitsOf(100, arm.sums, arm.products);
      return { before: linearized(before, beforeDenominators), after: linearized(after, afterDenominators) };
    });
    const effect = lift(...(cuped(arms).arms as [Moments, Moments]));
    const { low, high, p } = fixedVerdict(effect, 0.05);
    expectNear([effect.effect, effect.error, low, high, p], [-0.0007, 0.00391, -0.00841, 0.007, 0.85771], 5e-6);
  });

  test("takes no part of an arm's one unit for θ", () => {
    const one = { before: floats(3), after: floats(4) };
    expect(cuped([first, one]).theta).toBe(cuped([first]).theta);
  });

  test("changes nothing where all units were alike before", () => {
    const flat = { before: floats(1, 1, 1), after: floats(1, 2, 3) };
    expect(cuped([flat])).toMatchObject({ theta: 0, arms: [{ mean: 2, variance: 1, level: 2 }] });
    expect(() => cuped([flat, { before: floats(1), after: floats(1, 2) }])).toThrow(
      "arms[1].before: got 1, expected one for each of 2 units",
    );
  });
});

/** The moments of an arm, adjusted with a given θ. */
function adjusted({ before, after }: { before: Float64Array; after: Float64Array }, theta: number): Moments {
  return momentsOf(
    after,
    after.map((x, i) => x - theta * before[i]),
  );
}

/** Numerators and denominators after, and before: the sums, and the lower triangle of the sums of products. */
const GROWTHBOOK_ARMS = [
  {
    sums: [485.112236689623, 679.9093275844917, 192.59138069991536, 290.1398399750233],
    products: [
      [2715.484666118136],
      [3602.146836776702, 4939.424001640236],
      [1113.6215759318352, 1460.3181079276983, 460.076026390857],
      [1559.2878434944676, 2130.9404074446747, 634.239482353647, 920.9461385038898],
    ],
  },
  {
    sums: [514.7757826608777, 705.4090874383759, 206.94157227402536, 302.54389139107326],
    products: [
      [2994.897482705013],
      [3918.1561431600717, 5291.36604146392],
      [1237.0953021125997, 1604.0759503266522, 514.2903702246757],
      [1701.0287270040265, 2292.081739775257, 698.4173425817908, 994.4506208125663],
    ],
  },
];

/**
 * Columns of units that have the sums and products: with Cholesky's L of the products of deviations, column i is its
 * mean + Σ_j L_ij q_j, over orthonormal cosines q_j, whose sums are 0.
 */
function unitsOf(units: number, sums: number[], products: number[][]): Float64Array[] {
  const L: number[][] = sums.map(() => []);
  for (const [i, row] of products.entries())
    for (const [j, product] of row.entries()) {
      const left = product - (sums[i] * sums[j]) / units - L[i].reduce((sum, x, k) => sum + x * (L[j][k] ?? 0), 0);
      L[i].push(i === j ? Math.sqrt(left) : left / L[j][j]);
    }
  const q = (j: number, unit: number) => Math.sqrt(2 / units) * Math.cos((Math.PI * (j + 1) * (unit + 0.5)) / units);
  return sums.map((sum, i) =>
    Float64Array.from({ length: units }, (_, unit) => L[i].reduce((x, l, j) => x + l * q(j, unit), sum / units)),
  );
}

function plainRatios(first: { after: Float64Array }, second: { after: Float64Array }, den: Float64Array) {
  const of = ({ after }: { after: Float64Array }) => momentsOf(linearized(after, den));
  return [of(first), of(second)] as const;
}

describe("the sequential test", () => {
  test("sequential.rho, sequential.equivalence", () => {
    expectNear([mixtureScale(0.05, 5000), mixtureScale(0.05, 1000)], [0.03984006677137368, 0.08908509752892212]);
    expectNear([sequentialRadius(6461, 5000, 0.05)], [3.038517493444328]);
  });

  test("sequential.mean", () => {
    const effect = lift(momentsOfSums(3000, 1396.87, 52377.9767), b);
    const { low, high, p } = sequentialVerdict(effect, 0.05, 1000);
    expectNear([effect.effect, low, high, p], [0.5033610858562358, -0.5584405051077315, 1.5651626768202032, 1], 1e-12);
  });

  test("sequential.proportion", () => {
    const effect = lift(momentsOfProportion(3000, 1396), momentsOfProportion(3461, 2422));
    const { low, high, p } = sequentialVerdict(effect, 0.05, 5000);
    expectNear([effect.effect, low, high], [0.5038633516821496, 0.4009784966859415, 0.6067482066783576], 1e-12);
    expectDigits(p, 5.174716682839778e-44, 1e-9);
  });

  test("has a p below α just where its interval leaves 0 out", () => {
    for (const z of [1, 2.9, 3.1, 5]) {
      const effect = { effect: z, error: 1, degrees: 6459, units: 6461, smallerArm: 3000 };
      const { low, p } = sequentialVerdict(effect, 0.05, 5000);
      expect(p < 0.05).toBe(low > 0);
    }
  });

  test("has an interval for whatever α, as the fixed test has", () => {
    const effect = { effect: 1, error: 1, degrees: 1390, units: 6461, smallerArm: 3000 };
    for (const alpha of [1e-15, 1e-20, 1e-200, 1e-300]) {
      const [fixed, sequential] = [fixedVerdict(effect, alpha), sequentialVerdict(effect, alpha, 5000)];
      for (const { low } of [fixed, sequential]) {
        expect(Number.isFinite(low)).toBe(true);
        expect(low).toBeLessThan(-7);
      }
    }
  });

  test("says nothing before an arm has 500 units", () => {
    const [few, enough] = [499, 500].map((units) => momentsOfProportion(units, 0.2 * units));
    const many = momentsOfProportion(5000, 4000);
    expect(sequentialVerdict(lift(few, many), 0.05, 5000)).toEqual({ low: -Infinity, high: Infinity, p: 1 });
    expect(sequentialVerdict(lift(enough, many), 0.05, 5000).low).toBeGreaterThan(0);
  });
});

test("values are winsorized at a quantile of all arms together", () => {
  const one = Float64Array.from({ length: 600 }, (_, i) => i);
  const other = Float64Array.from({ length: 400 }, (_, i) => 1000 + i);
  const { cap, arms } = winsorized([one, other]);
  expect(cap).toBe(1398);
  expect(arms[0]).toEqual(one);
  expect([...arms[1].subarray(-3)]).toEqual([1397, 1398, 1398]);
});
