import { expect } from "vitest";

/** Expects numbers within `tolerance` of others, absolutely, or relatively where these are larger than 1. */
export function expectNear(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-12): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value) / Math.max(1, Math.abs(value)), `${actual[i]} for ${value}`).toBeLessThan(
      tolerance,
    );
}

/** Expects a number whose digits are those of another but for a share of `tolerance`. */
export function expectDigits(actual: number, expected: number, tolerance = 1e-12): void {
  expect(Math.abs(actual / expected - 1), `${actual} for ${expected}`).toBeLessThan(tolerance);
}
