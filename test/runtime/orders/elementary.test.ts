import { expect, test } from "vitest";
import { exp, log, log1p } from "../../../runtime/orders/elementary.ts";
import { seeded } from "../../../testing/format/random.ts";

/** The step from a number to the next one that float64 has. */
function ulp(x: number): number {
  const next = Float64Array.of(Math.abs(x));
  const bits = new BigInt64Array(next.buffer);
  bits[0] += 1n;
  return next[0] - Math.abs(x);
}

test("logarithm and exponential are within 2 ulp of the engine's", () => {
  const random = seeded(1);
  let worst = 0;
  const compare = (own: number, engine: number): void => {
    worst = Math.max(worst, Math.abs(own - engine) / ulp(engine));
  };
  for (let i = 0; i < 20_000; i++) {
    const u = random();
    for (const x of [u, Math.exp(1400 * (u - 0.5)), 1 + 1e-3 * (u - 0.5)]) compare(log(x), Math.log(x));
    for (const x of [-744 * u, 709 * u, 1e-3 * (u - 0.5), 40 * (u - 0.5)]) compare(exp(x), Math.exp(x));
    for (const x of [u, 1e-9 * u, 1e9 * u]) compare(log1p(x), Math.log1p(x));
  }
  expect(worst).toBeGreaterThan(0);
  expect(worst).toBeLessThanOrEqual(2);
});

test("they are exact where that is expected of them", () => {
  expect([0, 1, Number.POSITIVE_INFINITY, -1, Number.NaN].map(log)).toEqual([
    Number.NEGATIVE_INFINITY,
    0,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    Number.NaN,
  ]);
  expect(log(Number.MIN_VALUE)).toBe(Math.log(Number.MIN_VALUE));
  expect([Number.NEGATIVE_INFINITY, -746, 0, 710, Number.POSITIVE_INFINITY, Number.NaN].map(exp)).toEqual([
    0,
    0,
    1,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ]);
  expect([exp(-744), exp(709.78)]).toEqual([Math.exp(-744), Math.exp(709.78)]);
  expect([0, Number.POSITIVE_INFINITY].map(log1p)).toEqual([0, Number.POSITIVE_INFINITY]);
});
