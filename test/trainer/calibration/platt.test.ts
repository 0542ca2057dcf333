import { describe, expect, it } from "vitest";
import { fitPlatt, MIN_SLOPE } from "../../../trainer/calibration/platt.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import type { Predictions } from "../../../trainer/metrics/predictions.ts";
import { overconfident, simulatedLog } from "./log.ts";

/** The targets' loss, word for word from Platt 1999, for records of weight 1 or of whole weights. */
function lossOf(
  { logits, labels, weights }: Predictions,
  slope: number,
  intercept: number,
  prior: [number, number],
): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const p = sigmoid(slope * logits[i] + intercept);
    const target = prior[labels[i]];
    const weight = weights ? weights[i] : 1;
    sum -= weight * (target * Math.log(p) + (1 - target) * Math.log(1 - p));
    total += weight;
  }
  return sum / total;
}

const priorOf = (labels: Uint8Array): [number, number] => {
  const positives = labels.reduce((sum, label) => sum + label, 0);
  return [1 / (labels.length - positives + 2), (positives + 1) / (positives + 2)];
};

describe("fitPlatt", () => {
  it("finds the line that made the labels", () => {
    const { slope, intercept } = fitPlatt(simulatedLog(1, 60_000, overconfident));
    expect(slope).toBeCloseTo(0.5, 1);
    expect(intercept).toBeCloseTo(-Math.log(3), 1);
  });

  it.each([
    ["many records", simulatedLog(2, 3_000, overconfident)],
    ["few", simulatedLog(3, 60, overconfident)],
    ["logits far from 0", { logits: Float32Array.of(1000, 1001, 1002, 1003), labels: Uint8Array.of(0, 1, 0, 1) }],
    ["a log that a line parts", { logits: Float32Array.of(-9, -8, 8, 9), labels: Uint8Array.of(0, 0, 1, 1) }],
  ])("is the least of the loss with Platt's targets: %s", (_, log) => {
    const { slope, intercept } = fitPlatt(log);
    const prior = priorOf(log.labels);
    const least = lossOf(log, slope, intercept, prior);
    // The directions of a line around the logits' own mean, as those around 0 would move all of them.
    const mean = log.logits.reduce((sum, z) => sum + z, 0) / log.logits.length;
    for (const [ds, di] of [
      [1e-3, 0],
      [-1e-3, 0],
      [0, 1e-3],
      [0, -1e-3],
    ]) {
      expect(lossOf(log, slope + ds, intercept + di - ds * mean, prior)).toBeGreaterThan(least);
    }
  });

  it("takes whole weights as repetitions, but for the prior; their unit does not matter", () => {
    const { logits, labels } = simulatedLog(4, 4_000, overconfident);
    const weights = Float32Array.from(labels, (_, i) => 1 + (i % 3));
    const indices = [...labels.keys()].flatMap((i) => new Array<number>(weights[i]).fill(i));
    const repeated = {
      logits: Float32Array.from(indices, (i) => logits[i]),
      labels: Uint8Array.from(indices, (i) => labels[i]),
    };
    const weighted = fitPlatt({ logits, labels, weights });
    expect(weighted.slope).toBeCloseTo(fitPlatt(repeated).slope, 2);
    expect(weighted.intercept).toBeCloseTo(fitPlatt(repeated).intercept, 2);
    const scaled = fitPlatt({ logits, labels, weights: weights.map((w) => w / 1024) });
    expect(scaled.slope).toBeCloseTo(weighted.slope, 9);
    const zero = new Float32Array(labels.length + 1).fill(1);
    zero[labels.length] = 0;
    const more = { logits: Float32Array.of(...logits, 50), labels: Uint8Array.of(...labels, 0), weights: zero };
    expect(fitPlatt(more).slope).toBeCloseTo(fitPlatt({ logits, labels }).slope, 9);
  });

  it("keeps the order where the model has it the wrong way round, or knows nothing: nearly the click rate", () => {
    const reversed = simulatedLog(5, 5_000, (z) => -3 - (z + 3));
    const constant = {
      logits: new Float32Array(100).fill(-2),
      labels: Uint8Array.from({ length: 100 }, (_, i) => (i < 10 ? 1 : 0)),
    };
    const { slope, intercept } = fitPlatt(reversed);
    expect(slope).toBe(MIN_SLOPE);
    const rate = reversed.labels.reduce((sum, label) => sum + label, 0) / reversed.labels.length;
    expect(sigmoid(slope * -3 + intercept)).toBeCloseTo(rate, 2);
    const flat = fitPlatt(constant);
    expect(flat.slope).toBeGreaterThan(0);
    expect(sigmoid(-2 * flat.slope + flat.intercept)).toBeCloseTo(0.1, 1);
  });
});
