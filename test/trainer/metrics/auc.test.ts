import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { auc } from "../../../trainer/metrics/auc.ts";
import { LABELS, SCORES, WEIGHTS } from "./sample.ts";

/** The definition: over all pairs of a positive and a negative, each with the product of its weights. */
function aucByPairs(scores: Float32Array, labels: Uint8Array, weights: Float64Array): number {
  let pairs = 0;
  let won = 0;
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      const [a, b] = [scores[i], scores[j]];
      const weight = weights[i] * weights[j];
      pairs += weight;
      won += weight * (a > b ? 1 : a === b ? 0.5 : 0);
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

  it("is what scikit-learn computes, with and without sample weights", () => {
    expect(auc(SCORES, LABELS)).toBeCloseTo(0.7571428571428571, 14);
    expect(auc(SCORES, LABELS, WEIGHTS)).toBeCloseTo(0.8666666666666667, 14);
  });

  it("agrees with the definition on random scores with many ties", () => {
    const random = new Random(3);
    for (let round = 0; round < 20; round++) {
      const n = 2 + random.integer(60);
      const scores = Float32Array.from({ length: n }, () => random.integer(8) / 8);
      const labels = Uint8Array.from({ length: n }, (_, i) => (i < 2 ? i : random.integer(2)));
      const weights = Float64Array.from({ length: n }, () => random.uniform());
      expect(auc(scores, labels)).toBeCloseTo(
        aucByPairs(
          scores,
          labels,
          weights.map(() => 1),
        ),
        12,
      );
      expect(auc(scores, labels, weights)).toBeCloseTo(aucByPairs(scores, labels, weights), 12);
    }
  });

  it("is not a number where a class is empty or a score is none", () => {
    expect(auc(Float32Array.of(1, 2), Uint8Array.of(1, 1))).toBeNaN();
    expect(auc(Float32Array.of(1, Number.NaN), Uint8Array.of(1, 0))).toBeNaN();
  });
});
