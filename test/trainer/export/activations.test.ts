// Each step of the calibration against a float64 computation of what it is to minimise or to keep.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { ACTIVATION_NONE, ACTIVATION_RELU } from "../../../format/constants.ts";
import { type DenseLayer, findHeavyLane } from "../../../format/layer.ts";
import { Random } from "../../../trainer/data/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { momentsOf } from "../../../trainer/export/activations.ts";
import { NetworkFit } from "../../../trainer/export/layer-fit.ts";
import { factorize, type RoundedWeights, refit, roundWeights } from "../../../trainer/export/least-squares.ts";
import { expectedLoss, servedNetworks } from "../../../trainer/export/networks.ts";
import { chooseRange, type Range, stepsOf } from "../../../trainer/export/ranges.ts";
import { randomLearner, randomRecords, tinySpec, tinyVocabulary } from "../tiny.ts";

beforeAll(async () => {
  await startBackend("wasm");
});

const K = 7;
const RECORDS = 300;
const random = new Random(3);

/** [n, K] correlated inputs of unlike sizes; the last never varies. */
function correlated(): Float64Array[] {
  const mix = Array.from({ length: K }, () => Array.from({ length: K }, () => random.normal()));
  return Array.from({ length: RECORDS }, () => {
    const z = Array.from({ length: K }, () => random.normal());
    return Float64Array.from(mix, (row, k) =>
      k === K - 1 ? 0.25 : 1 + 2 ** (k % 3) * row.reduce((sum, m, j) => sum + m * z[j], 0),
    );
  });
}

const tensorOf = (rows: readonly Float64Array[]): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(rows.flatMap((row) => [...row])), [rows.length, K]);
const at = (list: ArrayLike<number>, i: number): number => list[i];
const mean = (rows: readonly Float64Array[], k: number): number =>
  rows.reduce((sum, row) => sum + at(row, k), 0) / rows.length;
const covariance = (a: readonly Float64Array[], i: number, b: readonly Float64Array[], j: number): number =>
  a.reduce((sum, row, r) => sum + (at(row, i) - mean(a, i)) * (at(b[r], j) - mean(b, j)), 0) / a.length;

const trained = correlated();
const given = trained.map((row) => row.map((x) => Math.round(2 * x) / 2));
const weights = Float32Array.from({ length: 3 * K }, () => random.normal());

describe("moments", () => {
  it("are those of the records", () => {
    const [a, x] = [tensorOf(trained), tensorOf(given)];
    const moments = momentsOf(a, x, true);
    for (let i = 0; i < K; i++) {
      expect(at(moments.trainedMean, i)).toBeCloseTo(mean(trained, i), 4);
      expect(at(moments.givenMean, i)).toBeCloseTo(mean(given, i), 4);
      expect(at(moments.variances, i)).toBeCloseTo(covariance(given, i, given, i), 3);
      for (let j = 0; j < K; j++) {
        expect(at(moments.covariances?.given ?? [], i * K + j)).toBeCloseTo(covariance(given, i, given, j), 3);
        expect(at(moments.covariances?.cross ?? [], i * K + j)).toBeCloseTo(covariance(trained, i, given, j), 3);
      }
    }
    expect(momentsOf(a, x, false).covariances).toBeNull();
    tf.dispose([a, x]);
  });
});

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

  /** Σ over outputs of (w − s·q)C(w − s·q)ᵀ. */
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
      // 63.5 steps; where one is rounded up, its neighbours make it good.
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
});

describe("a fitted network", () => {
  const layer = (outputs: number, inputs: number, activation: number): DenseLayer => ({
    inputs,
    outputs,
    weights: Float32Array.from({ length: inputs * outputs }, () => random.normal()),
    scales: new Float32Array(0),
    biases: Float32Array.from({ length: outputs }, () => random.normal()),
    activation,
    inputInverseScale: 0,
    inputZero: 0,
  });

  it("keeps the mean of every output, and computes what the kernel will", () => {
    const float = layer(5, K, ACTIVATION_NONE);
    const fit = new NetworkFit(tensorOf(trained), tensorOf(given));
    const served = fit.quantize(float);
    const identity = Float32Array.from({ length: 5 }, (_, n) => (n === 2 ? 1 : 0));
    const { errors } = fit.output(identity);
    fit.dispose();
    const sums = [0, 0, 0, 0, 0];
    let largest = 0;
    given.forEach((row, r) => {
      for (let n = 0; n < 5; n++) {
        let exact = at(float.biases, n);
        let acc = 0;
        for (let k = 0; k < K; k++) {
          exact += at(float.weights, n * K + k) * at(trained[r], k);
          const q = Math.round(at(row, k) * served.inputInverseScale + served.inputZero);
          acc += at(served.weights, n * K + k) * Math.min(127, Math.max(0, q));
        }
        const error = acc * at(served.scales, n) + at(served.biases, n) - exact;
        sums[n] = at(sums, n) + error;
        if (n === 2) largest = Math.max(largest, Math.abs(error));
      }
    });
    for (const sum of sums) expect(Math.abs(sum) / RECORDS).toBeLessThan(1e-3);
    expect(largest).toBeGreaterThan(0.01);
    // The output unit is fitted to what the layer before it lost.
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / RECORDS)).toBeLessThan(largest);
  });

  it("a layer kept in float32 is fitted to its inputs and keeps its mean", () => {
    const float = layer(1, K, ACTIVATION_RELU);
    const fit = new NetworkFit(tensorOf(trained), tensorOf(given));
    const kept = fit.keep({ ...float, activation: ACTIVATION_NONE });
    fit.dispose();
    const errors = (weights: ArrayLike<number>, bias: number): number[] =>
      given.map((row, r) => {
        let error = bias - at(float.biases, 0);
        for (let k = 0; k < K; k++) error += at(weights, k) * at(row, k) - at(float.weights, k) * at(trained[r], k);
        return error;
      });
    const own = errors(kept.weights, at(kept.biases, 0));
    expect(Math.abs(own.reduce((sum, e) => sum + e, 0)) / RECORDS).toBeLessThan(1e-4);
    const squares = (list: readonly number[]): number => list.reduce((sum, e) => sum + e * e, 0);
    expect(squares(own)).toBeLessThan(squares(errors(float.weights, at(float.biases, 0))));
  });

  it("leaves the trained rows as they are", () => {
    const spec = tinySpec({ embeddingDim: 6, hidden: [10] });
    const vocabulary = tinyVocabulary(3, 50, random);
    const learner = randomLearner(spec, vocabulary, random);
    const before = learner.tables.values.slice();
    servedNetworks(learner, "int8", randomRecords(100, 3, vocabulary.size, random).dataset);
    expect(learner.tables.values).toEqual(before);
  });

  it("the expected loss is that of small errors, relative to the entropy", () => {
    const logits = Float32Array.from({ length: 500 }, () => 2 * random.normal());
    const errors = logits.map(() => 0.01 * random.normal());
    let loss = 0;
    let entropy = 0;
    logits.forEach((z, i) => {
      const p = 1 / (1 + Math.exp(-z));
      const cross = (y: number): number =>
        -p * Math.log(1 / (1 + Math.exp(-y))) - (1 - p) * Math.log(1 / (1 + Math.exp(y)));
      loss += cross(z + at(errors, i)) - cross(z);
      entropy += cross(z);
    });
    expect(expectedLoss(logits, errors) / (loss / entropy)).toBeCloseTo(1, 2);
  });
});
