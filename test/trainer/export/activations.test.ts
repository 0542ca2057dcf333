import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../../trainer/engine/backend.ts";
import * as tf from "../../../trainer/engine/tfjs.ts";
import { momentsOf } from "../../../trainer/export/activations.ts";
import { TEST_BACKEND } from "../backend.ts";
import { at, covariance, given, K, mean, tensorOf, trained } from "./layer-inputs.ts";

beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

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
