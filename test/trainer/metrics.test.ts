import { describe, expect, it } from "vitest";
import { auc, loglossOfLogits, loglossOfScores, sigmoid } from "../../trainer/metrics.ts";
import { Random } from "../../trainer/random.ts";

/** The definition: over all pairs of a positive and a negative. */
function aucByPairs(scores: Float32Array, labels: Uint8Array): number {
  let pairs = 0;
  let won = 0;
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs++;
      const [a, b] = [scores[i] as number, scores[j] as number];
      won += a > b ? 1 : a === b ? 0.5 : 0;
    }
  }
  return won / pairs;
}

describe("auc", () => {
  it("is the share of pairs in the right order, ties counting half", () => {
    expect(auc(Float32Array.of(0.1, 0.4, 0.35, 0.8), Uint8Array.of(0, 0, 1, 1))).toBe(0.75); // scikit-learn's example
    expect(auc(Float32Array.of(1, 1, 1, 1), Uint8Array.of(0, 1, 0, 1))).toBe(0.5);
    expect(auc(Float32Array.of(3, 2, 1), Uint8Array.of(1, 0, 0))).toBe(1);
    expect(auc(Float32Array.of(1, 2), Uint8Array.of(1, 0))).toBe(0);
  });

  it("agrees with the definition on random scores with many ties", () => {
    const random = new Random(3);
    for (let round = 0; round < 20; round++) {
      const n = 2 + random.integer(60);
      const scores = Float32Array.from({ length: n }, () => random.integer(8) / 8);
      const labels = Uint8Array.from({ length: n }, (_, i) => (i < 2 ? i : random.integer(2)));
      expect(auc(scores, labels)).toBeCloseTo(aucByPairs(scores, labels), 12);
    }
  });

  it("is not a number where a class is empty", () => {
    expect(auc(Float32Array.of(1, 2), Uint8Array.of(1, 1))).toBeNaN();
  });
});

describe("logloss", () => {
  it("is the mean of −ln p(label)", () => {
    const expected = -(Math.log(0.9) + Math.log(0.8) + Math.log(0.6)) / 3;
    expect(loglossOfScores(Float64Array.of(0.9, 0.2, 0.6), Uint8Array.of(1, 0, 1))).toBeCloseTo(expected, 12);
  });

  it("is the same from logits, and finite for logits far out", () => {
    const logits = Float64Array.of(-3, 0.5, 2, -0.1);
    const labels = Uint8Array.of(0, 1, 1, 1);
    expect(loglossOfLogits(logits, labels)).toBeCloseTo(loglossOfScores(logits.map(sigmoid), labels), 12);
    expect(loglossOfLogits(Float64Array.of(1000, -1000), Uint8Array.of(0, 1))).toBe(1000);
  });
});
