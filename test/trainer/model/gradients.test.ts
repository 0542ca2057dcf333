import { beforeAll, describe, expect, it } from "vitest";
import { MODEL_TYPES, type ResolvedSpec } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import type { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { GatheredBatch } from "../../../trainer/model/gathered-batch.ts";
import type { Learner } from "../../../trainer/model/learner.ts";
import { randomDataset, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";
import {
  type ReferenceRecord,
  type ReferenceWeights,
  referenceInBatchLoss,
  referenceLogits,
  referenceLoss,
  referenceWeights,
} from "./reference.ts";

// The engine computes in float32 and the reference in float64. So they differ by the engine's rounding errors: about
// 1e-6 of the largest gradient in sums over 24 records. The step is so small that it hardly ever crosses a kink of
// ReLU.
const STEP = 1e-6;
const TOLERANCE = 4e-5;
const FIELDS = 3;
const RECORDS = 24;

interface Case {
  spec: ResolvedSpec;
  vocabulary: Vocabulary;
  learner: Learner;
  records: ReferenceRecord[];
  dataset: Dataset;
}

function randomCase(model: object, training: object = {}): Case {
  const random = new Random(11);
  const spec = tinySpec({ embeddingDim: 3, hidden: [5], ...model }, training);
  const vocabulary = tinyVocabulary(FIELDS, 6, random);
  const learner = randomLearner(spec, vocabulary, random);
  return { spec, vocabulary, learner, ...randomDataset(RECORDS, FIELDS, vocabulary.size, random) };
}

/** Compares each partial derivative that the engine gives with a central difference of the reference's loss. */
function expectGradients({ spec, vocabulary, learner, dataset }: Case, lossOf: (w: ReferenceWeights) => number): void {
  const { dim } = learner.tables;
  const batch = new GatheredBatch(RECORDS, FIELDS, dim, vocabulary.size);
  batch.gather(
    dataset,
    Uint32Array.from({ length: RECORDS }, (_, i) => i),
    learner.tables,
    false,
  );
  const weights = referenceWeights(spec, learner);
  const { loss, dense, dEmbeddings, dLinear } = learner.gradients(batch);
  expect(loss).toBeCloseTo(lossOf(weights), 5);

  const slope = (list: Float64Array, i: number): number => {
    const kept = list[i];
    list[i] = kept + STEP;
    const above = lossOf(weights);
    list[i] = kept - STEP;
    const below = lossOf(weights);
    list[i] = kept;
    return (above - below) / (2 * STEP);
  };
  for (const [name, values] of weights.dense) {
    const got = learner.model.parameters.view(name, dense);
    for (let i = 0; i < values.length; i++)
      expect(Math.abs(got[i] - slope(values, i)), `${name}[${i}]`).toBeLessThan(TOLERANCE);
  }
  const rows = batch.scatter(dEmbeddings, dLinear);
  for (let local = 0; local < batch.uniqueCount; local++) {
    const row = batch.unique[local];
    for (let j = 0; j <= dim; j++) {
      const difference = rows[local * (dim + 1) + j] - slope(weights.rows, row * (dim + 1) + j);
      expect(Math.abs(difference), `row ${row}, element ${j}`).toBeLessThan(TOLERANCE);
    }
  }
}

describe.each(["wasm", "cpu"] as const)("on the backend %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
  });

  describe.each(MODEL_TYPES)("%s", (type) => {
    it("computes its equations", () => {
      const { spec, learner, records, dataset } = randomCase({ type, batchNorm: true });
      const expected = referenceLogits(referenceWeights(spec, learner), records, false);
      const got = learner.predict(dataset);
      expected.forEach((logit, i) => {
        expect(got[i]).toBeCloseTo(logit, 4);
      });
    });

    it.each([{ batchNorm: false }, { batchNorm: true, hidden: [4, 3] }])(
      "has their gradients, with $batchNorm",
      (shape) => {
        const random = randomCase({ type, ...shape });
        const labels = Array.from(random.dataset.labels);
        expectGradients(random, (w) => referenceLoss(referenceLogits(w, random.records, true), labels));
      },
    );
  });

  it.each(["relu", "tanh", "sigmoid"])("the activation %s", (activation) => {
    const random = randomCase({ activation, batchNorm: true });
    const labels = Array.from(random.dataset.labels);
    expectGradients(random, (w) => referenceLoss(referenceLogits(w, random.records, true), labels));
  });

  it("the in-batch softmax loss", () => {
    const random = randomCase({ type: "two-tower" }, { loss: "in-batch" });
    const shares = Array.from({ length: random.vocabulary.size }, (_, row) => (1 + ((row * 7) % 5)) / 40);
    const weights = random.learner.weights();
    random.learner.startFromPopularity(Float32Array.from(shares, Math.log));
    random.learner.restore(weights);
    expectGradients(random, (w) => referenceInBatchLoss(w, random.records, shares));
  });
});
