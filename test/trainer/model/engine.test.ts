import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { MODEL_TYPES } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import type { EngineFactory } from "../../../trainer/model/engine.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";
import { referenceEngine } from "./reference-engine.ts";

const FIELDS = 3;
const BATCH = 8;
const STEPS = 4;

/** A learner's losses over some steps, and what it then predicts. */
interface Trained {
  losses: number[];
  logits: Float32Array;
  learner: Learner;
  dataset: Dataset;
}

/** Trains models of the same spec on the same batches, one with each engine. */
function trainAll(model: object, training: object = {}): { float32: Trained[]; float64: Trained } {
  const random = new Random(12);
  const spec = tinySpec({ embeddingDim: 3, hidden: [4], ...model }, { batchSize: BATCH, ...training });
  const vocabulary = tinyVocabulary(FIELDS, 6, random);
  const { dataset } = randomDataset(STEPS * BATCH, FIELDS, vocabulary.size, random);
  const train = (engineOf: EngineFactory): Trained => {
    const learner = new Learner(spec, vocabulary, engineOf);
    if (spec.training.loss === "in-batch")
      learner.startFromPopularity(new Float32Array(vocabulary.size).map((_, row) => -((row * 7) % 5) / 4));
    const losses = Array.from({ length: STEPS }, (_, step) => {
      const records = Uint32Array.from({ length: BATCH }, (_, i) => step * BATCH + i);
      return learner.step(dataset, records, 0.01);
    });
    return { losses, logits: learner.predict(dataset), learner, dataset };
  };
  return { float32: [tfjsEngine, assemblyEngine()].map(train), float64: train(referenceEngine(spec)) };
}

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, digits: number): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(expected[i], digits);
}

describe("a learner takes the same steps with engines of other makes", () => {
  beforeAll(async () => {
    await startBackend(TEST_BACKEND);
  });

  it.each(MODEL_TYPES)("%s", (type) => {
    const { float32, float64 } = trainAll({ type, batchNorm: true });
    for (const { losses, logits } of float32) {
      expectClose(losses, float64.losses, 5);
      expectClose(logits, float64.logits, 4);
    }
    expect(new Set(float64.losses).size).toBe(STEPS);
  });

  it("two-tower by the in-batch loss", () => {
    // Losses only, as weights may differ: adding one vector to those of all items changes no loss. So the gradient in
    // that direction is nothing but rounding errors, which Adam turns into steps of its usual size.
    const { float32, float64 } = trainAll({ type: "two-tower", batchNorm: true }, { loss: "in-batch" });
    const ownLoss = ({ learner, dataset }: Trained): number => learner.ownLoss(dataset)?.sum ?? 0;
    for (const trained of float32) {
      expectClose(trained.losses, float64.losses, 5);
      expect(ownLoss(trained)).toBeCloseTo(ownLoss(float64), 3);
      expect(ownLoss(trained)).toBeGreaterThan(0);
    }
  });

  it("two-tower to the same vectors", () => {
    const { float32, float64 } = trainAll({ type: "two-tower", batchNorm: true });
    const expected = float64.learner.vectors(float64.dataset);
    for (const { learner, dataset } of float32) {
      const vectors = learner.vectors(dataset);
      expectClose(vectors.context, expected.context, 4);
      expectClose(vectors.item, expected.item, 4);
    }
  });
});

describe("a model's definition and its learner", () => {
  const root = new URL("../../../", import.meta.url);

  /** All that a file of ours imports, directly or through others. */
  function importsOf(path: string, seen = new Set<string>()): Set<string> {
    if (seen.has(path)) return seen;
    seen.add(path);
    const file = new URL(path, root);
    if (!path.endsWith(".ts") || !existsSync(file)) return seen;
    for (const { fileName } of ts.preProcessFile(readFileSync(file, "utf8"), true, true).importedFiles)
      importsOf(fileName.startsWith(".") ? posix.join(posix.dirname(path), fileName) : fileName, seen);
    return seen;
  }

  it.each(["trainer/model/learner.ts", "trainer/model/zoo/index.ts"])("%s loads no engine", (path) => {
    const imports = [...importsOf(path)];
    expect(imports).toContain("trainer/model/parameters.ts");
    expect(imports.filter((name) => name.includes("tensorflow") || name.startsWith("trainer/engine/"))).toEqual([]);
  });
});
