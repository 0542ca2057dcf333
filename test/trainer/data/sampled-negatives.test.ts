// Negatives that are made of a log of positives: which they are, and that every reading makes the same ones.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../../../format/spec.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { type LogPart, openPart } from "../../../trainer/data/logs.ts";
import { samplingOf } from "../../../trainer/data/negatives.ts";
import { Random } from "../../../trainer/data/random.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { testFolder } from "./log-files.ts";

const folder = testFolder("sampled");
const USERS = 40;
const ITEMS = 30;
const N = 400;

/** Positives: an item's colour and price follow from it. Popular items have low numbers. */
const positives = (() => {
  const random = new Random(4);
  return Array.from({ length: N }, (_, at) => {
    const item = Math.floor(ITEMS * random.uniform() ** 2);
    return { user: `u${random.integer(USERS)}`, item: `i${item}`, colour: `c${item % 4}`, price: 10 + item, at };
  });
})();
type Positive = (typeof positives)[number];

function csv(rows: readonly object[]): string {
  const names = Object.keys(rows[0] as object);
  return `${names.join(",")}\n${rows.map((row) => Object.values(row).join(",")).join("\n")}\n`;
}

function file(name: string, content: string): LogPart {
  writeFileSync(join(folder, name), content);
  return { paths: [join(folder, name)] };
}

const log = file("log.csv", csv(positives));

function specOf(negatives: object, data: object = {}): FeatureSpec {
  const fields = [
    { name: "user", type: "categorical" },
    { name: "item", type: "categorical", side: "item" },
    { name: "colour", type: "categorical", side: "item" },
    { name: "price", type: "numeric", encoding: { kind: "log2" }, side: "item" },
  ];
  const input = { name: "shop", fields, data: { negatives: { sample: 3, by: "item", ...negatives }, ...data } };
  return parseWith(FeatureSpecSchema, { ...input, model: { type: "FM" } }, "spec");
}

interface Row {
  user: string;
  item: string;
  colour: string;
  price: string;
  at: string;
  label: string;
}

async function read(spec: FeatureSpec, part: LogPart, training = false): Promise<Row[]> {
  const names = ["user", "item", "colour", "price", "at", "label"];
  await using opened = training
    ? await ClickLog.open(part.paths, { ...spec, sampling: samplingOf(spec), training, ...(part.part && part) })
    : await openPart(spec, part);
  const rows: Row[] = [];
  for await (const { rows: count, columns } of opened.chunks(names))
    for (let row = 0; row < count; row++)
      rows.push(Object.fromEntries(names.map((name, c) => [name, String(columns[c]?.[row])])) as unknown as Row);
  return rows;
}

const pairs = (rows: readonly Pick<Positive, "user" | "item">[]): Set<string> =>
  new Set(rows.map(({ user, item }) => `${user} ${item}`));

describe("each positive record", () => {
  let rows: Row[];
  beforeAll(async () => {
    rows = await read(specOf({}), log);
  });

  it("is followed by so many negatives of its context, in the order of the log", () => {
    expect(rows.map(({ label }) => label)).toEqual(positives.flatMap(() => ["1", "0", "0", "0"]));
    for (const [i, { user, at }] of rows.entries()) {
      const own = positives[Math.floor(i / 4)] as Positive;
      expect([user, at]).toEqual([own.user, String(own.at)]);
    }
    expect(pairs(rows.filter(({ label }) => label === "1"))).toEqual(pairs(positives));
  });

  it("gets whole items, and none that is a positive of its user", () => {
    const known = pairs(positives);
    for (const { user, item, colour, price } of rows.filter(({ label }) => label === "0")) {
      expect(known.has(`${user} ${item}`)).toBe(false);
      const number = Number(item.slice(1));
      expect([colour, price]).toEqual([`c${number % 4}`, String(10 + number)]);
    }
  });

  it("gets the same ones again, and others with another seed for training", async () => {
    expect(await read(specOf({}), log)).toEqual(rows);
    const first = await read(specOf({}), log, true);
    expect(await read(specOf({}), log, true)).toEqual(first);
    expect(first).not.toEqual(rows);
    expect(await read(specOf({ seed: 2 }), log, true)).not.toEqual(first);
    // Metrics of different trainings are of the same records.
    expect(await read(specOf({ seed: 2 }), log)).toEqual(rows);
  });
});

