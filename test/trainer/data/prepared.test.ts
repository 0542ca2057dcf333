import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { columnsOf } from "../../../format/columns.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import type { FittedSpec } from "../../../format/fitted-spec.ts";
import { RecordEncoder } from "../../../format/record.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { integer, pick, seeded } from "../../../testing/format/random.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { encodeLog } from "../../../trainer/data/encode.ts";
import { fieldRequest } from "../../../trainer/data/field-request.ts";
import { fitSpec } from "../../../trainer/data/fit.ts";
import { readColumns } from "../../../trainer/data/indexed-column.ts";
import { someRecords } from "../../../trainer/data/raw-record.ts";
import { literal } from "../../../trainer/data/sql.ts";
import { specOf, testFolder, writeParquet, writerInto } from "./log-files.ts";

// Training reads a log through DuckDB, and a Worker gets records as JSON: both must make the same entries of them.

const folder = testFolder("prepared");
const file = writerInto(folder);

const SPEC = specOf({
  fields: [
    { name: "country", type: "categorical", prepare: ["trim", "spaces", "upper", { missing: ["N/A"] }] },
    { name: "hour", from: "ts", type: "categorical", prepare: [{ time: "hour", zone: "Europe/Berlin" }] },
    { name: "weekday", from: "ts", type: "numeric", encoding: { kind: "log2" }, prepare: [{ time: "weekday" }] },
    { name: "day", from: "day", type: "categorical", prepare: [{ time: "date", format: "%d.%m.%y" }] },
    {
      ...{ name: "price", type: "numeric", encoding: { kind: "quantiles", count: 4 }, side: "item" },
      prepare: [{ missing: ["NaN"] }, { decimal: ",", thousands: "." }, { clip: [0, 5000] }, "log"],
    },
    { name: "tags", type: "multi-categorical", side: "item", prepare: ["trim", { list: "python" }, "lower"] },
    { name: "words", type: "multi-categorical", separator: ",", prepare: ["nfkc", "trim", { prefix: 3 }] },
    { name: "code", type: "categorical", side: "item", prepare: [{ capture: "^([A-Z]+)-\\d" }] },
    {
      name: "size",
      from: "code",
      type: "numeric",
      encoding: { kind: "value", scale: "standard" },
      side: "item",
      prepare: [{ capture: "-(\\d+)$" }],
    },
    { name: "plain", type: "categorical" },
    { name: "both", type: "categorical", cross: ["country", "code"] },
  ],
});
const COLUMNS = columnsOf(SPEC.fields);

/** A random record of texts: what a CSV file has. */
function randomRecord(random: () => number): Record<string, string> {
  const text = (): string =>
    Array.from({ length: integer(random, 0, 4) }, () => pick(random, [..."aB é\u00a0ß'ﬁ|"])).join("");
  const quoted = (): string => `'${text().replaceAll("'", "\\'")}'`;
  const two = (low: number, high: number): string => String(integer(random, low, high)).padStart(2, "0");
  const day = `2024-${two(1, 12)}-${two(1, 28)}`;
  return {
    country: pick(random, [" de", "DE ", "de  at", "n/a", "", "fr"]) + pick(random, ["", " "]),
    ts: pick(random, [
      `${day}T${two(0, 23)}:30:00Z`,
      `${day} ${two(0, 23)}:05`,
      `${day}T01:00:00+02:00`,
      "1700000000",
      "",
    ]),
    day: `${two(1, 28)}.${two(1, 12)}.${two(0, 99)}`,
    price: pick(random, ["NaN", "1.234,5", `${integer(random, 0, 9000)},${two(0, 99)}`, "-3", ""]),
    tags: pick(random, ["[]", "", ` [${quoted()}, ${quoted()}] `, "[None, 1, 2.50, 'A']", `["${"x".repeat(3)}"]`]),
    words: [text(), text(), text()].join(","),
    code: pick(random, ["AB-12", "C-3x", `XYZ-${integer(random, 1, 99)}`, "ab-1", ""]),
    plain: text(),
  };
}

const random = seeded(12);
const RECORDS = Array.from({ length: 300 }, () => randomRecord(random));

/** The entries that training makes of a log, and the fitted spec. */
async function trained(path: string, spec: FeatureSpec = SPEC): Promise<{ entries: string[]; fitted: FittedSpec }> {
  await using log = await ClickLog.open(path, { data: spec.data, label: spec.label });
  const fitted = await fitSpec(spec, log, HASH_KEY);
  const entries: string[] = [];
  for await (const { encoded } of encodeLog(log, fitted)) entries.push(...entriesOf(encoded, fitted));
  return { entries, fitted };
}

