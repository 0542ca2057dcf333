import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import { RecordEncoder } from "../../../format/record.ts";
import { type FeatureSpec, parseFeatureSpec } from "../../../format/spec.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { ClickLog, type ClickLogOptions } from "../../../trainer/data/click-log.ts";
import { encodeLog } from "../../../trainer/data/encode.ts";
import { fitSpec } from "../../../trainer/data/fit.ts";
import { specOf, testFolder, writeParquet, writerInto } from "./log-files.ts";

// Logs whose numbers are texts with a decimal comma: `data.decimal` and `data.thousands`.

const folder = testFolder("decimal");
const file = writerInto(folder);

const price = { name: "price", type: "numeric", encoding: { kind: "value" } };
const DATA = { decimal: ",", weight: "w" };
const SPEC = specOf({ fields: [price, { name: "id", type: "categorical" }], data: DATA });

interface Read {
  spec: FeatureSpec;
  labels: number[];
  weights: number[];
  /** The number that each record has of the first field; NaN where it is missing. */
  numbers: number[];
}

/** What training reads of a log, which is compared with what a Worker makes of the same records as JSON. */
async function read(
  path: string,
  records: readonly object[] | null,
  spec = SPEC,
  choice: Partial<ClickLogOptions> = {},
): Promise<Read> {
  await using log = await ClickLog.open(path, { data: spec.data, label: spec.label, ...choice });
  const fitted = await fitSpec(spec, log, HASH_KEY);
  const encoder = new RecordEncoder(fitted);
  const found: Read = { spec, labels: [], weights: [], numbers: [] };
  const trained: unknown[] = [];
  for await (const { encoded, labels, weights } of encodeLog(log, fitted)) {
    found.labels.push(...labels);
    found.weights.push(...(weights ?? []));
    found.numbers.push(...numbersOf(encoded, fitted.fields.length));
    trained.push(...entriesOf(encoded));
  }
  if (records === null) return found;
  const served = new EncodedRecords();
  for (const record of JSON.parse(JSON.stringify(records))) encoder.encodeObject(record, served, "records[0]");
  expect(trained).toEqual(entriesOf(served));
  return found;
}

function entriesOf({ keys, values, entries }: EncodedRecords): unknown[] {
  return [keys.slice(0, 2 * entries), values.slice(0, entries)];
}

function numbersOf({ count, offsets, values }: EncodedRecords, fields: number): number[] {
  return Array.from({ length: count }, (_, record) => values[offsets[record * fields] ?? 0] ?? Number.NaN);
}

const RECORDS = [
  { price: "3,5", id: "1,5" },
  { price: "-0,25", id: "a" },
  { price: "7", id: "b" },
  { price: "1e-3", id: "" },
];
const LABELS = ["1,0", "0", "0,00", "1"];
const WEIGHTS = ["0,5", "1", "2,25", "0,0"];

