import { beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { concatenate, type Dataset, pickRecords } from "../../../trainer/data/dataset.ts";
import { withFixedDefaults } from "../../../trainer/data/default-settings.ts";
import { noLabels } from "../../../trainer/data/label-counts.ts";
import { Random } from "../../../trainer/data/random.ts";
import type { HeldOutSource, TrainingSource } from "../../../trainer/data/source.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import { measureRetrieval } from "../../../trainer/evaluation/retrieval.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { logItemShares } from "../../../trainer/model/popularity.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";

const FIELDS = 3;
const USER = 0;
const ITEM = 1;
const PER_FIELD = 12;

beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

/** Records of one user, one item, and one to three tags that the item decides. */
function randomLog(count: number, seed: number): Dataset {
  const random = new Random(seed);
  const rowOf = (field: number, value: number): number => FIELDS * (1 + value) + field;
  const offsets = [0];
  const rows: number[] = [];
  for (let record = 0; record < count; record++) {
    const item = random.integer(PER_FIELD);
    rows.push(rowOf(USER, random.integer(PER_FIELD)));
    offsets.push(rows.length);
    rows.push(rowOf(ITEM, item));
    offsets.push(rows.length);
    for (let tag = 0; tag <= item % 3; tag++) rows.push(rowOf(2, (item * 5 + tag) % PER_FIELD));
    offsets.push(rows.length);
  }
  return {
    count,
    labels: Uint8Array.from({ length: count }, () => random.integer(2)),
    offsets: Uint32Array.from(offsets),
    rows: Int32Array.from(rows),
    values: new Float32Array(rows.length).fill(1),
  };
}

/** A log in chunks of a few records. */
function sourceOf(dataset: Dataset): HeldOutSource {
  return {
    count: dataset.count,
    labels: noLabels(),
    fields: FIELDS,
    async *chunks() {
      for (let start = 0; start < dataset.count; start += 7) {
        const size = Math.min(7, dataset.count - start);
        yield pickRecords(
          dataset,
          Uint32Array.from({ length: size }, (_, i) => start + i),
          FIELDS,
        );
      }
    },
    head: async (most) =>
      pickRecords(
        dataset,
        Uint32Array.from({ length: most }, (_, i) => i),
        FIELDS,
      ),
  };
}

const rowAt = ({ offsets, rows }: Dataset, record: number, field: number): number =>
  rows[offsets[record * FIELDS + field]];

/** A record with the context of one and the item fields of another. */
function crossed(context: Dataset, item: Dataset): Dataset {
  const both = concatenate([context, item], FIELDS);
  const users = context.offsets[1];
  const itemEntries = item.rows.length - item.offsets[1];
  const keep = [
    ...Array.from({ length: users }, (_, i) => i),
    ...Array.from({ length: itemEntries }, (_, i) => both.rows.length - itemEntries + i),
  ];
  const shift = users - item.offsets[1];
  return {
    count: 1,
    labels: Uint8Array.of(1),
    offsets: Uint32Array.from([0, ...item.offsets.subarray(1).map((offset) => offset + shift)]),
    rows: Int32Array.from(keep, (i) => both.rows[i]),
    values: Float32Array.from(keep, (i) => both.values[i]),
  };
}

describe.each([1, 3, 5])("recall@%i", (k) => {
  it("is what ranking every item by the model's own logits gives", async () => {
    const random = new Random(31);
    const spec = tinySpec({ type: "two-tower", embeddingDim: 4, hidden: [6], batchNorm: true });
    const vocabulary = tinyVocabulary(FIELDS, PER_FIELD, random);
    const learner = randomLearner(spec, vocabulary, random);
    const train = randomLog(60, 1);
    const test = randomLog(40, 2);
    const result = await measureRetrieval(learner, spec, sourceOf(train), sourceOf(test), k);

    const recordOf = new Map<number, Dataset>();
    const popularity = new Map<number, number>();
    for (let record = 0; record < train.count; record++) {
      const item = rowAt(train, record, ITEM);
      if (!recordOf.has(item)) recordOf.set(item, pickRecords(train, Uint32Array.of(record), FIELDS));
      popularity.set(item, (popularity.get(item) ?? 0) + train.labels[record]);
    }
    let [hits, popular, positives] = [0, 0, 0];
    for (let record = 0; record < test.count; record++) {
      if (test.labels[record] !== 1) continue;
      positives++;
      const own = rowAt(test, record, ITEM);
      const user = rowAt(test, record, USER);
      const context = pickRecords(test, Uint32Array.of(record), FIELDS);
      const had = (item: number): boolean =>
        train.labels.some(
          (label, i) => label === 1 && rowAt(train, i, USER) === user && rowAt(train, i, ITEM) === item,
        );
      const candidates = [...recordOf.keys()].filter((item) => item === own || !had(item));
      const logit = new Map(
        candidates.map((item) => [item, learner.predict(crossed(context, recordOf.get(item) as Dataset))[0]]),
      );
      const ahead = (score: (item: number) => number): number =>
        candidates.reduce((sum, item) => {
          if (item === own) return sum;
          return sum + (score(item) > score(own) ? 1 : score(item) === score(own) ? 0.5 : 0);
        }, 0);
      if (!recordOf.has(own)) continue;
      if (ahead((item) => logit.get(item) as number) < k) hits++;
      if (ahead((item) => popularity.get(item) as number) < k) popular++;
    }
    expect(result).toEqual({
      k,
      positives,
      items: recordOf.size,
      recall: hits / positives,
      popularity: popular / positives,
    });
    expect(hits).toBeGreaterThan(0);
  });
});

describe("the in-batch loss", () => {
  // New users of two groups; each group takes one half of the items, and in each half some items more often than
  // others.
  const spec = withFixedDefaults(
    parseWith(
      FeatureSpecSchema,
      {
        name: "groups",
        fields: [
          { name: "user", type: "categorical" },
          { name: "item", type: "categorical", side: "item" },
          { name: "group", type: "categorical" },
        ],
        model: { type: "two-tower", embeddingDim: 4, hidden: [8] },
        training: { loss: "in-batch", batchSize: 128, learningRate: 0.01 },
      },
      "groups",
    ),
  );
  function groupLog(count: number, seed: number): Dataset {
    const random = new Random(seed);
    const rows: number[] = [];
    const labels = Uint8Array.from({ length: count }, () => random.integer(4) && 1);
    for (let record = 0; record < count; record++) {
      const group = random.integer(2);
      const favourite = Math.min(random.integer(PER_FIELD / 2), random.integer(PER_FIELD / 2));
      // Those who do not like what they see saw anything: what is frequent is not what is popular.
      const item = labels[record] === 1 ? 2 * favourite + group : PER_FIELD - 1 - random.integer(3);
      rows.push(USER, FIELDS * (1 + item) + ITEM, FIELDS * (1 + group) + 2);
    }
    return {
      count,
      labels,
      offsets: Uint32Array.from({ length: count * FIELDS + 1 }, (_, i) => i),
      rows: Int32Array.from(rows),
      values: new Float32Array(rows.length).fill(1),
    };
  }
  const train = groupLog(3000, 1);
  const test = groupLog(500, 2);
  const source: TrainingSource = {
    ...sourceOf(train),
    batches: 0,
    async *epoch(random) {
      const order = Uint32Array.from({ length: train.count }, (_, i) => i);
      random.shuffle(order);
      for (let at = 0; at < order.length; at += 128) yield { dataset: train, records: order.subarray(at, at + 128) };
    },
  };
  const vocabulary = tinyVocabulary(FIELDS, PER_FIELD, new Random(1));

  it("starts from the items' shares among the positive records", async () => {
    const shares = await logItemShares(spec, vocabulary.fieldOf, source);
    const positives = train.labels.filter((label) => label === 1).length;
    for (let item = 0; item < PER_FIELD; item++) {
      const row = FIELDS * (1 + item) + ITEM;
      const own = train.labels.filter((label, i) => label === 1 && rowAt(train, i, ITEM) === row).length;
      expect(shares[row]).toBeCloseTo(Math.log(Math.max(1, own) / positives), 5);
    }
    expect(shares.filter((_, row) => vocabulary.fieldOf[row] !== ITEM)).toSatisfy((all: Float32Array) =>
      all.every((share) => share === 0),
    );
    const learner = new Learner(spec, vocabulary, tfjsEngine);
    learner.startFromPopularity(shares);
    const { recall, popularity } = await measureRetrieval(learner, spec, sourceOf(train), sourceOf(test), 3);
    expect(recall).toBe(popularity);
  });

  it("learns which context takes which items, and so finds more than popularity does", async () => {
    const learner = new Learner(spec, vocabulary, tfjsEngine);
    learner.startFromPopularity(await logItemShares(spec, vocabulary.fieldOf, source));
    const before = learner.ownLoss(test)?.sum as number;
    for (let epoch = 0; epoch < 8; epoch++)
      for await (const { dataset, records } of source.epoch(new Random(epoch))) learner.step(dataset, records, 0.01);
    expect(learner.ownLoss(test)?.sum).toBeLessThan(before);
    const { recall, popularity } = await measureRetrieval(learner, spec, sourceOf(train), sourceOf(test), 3);
    expect(recall).toBeGreaterThan(1.3 * popularity);
  });
});

it("is for two-tower models only", async () => {
  const random = new Random(31);
  const spec = tinySpec({ embeddingDim: 4, hidden: [6] });
  const learner = randomLearner(spec, tinyVocabulary(FIELDS, PER_FIELD, random), random);
  const log = sourceOf(randomLog(5, 1));
  await expect(measureRetrieval(learner, spec, log, log, 1)).rejects.toThrow(
    "got a model of type DeepFM, expected two-tower",
  );
});
