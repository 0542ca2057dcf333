import { beforeAll, describe, expect, it } from "vitest";
import { MODEL_TYPES, type ResolvedSpec } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import type { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import type { Backend } from "../../../trainer/engine/backends.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import type { EngineFactory } from "../../../trainer/model/engine.ts";
import { GatheredBatch } from "../../../trainer/model/gathered-batch.ts";
import type { Learner } from "../../../trainer/model/learner.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomDataset, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";
import {
  type ReferenceRecord,
  type ReferenceWeights,
  referenceInBatchLoss,
  referenceLogits,
  referenceLoss,
  referenceWeights,
} from "./reference.ts";

// An engine computes in float32 and the reference in float64. So they differ by an engine's rounding errors: about
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

function randomCase(engineOf: EngineFactory, model: object, training: object = {}): Case {
  const random = new Random(11);
  const spec = tinySpec({ embeddingDim: 3, hidden: [5], ...model }, training);
  const vocabulary = tinyVocabulary(FIELDS, 6, random);
  const learner = randomLearner(spec, vocabulary, random, engineOf);
  return { spec, vocabulary, learner, ...randomDataset(RECORDS, FIELDS, vocabulary.size, random) };
}

/** The loss of the reference, and central differences of it by every weight. */
interface Slopes {
  loss: number;
  dense: Map<string, Float64Array>;
  rows: Float64Array;
}

/** By what a case is made of: all engines have the same, as a seed gives them the same weights. */
const known = new Map<string, Slopes>();

function slopesOf({ spec, learner }: Case, lossOf: (w: ReferenceWeights) => number): Slopes {
  const key = JSON.stringify([spec.model, spec.training]);
  const before = known.get(key);
  if (before) return before;
  const weights = referenceWeights(spec, learner);
  const slopes = (list: Float64Array): Float64Array =>
    list.map((kept, i) => {
      const lossAt = (value: number): number => {
        list[i] = value;
        return lossOf(weights);
      };
      const slope = (lossAt(kept + STEP) - lossAt(kept - STEP)) / (2 * STEP);
      list[i] = kept;
      return slope;
    });
  const loss = lossOf(weights);
  const dense = new Map([...weights.dense].map(([name, values]) => [name, slopes(values)]));
  const found = { loss, dense, rows: slopes(weights.rows) };
  known.set(key, found);
  return found;
}

/** Compares each partial derivative that the engine gives with a central difference of the reference's loss. */
function expectGradients(of: Case, lossOf: (w: ReferenceWeights) => number): void {
  const { vocabulary, learner, dataset } = of;
  const { dim } = learner.tables;
  const batch = new GatheredBatch(RECORDS, FIELDS, dim, vocabulary.size);
  batch.gather(
    dataset,
    Uint32Array.from({ length: RECORDS }, (_, i) => i),
    learner.tables,
    false,
  );
  const slopes = slopesOf(of, lossOf);
  const { loss, dense, dEmbeddings, dLinear } = learner.gradients(batch);
  expect(loss).toBeCloseTo(slopes.loss, 5);

  const wrong: string[] = [];
  const compare = (place: string, got: number, expected: number): void => {
    if (!(Math.abs(got - expected) < TOLERANCE)) wrong.push(`${place}: got ${got}, expected ${expected}`);
  };
  for (const [name, expected] of slopes.dense) {
    const got = learner.model.parameters.view(name, dense);
    for (let i = 0; i < expected.length; i++) compare(`${name}[${i}]`, got[i], expected[i]);
  }
  const rows = batch.scatter(dEmbeddings, dLinear);
  for (let local = 0; local < batch.uniqueCount; local++) {
    const row = batch.unique[local];
    for (let j = 0; j <= dim; j++)
      compare(`row ${row}, element ${j}`, rows[local * (dim + 1) + j], slopes.rows[row * (dim + 1) + j]);
  }
  expect(wrong).toEqual([]);
}

const ENGINES: { name: string; engineOf: EngineFactory; backend?: Backend }[] = [
  { name: `TensorFlow.js on ${TEST_BACKEND}`, engineOf: tfjsEngine, backend: TEST_BACKEND },
  { name: "TensorFlow.js on cpu", engineOf: tfjsEngine, backend: "cpu" },
  ...(["relaxed", "simd", "scalar"] as const).map((variant) => ({
    name: `AssemblyScript, ${variant}`,
    engineOf: assemblyEngine(1, variant),
  })),
  // Parts so small that every command has many.
  ...[2, 3].map((threads) => ({
    name: `AssemblyScript on ${threads} threads`,
    engineOf: assemblyEngine(threads, "relaxed", 1),
  })),
];

describe.each(ENGINES)("$name", ({ engineOf, backend }) => {
  beforeAll(async () => {
    if (backend) await startBackend(backend);
  });

  describe.each(MODEL_TYPES)("%s", (type) => {
    it("computes its equations", () => {
      const { spec, learner, records, dataset } = randomCase(engineOf, { type, batchNorm: true });
      const expected = referenceLogits(referenceWeights(spec, learner), records, false);
      const got = learner.predict(dataset);
      expected.forEach((logit, i) => {
        expect(got[i]).toBeCloseTo(logit, 4);
      });
    });

    it.each([{ batchNorm: false }, { batchNorm: true, hidden: [4, 3] }])(
      "has their gradients, with $batchNorm",
      (shape) => {
        const random = randomCase(engineOf, { type, ...shape });
        const labels = Array.from(random.dataset.labels);
        expectGradients(random, (w) => referenceLoss(referenceLogits(w, random.records, true), labels));
      },
    );
  });

  it.each(["relu", "tanh", "sigmoid"])("the activation %s", (activation) => {
    const random = randomCase(engineOf, { activation, batchNorm: true });
    const labels = Array.from(random.dataset.labels);
    expectGradients(random, (w) => referenceLoss(referenceLogits(w, random.records, true), labels));
  });

  it("two towers whose vectors are one number, each with its bias", () => {
    const random = randomCase(engineOf, { type: "two-tower", embeddingDim: 1, batchNorm: true });
    expect([...random.learner.model.parameters.shapes.keys()]).toEqual(
      expect.arrayContaining(["context.output.bias", "item.output.bias"]),
    );
    const labels = Array.from(random.dataset.labels);
    expectGradients(random, (w) => referenceLoss(referenceLogits(w, random.records, true), labels));
  });

  it("the in-batch softmax loss", () => {
    const random = randomCase(engineOf, { type: "two-tower" }, { loss: "in-batch" });
    const shares = Array.from({ length: random.vocabulary.size }, (_, row) => (1 + ((row * 7) % 5)) / 40);
    const weights = random.learner.weights();
    random.learner.startFromPopularity(Float32Array.from(shares, Math.log));
    random.learner.restore(weights);
    expectGradients(random, (w) => referenceInBatchLoss(w, random.records, shares));
  });
});
