import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { metricsOfLogits, sigmoid } from "../../../trainer/metrics/metrics.ts";
import { aucDifferenceInterval, type Interval, loglossRatioInterval } from "../../../trainer/metrics/paired.ts";

/** A log of calibrated logits, and the same logits with noise, stretched by `stretch` around their mean. */
function pairOf(seed: number, count: number, { noise = 0.02, stretch = 1, mean = -2 } = {}) {
  const random = new Random(seed);
  const before = Float32Array.from({ length: count }, () => mean + 1.2 * random.normal());
  const labels = Uint8Array.from(before, (z) => (random.uniform() < sigmoid(z) ? 1 : 0));
  const after = before.map((z) => mean + stretch * (z - mean) + noise * random.normal());
  return { before, after, labels };
}

const center = ([low, high]: Interval): number => (low + high) / 2;

/** DeLong's variance of a difference as the paper has it: placements of all pairs, O(N²). */
function delongByPairs(before: Float32Array, after: Float32Array, labels: Uint8Array): number {
  const of = (label: number): number[] => [...labels.keys()].filter((i) => labels[i] === label);
  const [negatives, positives] = [of(0), of(1)];
  const wins = (z: Float32Array, i: number, j: number): number => (z[i] > z[j] ? 1 : z[i] === z[j] ? 0.5 : 0);
  const variance = (list: number[]): number => {
    const mean = list.reduce((sum, x) => sum + x, 0) / list.length;
    return list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (list.length - 1) / list.length;
  };
  const difference = (i: number, j: number): number => wins(after, i, j) - wins(before, i, j);
  const mean = (list: number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
  return (
    variance(positives.map((i) => mean(negatives.map((j) => difference(i, j))))) +
    variance(negatives.map((j) => mean(positives.map((i) => difference(i, j)))))
  );
}

describe("aucDifferenceInterval", () => {
  it("is around the difference, with DeLong's variance, ties included", () => {
    const { before, after, labels } = pairOf(1, 300, { noise: 0.5 });
    const rounded = [before, after].map((z) => z.map((x) => Math.round(4 * x) / 4)) as [Float32Array, Float32Array];
    for (const [a, b] of [[before, after], rounded]) {
      const interval = aucDifferenceInterval(a, b, labels) as Interval;
      expect(center(interval)).toBeCloseTo(metricsOfLogits(b, labels).auc - metricsOfLogits(a, labels).auc, 12);
      const deviation = Math.sqrt(delongByPairs(a, b, labels));
      expect((interval[1] - interval[0]) / 2).toBeCloseTo(3.2905 * deviation, 9);
    }
  });

  it("takes weights as the metric does, in any unit; a record of weight 0 does not count", () => {
    const { before, after, labels } = pairOf(2, 400, { noise: 0.5 });
    const random = new Random(3);
    const weights = Float64Array.from(labels, () => (random.uniform() < 0.2 ? 0 : 1 + random.integer(3)));
    const interval = aucDifferenceInterval(before, after, labels, weights) as Interval;
    const auc = (z: Float32Array): number => metricsOfLogits(z, labels, weights).auc;
    expect(center(interval)).toBeCloseTo(auc(after) - auc(before), 12);
    const scaled = aucDifferenceInterval(
      before,
      after,
      labels,
      weights.map((w) => 1000 * w),
    ) as Interval;
    expect(scaled[0]).toBeCloseTo(interval[0], 12);
    const counted = [...labels.keys()].filter((i) => weights[i] > 0);
    const of = <T extends Float32Array | Uint8Array>(list: T): T => list.filter((_, i) => weights[i] > 0) as T;
    const one = aucDifferenceInterval(
      of(before),
      of(after),
      of(labels),
      Float64Array.from(counted, (i) => weights[i]),
    );
    expect(one?.[0]).toBeCloseTo(interval[0], 12);
    const equal = aucDifferenceInterval(before, after, labels, new Float64Array(labels.length).fill(7)) as Interval;
    expect(equal[1]).toBeCloseTo((aucDifferenceInterval(before, after, labels) as Interval)[1], 12);
  });

  it("is nothing where a class has fewer than two records", () => {
    const logits = Float32Array.of(1, 2, 3, 4);
    expect(aucDifferenceInterval(logits, logits, Uint8Array.of(0, 0, 0, 0))).toBeNull();
    expect(aucDifferenceInterval(logits, logits, Uint8Array.of(0, 0, 0, 1))).toBeNull();
    expect(aucDifferenceInterval(logits, logits, Uint8Array.of(0, 0, 1, 1))).toEqual([0, 0]);
  });
});

describe("loglossRatioInterval", () => {
  it("is around the growth of the logloss", () => {
    const { before, after, labels } = pairOf(4, 500, { noise: 0.3 });
    const weights = Float32Array.from(labels, (_, i) => 1 + (i % 3));
    for (const counted of [undefined, weights]) {
      const loss = (z: Float32Array): number => metricsOfLogits(z, labels, counted).logloss;
      const interval = loglossRatioInterval(before, after, labels, counted) as Interval;
      expect(center(interval)).toBeCloseTo(loss(after) / loss(before) - 1, 12);
    }
  });

  it("is 0 for equal models, and nothing for one record", () => {
    const logits = Float32Array.of(1, 2);
    expect(loglossRatioInterval(logits, logits, Uint8Array.of(0, 1))).toEqual([0, 0]);
    expect(loglossRatioInterval(logits.slice(1), logits.slice(1), Uint8Array.of(1))).toBeNull();
  });
});

it("both hold the true difference on nearly every small log, and are no wider than that takes", () => {
  // The truth, on a log that is large enough to tell.
  const truth = pairOf(5, 400_000, { noise: 0.3, stretch: 0.9 });
  const growth = center(loglossRatioInterval(truth.before, truth.after, truth.labels) as Interval);
  const lost = center(aucDifferenceInterval(truth.before, truth.after, truth.labels) as Interval);
  const missed = { auc: 0, logloss: 0 };
  // Half as wide, they would miss far more: with 1.645 deviations 10 %.
  const halfMissed = { auc: 0, logloss: 0 };
  const miss = ([low, high]: Interval, x: number, share: number): number =>
    Math.abs(x - (low + high) / 2) > (share * (high - low)) / 2 ? 1 : 0;
  const logs = 400;
  for (let seed = 0; seed < logs; seed++) {
    const { before, after, labels } = pairOf(100 + seed, 400, { noise: 0.3, stretch: 0.9 });
    const auc = aucDifferenceInterval(before, after, labels) as Interval;
    const logloss = loglossRatioInterval(before, after, labels) as Interval;
    missed.auc += miss(auc, lost, 1);
    missed.logloss += miss(logloss, growth, 1);
    halfMissed.auc += miss(auc, lost, 0.5);
    halfMissed.logloss += miss(logloss, growth, 0.5);
  }
  expect(missed.auc).toBeLessThanOrEqual(4);
  expect(missed.logloss).toBeLessThanOrEqual(4);
  for (const count of Object.values(halfMissed)) {
    expect(count).toBeGreaterThan(logs * 0.05);
    expect(count).toBeLessThan(logs * 0.18);
  }
});
