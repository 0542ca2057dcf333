import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { columnsOf } from "../../../format/columns.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import type { FittedSpec } from "../../../format/fitted-spec.ts";
import { RecordEncoder } from "../../../format/record.ts";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { surveyLog } from "../../../lab/init/init.ts";
import { chooseLabel } from "../../../lab/init/label.ts";
import { makePlan, type Plan } from "../../../lab/init/plan.ts";
import { specText } from "../../../lab/init/spec-text.ts";
import { csvRows } from "../../../testing/csv-rows.ts";
import { encodeLog } from "../../../trainer/data/encode.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { testFolder, writeParquet, writerInto } from "../../trainer/data/log-files.ts";

// A client that holds a row of a log sends its cells as the file has them. Under the spec that init writes they are
// encoded as the trainer encodes the row, in every format and spelling.

const folder = testFolder("client-cells");
const write = writerInto(folder);
const RECORDS = 120;

type Row = Record<string, unknown>;

/** A record's row keys and values, field by field. */
function entriesOf({ offsets, keys, values }: EncodedRecords, record: number, { fields }: FittedSpec): string[] {
  return fields.map(({ name }, f) => {
    const [start = 0, end = 0] = offsets.slice(record * fields.length + f);
    const entries = Array.from(
      { length: end - start },
      (_, e) => `${keys.slice(2 * (start + e), 2 * (start + e) + 2)} × ${values[start + e]}`,
    );
    return `${name}: ${entries.join("; ")}`;
  });
}

/** What init plans for a log, whose training part is opened; and what the trainer and a client's encoder make of it. */
async function encodedBoth(path: string, rows: readonly Row[]) {
  const survey = await surveyLog([path], {}, RECORDS);
  const plan = makePlan(survey, chooseLabel(survey.columns, path));
  const spec = parseFeatureSpec(specText(plan, "cells", []), path);
  const { fitted } = await openTrainingLog(spec, { paths: [path], part: "train" }, join(folder, "cache"));
  const encoder = new RecordEncoder(fitted);
  const columns = columnsOf(fitted.fields);
  const byClient = rows.map((row) => {
    const record = Object.fromEntries(columns.flatMap((name) => (name in row ? [[name, row[name]]] : [])));
    const out = new EncodedRecords();
    encoder.encodeObject(JSON.parse(JSON.stringify(record)), out, "record");
    return entriesOf(out, 0, fitted);
  });
  const byTrainer: string[][] = [];
  await using log = await openPart(spec, { paths: [path] });
  for await (const { encoded } of encodeLog(log, fitted))
    for (let r = 0; r < encoded.count; r++) byTrainer.push(entriesOf(encoded, r, fitted));
  return { plan, fields: spec.fields, byTrainer, byClient };
}

const chosenOf = ({ columns }: Plan): Record<string, string> =>
  Object.fromEntries(columns.map(({ column, chosen }) => [column.name, chosen]));

function cycled<Item>(items: readonly Item[], i: number): Item {
  return items[i % items.length] as Item;
}

/** 1 or 0, which follows from nothing that turns with the record's number. */
const label = (i: number): number => ((i * i + (i >> 3)) % 7 < 2 ? 1 : 0);
const records = <Item>(of: (i: number) => Item): Item[] => Array.from({ length: RECORDS }, (_, i) => of(i));

/** The lines of a CSV, whose cells need no quotes but those that they have. */
function csv(head: string, of: (i: number) => readonly unknown[], end = "\n", delimiter = ","): string {
  return [head, ...records((i) => [label(i), ...of(i)].join(delimiter))].join(end) + end;
}

