// BatchNorm's running statistics follow what a training's batches really are.
import { rmSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { engineFactory } from "../../../trainer/engine/engines.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { train } from "../../../trainer/training/train.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog(600);
afterAll(() => rmSync(folder, { recursive: true }));

it("batches larger than the log are those of the whole log", async () => {
  const { source } = await openTrainingLog(tinyRunSpec(), logs.train, logs.cache);
  const [asLong, longer] = await Promise.all(
    [source.count, 100 * source.count].map((batchSize) =>
      train(tinyRunSpec({ batchNorm: true }, { batchSize }), { ...logs, engine: "assembly", threads: 1 }),
    ),
  );
  expect(longer?.learner.weights()).toEqual(asLong?.learner.weights());
});

it("with the in-batch loss, a full batch has as many positive records as batches have in the mean", () => {
  const FIELDS = 3;
  const RECORDS = 40;
  const random = new Random(4);
  const vocabulary = tinyVocabulary(FIELDS, 20, random);
  const { dataset } = randomDataset(RECORDS, FIELDS, vocabulary.size, random);
  const all = Uint32Array.from({ length: RECORDS }, (_, i) => i);
  const positives = all.filter((record) => dataset.labels[record] === 1);
  const statisticsAfterAStep = (batchSize: number, records: Uint32Array): Float32Array => {
    const spec = tinySpec(
      { type: "two-tower", embeddingDim: 4, hidden: [8], batchNorm: true },
      { loss: "in-batch", itemField: "item", batchSize },
    );
    const learner = new Learner(spec, vocabulary, engineFactory("assembly", 1));
    const negatives = records.length - positives.length;
    learner.expectBatchesOf({
      positives: { records: positives.length, weight: positives.length },
      negatives: { records: negatives, weight: negatives },
    });
    learner.startFromPopularity(new Float32Array(vocabulary.size).fill(-1));
    learner.step(dataset, records, 0.01);
    return learner.weights().runningStats;
  };
  expect(positives.length).toBeLessThan(RECORDS);
  expect(statisticsAfterAStep(RECORDS, all)).toEqual(statisticsAfterAStep(positives.length, positives));
});
