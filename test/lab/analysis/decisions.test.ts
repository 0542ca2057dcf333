import { describe, expect, test } from "vitest";
import { fixedVerdict, lift } from "../../../lab/analysis/comparison.ts";
import { normalQuantile, normalSurvival } from "../../../lab/analysis/distributions/normal.ts";
import { interleavingTest, preference } from "../../../lab/analysis/interleaving.ts";
import { momentsOf } from "../../../lab/analysis/moments.ts";
import { benjaminiHochberg, holm } from "../../../lab/analysis/multiplicity.ts";
import { plannedUnits, plannedUnitsOfLift } from "../../../lab/analysis/planner.ts";
import { linearized } from "../../../lab/analysis/ratio.ts";
import { Random } from "../../../trainer/data/random.ts";
import { teamClicks } from "../../independent/experiments/team-clicks.ts";
import { expectDigits, expectNear } from "./near.ts";

describe("several p-values", () => {
  // growthbook/growthbook, packages/shared/test/experiments.test.ts
  test("Holm", () => {
    expectNear(holm([0.01, 0.04, 0.03, 0.005, 0.55, 0.6]), [0.05, 0.12, 0.12, 0.03, 1, 1]);
  });

  test("Benjamini and Hochberg", () => {
    expectNear(
      benjaminiHochberg([0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138]),
      [0.964, 0.2415, 0.0245, 0.964, 0.7532, 0.0245, 0.2415],
    );
    expect(benjaminiHochberg([])).toEqual([]);
  });

  test("Benjamini and Hochberg's own example rejects four", () => {
    const p = [
      ...[0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528],
      ...[0.759, 1],
    ];
    expect(benjaminiHochberg(p).filter((q) => q <= 0.05)).toHaveLength(4);
    expect(holm(p).filter((q) => q <= 0.05)).toHaveLength(3);
  });
});

describe("the planner", () => {
  const plan = { variance: 4, effect: 0.1, alpha: 0.05, power: 0.8, share: 0.5 };

  test("asks for 15.7 σ²/δ² units an arm at 80 % power", () => {
    // Of both arms 2 · 15.698 · 4/0.01.
    expect(plannedUnits(plan)).toBe(12_559);
    expect(plannedUnits({ ...plan, effect: -0.1 })).toBe(plannedUnits(plan));
    expect(plannedUnits({ ...plan, share: 0.1 })).toBeGreaterThan(2.7 * plannedUnits(plan));
  });

  test("gets the power that it asked for", () => {
    for (const power of [0.5, 0.8, 0.9]) {
      // The error of a difference of two halves of N units with the variance 4.
      const error = Math.sqrt((4 * 4) / plannedUnits({ ...plan, power }));
      expectDigits(normalSurvival(normalQuantile(0.975) - plan.effect / error), power, 1e-3);
    }
  });

  // Clicks of units with one to three lists, of which a click is as probable as a unit likes to click.
  test.each([
    { lift: 0.3, share: 0.5 },
    { lift: 0.3, share: 0.8 },
    { lift: -0.2, share: 0.5 },
  ])("gets it for a lift, too: %o", ({ lift: planned, share }) => {
    const random = new Random(3);
    const clicksOf = (units: number, rate: number): Float64Array => {
      const lists = Float64Array.from({ length: units }, () => 1 + random.integer(3));
      const clicks = lists.map((count) => {
        const own = 0.5 * rate + random.uniform() * rate;
        return Array.from({ length: count }, () => random.uniform() < own).filter(Boolean).length;
      });
      return linearized(clicks, lists);
    };
    const { mean: level, variance } = momentsOf(clicksOf(100_000, 0.2));
    const plan = { lift: planned, level, variance, varianceLeft: 1, alpha: 0.05, power: 0.8, share };
    const units = plannedUnitsOfLift(plan);
    const RUNS = 400;
    let found = 0;
    for (let run = 0; run < RUNS; run++) {
      const treated = Math.round(units * share);
      const [a, b] = [clicksOf(units - treated, 0.2), clicksOf(treated, 0.2 * (1 + planned))].map((v) => momentsOf(v));
      if (fixedVerdict(lift(a, b), 0.05).p < 0.05) found++;
    }
    // Three standard errors of 400 runs.
    expect(found / RUNS).toBeGreaterThan(0.8 - 0.06);
  });

  test.each([
    [{ ...plan, variance: 0 }, "variance: got 0, expected more than 0"],
    [{ ...plan, effect: 0 }, "effect: got 0, expected another than 0"],
    [{ ...plan, power: 1 }, "power: got 1, expected a number between 0 and 1"],
    [{ ...plan, share: 0 }, "share: got 0"],
    [{ ...plan, alpha: Number.NaN }, "alpha: got NaN"],
  ])("refuses %j", (wrong, message) => {
    expect(() => plannedUnits(wrong)).toThrow(message);
  });
});

describe("interleaving", () => {
  // mpkato/interleaving, tests/test_team_draft.py: three slots, the first of team a, the others of team b.
  test.each([
    [[0, 1, 2], "rival"],
    [[0, 1], "tie"],
    [[1, 2], "rival"],
    [[0], "own"],
    [[], "tie"],
  ])("clicks on slots %j prefer %s", (clicks, expected) => {
    expect(preference(teamClicks([0, 1, 1], clicks))).toBe(expected);
  });

  test("counts units, not clicks", () => {
    const units = [
      ...new Array(60).fill({ own: 0, rival: 1 }),
      ...new Array(40).fill({ own: 3, rival: 0 }),
      ...new Array(17).fill({ own: 0, rival: 0 }),
    ];
    const found = interleavingTest(units, 0.05);
    expect(found).toMatchObject({ own: 40, rival: 60, ties: 17 });
    expectNear([found.p, found.credit], [0.05688793364098089, (60 - 120) / 180]);
    expect(found.low).toBeLessThan(found.credit);
    expect(interleavingTest([{ own: 0, rival: 0 }], 0.05)).toMatchObject({ p: 1, credit: Number.NaN });
    // Student's interval of four units: ±3.18 errors.
    const four = [0, 1, 1, 2].map((rival) => ({ own: 2 - rival, rival }));
    const { credit, low, high } = interleavingTest(four, 0.05);
    expect([credit, low, high]).toEqual(
      [0, -3.182446305284264, 3.182446305284264].map((ends) => {
        return expect.closeTo(ends * Math.sqrt(2 / 3 / 4), 12);
      }),
    );
    // Two units that prefer the rival are no proof that all do.
    const two = interleavingTest(new Array(2).fill({ own: 0, rival: 1 }), 0.05);
    expect(two).toEqual({
      own: 0,
      rival: 2,
      ties: 0,
      p: expect.closeTo(0.5, 12),
      credit: 1,
      low: Number.NaN,
      high: Number.NaN,
    });
  });
});
