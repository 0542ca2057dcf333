import { describe, expect, it } from "vitest";
import { clickRate, relativeInformationGain } from "../../../trainer/metrics/information-gain.ts";
import { loglossOfLogits, loglossOfScores } from "../../../trainer/metrics/logloss.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import { LABELS, SCORES, WEIGHTS } from "./sample.ts";

describe("logloss", () => {
  it("is the mean of −ln p(label)", () => {
    const expected = -(Math.log(0.9) + Math.log(0.8) + Math.log(0.6)) / 3;
    expect(loglossOfScores(Float64Array.of(0.9, 0.2, 0.6), Uint8Array.of(1, 0, 1))).toBeCloseTo(expected, 12);
  });

  it("is what scikit-learn computes, with and without sample weights", () => {
    expect(loglossOfScores(SCORES, LABELS)).toBeCloseTo(0.5389712295119279, 14);
    expect(loglossOfScores(SCORES, LABELS, WEIGHTS)).toBeCloseTo(0.45111782348494045, 14);
  });

  it("is the same from logits, and finite for logits far out", () => {
    const logits = Float64Array.of(-3, 0.5, 2, -0.1);
    const labels = Uint8Array.of(0, 1, 1, 1);
    const weights = Float64Array.of(1, 2, 0.5, 3);
    expect(loglossOfLogits(logits, labels)).toBeCloseTo(loglossOfScores(logits.map(sigmoid), labels), 12);
    expect(loglossOfLogits(logits, labels, weights)).toBeCloseTo(
      loglossOfScores(logits.map(sigmoid), labels, weights),
      12,
    );
    expect(loglossOfLogits(Float64Array.of(1000, -1000), Uint8Array.of(0, 1))).toBe(1000);
  });
});

describe("relative information gain", () => {
  it("is what scikit-learn's losses give, with and without sample weights", () => {
    expect(relativeInformationGain(loglossOfScores(SCORES, LABELS), LABELS)).toBeCloseTo(0.20645380851191686, 14);
    const weighted = loglossOfScores(SCORES, LABELS, WEIGHTS);
    expect(relativeInformationGain(weighted, LABELS, WEIGHTS)).toBeCloseTo(0.2412353827044489, 14);
  });

  it("is 0 for saying the click rate always, and 1 for a perfect prediction", () => {
    const constant = SCORES.map(() => clickRate(LABELS));
    expect(relativeInformationGain(loglossOfScores(constant, LABELS), LABELS)).toBeCloseTo(0, 14);
    expect(relativeInformationGain(0, LABELS)).toBe(1);
    expect(relativeInformationGain(0.1, Uint8Array.of(1, 1))).toBeNaN();
  });
});
