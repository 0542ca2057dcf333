import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { KeyCounter } from "../../../trainer/data/counter.ts";
import { type Dataset, readHeldOutLog } from "../../../trainer/data/dataset.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { Random } from "../../../trainer/data/random.ts";
import { SHARD_RECORDS } from "../../../trainer/data/shard.ts";
import { predictLog } from "../../../trainer/data/source.ts";
import { openHeldOutLog, openTrainingLog } from "../../../trainer/data/training-log.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-cache-"));
afterAll(() => rmSync(folder, { recursive: true }));

const silent = { advance: () => {}, done: () => {} };

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function specOf(changes: object): ReturnType<typeof parse> {
  return parse({ name: "s", fields: [{ name: "id", type: "categorical" }], ...changes });
}
const parse = (input: object) => parseWith(FeatureSpecSchema, input, "spec.json");

/** A log whose records all differ: the id is the record's number. */
function numbered(name: string, count: number): string {
  return file(name, `label,id\n${Array.from({ length: count }, (_, i) => `${i % 2},r${i}`).join("\n")}\n`);
}

const entriesOf = (cache: string): string[] => readdirSync(cache).filter((name) => /^[0-9a-f]{32}$/.test(name));

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
    const expected = await readHeldOutLog(await openPart(spec, { paths: [path] }), log.fitted, log.vocabulary, silent);
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
  const path = numbered("epoch.csv", count);
  const open = async (shuffle: number) => {
    const spec = specOf({ data: { shuffle }, training: { batchSize } });
    return openTrainingLog(spec, { paths: [path] }, join(folder, "epoch"));
  };
  /** The rows of each batch, which here are the records' numbers plus 1. */
  const batches = async (shuffle: number, seed: number, skip = 0): Promise<number[][]> => {
    const { source } = await open(shuffle);
    const found: number[][] = [];
    for await (const { dataset, records } of source.epoch(new Random(seed), skip)) {
      found.push(Array.from(records, (record) => dataset.rows[record]));
      for (const record of records) expect(dataset.labels[record]).toBe((dataset.rows[record] + 1) % 2);
    }
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
});

