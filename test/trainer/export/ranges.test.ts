import { describe, expect, it } from "vitest";
import { chooseRange, type Range, stepsOf } from "../../../trainer/export/ranges.ts";

describe("a layer's range", () => {
  const errorOn =
    (inputs: readonly number[]) =>
    (range: Range): number => {
      const { step, zero } = stepsOf(range);
      return inputs.reduce((sum, x) => {
        const q = Math.min(127, Math.max(0, Math.round(x / step + zero)));
        return sum + (x - step * (q - zero)) ** 2;
      }, 0);
    };

  it("clips an outlier of many, and keeps the bulk", () => {
    const inputs = [...Array.from({ length: 400_000 }, (_, i) => (i % 1000) / 1000), 2];
    const { low, high } = chooseRange({ low: 0, high: 2 }, errorOn(inputs));
    expect(low).toBe(0);
    expect(high).toBeGreaterThan(0.9);
    expect(high).toBeLessThan(1.4);
  });

  it("is that of all inputs where clipping gains nothing", () => {
    const inputs = Array.from({ length: 2001 }, (_, i) => (i - 500) / 1000);
    expect(chooseRange({ low: -0.5, high: 1.5 }, errorOn(inputs))).toEqual({ low: -0.5, high: 1.5 });
  });

  it("has zero inside, as a step of its own", () => {
    for (const range of [
      { low: -0.3, high: 0.7 },
      { low: 0, high: 3 },
      { low: -2, high: 0 },
      { low: 0, high: 0 },
    ]) {
      const { zero } = stepsOf(range);
      expect(Number.isInteger(zero) && zero >= 0 && zero <= 127).toBe(true);
    }
  });

  it.each([1e-37, 1e-45])("of %d, whose step has no inverse in float32, takes all inputs for 0", (high) => {
    expect(stepsOf({ low: -high, high })).toEqual({ step: 1, zero: 0 });
  });
});
