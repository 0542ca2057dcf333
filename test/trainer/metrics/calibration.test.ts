import { describe, expect, it } from "vitest";
import {
  binsOfEqualFrequency,
  binsOfEqualWidth,
  calibrationRatio,
  expectedCalibrationError,
} from "../../../trainer/metrics/calibration.ts";
import { DISTINCT_LABELS, DISTINCT_SCORES, LABELS, reversed, SCORES, WEIGHTS } from "./sample.ts";

describe("calibration ratio", () => {
  it("is predicted clicks over observed ones", () => {
    expect(calibrationRatio(SCORES, LABELS)).toBeCloseTo(1.09, 14);
    expect(calibrationRatio(SCORES, LABELS, WEIGHTS)).toBeCloseTo(1.51, 14);
  });
});

describe("bins", () => {
  it("of equal width are calibration_curve's with strategy uniform", () => {
    const bins = binsOfEqualWidth(DISTINCT_SCORES, DISTINCT_LABELS, undefined, 5);
    const expected = [0.1, 0.3, 0.495, 0.7125, 0.9025];
    for (const [i, { predicted }] of bins.entries()) expect(predicted).toBeCloseTo(expected[i], 14);
    expect(bins.map(({ observed }) => observed)).toEqual([0.25, 0.25, 0.5, 0.75, 0.75]);
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.079, 14);
  });

  it("of equal frequency are calibration_curve's with strategy quantile", () => {
    const bins = binsOfEqualFrequency(DISTINCT_SCORES, DISTINCT_LABELS, undefined, 4);
    expect(bins.map(({ weight }) => weight)).toEqual([5, 5, 5, 5]);
    const expected = [0.124, 0.372, 0.632, 0.88];
    for (const [i, { predicted }] of bins.entries()) expect(predicted).toBeCloseTo(expected[i], 14);
    expect(bins.map(({ observed }) => observed)).toEqual([0.2, 0.4, 0.6, 0.8]);
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.054, 14);
  });

  it("never part equal predictions, whatever the order of records", () => {
    const bins = binsOfEqualFrequency(SCORES, LABELS, WEIGHTS, 6);
    expect(binsOfEqualFrequency(reversed(SCORES), reversed(LABELS), reversed(WEIGHTS), 6)).toEqual(bins);
    expect(bins.reduce((sum, { weight }) => sum + weight, 0)).toBe(17.75);
    const same = binsOfEqualFrequency(new Float64Array(12).fill(0.3), LABELS);
    expect(same).toHaveLength(1);
    expect(expectedCalibrationError(same)).toBeCloseTo(5 / 12 - 0.3, 14);
  });

  it("a record of weight 2 is two records", () => {
    const twice = (column: Float64Array): Float64Array => Float64Array.from([...column, ...column]);
    const labels = Uint8Array.from([...DISTINCT_LABELS, ...DISTINCT_LABELS]);
    const weights = new Float64Array(20).fill(2);
    for (const bins of [binsOfEqualFrequency, binsOfEqualWidth]) {
      const weighted = expectedCalibrationError(bins(DISTINCT_SCORES, DISTINCT_LABELS, weights));
      expect(weighted).toBeCloseTo(expectedCalibrationError(bins(twice(DISTINCT_SCORES), labels)), 14);
    }
  });

  it("hold 0 and 1, and refuse what is no probability", () => {
    const ends = binsOfEqualWidth(Float64Array.of(0, 1), Uint8Array.of(0, 1));
    expect(ends.map(({ predicted }) => predicted)).toEqual([0, 1]);
    expect(() => binsOfEqualWidth(Float64Array.of(1.2), Uint8Array.of(1))).toThrow("expected a probability");
  });
});
