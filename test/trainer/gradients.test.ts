import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../trainer/backend.ts";
import { Batch } from "../../trainer/model/tables.ts";
import { Random } from "../../trainer/random.ts";
import { type ReferenceWeights, referenceLogits, referenceLoss, referenceWeights } from "./reference.ts";
import { randomLearner, randomRecords, tinySpec, tinyVocabulary } from "./tiny.ts";

// The graph is float32 and the reference float64, so what they disagree by is the graph's rounding: about 1e-6 of the
// largest gradient in sums over 24 records. The central difference itself errs by STEP² times a third derivative.
const STEP = 1e-4;
const TOLERANCE = 2e-5;
const FIELDS = 3;

describe.each(["wasm", "cpu"] as const)("gradients of DeepFM on the backend %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
  });

  it.each([
    { hidden: [7, 5], batchNorm: false },
    { hidden: [7, 5], batchNorm: true },
    { hidden: [4], batchNorm: true },
  ])("agree with finite differences: $hidden, batchNorm $batchNorm", (shape) => {
    const random = new Random(11);
    const spec = tinySpec({ embeddingDim: 3, ...shape });
    const vocabulary = tinyVocabulary(FIELDS, 6, random);
    const learner = randomLearner(spec, vocabulary, random);
    const { records, dataset } = randomRecords(24, FIELDS, vocabulary.size, random);
    const labels = Array.from(dataset.labels);

    const batch = new Batch(24, FIELDS, 3, vocabulary.size);
    batch.gather(
      dataset,
      Uint32Array.from({ length: 24 }, (_, i) => i),
      learner.tables,
    );
    const weights = referenceWeights(learner);
    const lossOf = (w: ReferenceWeights): number => referenceLoss(referenceLogits(w, records, true), labels);
    const { loss, dense, dEmbeddings, dLinear } = learner.gradients(batch);
    expect(loss).toBeCloseTo(lossOf(weights), 5);

    const slope = (list: Float64Array, i: number): number => {
      const kept = list[i] as number;
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
        expect(Math.abs((got[i] as number) - slope(values, i)), `${name}[${i}]`).toBeLessThan(TOLERANCE);
    }
    const rows = batch.scatter(dataset, dEmbeddings, dLinear);
    for (let local = 0; local < batch.uniqueCount; local++) {
      const row = batch.unique[local] as number;
      for (let j = 0; j < 4; j++) {
        const difference = Math.abs((rows[local * 4 + j] as number) - slope(weights.rows, row * 4 + j));
        expect(difference, `row ${row}, element ${j}`).toBeLessThan(TOLERANCE);
      }
    }
  });
});