describe("cells of CSV", () => {
  const cases: [name: string, content: string, chosen: Record<string, string>][] = [
    [
      "a byte order mark, Windows line ends and a delimiter at the end of each line",
      `\ufeff${csv("label,city,note,", (i) => [`"${cycled(["a\r\nb", 'c ""d""', " x", "y "], i)}"`, cycled(["NULL", "", '""', "NA", "b"], i), ""], "\r\n")}`,
      { city: "categorical; trim, context", note: "categorical; missing, context", "": "left out: no name" },
    ],
    [
      "digits that are names, and numbers in every spelling",
      csv("label,zip,code,x", (i) => [
        cycled(["01234", "1234", "99999"], i),
        cycled(["1e3", "1000", "7", "007", "x"], i),
        cycled(["1e3", "-0", "0.0", " 5", "5 ", "+3", ".5", "5."], i),
      ]),
      { zip: "categorical, context", code: "categorical, context", x: "numeric; log, context" },
    ],
    [
      "money and shares",
      csv("label,price,rent,share", (i) => [
        `"${cycled(["$1,234.50", "$ 9.00", "$.50", "$7"], i)}"`,
        `"${cycled(["1.234,50 €", "-9,00€", "0,5 €"], i)}"`,
        cycled(["5 %", "7.5%"], i),
      ]),
      {
        price: "numeric; capture, decimal, log, item",
        rent: "numeric; capture, decimal, log, context",
        share: "numeric; capture, context",
      },
    ],
    [
      "truth, letters beyond ASCII and emoji",
      csv("label,flag,name", (i) => [
        cycled(["true", "FALSE", "True"], i),
        cycled(["é", "e\u0301", "ß", "SS", "👍🏽", "x\u00a0"], i),
      ]),
      { flag: "categorical; lower, context", name: "categorical; nfkc, trim, context" },
    ],
    [
      "lists with missing elements",
      csv("label,tags,json", (i) => [
        cycled(["a|b", "", "|a|", "a||b"], i),
        cycled(['"[""a"", 1]"', "[]", '"[null, ""a""]"', ""], i),
      ]),
      { tags: 'multi-categorical by "|", item', json: "multi-categorical; list, context" },
    ],
  ];
  test.each(cases)("%s", async (name, content, chosen) => {
    const { plan, byTrainer, byClient } = await encodedBoth(write(`${name}.csv`, content), csvRows(content));
    expect(chosenOf(plan)).toMatchObject(chosen);
    expect(byTrainer).toHaveLength(RECORDS);
    expect(byClient).toEqual(byTrainer);
  });

  test("in windows-1252, with semicolons", async () => {
    const content = csv("label;Straße;Preis", (i) => [cycled(["Köln", "Jena"], i), `${i % 9},5`], "\n", ";");
    const path = write("latin.csv", Buffer.from(content, "latin1"));
    const { byTrainer, byClient } = await encodedBoth(path, csvRows(content, ";"));
    expect(byClient).toEqual(byTrainer);
  });

  test.each([
    [
      "of 12 hours",
      (d: Date) =>
        `${d.getUTCMonth() + 1}/${d.getUTCDate()}/2026 ${d.getUTCHours() % 12 || 12}:05 ${d.getUTCHours() < 12 ? "AM" : "PM"}`,
    ],
    ["of HTTP", (d: Date) => d.toUTCString()],
    ["without zeros", (d: Date) => `${d.getUTCDate()}.${d.getUTCMonth() + 1}.2026 ${d.getUTCHours()}:05`],
    ["with zones", (d: Date) => d.toISOString().replace("Z", cycled(["Z", "+02:00"], d.getUTCHours()))],
  ])("times %s", async (name, textOf) => {
    const when = (i: number): string => `"${textOf(new Date(Date.UTC(2026, 8, 1) + i * 9_000_000))}"`;
    const content = csv("label,when", (i) => [when(i)]);
    const { plan, byTrainer, byClient } = await encodedBoth(write(`${name}.csv`, content), csvRows(content));
    expect(chosenOf(plan)).toMatchObject({ when: "hour, weekday, context" });
    expect(plan.split.split).toEqual({ kind: "time", by: "when" });
    expect(byTrainer).toHaveLength(RECORDS);
    expect(byClient).toEqual(byTrainer);
  });
});