describe("items are drawn", () => {
  /** How often each item is drawn, for contexts that are all different, so that hardly any item is refused. */
  async function drawn(distribution: string): Promise<number[]> {
    const alone = file("alone.csv", csv(positives.map((row) => ({ ...row, user: `v${row.at}` }))));
    const rows = await read(specOf({ distribution, sample: 20 }), alone);
    const counts = new Array(ITEMS).fill(0);
    for (const { item, label } of rows) if (label === "0") counts[Number(item.slice(1))]++;
    return counts;
  }
  const shares = (counts: readonly number[]): number[] => counts.map((count) => count / counts.reduce((a, b) => a + b));

  it("alike", async () => {
    for (const share of shares(await drawn("uniform"))) expect(Math.abs(share - 1 / ITEMS)).toBeLessThan(0.01);
  });

  it("by their positive records", async () => {
    const counts = new Array(ITEMS).fill(0);
    for (const { item } of positives) counts[Number(item.slice(1))]++;
    // A record's own item is never drawn for it, so popular ones are a little rarer: Σ_{j≠i} p_j · p_i/(1 − p_j).
    const p = shares(counts);
    const expected = p.map((pi, i) => p.reduce((sum, pj, j) => sum + (j === i ? 0 : (pj * pi) / (1 - pj)), 0));
    for (const [i, share] of shares(await drawn("popularity")).entries())
      expect(Math.abs(share - (expected[i] as number))).toBeLessThan(0.015);
  });

  it("from what is left where a user has nearly all, and not at all where a user has all", async () => {
    const rows = [
      ...["a", "b", "c", "d"].map((item) => ({ user: "all", item })),
      ...["a", "b", "c"].map((item) => ({ user: "most", item })),
    ].map((row, at) => ({ ...row, colour: "c", price: 1, at }));
    const few = file("few.csv", csv(rows));
    for (const distribution of ["uniform", "popularity"]) {
      await using opened = await openPart(specOf({ distribution }), few);
      const made: string[] = [];
      for await (const { rows: count, columns } of opened.chunks(["user", "item", "label"]))
        for (let row = 0; row < count; row++)
          if (Number(columns[2]?.[row]) === 0) made.push(`${columns[0]?.[row]} ${columns[1]?.[row]}`);
      expect(made).toEqual(new Array(9).fill("most d"));
      expect(opened.warnings.join()).toContain("data.negatives leaves out 12 of 21 negatives");
    }
  });
});

describe("the parts of a log", () => {
  const split = { kind: "time", by: "at", valid: 0.2, test: 0.2 };
  const spec = specOf({}, { split });
  const of = (part: "train" | "valid" | "test") => ({ ...log, part });

  it("all get negatives, whose items are those of the training part", async () => {
    const trained = positives.slice(0, 0.6 * N);
    const items = new Set(trained.map(({ item }) => item));

    for (const part of ["train", "valid", "test"] as const) {
      const rows = await read(spec, of(part), part === "train");
      expect(rows.length).toBe(4 * N * (part === "train" ? 0.6 : 0.2));
      const negatives = rows.filter(({ label }) => label === "0");
      expect(negatives.every(({ item }) => items.has(item))).toBe(true);
      // In training, what is a positive of a later part only is not known.
      const known = pairs(part === "train" ? trained : positives);
      expect([...pairs(negatives)].filter((pair) => known.has(pair))).toEqual([]);
    }
  });
});

describe("the same records make the same negatives", () => {
  const spec = specOf({});
  const expected = read(spec, log);

  it.each<[string, () => LogPart]>([
    ["in JSON lines", () => file("log.jsonl", positives.map((row) => `${JSON.stringify(row)}\n`).join(""))],
    [
      "in JSON lines with labels",
      () => file("labels.jsonl", positives.map((row) => `${JSON.stringify({ ...row, label: 1 })}\n`).join("")),
    ],
    ["with a column of labels that is 1", () => file("ones.csv", csv(positives.map((row) => ({ ...row, label: 1 }))))],
    [
      "in two files",
      () => ({
        paths: [file("a.csv", csv(positives.slice(0, 150))), file("b.csv", csv(positives.slice(150)))].flatMap(
          ({ paths }) => paths,
        ),
      }),
    ],
  ])("%s", async (_, write) => {
    expect(await read(spec, write())).toEqual(await expected);
  });

  it("in Parquet", async () => {
    const path = join(folder, "log.parquet");
    await using opened = await ClickLog.open(log.paths, { output: path });
    await opened.copy(["user", "item", "colour", "price", "at"], path);
    expect(await read(spec, { paths: [path] })).toEqual(await expected);
  });
});

it("records with label 0 stay, and get no negatives", async () => {
  const rows = positives.map((row, i) => ({ ...row, label: Number(i % 2 === 0) }));
  const found = await read(specOf({ sample: 1 }), file("both.csv", csv(rows)));
  expect(found.length).toBe(1.5 * N);
  expect(found.slice(0, 3).map(({ at, label }) => `${at} ${label}`)).toEqual(["0 1", "0 0", "1 0"]);
});

