import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { MODEL_TYPES } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import type { Backend } from "../../../trainer/engine/backends.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import type { Gradients } from "../../../trainer/model/engine.ts";
import { GatheredBatch } from "../../../trainer/model/gathered-batch.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const FIELDS = 3;
const BATCH = 32;

function learnEpoch(learner: Learner, dataset: Dataset, seed: number): number {
  const order = Uint32Array.from({ length: dataset.count }, (_, i) => i);
  new Random(seed).shuffle(order);
  let sum = 0;
  for (let start = 0; start < order.length; start += BATCH) {
    const records = order.subarray(start, start + BATCH);
    sum += learner.step(dataset, records, 0.01) * records.length;
  }
  return sum / dataset.count;
}

function learnTwoEpochs(training: object): { losses: number[]; learner: Learner } {
  const random = new Random(2);
  const spec = tinySpec(
    { embeddingDim: 4, hidden: [16, 8], dropout: 0.2, batchNorm: true },
    { batchSize: BATCH, ...training },
  );
  const vocabulary = tinyVocabulary(FIELDS, 20, random);
  const { dataset } = randomDataset(200, FIELDS, vocabulary.size, random);
  const learner = new Learner(spec, vocabulary, tfjsEngine);
  const losses = [learnEpoch(learner, dataset, 1), learnEpoch(learner, dataset, 2)];
  return { losses, learner };
}

