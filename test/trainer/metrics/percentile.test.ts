import { expect, test } from "vitest";
import { percentile } from "../../../trainer/metrics/percentile.ts";

test("a percentile is the smallest number that so many are not above", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([0.5, 0.95, 0.99, 1, 0].map((share) => percentile(hundred, share))).toEqual([50, 95, 99, 100, 1]);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(percentile([], 0.5)).toBeNaN();
});
