import { describe, expect, it } from "vitest";
import { findHeavyLane } from "../../../format/layer.ts";
import { factorize, type RoundedWeights, refit, roundWeights } from "../../../trainer/export/least-squares.ts";
import { at, covariance, given, K, random, trained, weights } from "./layer-inputs.ts";

const grid = (f: (i: number, j: number) => number): Float32Array =>
  Float32Array.from({ length: K * K }, (_, at) => f(Math.floor(at / K), at % K));
const C = grid((i, j) => covariance(given, i, given, j));
const M = grid((i, j) => covariance(trained, i, given, j));
const variances = Float32Array.from({ length: K }, (_, i) => at(C, i * K + i));
const damped = (i: number, j: number): number =>
  i === j ? at(C, i * K + j) * 1.01 || 1 : at(variances, i) > 0 && at(variances, j) > 0 ? at(C, i * K + j) : 0;

describe("least squares", () => {
  const L = factorize(C, variances);

  it("L·Lᵀ is the damped covariance; an input that never varies has a row of the identity", () => {
    for (let i = 0; i < K; i++) {
      for (let j = 0; j < K; j++) {
        let sum = 0;
        for (let m = 0; m < K; m++) sum += at(L, i * K + m) * at(L, j * K + m);
        expect(sum).toBeCloseTo(damped(i, j), 9);
      }
    }
  });

  it("refitted weights are where the ridge regression's gradient is zero", () => {
    const fitted = refit(weights, { given: C, cross: M }, L);
    for (let n = 0; n < 3; n++) {
      for (let j = 0; j < K; j++) {
        // (V − W)(C + damping) = W(M − C)
        let gradient = 0;
        for (let i = 0; i < K; i++) {
          const w = at(weights, n * K + i);
          gradient += (at(fitted, n * K + i) - w) * damped(i, j) - w * (at(M, i * K + j) - at(C, i * K + j));
        }
        expect(Math.abs(gradient)).toBeLessThan(1e-5);
      }
    }
    expect(fitted.some((w, i) => Math.abs(w - at(weights, i)) > 1e-3)).toBe(true);
  });

  const many = Float32Array.from({ length: 200 * K }, () => random.normal());
  const diagonal = grid((i, j) => (i === j ? at(variances, i) : 0));

  /** (w − s·q) · metric · (w − s·q)ᵀ, summed over the outputs. */
  function outputError(of: Float32Array, { weights: q, scales }: RoundedWeights, metric: Float32Array): number {
    let sum = 0;
    for (let n = 0; n < scales.length; n++) {
      const d = Array.from({ length: K }, (_, k) => at(of, n * K + k) - at(scales, n) * at(q, n * K + k));
      for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) sum += at(d, i) * at(metric, i * K + j) * at(d, j);
    }
    return sum;
  }

  it("rounding with the covariance loses less in the outputs than to the nearest", () => {
    const nearest = outputError(many, roundWeights(many, variances, null), C);
    expect(outputError(many, roundWeights(many, variances, L), C)).toBeLessThan(0.8 * nearest);
  });

  it("without covariances weights are rounded to the nearest step of the scale of least error", () => {
    const { weights: q, scales } = roundWeights(weights, variances, null);
    for (let n = 0; n < 3; n++) {
      const row = weights.subarray(n * K, (n + 1) * K);
      const errorOf = (scale: number): number =>
        row.reduce((sum, w, k) => {
          const nearest = Math.max(-127, Math.min(127, Math.round(w / scale)));
          return sum + at(variances, k) * (w - scale * nearest) ** 2;
        }, 0);
      row.forEach((w, k) => {
        expect(at(q, n * K + k)).toBe(Math.max(-127, Math.min(127, Math.round(w / at(scales, n)))));
      });
      const widest = row.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127;
      for (let shrink = 0.6; shrink <= 1; shrink += 0.05)
        expect(errorOf(at(scales, n))).toBeLessThanOrEqual(errorOf(widest * shrink) + 1e-12);
    }
  });

  describe.each([
    ["without covariances", null],
    ["with the covariance", L],
  ])("of one sign, %s,", (_name, factor) => {
    it.each([1, -1])("equal weights of %i are within half of twice the usual step, and no lane too heavy", (w) => {
      const { weights: q, scales } = roundWeights(new Float32Array(K).fill(w), variances, factor);
      expect(findHeavyLane(q, K, 1)).toBeNull();
      expect(at(scales, 0)).toBeCloseTo(2 / 127, 7);
      // Each weight is 63.5 steps; where one is rounded up, its neighbors make good the error.
      for (const steps of q) expect(Math.abs(steps)).toSatisfy((size: number) => size >= 62 && size <= 65);
    });

    it.each([1, -1])("random weights of sign %i lose less than at twice the usual step", (sign) => {
      const N = 200;
      const oneSigned = Float32Array.from({ length: N * K }, () => sign * (0.4 + 0.6 * random.uniform()));
      const { weights: q, scales } = roundWeights(oneSigned, variances, factor);
      expect(findHeavyLane(q, K, N)).toBeNull();
      const nearest = { weights: new Int8Array(N * K), scales: new Float64Array(N) };
      for (let n = 0; n < N; n++) {
        const row = oneSigned.subarray(n * K, (n + 1) * K);
        nearest.scales[n] = (2 * row.reduce((most, w) => Math.max(most, Math.abs(w)), 0)) / 127;
        row.forEach((w, k) => {
          nearest.weights[n * K + k] = Math.round(w / at(nearest.scales, n));
        });
      }
      expect(findHeavyLane(nearest.weights, K, N)).toBeNull();
      const metric = factor ? C : diagonal;
      const ratio = outputError(oneSigned, { weights: q, scales }, metric) / outputError(oneSigned, nearest, metric);
      expect(ratio).toBeLessThan(0.8);
    });
  });

  it("weights that are all 0 stay so", () => {
    const { weights: q, scales } = roundWeights(new Float32Array(K), variances, L);
    expect(q.every((w) => w === 0)).toBe(true);
    expect(at(scales, 0)).toBeGreaterThan(0);
  });
});
