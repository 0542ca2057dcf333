import { describe, expect, it } from "vitest";
import { ACTIVATION_NONE, ACTIVATION_RELU } from "../../../format/constants.ts";
import type { DenseLayer } from "../../../format/layer.ts";
import { MatrixProduct } from "../../../trainer/engine/assembly/matrix-product.ts";
import { NetworkFit } from "../../../trainer/export/layer-fit.ts";
import { at, given, INPUT_RECORDS, K, matrixOf, random, trained } from "./layer-inputs.ts";

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
    const fit = new NetworkFit(new MatrixProduct(), matrixOf(trained), matrixOf(given));
    const served = fit.quantize(float);
    const identity = Float32Array.from({ length: 5 }, (_, n) => (n === 2 ? 1 : 0));
    const { errors } = fit.output(identity);
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
    for (const sum of sums) expect(Math.abs(sum) / INPUT_RECORDS).toBeLessThan(1e-3);
    expect(largest).toBeGreaterThan(0.01);
    // The output unit is fitted to what the layer before it lost.
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / INPUT_RECORDS)).toBeLessThan(largest);
  });

  it("a layer kept in float32 is fitted to its inputs and keeps its mean", () => {
    const float = layer(1, K, ACTIVATION_RELU);
    const fit = new NetworkFit(new MatrixProduct(), matrixOf(trained), matrixOf(given));
    const kept = fit.keep({ ...float, activation: ACTIVATION_NONE });
    const errors = (weights: ArrayLike<number>, bias: number): number[] =>
      given.map((row, r) => {
        let error = bias - at(float.biases, 0);
        for (let k = 0; k < K; k++) error += at(weights, k) * at(row, k) - at(float.weights, k) * at(trained[r], k);
        return error;
      });
    const own = errors(kept.weights, at(kept.biases, 0));
    expect(Math.abs(own.reduce((sum, e) => sum + e, 0)) / INPUT_RECORDS).toBeLessThan(1e-4);
    const squares = (list: readonly number[]): number => list.reduce((sum, e) => sum + e * e, 0);
    expect(squares(own)).toBeLessThan(squares(errors(float.weights, at(float.biases, 0))));
  });
});
