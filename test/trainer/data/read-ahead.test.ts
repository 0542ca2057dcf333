import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../format/errors.ts";
import { pickRecords } from "../../../trainer/data/dataset.ts";
import { type EpochPlan, readEpoch, type TrainingBatch } from "../../../trainer/data/epoch.ts";
import { countLabel, noLabels } from "../../../trainer/data/label-counts.ts";
import { Random } from "../../../trainer/data/random.ts";
import { readAhead } from "../../../trainer/data/read-ahead.ts";
import { SHARD_RECORDS } from "../../../trainer/data/shard.ts";
import type { ShardFile } from "../../../trainer/data/shard-file.ts";
import { ShardWriter } from "../../../trainer/data/shard-writer.ts";
import { testFolder } from "./log-files.ts";

const FIELDS = 2;
const SHARDS = 3;
const folder = testFolder("read-ahead");

/** Records with one row of the first field, up to 2 entries with values of the second, and weights. */
async function writeShards(path: string): Promise<ShardFile> {
  const random = new Random(1);
  const layout = { fields: FIELDS, single: [true, false], values: ["one", "stored"] as const, weighted: true };
  const labels = noLabels();
  await using writer = await ShardWriter.create(path);
  for (let shard = 0; shard < SHARDS; shard++) {
    const counts = Uint16Array.from({ length: SHARD_RECORDS }, () => random.integer(3));
    const stored = counts.reduce((sum, count) => sum + count, 0);
    const words = Uint32Array.from({ length: SHARD_RECORDS + stored }, () => random.integer(1000));
    const own = Uint8Array.from(counts, (count) => count % 2);
    const weights = Float32Array.from(counts, () => random.uniform());
    for (const [i, label] of own.entries()) countLabel(labels, label, weights[i]);
    const values = Float32Array.from({ length: stored }, () => random.normal());
    await writer.write({ records: SHARD_RECORDS, labels: own, weights, counts, words, values }, words.length);
  }
  await writer.finish();
  return { path, layout, places: writer.places, count: SHARDS * SHARD_RECORDS, labels };
}

/** Records with one row of each field, which is its own number, and weights. */
async function writePlainShards(path: string): Promise<ShardFile> {
  const layout = { fields: FIELDS, single: [true, true], values: ["one", "one"] as const, weighted: true };
  await using writer = await ShardWriter.create(path);
  for (let shard = 0; shard < SHARDS; shard++) {
    const words = Uint32Array.from({ length: SHARD_RECORDS * FIELDS }, (_, i) => shard * SHARD_RECORDS * FIELDS + i);
    const labels = Uint8Array.from({ length: SHARD_RECORDS }, (_, i) => i % 2);
    const weights = Float32Array.from({ length: SHARD_RECORDS }, (_, i) => words[i * FIELDS]);
    const none = { counts: new Uint16Array(0), values: new Float32Array(0) };
    await writer.write({ records: SHARD_RECORDS, labels, weights, words, ...none }, words.length);
  }
  await writer.finish();
  return { path, layout, places: writer.places, count: SHARDS * SHARD_RECORDS, labels: noLabels() };
}

async function all(batches: AsyncIterable<TrainingBatch>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { dataset, records } of batches) found.push(pickRecords(dataset, records, FIELDS));
  return found;
}

describe("reading ahead", () => {
  let file: ShardFile;
  const planOf = (of: Partial<EpochPlan> = {}): EpochPlan => ({
    ...{ file, batchSize: 3000, buffer: 2 * SHARD_RECORDS, seed: 5, skip: 0 },
    ...of,
  });
  beforeAll(async () => {
    file = await writeShards(join(folder, "records.bin"));
  });

  it.each([{}, { batchSize: 40_000 }, { skip: 7 }, { buffer: 1, seed: 6 }, { skip: 100 }])(
    "gives the batches of readEpoch in their order: %j",
    async (of) => {
      expect(await all(readAhead(planOf(of)))).toEqual(await all(readEpoch(planOf(of))));
    },
  );

  it("gives all of a log whose records have one entry of value 1 in each field", async () => {
    const plain = await writePlainShards(join(folder, "plain.bin"));
    const own = { file: plain, batchSize: 3000 };
    expect(await all(readAhead(planOf(own)))).toEqual(await all(readEpoch(planOf(own))));
    const seen = new Uint8Array(plain.count);
    for await (const { dataset, records } of readAhead(planOf(own))) {
      expect(Array.from(dataset.offsets)).toEqual(Array.from({ length: records.length * FIELDS + 1 }, (_, i) => i));
      expect(dataset.values).toEqual(new Float32Array(records.length * FIELDS).fill(1));
      for (const record of records) {
        const [first, second] = dataset.rows.subarray(record * FIELDS, (record + 1) * FIELDS);
        const number = first / FIELDS;
        const { labels, weights } = dataset;
        expect([second, labels[record], weights?.[record]]).toEqual([first + 1, number % 2, first]);
        seen[number]++;
      }
    }
    expect(seen.every((times) => times === 1)).toBe(true);
  });

  it("reads several epochs at once", async () => {
    const [first, second] = [readAhead(planOf()), readAhead(planOf({ seed: 9 }))];
    await first.next();
    expect(await all(second)).toEqual(await all(readEpoch(planOf({ seed: 9 }))));
    expect(await all(first)).toEqual((await all(readEpoch(planOf()))).slice(1));
  });

  it("ends where it is left, and reads on in another", async () => {
    for await (const _ of readAhead(planOf())) break;
    const left = readAhead(planOf());
    await left[Symbol.asyncDispose]();
    expect(await left.next()).toEqual({ done: true, value: undefined });
    expect(await all(readAhead(planOf()))).toHaveLength(Math.ceil(file.count / 3000));
  });

  it("throws what is wrong with the file as what it is, after the batches before it", async () => {
    const path = join(folder, "damaged.bin");
    const bytes = readFileSync(file.path);
    // The last shard of the order: each has a turn of its own, as the buffer holds one.
    const order = Uint32Array.from(file.places, (_, i) => i);
    new Random(5).shuffle(order);
    const { offset } = file.places[order[SHARDS - 1]];
    bytes[offset + 100] ^= 1;
    writeFileSync(path, bytes);
    const batches = readAhead(planOf({ file: { ...file, path }, buffer: SHARD_RECORDS }));
    let records = 0;
    const error = await (async () => {
      for await (const { records: own } of batches) records += own.length;
    })().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toBe(
      `${path}: got damaged bytes from ${offset}, expected what was written: delete its folder, which is then made again`,
    );
    expect(records).toBe(Math.floor(((SHARDS - 1) * SHARD_RECORDS) / 3000) * 3000);
  });

  it("keeps no process from ending, taken from or not", () => {
    const module = new URL("../../../trainer/data/read-ahead.ts", import.meta.url).href;
    const program = `
      import { readAhead } from ${JSON.stringify(module)};
      const plan = ${JSON.stringify(planOf())};
      readAhead(plan);
      const { value } = await readAhead(plan).next();
      console.log(value.records.length);
    `;
    const path = join(folder, "program.ts");
    writeFileSync(path, program);
    expect(execFileSync(process.execPath, [path], { encoding: "utf8", timeout: 280_000 })).toBe("3000\n");
  });
});