describe("a decimal comma holds for numeric fields, labels and weights, in training and in a request", () => {
  const expected = { labels: [1, 0, 0, 1], weights: [0.5, 1, 2.25, 0], numbers: [3.5, -0.25, 7, Math.fround(0.001)] };

  it("in CSV, with any delimiter", async () => {
    const rows = RECORDS.map(({ price, id }, i) => [LABELS[i], WEIGHTS[i], price, id]);
    const semicolons = ["label;w;price;id", ...rows.map((row) => row.join(";"))].join("\n");
    const data = { ...DATA, delimiter: ";" };
    expect(await read(file("a.csv", semicolons), RECORDS, specOf({ fields: SPEC.fields, data }))).toMatchObject(
      expected,
    );
    const quoted = ["label,w,price,id", ...rows.map((row) => row.map((text) => `"${text}"`).join(","))].join("\n");
    expect(await read(file("b.csv", quoted), RECORDS)).toMatchObject(expected);
  });

  it("in JSON lines, where a number stays a number", async () => {
    const lines = RECORDS.map((record, i) => JSON.stringify({ label: LABELS[i], w: WEIGHTS[i], ...record }));
    expect(await read(file("a.jsonl", lines.join("\n")), RECORDS)).toMatchObject(expected);
    const records = [
      { price: 3.5, id: "a" },
      { price: true, id: "b" },
      { price: null, id: "c" },
    ];
    const numbers = records.map((record, i) => JSON.stringify({ label: i === 0 ? 1.0 : false, w: 0.5, ...record }));
    expect(await read(file("b.jsonl", numbers.join("\n")), records)).toMatchObject({
      labels: [1, 0, 0],
      weights: [0.5, 0.5, 0.5],
      numbers: [3.5, 1, 1], // a missing value has the value 1 of its own row
    });
  });

  it("in Parquet, where a number stays a number", async () => {
    const path = join(folder, "a.parquet");
    const rows = RECORDS.map(({ price, id }, i) => `('${LABELS[i]}', '${WEIGHTS[i]}', '${price}', '${id}')`);
    await writeParquet(path, `SELECT * FROM (VALUES ${rows.join(", ")}) AS log(label, w, price, id)`);
    expect(await read(path, RECORDS)).toMatchObject(expected);
    const typed = join(folder, "b.parquet");
    await writeParquet(
      typed,
      `SELECT 1 AS label, CAST(0.5 AS DECIMAL(3, 2)) AS w, CAST(range + 0.5 AS DECIMAL(9, 3)) AS price, 'a' AS id
       FROM range(2)`,
    );
    const records = [0.5, 1.5].map((price) => ({ price, id: "a" }));
    expect(await read(typed, records)).toMatchObject({ weights: [0.5, 0.5], numbers: [0.5, 1.5] });
  });

  it("with points between thousands, where the data say so", async () => {
    const data = { decimal: ",", thousands: ".", delimiter: ";", types: { sum: "DOUBLE" }, where: "sum > 1000" };
    const path = file("thousands.csv", "label;sum;price;id\n1;1.234,5;12.345.678,5;a\n0;1,5;1;b\n0;2000;1.000;c\n");
    const records = [
      { price: "12.345.678,5", id: "a" },
      { price: "1.000", id: "c" },
    ];
    const { numbers } = await read(path, records, specOf({ fields: SPEC.fields.map(plain), data }));
    expect(numbers).toEqual([12_345_678.5, 1000].map(Math.fround));
  });
});

/** A field as a user writes it. */
function plain({ prepare: _, ...field }: FeatureSpec["fields"][number]): object {
  return field;
}

