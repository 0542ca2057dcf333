import { describe, expect, test } from "vitest";
import { fairCoinSurvival, signTest } from "../../../lab/analysis/distributions/binomial.ts";
import { chiSquareSurvival } from "../../../lab/analysis/distributions/chi-square.ts";
import { incompleteBeta } from "../../../lab/analysis/distributions/incomplete-beta.ts";
import { incompleteGamma } from "../../../lab/analysis/distributions/incomplete-gamma.ts";
import { logGamma } from "../../../lab/analysis/distributions/log-gamma.ts";
import { normalQuantile, normalSurvival } from "../../../lab/analysis/distributions/normal.ts";
import { studentQuantile, studentSurvival } from "../../../lab/analysis/distributions/student.ts";
import { expectDigits, expectNear } from "./near.ts";

describe("χ²", () => {
  test.each([
    [10.83, 1, 0.0009986863791802592],
    // erfc(√30), by its continued fraction in 40 digits.
    [60, 1, 9.485737571073848e-15],
    [200, 1, 2.0884875837625688e-45],
    [22.77436884189436, 1, 1.8217928726191858e-6],
    [99.04043212328224, 2, 3.116329865438442e-22],
    [0.1, 1, 0.7518296340458492],
  ])("P(X > %d), %d degrees", (x, degrees, p) => expectDigits(chiSquareSurvival(x, degrees), p));

  test("with two degrees is e^(−x/2), with four (1 + x/2)·e^(−x/2)", () => {
    for (const x of [1e-9, 0.5, 3, 40, 900]) {
      expectDigits(chiSquareSurvival(x, 2), Math.exp(-x / 2));
      expectDigits(chiSquareSurvival(x, 4), (1 + x / 2) * Math.exp(-x / 2));
    }
  });
});

describe("the normal distribution", () => {
  test("has the quantiles that every table has", () => {
    expectNear(
      [0.5, 0.8, 0.95, 0.975, 0.995].map(normalQuantile),
      [0, 0.8416212335729143, 1.6448536269514722, 1.959963984540054, 2.5758293035489004],
    );
    expect([0, 1, -0.1, Number.NaN].map(normalQuantile)).toEqual([-Infinity, Infinity, Number.NaN, Number.NaN]);
  });

  test("has quantiles and tails that undo each other, far out too", () => {
    for (const p of [0.4999, 0.1, 1e-3, 1e-9, 1e-40, 1e-300]) {
      expectDigits(normalSurvival(-normalQuantile(p)), p, 1e-11);
      expect(normalQuantile(1 - 0.25)).toBe(-normalQuantile(0.25));
    }
    expectDigits(normalSurvival(-3) + normalSurvival(3), 1);
    expectDigits(normalSurvival(1.959963984540054), 0.025);
  });
});

describe("Student's distribution", () => {
  test("has the published quantiles, with few degrees and with a million", () => {
    // 6,866 and 1e6: Fisher's expansion in 40 digits. 1: tan. 2: closed form.
    expectNear(
      [6866, 1e6].map((degrees) => studentQuantile(0.975, degrees)),
      [1.9603095543576945, 1.959966356814107],
    );
    expectDigits(studentQuantile(0.975, 1), 1 / Math.tan(Math.PI * 0.025));
    expectDigits(studentQuantile(0.999, 1), 1 / Math.tan(Math.PI * 0.001), 1e-11);
    expectDigits(studentQuantile(0.975, 2), 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)));
    expect(studentQuantile(0.025, 7)).toBeCloseTo(-studentQuantile(0.975, 7), 12);
  });

  test("has the quantiles of a far lower tail, which no p near 1 can name", () => {
    // SciPy 1.17.1: stats.t.ppf
    for (const [p, degrees, t] of [
      [5e-11, 1390, -6.517087545533606],
      [5e-17, 1390, -8.410419622804914],
      [5e-101, 1390, -23.174566500380916],
      [5e-301, 1390, -48.43599959751621],
    ] as const)
      expectDigits(studentQuantile(p, degrees), t, 1e-11);
  });

  test("has the tails of closed forms", () => {
    for (const t of [-40, -1, 0, 0.3, 2, 50, 1e6]) {
      // The difference from ½ would lose the digits of a far tail.
      const cauchy = t > 1 ? Math.atan(1 / t) / Math.PI : 0.5 - Math.atan(t) / Math.PI;
      expectDigits(studentSurvival(t, 1), cauchy);
      if (Math.abs(t) < 5) expectDigits(studentSurvival(t, 2), 0.5 - t / (2 * Math.sqrt(2 + t * t)));
    }
  });
});

describe("the functions below them", () => {
  test("ln Γ of factorials and of ½", () => {
    let log = 0;
    for (let n = 1; n < 200; n++) {
      expectNear([logGamma(n)], [log], 1e-14);
      log += Math.log(n);
    }
    expectDigits(logGamma(0.5), Math.log(Math.PI) / 2);
  });

  test("the incomplete gamma function, by its recurrence", () => {
    for (const [a, x] of [
      [0.3, 0.01],
      [2.5, 4],
      [30, 20],
      [1000, 1010],
      [1e6, 1.001e6],
    ]) {
      const added = Math.exp(a * Math.log(x) - x - logGamma(a + 1));
      expectNear([incompleteGamma(a + 1, x).upper], [incompleteGamma(a, x).upper + added], 1e-9);
    }
  });

  test("the incomplete beta function, by sums of a binomial distribution", () => {
    for (const [k, n, x] of [
      [1, 1, 0.3],
      [3, 10, 0.2],
      [60, 100, 0.5],
      [7, 400, 0.01],
    ]) {
      let [p, sum] = [(1 - x) ** n, 0];
      for (let i = 0; i <= n; i++) {
        if (i >= k) sum += p;
        p *= ((n - i) / (i + 1)) * (x / (1 - x));
      }
      const { lower, upper } = incompleteBeta(k, n - k + 1, x, 1 - x);
      expectDigits(lower, sum);
      expectDigits(upper, incompleteBeta(n - k + 1, k, 1 - x, x).lower);
    }
  });

  test("the sign test", () => {
    expectNear([signTest(60, 100), signTest(40, 100)], [0.05688793364098089, 0.05688793364098089]);
    expect([signTest(5, 10), signTest(0, 0), fairCoinSurvival(0, 3), fairCoinSurvival(4, 3)]).toEqual([1, 1, 1, 0]);
    expectDigits(signTest(0, 20), 2 ** -19);
    // Of a million trials the normal distribution with a correction for continuity is near.
    expectDigits(signTest(501_500, 1e6), 2 * normalSurvival(1499.5 / 500), 1e-5);
  });

  test("are not numbers where they are not defined", () => {
    expect(incompleteGamma(-1, 2).upper).toBeNaN();
    expect(incompleteBeta(1, 2, -0.5, 1.5).lower).toBeNaN();
    expect(studentQuantile(1.5, 3)).toBeNaN();
  });
});