/** A text of each record's entries. */
function entriesOf({ count, offsets, keys, values }: EncodedRecords, { fields }: FittedSpec): string[] {
  return Array.from({ length: count }, (_, record) =>
    fields
      .map(({ name }, f) => {
        const [from, to] = [offsets[record * fields.length + f], offsets[record * fields.length + f + 1]];
        return `${name}: ${keys.subarray(2 * from, 2 * to)} × ${values.subarray(from, to)}`;
      })
      .join("; "),
  );
}

/** The entries that a Worker makes of records which come as JSON. */
function served(fitted: FittedSpec, records: readonly object[]): string[] {
  const encoder = new RecordEncoder(fitted);
  const encoded = new EncodedRecords();
  for (const record of JSON.parse(JSON.stringify(records))) encoder.encodeObject(record, encoded, "records");
  return entriesOf(encoded, fitted);
}

const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const CSV = `label,${COLUMNS}\n${RECORDS.map((record, i) => `${i % 2},${COLUMNS.map((name) => cell(record[name] ?? ""))}`).join("\n")}\n`;
const JSONL = RECORDS.map((record, i) => JSON.stringify({ label: i % 2, ...record })).join("\n");

describe("a record has the same entries in training and in a Worker", () => {
  it.each([
    ["CSV", async () => file("log.csv", CSV)],
    ["JSON lines", async () => file("log.jsonl", JSONL)],
    ["Parquet", parquetLog],
  ])("from %s", async (_, write) => {
    const { entries, fitted } = await trained(await write());
    expect(entries).toEqual(served(fitted, RECORDS));
    expect(fitted.fields.find(({ name }) => name === "price")?.encoding).toMatchObject({ kind: "boundaries" });
  });

  it("where columns have types of their own", async () => {
    const path = join(folder, "typed.parquet");
    await writeParquet(
      path,
      `SELECT range % 2 AS label, range * 0.5 AS price, [' A ', NULL, 'b'] AS tags, range AS plain,
        TIMESTAMP '2024-03-31 00:30:00' + INTERVAL (range) HOUR AS ts FROM range(8)`,
    );
    const fields = SPEC.fields.filter(({ name }) => ["hour", "weekday", "price", "tags", "plain"].includes(name));
    const { entries, fitted } = await trained(path, { ...SPEC, fields });
    const records = Array.from({ length: 8 }, (_, i) => {
      const ts = new Date(Date.parse("2024-03-31T00:30:00Z") + i * 3_600_000).toISOString().slice(0, 19);
      return { price: i * 0.5, tags: [" A ", null, "b"], plain: i, ts: ts.replace("T", " ") };
    });
    expect(entries).toEqual(served(fitted, records));
  });
});

async function parquetLog(): Promise<string> {
  const path = join(folder, "log.parquet");
  const rows = RECORDS.map(
    (record, i) => `(${[String(i % 2), ...COLUMNS.map((name) => literal(record[name] ?? ""))]})`,
  );
  const names = ["label", ...COLUMNS].map((name) => `"${name}"`);
  await writeParquet(path, `SELECT * FROM (VALUES ${rows}) AS log(${names})`);
  return path;
}

it("a NaN of Parquet is what a step takes for missing, in training and as a client would send it", async () => {
  const path = join(folder, "nan.parquet");
  await writeParquet(path, "SELECT 1 AS label, CAST(x AS DOUBLE) AS n FROM (VALUES ('1.5'), ('nan'), ('2')) AS t(x)");
  const field = { name: "n", type: "numeric", encoding: { kind: "log2" } };
  const spec = specOf({ fields: [{ ...field, prepare: [{ missing: ["NaN"] }] }] });
  const { entries, fitted } = await trained(path, spec);
  await using log = await ClickLog.open(path);
  expect(await someRecords(log, ["n"], 3)).toEqual([{ n: 1.5 }, { n: "NaN" }, { n: 2 }]);
  expect(entries).toEqual(served(fitted, [{ n: 1.5 }, { n: "NaN" }, { n: 2 }]));
  expect(entries[1]).toBe(served(fitted, [{}])[0]);
  await expect(trained(path, specOf({ fields: [field] }))).rejects.toThrow(
    "row 2: column n: got NaN, expected a number",
  );
});