it("a user's positives in other contexts are known where `user` tells users apart", async () => {
  const hours = positives.map((row, i) => ({ ...row, hour: i }));
  const path = file("hours.csv", csv(hours));
  const base = specOf({});
  const fields = [...base.fields, { ...base.fields[0], name: "hour" }];
  const spec = (negatives: object): FeatureSpec =>
    parseWith(
      FeatureSpecSchema,
      { ...base, fields, data: { negatives: { sample: 3, by: "item", ...negatives } } },
      "s",
    );
  const known = pairs(positives);
  const wrong = async (of: FeatureSpec): Promise<number> =>
    (await read(of, path)).filter(({ user, item, label }) => label === "0" && known.has(`${user} ${item}`)).length;
  expect(await wrong(spec({}))).toBeGreaterThan(0);
  expect(await wrong(spec({ user: "user" }))).toBe(0);
});

it("a model learns from a log of positives, and its predictions have the share of positives", async () => {
  const spec = specOf({ sample: 4 }, { split: { kind: "random", valid: 0.2, test: 0.2 } });
  const quick = { ...spec, training: { ...spec.training, batchSize: 64, maxEpochs: 6, learningRate: 0.02 } };
  const cache = join(folder, "cache");
  const logs = { train: { ...log, part: "train" }, valid: { ...log, part: "valid" } } as const;
  const { valid, learner } = await train(quick, { ...logs, cache, backend: TEST_BACKEND });
  expect(valid.auc).toBeGreaterThan(0.6);
  expect(learner.logitCorrection).toBe(0);
  // Other negatives are another entry of the cache.
  const counts = async (of: FeatureSpec) => (await openTrainingLog(of, logs.train, cache)).source.labels;
  const { positives: ones, negatives: zeros } = await counts(spec);
  expect(zeros.records).toBe(4 * ones.records);
  expect((await counts(specOf({ sample: 2 }, { split: spec.data.split }))).negatives.records).toBe(2 * ones.records);
});

describe("is refused", () => {
  it.each<[string, object, string]>([
    ["an unknown column of items", { by: "film" }, "data.negatives.by: "],
    ["an unknown column of users", { user: "who" }, 'no column "who"'],
  ])("%s", async (_, negatives, problem) => {
    await expect(read(specOf(negatives), log)).rejects.toThrow(problem);
  });

  it("a log with one item", async () => {
    const one = file("one.csv", csv(positives.slice(0, 5).map((row) => ({ ...row, item: "i1" }))));
    await expect(read(specOf({}), one)).rejects.toThrow(
      "one.csv: column item: got 1 item, expected at least two for data.negatives to draw from",
    );
  });

  it("a label that is none, by its line", async () => {
    const bad = file("bad.csv", csv(positives.map((row, i) => ({ ...row, label: i === 7 ? "yes" : 1 }))));
    await expect(openTrainingLog(specOf({}), bad, join(folder, "bad-cache"))).rejects.toThrow(
      /bad\.csv, line 9: column label: got "yes", expected a label of 0 or 1/,
    );
  });

  it("a value of an item, by the lines of the record and of the item", async () => {
    const wrong = file("wrong.csv", csv(positives.map((row) => (row.item === "i3" ? { ...row, price: "dear" } : row))));
    await expect(openTrainingLog(specOf({}), wrong, join(folder, "wrong-cache"))).rejects.toThrow(
      /wrong\.csv, line \d+(, as a negative with the item of .*wrong\.csv, line \d+)?: column price: got "dear"/,
    );
  });

  const refused = (change: (spec: FeatureSpec) => object) => () =>
    parseWith(FeatureSpecSchema, change(structuredClone(specOf({}))), "s");
  it.each<[string, (spec: FeatureSpec) => object, string]>([
    [
      "fields of one side",
      (spec) => ({ ...spec, fields: spec.fields.slice(0, 1) }),
      'got 0 of 1 fields with side "item", expected some of either side with data.negatives.sample',
    ],
    [
      "a context field as the item",
      (spec) => ({ ...spec, data: { negatives: { sample: 1, by: "user" } } }),
      'got data.negatives.by "user", a field with side "context"',
    ],
    ["no column of items", (spec) => ({ ...spec, data: { negatives: { sample: 1 } } }), "got sample without by"],
    ["rate and sample", (spec) => ({ ...spec, data: { negatives: { sample: 1, by: "item", rate: 0.5 } } }), "got both"],
    ["neither", (spec) => ({ ...spec, data: { negatives: {} } }), "got neither, expected rate or sample"],
    ["rate with by", (spec) => ({ ...spec, data: { negatives: { rate: 0.5, by: "item" } } }), "got by with rate"],
  ])("%s", (_, change, problem) => {
    expect(refused(change)).toThrow(problem);
  });
});
