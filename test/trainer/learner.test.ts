import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Backend, startBackend } from "../../trainer/backend.ts";
import type { Dataset } from "../../trainer/data/dataset.ts";
import { inMemory } from "../../trainer/data/in-memory.ts";
import { Learner } from "../../trainer/model/learner.ts";
import { Random } from "../../trainer/random.ts";
import { randomRecords, tinySpec, tinyVocabulary } from "./tiny.ts";

const FIELDS = 3;

async function learnEpoch(learner: Learner, dataset: Dataset, seed: number): Promise<number> {
  let sum = 0;
  for await (const { records } of inMemory(dataset, 32).epoch(new Random(seed), 0))
    sum += learner.step(dataset, records, 0.01) * records.length;
  return sum / dataset.count;
}

async function learnTwoEpochs(training: object): Promise<{ losses: number[]; learner: Learner }> {
  const random = new Random(2);
  const spec = tinySpec(
    { embeddingDim: 4, hidden: [16, 8], dropout: 0.2, batchNorm: true },
    { batchSize: 32, ...training },
  );
  const vocabulary = tinyVocabulary(FIELDS, 20, random);
  const { dataset } = randomRecords(200, FIELDS, vocabulary.size, random);
  const learner = new Learner(spec, vocabulary);
  const losses = [await learnEpoch(learner, dataset, 1), await learnEpoch(learner, dataset, 2)];
  return { losses, learner };
}

describe("Learner", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  it("repeats exactly with the same seed, and not with another", async () => {
    const weights = async (seed: number) => (await learnTwoEpochs({ seed })).learner.weights();
    const a = await weights(5);
    const b = await weights(5);
    const c = await weights(6);
    expect(b).toEqual(a);
    expect(c.rows).not.toEqual(a.rows);
  });

  it("lowers the loss", async () => {
    const { losses } = await learnTwoEpochs({});
    expect(losses[1]).toBeLessThan(losses[0] as number);
  });

  it("keeps rows smaller with L2 on them", async () => {
    const norm = async (l2: number) => Math.hypot(...(await learnTwoEpochs({ l2 })).learner.tables.values);
    expect(await norm(0.1)).toBeLessThan(await norm(0));
  });

  it("keeps the MLP's weights smaller with L2 on them", async () => {
    const norm = async (denseL2: number) =>
      Math.hypot(...(await learnTwoEpochs({ denseL2 })).learner.model.parameters.view("mlp.0.weights"));
    expect(await norm(0.1)).toBeLessThan(await norm(0));
  });

  it("restores what it saved", async () => {
    const { learner } = await learnTwoEpochs({});
    const { dataset } = randomRecords(50, FIELDS, 63, new Random(4));
    const saved = learner.weights();
    const before = learner.predict(dataset);
    await learnEpoch(learner, dataset, 3);
    expect(learner.predict(dataset)).not.toEqual(before);
    learner.restore(saved);
    expect(learner.predict(dataset)).toEqual(before);
  });

  it("stops where the loss is no longer a number, and says what to change", async () => {
    const { learner } = await learnTwoEpochs({});
    learner.tables.values.fill(Number.NaN);
    const { dataset } = randomRecords(50, FIELDS, 63, new Random(4));
    await expect(learnEpoch(learner, dataset, 3)).rejects.toThrow("the loss became NaN: got learningRate 0.01");
  });
});

describe("startBackend", () => {
  let restore: Backend = "wasm";
  afterEach(() => startBackend(restore));

  it("takes the one asked for", async () => {
    expect(await startBackend("cpu")).toBe("cpu");
    restore = "wasm";
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
    expect(await startBackend()).toMatch(worked ? /^tfjs-node-gpu$/ : /^(tfjs-node|wasm)$/);
  });
});