describe("the cache", () => {
  it("is used again, for the same data and spec alone", async () => {
    const cache = join(folder, "again");
    const path = numbered("again.csv", 100);
    const open = (changes: object) => openTrainingLog(specOf(changes), { paths: [path] }, cache);
    const first = await open({});
    const [entry = ""] = entriesOf(cache);
    const made = statSync(join(cache, entry, "records.bin")).mtimeMs;
    const second = await open({ name: "other", model: { hidden: [8] }, training: { seed: 2 }, data: { shuffle: 5 } });
    expect(entriesOf(cache)).toEqual([entry]);
    expect(statSync(join(cache, entry, "records.bin")).mtimeMs).toBe(made);
    expect(second.fitted).toEqual({ ...first.fitted, name: "other" });
    expect(second.vocabulary).toEqual(first.vocabulary);

    const rare = { fields: [{ name: "id", type: "categorical", encoding: { kind: "vocabulary", minCount: 2 } }] };
    expect((await open(rare)).vocabulary.size).toBe(1);
    expect(entriesOf(cache).length).toBe(2);
    expect((await open({ data: { where: "id <> 'r1'" } })).source.count).toBe(99);
    expect(entriesOf(cache).length).toBe(3);
  });

  it("forgets what was made of a file that has changed", async () => {
    const cache = join(folder, "changed");
    const path = numbered("changed.csv", 100);
    const open = () => openTrainingLog(specOf({}), { paths: [path] }, cache);
    await open();
    const old = entriesOf(cache);
    appendFileSync(path, "1,new\n");
    expect((await open()).source.count).toBe(101);
    expect(entriesOf(cache).length).toBe(1);
    expect(entriesOf(cache)).not.toEqual(old);
    // The same size, another time.
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    await open();
    expect(entriesOf(cache).length).toBe(1);
  });

  it("refuses damaged shards, and names the file", async () => {
    const cache = join(folder, "damaged");
    const path = numbered("damaged.csv", 100);
    const { source } = await openTrainingLog(specOf({}), { paths: [path] }, cache);
    const records = join(cache, entriesOf(cache)[0], "records.bin");
    const bytes = readFileSync(records);
    bytes[100] = bytes[100] ^ 1;
    writeFileSync(records, bytes);
    await expect(source.epoch(new Random(1)).next()).rejects.toThrow(/records\.bin: got damaged bytes from 0/);
    writeFileSync(records, bytes.subarray(0, 200));
    await expect(source.epoch(new Random(1)).next()).rejects.toThrow(/records\.bin: got 200 bytes, expected more/);
  });

  it("leaves nothing of a bad log", async () => {
    const cache = join(folder, "bad");
    const path = file("bad.csv", `label,id\n${"1,a\n".repeat(50_000)}2,b\n`);
    await expect(openTrainingLog(specOf({}), { paths: [path] }, cache)).rejects.toThrow(
      'bad.csv, line 50002: column label: got "2"',
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it("warns of a field that never changes, each time", async () => {
    const path = file("constant.csv", "label,id,x\n1,a,5\n0,b,5\n1,c,5.0\n");
    const fields = ["id", "x"].map((name) => ({ name, type: name === "x" ? "numeric" : "categorical" }));
    const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      for (const _ of [1, 2]) {
        written.mockClear();
        await openTrainingLog(specOf({ fields }), { paths: [path] }, join(folder, "constant"));
        expect(written.mock.calls.flat().join("")).toContain(
          `warning: ${path}: column x is the same in all 3 records, so it says nothing\n`,
        );
      }
    } finally {
      written.mockRestore();
    }
  });

  it.each(["", "-1", "heavy", "Infinity"])("refuses the sample weight %j", async (weight) => {
    const path = file("weights.csv", `label,id,w\n1,a,0\n0,b,${weight}\n`);
    const spec = specOf({ data: { weight: "w" } });
    await expect(openTrainingLog(spec, { paths: [path] }, join(folder, "weights"))).rejects.toThrow(
      /weights\.csv, line 3: column w: got .*, expected a weight of 0 or more/,
    );
  });
});

describe("KeyCounter", () => {
  it("counts as a map does, with a table that is far too small", async () => {
    const random = new Random(3);
    const counter = await KeyCounter.create(2, join(folder, "counter"), 64);
    const expected = new Map<string, number>();
    const unseen = [0, 0];
    for (let i = 0; i < 5000; i++) {
      const field = random.integer(2);
      const lo = Math.floor(600 * random.uniform() ** 3);
      counter.count(field, lo, lo === 0 ? 0 : field + 1);
      if (lo === 0) unseen[field] = unseen[field] + 1;
      else expected.set(`${field} ${lo}`, (expected.get(`${field} ${lo}`) ?? 0) + 1);
      if (counter.full) await counter.spill();
    }
    const { keys, fieldOf, counts, size } = await counter.vocabulary([1, 10]);
    const kept = [...expected].filter(([key, count]) => count >= (key.startsWith("0") ? 1 : 10));
    for (const [key, count] of expected) if (key.startsWith("1") && count < 10) unseen[1] = unseen[1] + count;
    expect([...counts.slice(0, 2)]).toEqual(unseen);
    const found = Array.from({ length: size - 2 }, (_, i) => [`${fieldOf[i + 2]} ${keys[2 * i + 4]}`, counts[i + 2]]);
    expect(found).toEqual(kept); // a map, too, is in the order of first appearance
  });
});

describe.skipIf(process.platform === "win32")("a build that is cut off leaves nothing under a final name", () => {
  const path = numbered("cut.csv", 200_000);
  const script = fileURLToPath(new URL("./build-cache.ts", import.meta.url));
  const spec = file("cut.json", JSON.stringify({ name: "s", fields: [{ name: "id", type: "categorical" }] }));

  /** Builds in a process of its own, `shell` before it; resolves with its stderr when it has ended. */
  async function build(
    cache: string,
    shell: string,
    killAfter: number | null,
  ): Promise<{ code: number | null; text: string }> {
    const command = `${shell} exec '${process.execPath}' '${script}' '${spec}' '${path}' '${cache}'`;
    const child = spawn("bash", ["-c", command], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (data) => {
      text += data;
    });
    const timer = killAfter === null ? null : setTimeout(() => child.kill("SIGKILL"), killAfter);
    const [code] = await once(child, "close");
    if (timer) clearTimeout(timer);
    return { code, text };
  }

  it("killed at any moment; the next one starts anew", async () => {
    const cache = join(folder, "killed");
    const random = new Random(Date.now());
    let cut = 0;
    for (let i = 0; i < 6; i++) {
      const { code } = await build(cache, "", 300 + random.integer(900));
      if (code === null) cut++;
      for (const entry of existsSync(cache) ? entriesOf(cache) : [])
        expect(readdirSync(join(cache, entry)).sort()).toEqual(["meta.json", "records.bin", "vocabulary.safetensors"]);
      if (code === 0) rmSync(cache, { recursive: true });
    }
    expect(cut).toBeGreaterThan(0);
    expect((await build(cache, "", null)).code).toBe(0);
    expect(readdirSync(cache).filter((name) => name !== "duckdb")).toEqual(entriesOf(cache));
    expect(entriesOf(cache).length).toBe(1);
  });

  // A limit on the size of files stands for a full disk: writing fails in the same way.
  it.each([100, 1000, 2000])("no room after %d KiB", async (kibibytes) => {
    const cache = join(folder, `full-${kibibytes}`);
    const { code, text } = await build(cache, `trap '' XFSZ; ulimit -f ${kibibytes};`, null);
    expect(text).toMatch(/EFBIG|file too large/i);
    expect(code).toBe(1);
    expect(readdirSync(cache)).toEqual([]);
  });
});