describe("whatever else reads numbers of the log reads them alike", () => {
  const fields = [
    { name: "item", type: "categorical", side: "item" },
    { name: "user", type: "categorical" },
  ];

  it("a split by numbers", async () => {
    const times = ["9,5", "10,25", "10,5", "2", "11", "1,75", "3", "4", "5", "6"];
    const path = file("times.csv", `label;at;price\n${times.map((at, i) => `${i % 2};${at};${at}`).join("\n")}\n`);
    const split = { kind: "time", by: "at", valid: 0.25, test: 0.1 };
    const spec = specOf({ fields: [price], data: { decimal: ",", delimiter: ";", split } });
    expect((await read(path, null, spec, { part: "test" })).numbers).toEqual([11]);
    expect((await read(path, null, spec, { part: "valid" })).numbers).toEqual([9.5, 10.25, 10.5]);
  });

  it("down-sampled and sampled negatives", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i % 4 === 0 ? "1,0" : "0,0"};i${i % 5};u${i % 7}`);
    const path = file("negatives.csv", `label;item;user\n${rows.join("\n")}\n`);
    const data = { decimal: ",", delimiter: ";" };
    const kept = await read(path, null, specOf({ fields, data: { ...data, negatives: { rate: 0.5 } } }), {
      training: true,
    });
    expect(kept.labels.filter((label) => label === 1)).toHaveLength(10);
    expect(kept.labels.length).toBeLessThan(40);
  });

  it("cells of CSV that data.types makes numbers", async () => {
    const path = file("typed.csv", "label;price;n\n1;2,5;1,5\n0;3,5;x\n");
    const spec = specOf({ fields: [price], data: { decimal: ",", delimiter: ";", types: { price: "DOUBLE" } } });
    expect((await read(path, [{ price: 2.5 }, { price: 3.5 }], spec)).numbers).toEqual([2.5, 3.5]);
    const wrong = specOf({
      fields: [price],
      data: { decimal: ",", delimiter: ";", types: { n: "DOUBLE" }, where: "n > 1" },
    });
    await expect(read(path, null, wrong)).rejects.toThrow(`${path}, line 3: column n: got "x", expected DOUBLE`);
  });
});

describe("the step that reads the numbers is part of the spec", () => {
  const prepareOf = (field: object, data: object = { decimal: "," }): unknown =>
    specOf({ fields: [{ name: "n", ...field }], data }).fields[0]?.prepare;
  const numeric = { type: "numeric" };

  it.each<[string, object, unknown]>([
    ["alone", {}, [{ decimal: "," }]],
    [
      "behind what changes texts",
      { prepare: [{ missing: ["-"] }, "trim"] },
      [{ missing: ["-"] }, "trim", { decimal: "," }],
    ],
    ["before a logarithm", { prepare: ["trim", "log"] }, ["trim", { decimal: "," }, "log"]],
    ["before bounds", { prepare: [{ clip: [0, 1] }, "log"] }, [{ decimal: "," }, { clip: [0, 1] }, "log"]],
    ["not beside a step of its own", { prepare: [{ decimal: "." }] }, [{ decimal: "." }]],
    ["not where times are read", { prepare: [{ time: "hour", zone: "UTC" }] }, [{ time: "hour", zone: "UTC" }]],
  ])("%s", (_, field, steps) => {
    expect(prepareOf({ ...numeric, ...field })).toEqual(steps);
  });

  it("for every encoding of numbers, and for no other field", () => {
    for (const encoding of [{ kind: "quantiles", count: 3 }, { kind: "log2" }, { kind: "boundaries", boundaries: [1] }])
      expect(prepareOf({ ...numeric, encoding })).toEqual([{ decimal: "," }]);
    expect(prepareOf({ type: "categorical" })).toBeUndefined();
    expect(prepareOf({ type: "multi-categorical" })).toBeUndefined();
  });

  it("with the separator of thousands; and none where numbers are written as programs do", () => {
    expect(prepareOf(numeric, { decimal: ",", thousands: "." })).toEqual([{ decimal: ",", thousands: "." }]);
    expect(prepareOf(numeric, { thousands: "'" })).toEqual([{ decimal: ".", thousands: "'" }]);
    expect(prepareOf(numeric, { decimal: "." })).toBeUndefined();
  });

  it("once, however often the spec is saved and read", () => {
    const spec = specOf({ fields: [{ name: "n", ...numeric, prepare: ["log"] }], data: { decimal: "," } });
    expect(parseFeatureSpec(JSON.stringify(spec), "again")).toEqual(spec);
  });
});

describe("what is wrong is refused, naming the place and both values", () => {
  it.each<[string, object, string]>([
    ["another separator", { decimal: ";" }, 'spec.json: data.decimal: got ";", expected ("." | ",")'],
    ["a word", { decimal: "comma" }, 'data.decimal: got "comma", expected ("." | ",")'],
    ["a digit between thousands", { decimal: ",", thousands: "0" }, 'data.thousands: got "0", expected one character'],
    ["two characters", { thousands: ", " }, 'data.thousands: got ", ", expected one character'],
    [
      "one for both",
      { decimal: ",", thousands: "," },
      'data: got "," for thousands and for decimal, expected two separators',
    ],
    [
      "the point that is there by default",
      { thousands: "." },
      'data: got "." for thousands, as the decimal separator is by default, expected two separators',
    ],
  ])("%s", (_, data, message) => {
    expect(() => specOf({ fields: [price], data })).toThrow(message);
  });

  it("a step too many", () => {
    const fields = [{ ...price, prepare: Array.from({ length: 16 }, () => "trim") }];
    expect(() => specOf({ fields, data: { decimal: "," } })).toThrow(
      "spec.json: fields[0].prepare: got 16 steps and that of data.decimal, expected at most 16 together",
    );
  });

  it("a point in a number, by file, line and column, and by its place in a request", async () => {
    const style = 'with the decimal separator ","';
    const bad = (name: string, row: string): string => file(`${name}.csv`, `label,w,price,id\n1,1,2,a\n${row}\n`);
    const refused = (path: string, text: string): Promise<void> =>
      expect(read(path, null)).rejects.toThrow(`${path}, line 3: column ${text} ${style}`);
    await refused(bad("price", "1,1,3.5,a"), 'price: got "3.5", expected a number');
    await refused(bad("weight", "1,0.5,3,a"), 'w: got "0.5", expected a weight of 0 or more');
    await refused(bad("label", "1.0,1,3,a"), 'label: got "1.0", expected a label of 0 or 1');
    const spline = specOf({ fields: [{ ...price, encoding: { kind: "spline" } }], data: { decimal: "," } });
    const path = file("points.csv", "label,price\n1,1.5\n0,2.5\n");
    await expect(read(path, null, spline)).rejects.toThrow(
      `${path}, line 2: column price: got "1.5", expected a number ${style}`,
    );
    const good = file("good.csv", 'label,w,price,id\n1,1,"2,5",a\n0,1,3,a\n');
    await expect(read(good, [{ price: "2.5", id: "a" }])).rejects.toThrow(
      `records[0].price: got "2.5", expected a number ${style} (prepare[0] of the field "price")`,
    );
  });
});
