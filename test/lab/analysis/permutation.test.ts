import { describe, expect, test } from "vitest";
import { difference, fixedVerdict } from "../../../lab/analysis/comparison.ts";
import { momentsOf } from "../../../lab/analysis/moments.ts";
import { permutationP } from "../../../lab/analysis/permutation.ts";
import { Random } from "../../../trainer/data/random.ts";
import { analyzed, onlyPhase } from "./experiment/analyzed.ts";
import { unitLines } from "./experiment/unit-lines.ts";

const ALARM = 0.001;

function values(count: number, draw: () => number): Float64Array {
  return Float64Array.from({ length: count }, draw);
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
    const p = permutationP(Float64Array.from(others), Float64Array.from(pair), 20_000);
    expect(Math.abs(p - share)).toBeLessThan(0.015);
    expect(permutationP(Float64Array.from(pair), Float64Array.from(others.reverse()), 20_000)).toBe(p);
  }
});

test("values that are all alike differ in no division", () => {
  expect(permutationP(new Float64Array(3).fill(2), new Float64Array(9).fill(2), 99)).toBe(1);
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
      if (permutationP(large, small, 4999) < ALARM) confirmed++;
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
