import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Backend, startBackend } from "../../trainer/backend.ts";
import { Learner } from "../../trainer/model/learner.ts";
import { Random } from "../../trainer/random.ts";
import { randomRecords, tinySpec, tinyVocabulary } from "./tiny.ts";

const FIELDS = 3;

function learnTwoEpochs(training: object): { losses: number[]; learner: Learner } {
  const random = new Random(2);
  const spec = tinySpec(
    { embeddingDim: 4, hidden: [16, 8], dropout: 0.2, batchNorm: true },
    { batchSize: 32, ...training },
  );
  const vocabulary = tinyVocabulary(FIELDS, 20, random);
  const { dataset } = randomRecords(200, FIELDS, vocabulary.size, random);
  const learner = new Learner(spec, vocabulary);
  const losses = [1, 2].map(() => learner.trainEpoch(dataset, 0.01, () => {}));
  return { losses, learner };
}

describe("Learner", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  it("repeats exactly with the same seed, and not with another", () => {
    const a = learnTwoEpochs({ seed: 5 }).learner.weights();
    const b = learnTwoEpochs({ seed: 5 }).learner.weights();
    const c = learnTwoEpochs({ seed: 6 }).learner.weights();
    expect(b).toEqual(a);
    expect(c.rows).not.toEqual(a.rows);
  });

  it("lowers the loss", () => {
    const { losses } = learnTwoEpochs({});
    expect(losses[1]).toBeLessThan(losses[0] as number);
  });

  it("keeps rows smaller with L2 on them", () => {
    const norm = (l2: number): number => Math.hypot(...learnTwoEpochs({ l2 }).learner.tables.values);
    expect(norm(0.1)).toBeLessThan(norm(0));
  });

  it("keeps the MLP's weights smaller with L2 on them", () => {
    const norm = (denseL2: number): number =>
      Math.hypot(...learnTwoEpochs({ denseL2 }).learner.model.parameters.view("mlp.0.weights"));
    expect(norm(0.1)).toBeLessThan(norm(0));
  });

  it("restores what it saved", () => {
    const { learner } = learnTwoEpochs({});
    const { dataset } = randomRecords(50, FIELDS, 63, new Random(4));
    const saved = learner.weights();
    const before = learner.predict(dataset);
    learner.trainEpoch(dataset, 0.01, () => {});
    expect(learner.predict(dataset)).not.toEqual(before);
    learner.restore(saved);
    expect(learner.predict(dataset)).toEqual(before);
  });

  it("stops where the loss is no longer a number, and says what to change", () => {
    const { learner } = learnTwoEpochs({});
    learner.tables.values.fill(Number.NaN);
    const { dataset } = randomRecords(50, FIELDS, 63, new Random(4));
    expect(() => learner.trainEpoch(dataset, 0.01, () => {})).toThrow("the loss became NaN: got learningRate 0.01");
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
