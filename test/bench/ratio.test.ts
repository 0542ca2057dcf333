import { expect, test } from "vitest";
import { medianInterval } from "../../bench/ratio.ts";
import { Random } from "../../trainer/data/random.ts";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i);

test("the interval of a median leaves out as many of the least and the greatest as the sign test has", () => {
  // The ranks are those of tables of the sign test at 5 %, both sides together.
  const ranks: [n: number, low: number, high: number][] = [
    [1, 1, 1],
    [5, 1, 5],
    [6, 1, 6],
    [9, 2, 8],
    [15, 4, 12],
    [31, 10, 22],
  ];
  for (const [n, low, high] of ranks) expect(medianInterval(upTo(n))).toEqual({ median: (n + 1) / 2, low, high });
});

test("in at least 95 of 100 cases it has the median of what was drawn from", () => {
  const random = new Random(3);
  let missed = 0;
  for (let i = 0; i < 2000; i++) {
    // Of skewed numbers whose median is 1.
    const { low, high } = medianInterval(Array.from({ length: 9 }, () => Math.exp(2 * random.normal())));
    if (low > 1 || high < 1) missed++;
  }
  expect(missed / 2000).toBeLessThan(0.05);
  expect(missed / 2000).toBeGreaterThan(0.03);
});