describe("Learner", () => {
  beforeAll(async () => {
    await startBackend(TEST_BACKEND);
  });

  it("repeats exactly with the same seed, and not with another", () => {
    const weights = (seed: number) => learnTwoEpochs({ seed }).learner.weights();
    const a = weights(5);
    const b = weights(5);
    const c = weights(6);
    expect(b).toEqual(a);
    expect(c.rows).not.toEqual(a.rows);
  });

  it("corrects its logits where it saw only a share of the negatives, and not what it learns from", () => {
    const random = new Random(2);
    const spec = tinySpec({ embeddingDim: 4, hidden: [8] });
    const vocabulary = tinyVocabulary(FIELDS, 20, random);
    const { dataset } = randomDataset(40, FIELDS, vocabulary.size, random);
    const half = { ...spec, data: { ...spec.data, negatives: { rate: 0.5, seed: 1 } } };
    const [all, sampled] = [new Learner(spec, vocabulary, tfjsEngine), new Learner(half, vocabulary, tfjsEngine)];
    expect(learnEpoch(sampled, dataset, 1)).toBe(learnEpoch(all, dataset, 1));
    const expected = all.predict(dataset).map((logit) => logit + Math.log(0.5));
    sampled.predict(dataset).forEach((logit, i) => {
      expect(logit).toBeCloseTo(expected[i], 5);
    });
  });

  it.each(MODEL_TYPES)("%s: starts with the click rate of its log, weights counted", (type) => {
    const random = new Random(2);
    const spec = tinySpec({ type, embeddingDim: 4, hidden: [8] });
    const vocabulary = tinyVocabulary(FIELDS, 20, random);
    const { dataset } = randomDataset(40, FIELDS, vocabulary.size, random);
    const learner = new Learner(spec, vocabulary, tfjsEngine);
    learner.startFromLabels({ positives: { records: 4, weight: 2 }, negatives: { records: 1996, weight: 998 } });
    // A half of a record weighs 1/4 here.
    for (const logit of learner.predict(dataset)) expect(logit).toBeCloseTo(Math.log(2.25 / 998.25), 1);
  });

  it.each(["adam", "adagrad", "ftrl"])("%s takes its first step from there", (optimizer) => {
    const random = new Random(2);
    const spec = tinySpec({ type: "LR" }, { optimizer });
    const vocabulary = tinyVocabulary(FIELDS, 20, random);
    const { dataset } = randomDataset(40, FIELDS, vocabulary.size, random);
    const learner = new Learner(spec, vocabulary, tfjsEngine);
    learner.startFromLabels({ positives: { records: 1, weight: 1 }, negatives: { records: 999, weight: 999 } });
    learnEpoch(learner, dataset, 1);
    const bias = learner.weights().dense[0] as number;
    expect(Math.abs(bias - Math.log(1.5 / 999.5))).toBeLessThan(0.1);
    expect(bias).not.toBe(Math.fround(Math.log(1.5 / 999.5)));
  });

  it("learns from a record of weight 2 as from two of it", () => {
    const random = new Random(2);
    const spec = tinySpec({ embeddingDim: 4, hidden: [8] });
    const vocabulary = tinyVocabulary(FIELDS, 20, random);
    const { dataset } = randomDataset(4, FIELDS, vocabulary.size, random);
    const gradientsOf = (records: number[], weights?: number[]): Gradients => {
      const learner = new Learner(spec, vocabulary, tfjsEngine);
      const batch = new GatheredBatch(records.length, FIELDS, 4, vocabulary.size);
      const weighted = weights ? { ...dataset, weights: Float32Array.from(weights) } : dataset;
      batch.gather(weighted, Uint32Array.from(records), learner.tables, false);
      return learner.gradients(batch);
    };
    const weighted = gradientsOf([0, 1, 2], [2, 1, 0, 1]);
    const repeated = gradientsOf([0, 0, 1]);
    expect(weighted.loss).toBeCloseTo(repeated.loss, 5);
    weighted.dense.forEach((gradient, i) => {
      expect(gradient).toBeCloseTo(repeated.dense[i], 5);
    });
  });

  it("lowers the loss", () => {
    const { losses } = learnTwoEpochs({});
    expect(losses[1]).toBeLessThan(losses[0]);
  });

  it("keeps rows smaller with L2 on them", () => {
    const norm = (l2: number) => Math.hypot(...learnTwoEpochs({ l2 }).learner.tables.values);
    expect(norm(0.1)).toBeLessThan(norm(0));
  });

  it("keeps the MLP's weights smaller with L2 on them", () => {
    const norm = (denseL2: number) =>
      Math.hypot(...learnTwoEpochs({ denseL2 }).learner.model.parameters.view("mlp.0.weights"));
    expect(norm(0.1)).toBeLessThan(norm(0));
  });

  it("restores what it saved", () => {
    const { learner } = learnTwoEpochs({});
    const { dataset } = randomDataset(50, FIELDS, 63, new Random(4));
    const saved = learner.weights();
    const before = learner.predict(dataset);
    learnEpoch(learner, dataset, 3);
    expect(learner.predict(dataset)).not.toEqual(before);
    learner.restore(saved);
    expect(learner.predict(dataset)).toEqual(before);
  });

  it("stops where the loss is no longer a number", () => {
    const { learner } = learnTwoEpochs({});
    learner.tables.values.fill(Number.NaN);
    const { dataset } = randomDataset(50, FIELDS, 63, new Random(4));
    expect(() => learnEpoch(learner, dataset, 3)).toThrow("the loss of a batch became NaN with the learningRate 0.01");
  });
});

describe("startBackend", () => {
  let restore: Backend = TEST_BACKEND;
  afterEach(() => startBackend(restore));

  it("takes the one asked for", async () => {
    expect(await startBackend("cpu")).toMatchObject({ name: "cpu", device: "cpu", threads: 1 });
    restore = TEST_BACKEND;
  });

  it("refuses one that is not there, by name", async () => {
    let worked = true;
    try {
      await startBackend("tfjs-node-gpu");
    } catch (error) {
      worked = false;
      expect(String(error)).toMatch(/backend tfjs-node-gpu is not available here: /);
    }
    // Where libtensorflow is installed it is no error, but then it must be the one that runs.
    if (worked) restore = "tfjs-node-gpu";
    expect((await startBackend()).name).toMatch(worked ? /^tfjs-node-gpu$/ : /^(tfjs-node|wasm)$/);
  });
});
