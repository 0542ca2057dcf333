import { describe, expect, it } from "vitest";
import { MatrixProduct } from "../../../trainer/engine/assembly/matrix-product.ts";
import { momentsOf } from "../../../trainer/export/activations.ts";
import { at, covariance, given, K, matrixOf, mean, trained } from "./layer-inputs.ts";

describe("moments", () => {
  it("are those of the records", () => {
    const [a, x] = [matrixOf(trained), matrixOf(given)];
    const product = new MatrixProduct();
    const moments = momentsOf(a, x, true, product);
    for (let i = 0; i < K; i++) {
      expect(at(moments.trainedMean, i)).toBeCloseTo(mean(trained, i), 4);
      expect(at(moments.givenMean, i)).toBeCloseTo(mean(given, i), 4);
      expect(at(moments.variances, i)).toBeCloseTo(covariance(given, i, given, i), 3);
      for (let j = 0; j < K; j++) {
        expect(at(moments.covariances?.given ?? [], i * K + j)).toBeCloseTo(covariance(given, i, given, j), 3);
        expect(at(moments.covariances?.cross ?? [], i * K + j)).toBeCloseTo(covariance(trained, i, given, j), 3);
      }
    }
    expect(momentsOf(a, x, false, product).covariances).toBeNull();
  });
});