describe("what is fitted is fitted to prepared values", () => {
  it.each<[string, object, string[], object]>([
    [
      "quantiles of decimals",
      { encoding: { kind: "quantiles", count: 2 }, prepare: [{ decimal: "," }] },
      ["1,5", "2,5", "3,5"],
      { kind: "boundaries", boundaries: [2.5] },
    ],
    [
      "a mean without what means missing",
      { encoding: { kind: "value", scale: "standard" }, prepare: [{ missing: ["-"] }, { clip: [0, 4] }] },
      ["-", "2", "9", ""],
      { kind: "value", shift: 3, factor: 1 },
    ],
    [
      "hours",
      { encoding: { kind: "quantiles", count: 2 }, prepare: [{ time: "hour", zone: "Asia/Tokyo" }] },
      ["2024-01-01T00:00Z", "2024-01-01T20:00Z", "2024-01-01 07:00"],
      { kind: "boundaries", boundaries: [7] },
    ],
  ])("%s", async (name, field, values, encoding) => {
    const spec = specOf({ fields: [{ name: "n", from: "column", type: "numeric", ...field }] });
    const csv = file(
      `${name.replaceAll(" ", "-")}.csv`,
      `label,column\n${values.map((v) => `1,${cell(v)}`).join("\n")}\n`,
    );
    expect((await trained(csv, spec)).fitted.fields[0]?.encoding).toEqual(encoding);
    const lines = values.map((v) => JSON.stringify({ label: 1, column: v })).join("\n");
    expect((await trained(file(`${name.replaceAll(" ", "-")}.jsonl`, lines), spec)).fitted.fields[0]?.encoding).toEqual(
      encoding,
    );
  });

  it("a column of which no value is a number is refused at the first that is none", async () => {
    const field = { name: "n", from: "c", type: "numeric", encoding: { kind: "quantiles", count: 2 } };
    const spec = specOf({ fields: [{ ...field, prepare: [{ decimal: "," }] }] });
    const path = file("words.csv", "label,c\n1,\n0,old\n");
    await expect(trained(path, spec)).rejects.toThrow(`${path}, line 3: column c: got "old", expected a number`);
  });
});

describe("a value that a step cannot read is refused by file, line and column", () => {
  it.each<[string, object, string, string]>([
    [
      "a decimal",
      { type: "numeric", prepare: [{ decimal: "," }] },
      "1.5",
      'got "1.5", expected a number with the decimal',
    ],
    [
      "a time",
      { type: "categorical", prepare: [{ time: "hour" }] },
      "yesterday",
      'got "yesterday", expected a date or time',
    ],
    [
      "a list",
      { type: "multi-categorical", prepare: [{ list: "python" }] },
      "sale",
      'got "sale", expected [ that begins',
    ],
  ])("%s", async (name, field, value, problem) => {
    const spec = specOf({
      fields: [{ name: "f", from: "c", encoding: { kind: "log2" }, ...field }].map(plainEncoding),
    });
    const path = file(`bad-${name.replaceAll(" ", "-")}.csv`, `label,c\n1,\n0,${value}\n`);
    const error = await trained(path, spec).catch((thrown: Error) => thrown);
    expect(String(error)).toContain(`${path}, line 3: column c: ${problem}`);
    expect(String(error)).toContain('(prepare[0] of the field "f")');
  });
});

/** Only numeric fields have a logarithm's bins. */
function plainEncoding(field: { type?: string; encoding: object }): object {
  const { encoding, ...rest } = field;
  return rest.type === "numeric" ? { ...rest, encoding } : rest;
}

it("a report's slices are of prepared values, and a cross's of both", async () => {
  const path = file("slices.csv", "label,country,code,tags\n1, de,A-1,\"['x', 'X', 'y']\"\n0,DE ,B-2,[]\n1,,C-3,\n");
  await using log = await ClickLog.open(path, { data: SPEC.data });
  const requests = ["country", "both", "tags", "label"].map((name) => fieldRequest(SPEC.fields, name));
  const columns = await readColumns(log, requests);
  expect(columns.map(({ name, values }) => [name, ...values])).toEqual([
    ["country", "DE", ""],
    ["both", "DE × A", "DE × B", ""],
    ["tags", "x", "y", ""],
    ["label", "1", "0"],
  ]);
});
