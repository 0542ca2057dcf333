import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { auc } from "../../../trainer/metrics/auc.ts";
import { aucInterval } from "../../../trainer/metrics/auc-interval.ts";
import { LABELS, reversed, SCORES, WEIGHTS } from "./sample.ts";

// The expected numbers follow DeLong, DeLong and Clarke-Pearson 1988 by its definition, pair by pair, in Python. With
// weights a class counts as (Σ w)² / Σ w² records, as Kish 1965 has it.

describe("DeLong's interval", () => {
  it("has the variance of the placement values, ties included, on the logit scale", () => {
    const interval = aucInterval(SCORES, LABELS);
    expect(interval?.low).toBeCloseTo(0.39074977682528633, 12);
    expect(interval?.high).toBeCloseTo(0.9380989795104139, 12);
    expect(aucInterval(reversed(SCORES), reversed(LABELS))?.low).toBeCloseTo(0.39074977682528633, 12);
  });

  it("counts records by their sample weights; those of weight 0 are not there", () => {
    const interval = aucInterval(SCORES, LABELS, WEIGHTS);
    expect(interval?.low).toBeCloseTo(0.4910745545336393, 12);
    expect(interval?.high).toBeCloseTo(0.9776715020502522, 12);
    const longer = (list: Float64Array, ...more: number[]): Float64Array => Float64Array.of(...list, ...more);
    const labels = Uint8Array.of(...LABELS, 1, 0);
    expect(aucInterval(longer(SCORES, 0.01, 0.99), labels, longer(WEIGHTS, 0, 0))).toEqual(interval);
  });

  it("covers the true AUC in about 95 of 100 logs with few clicks", () => {
    // Scores of N(1, 1) and N(0, 1): the true AUC is Φ(1/√2).
    const truth = 0.7602499389065233;
    const random = new Random(5);
    const logs = 300;
    let covered = 0;
    for (let log = 0; log < logs; log++) {
      const labels = Uint8Array.from({ length: 400 }, (_, i) => Number(i < 20));
      const interval = aucInterval(
        Float64Array.from(labels, (label) => label + random.normal()),
        labels,
      );
      if (interval && interval.low <= truth && truth <= interval.high) covered++;
    }
    expect(covered / logs).toBeGreaterThan(0.92);
    expect(covered / logs).toBeLessThan(0.98);
  });
});

describe("where the variance says too much or nothing", () => {
  const labels = Uint8Array.of(0, 0, 0, 0, 0, 1, 1, 1);

  it("perfect and perfectly wrong orders have the exact interval of as many pairs as the smaller class has", () => {
    const scores = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(aucInterval(scores, labels)).toEqual({ low: 0.025 ** (1 / 3), high: 1 });
    expect(
      aucInterval(
        scores.map((x) => -x),
        labels,
      ),
    ).toEqual({ low: 0, high: 1 - 0.025 ** (1 / 3) });
    const weights = Float32Array.of(0.1, 0.2, 0.3, 0.7, 0.9, 0.1, 0.2, 0.7);
    expect(aucInterval(scores, labels, weights)?.high).toBe(1);
  });

  it("a constant score has the AUC ½ for certain", () => {
    expect(aucInterval(new Float64Array(8), labels)).toEqual({ low: 0.5, high: 0.5 });
  });

  it("one record of a class, one class, or a score of NaN have none", () => {
    expect(aucInterval(Float64Array.of(1, 2, 3), Uint8Array.of(0, 0, 1))).toBeNull();
    expect(aucInterval(Float64Array.of(1, 2, 3), Uint8Array.of(0, 0, 0))).toBeNull();
    expect(aucInterval(Float64Array.of(1, Number.NaN, 3, 4), Uint8Array.of(0, 0, 1, 1))).toBeNull();
  });

  it("holds the AUC that it is about", () => {
    const interval = aucInterval(SCORES, LABELS, WEIGHTS);
    expect(interval?.low).toBeLessThan(auc(SCORES, LABELS, WEIGHTS));
    expect(interval?.high).toBeGreaterThan(auc(SCORES, LABELS, WEIGHTS));
  });
});
