import { expect } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: a vector has inputs and values of any shape
export type Any = any;

/** A value of the file, with what it is computed from. */
export interface Vector {
  id: string;
  input: Any;
  expected: Any;
  tolerance: number | null;
}

/** Expects the same shape and numbers within the vector's own tolerance, as `expectNear` does. */
export type Near = (actual: unknown, expected: unknown) => void;

/** By the id of a vector: its check. */
export type Checks = Record<string, (vector: Vector, near: Near) => void | Promise<void>>;

/** Expects the same shape, with numbers within `tolerance`: absolutely, or relatively where they are larger than 1. */
export function expectNear(actual: unknown, expected: unknown, tolerance: number, place = "value"): void {
  if (typeof expected === "number") {
    const off = Math.abs((actual as number) - expected) / Math.max(1, Math.abs(expected));
    expect(off, `${place}: got ${actual}, expected ${expected}`).toBeLessThanOrEqual(tolerance);
    return;
  }
  const [found, wanted] = [actual, expected].map((value) => Object.entries(value as object));
  expect(found.map(([key]) => key).sort()).toEqual(wanted.map(([key]) => key).sort());
  for (const [key, value] of wanted) expectNear((actual as Any)[key], value, tolerance, `${place}.${key}`);
}

export function floats(values: readonly number[]): Float64Array {
  return Float64Array.from(values);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
