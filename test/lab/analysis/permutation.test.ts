import { describe, expect, test } from "vitest";
import { difference, fixedVerdict } from "../../../lab/analysis/comparison.ts";
import { logGamma } from "../../../lab/analysis/distributions/log-gamma.ts";
import { momentsOf } from "../../../lab/analysis/moments.ts";
import { permutationP, type ValueCount } from "../../../lab/analysis/permutation.ts";
import { Random } from "../../../trainer/data/random.ts";
import { analyzed, onlyPhase } from "./experiment/analyzed.ts";
import { unitLines } from "./experiment/unit-lines.ts";

const ALARM = 0.001;

function values(count: number, draw: () => number): Float64Array {
  return Float64Array.from({ length: count }, draw);
}

/** How often each value is in two arms. */
function countsOf(a: Float64Array, b: Float64Array): ValueCount[] {
  const numbers = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const count = (arm: Float64Array, value: number): number => arm.filter((own) => own === value).length;
  return numbers.map((value) => ({ value, units: [count(a, value), count(b, value)] }));
}

test("the share of all divisions that differ as much is that of those there are", () => {
  const all = [1, 2, 3, 4, 9];
  const distanceOf = (pair: readonly number[]): number => {
    const others = all.filter((value) => !pair.includes(value));
    const { effect, error } = difference(momentsOf(Float64Array.from(others)), momentsOf(Float64Array.from(pair)));
    return Math.abs(effect) / error;
  };
  const pairs = all.flatMap((a, i) => all.slice(i + 1).map((b) => [a, b]));
  for (const pair of pairs) {
    const others = all.filter((value) => !pair.includes(value));
    const share = pairs.filter((other) => distanceOf(other) >= distanceOf(pair) - 1e-9).length / pairs.length;
    const p = permutationP(countsOf(Float64Array.from(others), Float64Array.from(pair)), 20_000);
    expect(Math.abs(p - share)).toBeLessThan(0.015);
    expect(permutationP(countsOf(Float64Array.from(pair), Float64Array.from(others)), 20_000)).toBe(p);
  }
});

test("values that are all alike differ in no division", () => {
  expect(permutationP([{ value: 2, units: [3, 9] }], 99)).toBe(1);
});

describe("of two values, the share of divisions is Fisher's exact p", () => {
  const DRAWS = 20_000;
  const ways = (n: number, k: number): number => Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1));

  // Arms and values of hundreds of units, of some dozens, and of few, which are drawn in different ways.
  test.each([
    { a: 50, b: 50, marked: 40, of: 28 },
    { a: 500, b: 70, marked: 300, of: 28 },
    { a: 70, b: 500, marked: 450, of: 45 },
    { a: 900, b: 15, marked: 120, of: 5 },
    { a: 40, b: 60, marked: 95, of: 36 },
  ])("%o", ({ a, b, marked, of }) => {
    const values = [
      { value: 1, units: [a - of, b - (marked - of)] as const },
      { value: 3, units: [of, marked - of] as const },
    ];
    const all = ways(a + b, a);
    const numbers = Array.from({ length: Math.min(a, marked) + 1 }, (_, i) => i).filter((i) => marked - i <= b);
    const distance = (number: number): number => {
      const count = (marked: number, units: number): Float64Array =>
        Float64Array.from({ length: units }, (_, i) => (i < marked ? 3 : 1));
      const found = difference(momentsOf(count(number, a)), momentsOf(count(marked - number, b)));
      return found.effect === 0 ? 0 : Math.abs(found.effect) / found.error;
    };
    const seen = distance(of) * (1 - 1e-9);
    const exact = numbers
      .filter((number) => distance(number) >= seen)
      .reduce((sum, number) => sum + (ways(marked, number) * ways(a + b - marked, a - number)) / all, 0);
    const p = permutationP(values, DRAWS);
    expect(Math.abs(p - exact)).toBeLessThan(4 * Math.sqrt(exact / DRAWS) + 1 / DRAWS);
  });
});

describe("lists per unit", () => {
  test("of arms that differ in size alarm in a thousandth of A/A experiments, where Welch's test alone does in ten", () => {
    const random = new Random(5);
    const lists = () => Math.ceil(Math.exp(random.normal()));
    const RUNS = 2000;
    let [alone, confirmed] = [0, 0];
    for (let run = 0; run < RUNS; run++) {
      const [small, large] = [values(20, lists), values(400, lists)];
      const { p } = fixedVerdict(difference(momentsOf(large), momentsOf(small)), ALARM);
      if (!(p < ALARM)) continue;
      alone++;
      if (permutationP(countsOf(large, small), 4999) < ALARM) confirmed++;
    }
    expect(alone).toBeGreaterThan(0.01 * RUNS);
    // Of a probability of 0.001, more than 7 of 2,000 come once in a thousand times.
    expect(confirmed).toBeLessThanOrEqual(7);
  });

  const sizes = { origin: 3000, b: 30 };
  const weights = { origin: 100, b: 1 };

  test("where few units have many lists, a small arm without one of these is sound", async () => {
    // One unit in fifty of the origin's has thirty lists; that none of thirty has so many is nothing strange.
    const lines = unitLines(sizes, (arm, unit) =>
      Array.from({ length: arm === "origin" && unit % 50 === 0 ? 30 : 1 + (unit % 2) }, () => ({})),
    );
    const { soundness } = onlyPhase(await analyzed(lines, { weights }));
    const [, b] = soundness.listsPerUnit;
    expect(b?.ratio).toBeLessThan(0.8);
    expect(b?.p).toBeGreaterThan(0.1);
    expect(soundness).toMatchObject({ sound: true, reasons: [] });
  });

  test("a difference of large arms that a few units make is none", async () => {
    // Each of thirteen units with 400 lists is in the larger arm with a probability of 3/4, and all are in 2.4 %.
    const arms = { origin: 31_500, b: 10_500 };
    const lines = unitLines(arms, (arm, unit) =>
      Array.from({ length: arm === "origin" && unit < 13 ? 400 : unit % 20 === 0 ? 2 : 1 }, () => ({})),
    );
    const { soundness } = onlyPhase(await analyzed(lines, { weights: { origin: 3, b: 1 } }));
    const [, b] = soundness.listsPerUnit;
    expect(b?.ratio).toBeCloseTo(0.86, 2);
    expect(b?.p).toBeGreaterThan(0.01);
    expect(soundness).toMatchObject({ sound: true, reasons: [] });
  });

  test("of a small arm that has lost two thirds of its lines are still told", async () => {
    const lines = unitLines(sizes, (arm, unit) =>
      Array.from({ length: arm === "origin" ? 4 + (unit % 5) : 1 + (unit % 3) }, () => ({})),
    );
    const { soundness } = onlyPhase(await analyzed(lines, { weights }));
    expect(soundness.listsPerUnit[1]?.p).toBeCloseTo(1 / 5000, 10);
    expect(soundness.reasons).toEqual([
      expect.stringMatching(/^units of b have 0\.33\d\d times the lists of origin's/),
    ]);
  });
});
