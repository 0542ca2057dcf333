import { expect, test } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { Zipf } from "../../../trainer/data/zipf.ts";

const N = 1000;
const DRAWS = 200_000;

test("ranks are drawn in proportion to 1 / (rank + 1)^exponent", () => {
  for (const exponent of [1, 1.3]) {
    const zipf = new Zipf(N, exponent);
    const random = new Random(5);
    const counts = new Float64Array(N);
    for (let i = 0; i < DRAWS; i++) counts[zipf.draw(random)]++;
    const sum = counts.reduce((total, _, rank) => total + (rank + 1) ** -exponent, 0);
    for (const rank of [0, 1, 2, 10, 50]) {
      const expected = (DRAWS * (rank + 1) ** -exponent) / sum;
      expect(Math.abs(counts[rank] - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
    const tail = counts.subarray(100).reduce((a, b) => a + b, 0);
    const expected = (DRAWS * counts.reduce((s, _, r) => (r < 100 ? s : s + (r + 1) ** -exponent), 0)) / sum;
    expect(Math.abs(tail - expected)).toBeLessThan(5 * Math.sqrt(expected));
  }
});

test("each number picks the rank whose share of the sum it lies in, to the last one", () => {
  const at = (n: number, uniform: number): number => {
    const random = new Random(1);
    random.uniform = () => uniform;
    return new Zipf(n, 1).draw(random);
  };
  // The weights of 3 ranks are 1, 1/2 and 1/3, of 11/6.
  expect([0, 6 / 11 - 1e-9, 6 / 11 + 1e-9, 9 / 11 - 1e-9, 9 / 11 + 1e-9, 1 - 2 ** -32].map((u) => at(3, u))).toEqual([
    0, 0, 1, 1, 2, 2,
  ]);
  expect(at(1, 1 - 2 ** -32)).toBe(0);
});
