import { describe, expect, test } from "vitest";
import { rowKeyHash } from "../../format/row-key.ts";
import { knotKeys, splineEncoder } from "../../format/spline.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { Random } from "../../trainer/data/random.ts";

const rowKey = rowKeyHash(HASH_KEY, "price");

/** The entries of x as pairs of a knot's number and a value. */
function entriesOf(knots: readonly number[], x: number): [number, number][] {
  const keys = knotKeys(knots.length, rowKey);
  const entries: [number, number][] = [];
  splineEncoder(knots, rowKey)(x, {
    add(lo, hi, value) {
      const knot = knots.findIndex((_, i) => keys[2 * i] === lo && keys[2 * i + 1] === hi);
      entries.push([knot, Math.fround(value)]);
    },
  });
  return entries;
}

const KNOTS = [-2, 0, 1, 5];

test.each<[string, readonly number[], number, [number, number][]]>([
  ["below the first knot", KNOTS, -9, [[0, 1]]],
  ["at the first knot", KNOTS, -2, [[0, 1]]],
  [
    "between two",
    KNOTS,
    2,
    [
      [2, 0.75],
      [3, 0.25],
    ],
  ],
  ["at a knot", KNOTS, 1, [[2, 1]]],
  ["at −0", KNOTS, -0, [[1, 1]]],
  ["at the last knot", KNOTS, 5, [[3, 1]]],
  ["above the last knot", KNOTS, 3e38, [[3, 1]]],
  ["with one knot", [7], -3, [[0, 1]]],
  ["so near to a knot that f32 has no share for it", [0, 1e-30, 3e38], 1e-20, [[1, 1]]],
  ["so near below a knot that f32 rounds to it", [0, 1], 1 - 2 ** -30, [[1, 1]]],
  [
    "the least share of f32",
    [0, 1],
    2 ** -149,
    [
      [0, 1],
      [1, 2 ** -149],
    ],
  ],
  [
    "between subnormal knots",
    [0, 1e-323],
    5e-324,
    [
      [0, 0.5],
      [1, 0.5],
    ],
  ],
  [
    "between the ends of f32",
    [-3e38, 3e38],
    0,
    [
      [0, 0.5],
      [1, 0.5],
    ],
  ],
])("a number %s", (_name, knots, x, expected) => {
  expect(entriesOf(knots, x)).toEqual(expected);
});

describe("random knots and numbers", () => {
  const random = new Random(5);
  const size = (): number => 10 ** (12 * random.uniform() - 4);
  const drawn = Array.from({ length: 300 }, () => {
    const list = Array.from({ length: 1 + random.integer(20) }, () => size() * random.normal());
    const knots = [...new Set(list)].sort((a, b) => a - b);
    const near = knots[random.integer(knots.length)] ?? 0;
    return { knots, x: random.uniform() < 0.3 ? near * (1 + 1e-9 * random.normal()) : size() * random.normal() };
  });

  test("the values are above 0 and sum to 1, of neighbors", () => {
    for (const { knots, x } of drawn) {
      const entries = entriesOf(knots, x);
      expect([1, 2]).toContain(entries.length);
      expect(entries.every(([, value]) => value > 0)).toBe(true);
      expect(entries.reduce((sum, [, value]) => sum + value, 0)).toBeCloseTo(1, 6);
      expect((entries.at(-1)?.[0] ?? 0) - (entries[0]?.[0] ?? 0)).toBe(entries.length - 1);
    }
  });

  test("the knots themselves, so interpolated, give the number, and beyond the ends the end", () => {
    for (const { knots, x } of drawn) {
      const [first = 0] = knots;
      const last = knots.at(-1) ?? 0;
      const entries = entriesOf(knots, x);
      const got = entries.reduce((sum, [knot, value]) => sum + value * (knots[knot] ?? 0), 0);
      const width = Math.max(...entries.map(([knot]) => Math.abs(knots[knot] ?? 0)));
      expect(Math.abs(got - Math.min(last, Math.max(first, x)))).toBeLessThanOrEqual(1e-6 * width);
    }
  });
});