describe("values of JSON lines", () => {
  const cases: [name: string, of: (i: number) => Row, kept: (row: Row) => boolean, chosen: Record<string, string>][] = [
    [
      "of every type",
      (i) => ({
        label: label(i),
        mixed: cycled([1, 1.5, "1000", 1e3, null, "", true], i),
        list: cycled([["a"], [], ["b", null], [1, "1"], null], i),
        x: cycled([0.1, 1e-7, -0, 123_456_789.125], i),
      }),
      () => true,
      { list: "multi-categorical, context", x: "numeric; log, context" },
    ],
    [
      "whose label is a word, and whose time is a text",
      (i) => ({
        clicked: cycled(["no", "No ", "no", "no", "yes"], i * i),
        user: `u${(i * i) % 11}`,
        when: `${1 + (i >> 3)}.9.2026 ${i % 24}:00`,
      }),
      () => true,
      { clicked: "label, as 0 and 1", when: "hour, weekday, context" },
    ],
    [
      "whose label is missing",
      (i) => ({ clicked: cycled([true, false, null, false, false], i * i), user: `u${(i * i) % 11}` }),
      ({ clicked }) => clicked !== null,
      { clicked: "label" },
    ],
    [
      "whose weight is missing",
      (i) => ({ clicked: label(i), user: `u${i % 11}`, ...(i % 4 > 0 && { weight: 1, sampleWeight: 2 }) }),
      () => true,
      { sampleWeight: "left out: no weight" },
    ],
  ];
  test.each(cases)("%s", async (name, of, kept, chosen) => {
    const rows = records(of);
    const path = write(`${name}.jsonl`, rows.map((row) => JSON.stringify(row)).join("\r\n"));
    const { plan, byTrainer, byClient } = await encodedBoth(path, rows.filter(kept));
    expect(chosenOf(plan)).toMatchObject(chosen);
    expect(byTrainer).toHaveLength(rows.filter(kept).length);
    expect(byClient).toEqual(byTrainer);
  });
});

test("labels that mean missing are no records of CSV, whatever the text", async () => {
  const rows = records((i) => ({ clicked: cycled(["1", "0", "0", "NA", ""], i), user: `u${(i * i) % 11}` }));
  const content = `clicked,user\n${rows.map(({ clicked, user }) => `${clicked},${user}`).join("\n")}\n`;
  const labeled = rows.filter(({ clicked }) => clicked === "0" || clicked === "1");
  const { byTrainer, byClient } = await encodedBoth(write("labels.csv", content), labeled);
  expect(byTrainer).toHaveLength(labeled.length);
  expect(byClient).toEqual(byTrainer);
});

describe("a row of Parquet", () => {
  const at = (i: number): Date => new Date(Date.UTC(2026, 8, 1) + i * 9_001_500);
  const row = (i: number): Row => ({
    ...{
      big: 7_000_000_000 + (i % 5),
      price: (i % 90) / 4,
      whole: i % 4,
      flag: i % 3 === 0,
      when: at(i).toISOString(),
    },
    ...{ day: new Date(Date.UTC(2025, 6 + (i % 5), 1)).toISOString().slice(0, 10), tags: [`a${i % 4}`, null] },
    ...{ color: i % 10 === 0 ? null : cycled(["red", "green"], i) },
  });
  const query = `SELECT i, CASE WHEN (i * i + (i >> 3)) % 7 < 2 THEN 1.0 ELSE 0 END::DOUBLE AS clicked,
    (7000000000 + i % 5)::BIGINT AS big, ((i % 90) / 4)::DECIMAL(9, 2) AS price, (i % 4)::DECIMAL(9, 2) AS whole,
    i % 3 = 0 AS flag, TIMESTAMP '2026-09-01' + INTERVAL (i * 9001500) MILLISECOND AS when,
    (DATE '2025-07-01' + INTERVAL (i % 5) MONTH)::DATE AS day, ['a' || (i % 4), NULL] AS tags,
    CASE WHEN i % 10 = 0 THEN NULL ELSE ['red', 'green'][1 + i % 2]::ENUM('red', 'green') END AS color,
    {'os': 'linux'} AS client, MAP {'k': i} AS extra, [[i::BIGINT]] AS pairs FROM range(${RECORDS}) t(i)`;

  test("has numbers, times as ISO 8601 and lists; nested columns are left out", async () => {
    const path = await writeParquet(join(folder, "types.parquet"), query);
    const { plan, byTrainer, byClient } = await encodedBoth(path, records(row));
    expect(chosenOf(plan)).toMatchObject({
      ...{ i: "left out: unique per row", big: "categorical, context", price: "numeric, item" },
      ...{ flag: "categorical, context", when: "hour, weekday, context", tags: "multi-categorical, item" },
      ...{ client: "left out: nested", extra: "left out: nested", pairs: "left out: nested" },
    });
    expect(byTrainer).toHaveLength(RECORDS);
    expect(byClient).toEqual(byTrainer);
  });
});
