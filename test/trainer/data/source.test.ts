import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FeatureSpec } from "../../../format/spec.ts";
import { concatenate, type Dataset, lookUpRows } from "../../../trainer/data/dataset.ts";
import { encodeLog } from "../../../trainer/data/encode.ts";
import { type Encoding, openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { Random } from "../../../trainer/data/random.ts";
import { SHARD_RECORDS } from "../../../trainer/data/shard.ts";
import { predictLog } from "../../../trainer/data/source.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { numberedLog, specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("source");
const file = writerInto(folder);

/** The records of a log, encoded in memory. */
async function encodeWhole(spec: FeatureSpec, path: string, { fitted, vocabulary }: Encoding): Promise<Dataset> {
  await using log = await openPart(spec, { paths: [path] });
  const parts: Dataset[] = [];
  for await (const chunk of encodeLog(log, fitted)) parts.push(lookUpRows(chunk, vocabulary));
  return concatenate(parts, vocabulary.fields);
}

describe("every kind of field comes back from the disk as it was encoded", () => {
  const fields = [
    { name: "user", type: "categorical", encoding: { kind: "vocabulary", minCount: 2 } },
    { name: "os", type: "categorical", missing: "skip" },
    { name: "hashed", type: "categorical", encoding: { kind: "hash", buckets: 8 }, missing: "oov" },
    { name: "price", type: "numeric", encoding: { kind: "value", scale: "standard" } },
    { name: "age", type: "numeric", missing: "skip" },
    { name: "bin", type: "numeric", encoding: { kind: "log2" } },
    { name: "mean", type: "multi-categorical" },
    { name: "sum", type: "multi-categorical", pooling: "sum", missing: "skip" },
  ];
  it("with weights", async () => {
    const random = new Random(4);
    const pickOne = (list: string[]): string => list[random.integer(list.length)];
    const lines = Array.from({ length: 3000 }, () =>
      [
        random.integer(2),
        `u${random.integer(500)}`,
        pickOne(["", "mac", "linux"]),
        pickOne(["", "a", "b", "c"]),
        pickOne(["", "1.5", "17", "-3"]),
        pickOne(["", "20", "30.25"]),
        pickOne(["", "100", "3"]),
        pickOne(["", "x", "x|y", "z|y|x"]),
        pickOne(["", "x", "x|y"]),
        random.uniform().toFixed(3),
      ].join(","),
    );
    const path = file("all.csv", `label,${fields.map(({ name }) => name).join(",")},w\n${lines.join("\n")}\n`);
    const spec = specOf({ fields, data: { weight: "w" } });
    const cache = join(folder, "all");
    const log = await openTrainingLog(spec, { paths: [path] }, cache);
    const heldOut = await openHeldOutLog(spec, log, { paths: [path] }, cache);
    const expected = await encodeWhole(spec, path, log);
    const read = (await heldOut.chunks().next()).value as Dataset;
    expect(read).toEqual(expected);
    expect(read.weights?.[7]).toBeCloseTo(Number(lines[7]?.split(",").at(-1)), 6);

    // The training source has the same records in another order.
    const texts = (dataset: Dataset, records: Iterable<number>): string[] => {
      const F = fields.length;
      return Array.from(records, (r) => {
        const at = (f: number): number => dataset.offsets[r * F + f];
        const entries = fields.map((_, f) => [
          ...dataset.rows.slice(at(f), at(f + 1)),
          ...dataset.values.slice(at(f), at(f + 1)),
        ]);
        return JSON.stringify([dataset.labels[r], dataset.weights?.[r], entries]);
      });
    };
    const trained: string[] = [];
    for await (const { dataset, records } of log.source.epoch(new Random(1))) trained.push(...texts(dataset, records));
    const inOrder = texts(expected, Array(expected.count).keys());
    expect(trained).not.toEqual(inOrder);
    expect(trained.sort()).toEqual(inOrder.sort());
  });
});

describe("an epoch", () => {
  const count = 2 * SHARD_RECORDS + 5000;
  const batchSize = 1000;
  const path = file("epoch.csv", numberedLog(count));
  const open = async (shuffle: number) => {
    const spec = specOf({ data: { shuffle }, training: { batchSize } });
    return openTrainingLog(spec, { paths: [path] }, join(folder, "epoch"));
  };
  /** The rows of each batch, which here are the records' numbers plus 1. */
  const batches = async (shuffle: number, seed: number, skip = 0): Promise<number[][]> => {
    const { source } = await open(shuffle);
    const found: number[][] = [];
    let mislabeled = 0;
    for await (const { dataset, records } of source.epoch(new Random(seed), skip)) {
      found.push(Array.from(records, (record) => dataset.rows[record]));
      for (const record of records) if (dataset.labels[record] !== (dataset.rows[record] + 1) % 2) mislabeled++;
    }
    expect(mislabeled).toBe(0);
    return found;
  };

  it.each([1, SHARD_RECORDS, 2 * SHARD_RECORDS, 2 ** 20])(
    "has each record once, in batches of one size, with a buffer of %d",
    async (shuffle) => {
      const found = await batches(shuffle, 5);
      expect(found.length).toBe(Math.ceil(count / batchSize));
      expect(found.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
      expect(found.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    },
  );

  it("is the same for the same seed, and another for another", async () => {
    const found = await batches(SHARD_RECORDS, 5);
    expect(await batches(SHARD_RECORDS, 5)).toEqual(found);
    expect(await batches(SHARD_RECORDS, 6)).not.toEqual(found);
  });

  it.each([1, 16, 17, 18, 37])("skips its first %d batches", async (skip) => {
    expect(await batches(SHARD_RECORDS, 5, skip)).toEqual((await batches(SHARD_RECORDS, 5)).slice(skip));
  });

  it("takes shards in random order, and mixes within the buffer", async () => {
    const starts = new Set<number>();
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const [first = []] = await batches(SHARD_RECORDS, seed, 0);
      const shards = new Set(first.map((row) => Math.floor((row - 1) / SHARD_RECORDS)));
      expect(shards.size).toBe(1);
      starts.add([...shards][0]);
      const sorted = first.toSorted((a, b) => a - b);
      expect(first).not.toEqual(sorted);
      expect((sorted.at(-1) as number) - sorted[0]).toBeGreaterThan(4000);
    }
    expect(starts.size).toBeGreaterThan(1);
  });

  it("draws one number from the generator that it is given", async () => {
    const { source } = await open(SHARD_RECORDS);
    const [used, fresh] = [new Random(9), new Random(9)];
    for await (const _ of source.epoch(used, 30));
    fresh.bits();
    expect(used.bits()).toBe(fresh.bits());
  });

  it("predicts a log in its own order, a part at a time", async () => {
    const spec = specOf({ data: { shuffle: 1 } });
    const log = await open(1);
    const source = await openHeldOutLog(spec, log, { paths: [path] }, join(folder, "epoch"));
    const sizes: number[] = [];
    const { logits, labels } = await predictLog(source, (dataset) => {
      sizes.push(dataset.count);
      return Float32Array.from(dataset.rows);
    });
    expect(sizes).toEqual([SHARD_RECORDS, SHARD_RECORDS, 5000]);
    expect(logits).toEqual(Float32Array.from({ length: count }, (_, i) => i + 1));
    expect(labels).toEqual(Uint8Array.from({ length: count }, (_, i) => i % 2));
  });

  it.each([0, 1, 5000, SHARD_RECORDS, SHARD_RECORDS + 1, count, count + 1])(
    "has a head of %d records",
    async (most) => {
      const log = await open(1);
      const source = await openHeldOutLog(specOf({}), log, { paths: [path] }, join(folder, "epoch"));
      const { rows, labels, count: found } = await source.head(most);
      expect(found).toBe(Math.min(most, count));
      expect(rows).toEqual(Int32Array.from({ length: found }, (_, i) => i + 1));
      expect(labels).toEqual(Uint8Array.from({ length: found }, (_, i) => i % 2));
    },
  );
});
