// What of the validation log decides which epoch is kept, and that trainings start from the click rate.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { compareMetrics } from "../../../trainer/metrics/metrics.ts";
import { type Epoch, Training } from "../../../trainer/training/epochs.ts";
import { startLearner, train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});
const options = { train: logs.train, valid: logs.valid, cache: logs.cache, backend: TEST_BACKEND } as const;

describe("training.monitor", () => {
  const a = { auc: 0.7, logloss: 0.5 };
  const b = { auc: 0.6, logloss: 0.4 };

  it("compares by what it names", () => {
    expect(compareMetrics(a, b, "auc")).toBeLessThan(0);
    expect(compareMetrics(a, b, "logloss")).toBeGreaterThan(0);
  });

  it("is logloss where there is no AUC", () => {
    expect(compareMetrics({ ...a, auc: Number.NaN }, b, "auc")).toBeGreaterThan(0);
    expect(compareMetrics(b, { ...a, auc: Number.NaN }, "auc")).toBeLessThan(0);
  });

  it.each(["logloss", "auc"] as const)("%s: training keeps its best epoch, and stops by it", async (monitor) => {
    const spec = tinyRunSpec({}, { learningRate: 0.05, maxEpochs: 12, patience: 2, monitor });
    const { epochs, valid } = await train(spec, options);
    const cost = (epoch: Epoch): number => (monitor === "auc" ? -epoch.auc : epoch.logloss);
    const best = epochs.reduce((kept, epoch) => (cost(epoch) < cost(kept) ? epoch : kept));
    expect(valid).toEqual(best);
    expect(epochs.length).toBe(Math.min(12, best.epoch + 2));
  });

  it("the in-batch loss decides where a model learns by it, and has no other metric", async () => {
    const spec = tinyRunSpec({ type: "two-tower" }, { loss: "in-batch", itemField: "category", maxEpochs: 3 });
    const { epochs, valid } = await train(spec, options);
    const losses = epochs.map(({ validLoss }) => validLoss as number);
    expect(valid.validLoss).toBe(Math.min(...losses));
    expect(valid).toMatchObject({ auc: Number.NaN, logloss: Number.NaN });
    expect(JSON.parse(JSON.stringify(valid))).toMatchObject({ auc: null, logloss: null });
  });
});

it("an epoch's in-batch loss is the mean over its positive records, also where whole batches have none", async () => {
  const spec = tinyRunSpec(
    { type: "two-tower" },
    { loss: "in-batch", itemField: "category", batchSize: 4, maxEpochs: 1 },
  );
  const log = await openTrainingLog(spec, logs.train, logs.cache);
  const valid = await openHeldOutLog(spec, log, logs.valid, logs.cache);
  const learner = await startLearner(spec, log, { engine: "assembly", threads: 1 });
  const step = learner.step.bind(learner);
  const batches: { loss: number; positives: number }[] = [];
  vi.spyOn(learner, "step").mockImplementation((dataset, records, rate) => {
    const loss = step(dataset, records, rate);
    batches.push({ loss, positives: records.filter((record) => dataset.labels[record] === 1).length });
    return loss;
  });
  const training = new Training(learner, spec, log.source, valid);
  await training.run("epoch");
  expect(batches.some(({ positives }) => positives === 0)).toBe(true);
  const positives = batches.reduce((sum, batch) => sum + batch.positives, 0);
  expect(positives).toBe(log.source.labels.positives.records);
  const mean = batches.reduce((sum, batch) => sum + batch.loss * batch.positives, 0) / positives;
  expect(training.position.epochs[0]?.loss).toBeCloseTo(mean, 10);
});

it("an epoch's loss counts records by their weights, as the validation's does", async () => {
  const path = join(folder, "weighted.csv");
  const lines = Array.from({ length: 400 }, (_, i) => `${Number(i % 3 === 0)},c${i % 7},${i % 4}`);
  writeFileSync(path, `label,country,w\n${lines.join("\n")}\n`);
  const tiny = tinyRunSpec({ type: "LR" }, { batchSize: 16, maxEpochs: 1 });
  const spec = { ...tiny, fields: tiny.fields.slice(0, 1), data: { ...tiny.data, weight: "w" } };
  const log = await openTrainingLog(spec, { paths: [path] }, logs.cache);
  const valid = await openHeldOutLog(spec, log, { paths: [path] }, logs.cache);
  const learner = await startLearner(spec, log, { engine: "assembly", threads: 1 });
  const training = new Training(learner, spec, log.source, valid);
  await training.run("epoch");
  const { loss = Number.NaN, logloss = Number.NaN } = training.position.epochs[0] ?? {};
  expect(Math.abs(loss - logloss)).toBeLessThan(0.02);
});

describe("a training starts from the click rate", () => {
  const path = join(folder, "rare.csv");
  const lines = Array.from({ length: 4000 }, (_, i) => `${Number(i % 200 === 0)},c${i % 7},${i % 2 === 0 ? 3 : 0.5}`);
  writeFileSync(path, `label,country,w\n${lines.join("\n")}\n`);
  const log = { paths: [path] };
  const specOf = (data: object) => {
    const spec = tinyRunSpec({ type: "LR" });
    return { ...spec, fields: spec.fields.slice(0, 1), data: { ...spec.data, ...data } };
  };
  const biasOf = async (data: object): Promise<number> => {
    const spec = specOf(data);
    const learner = await startLearner(spec, await openTrainingLog(spec, log, logs.cache), {
      engine: "assembly",
      threads: 1,
    });
    return (learner.weights().dense[0] as number) + learner.logitCorrection;
  };

  it("with and without weights and sampled negatives", async () => {
    expect(await biasOf({})).toBeCloseTo(Math.log(20.5 / 3980.5), 5);
    // All clicks weigh 3; half of the others do, and half weigh 0.5. Half a record weighs 1.75 / 2.
    expect(await biasOf({ weight: "w" })).toBeCloseTo(Math.log(60.875 / (1980 * 3 + 2000 * 0.5 + 0.875)), 5);
    // About a quarter of the negatives is kept: the correction takes the log-odds back to those of the whole log.
    expect(Math.abs((await biasOf({ negatives: { rate: 0.25, seed: 1 } })) - Math.log(20 / 3980))).toBeLessThan(0.1);
  });
});
