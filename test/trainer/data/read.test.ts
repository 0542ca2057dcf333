import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { type ClickLog, openLog } from "../../../trainer/data/read.ts";
import { openHeldOutLog, openTrainingLog } from "../../../trainer/data/training-log.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-read-"));
afterAll(() => rmSync(folder, { recursive: true }));

const spec = parseWith(
  FeatureSpecSchema,
  {
    name: "tiny",
    fields: [
      { name: "user", type: "categorical", encoding: { kind: "vocabulary", minCount: 2 } },
      { name: "age", type: "numeric", encoding: { kind: "boundaries", boundaries: [18, 65] } },
    ],
  },
  "tiny",
);

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const cache = join(folder, "cache");

async function columns(log: ClickLog, names: string[]): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  for await (const chunk of log.chunks(names)) {
    for (let row = 0; row < chunk.rows; row++) rows.push(names.map((_, c) => chunk.columns[c]?.[row]));
  }
  return rows;
}

describe("a log is the same in every format", () => {
  const csv = 'label,user,"age, years"\n1,u1,30\n0,"a ""quoted"", name",\n1,,17.5\n';
  const expected = [
    ["1", "u1", "30"],
    ["0", 'a "quoted", name', null],
    ["1", null, "17.5"],
  ];
  const names = ["label", "user", "age, years"];

  it("csv", async () => {
    expect(await columns(await openLog(file("a.csv", csv)), names)).toEqual(expected);
  });
  it("csv with a byte order mark and CRLF", async () => {
    expect(await columns(await openLog(file("bom.csv", `\uFEFF${csv.replaceAll("\n", "\r\n")}`)), names)).toEqual(
      expected,
    );
  });
  it("csv.gz", async () => {
    expect(await columns(await openLog(file("a.csv.gz", gzipSync(csv))), names)).toEqual(expected);
  });
  it("tsv", async () => {
    const tsv = 'label\tuser\tage, years\n1\tu1\t30\n0\t"a ""quoted"", name"\t\n1\t\t17.5\n';
    expect(await columns(await openLog(file("a.tsv", tsv)), names)).toEqual(expected);
  });
  it("a cell with the character that rows are fetched with", async () => {
    const log = await openLog(file("unit.csv", "label,user\n1,a\u001fb\n0,c\n"));
    expect(await columns(log, ["user", "label"])).toEqual([
      ["a\u001fb", "1"],
      ["c", "0"],
    ]);
  });
  it("names that SQL takes for one, or that are none", async () => {
    const log = await openLog(file("names.csv", "label,User,user,,\n1,a,b,c,d\n"));
    expect(await columns(log, ["label", "user", "User"])).toEqual([["1", "b", "a"]]);
  });
});

describe("a Parquet column gives the value that a client would send as JSON", () => {
  async function parquet(name: string, select: string): Promise<string> {
    const path = join(folder, name);
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(`COPY (SELECT ${select}) TO '${path}' (FORMAT parquet)`);
    return path;
  }

  const cases: [string, string, unknown][] = [
    ["a small integer", "7::TINYINT", 7],
    ["an integer beyond 2^53", "9007199254740993", 9007199254740993n],
    ["a decimal", "17.50::DECIMAL(9, 2)", 17.5],
    ["a whole decimal", "17.00::DECIMAL(9, 2)", 17n],
    ["a float", "17.1::FLOAT", 17.1],
    ["a double", "17.1::DOUBLE", 17.1],
    ["text", "'x'", "x"],
    ["text stored as bytes", "'x'::BLOB", "x"],
    ["a boolean", "true", true],
    ["nothing", "NULL::INTEGER", null],
    ["a date", "DATE '2024-01-31'", "2024-01-31"],
    ["a time stamp", "TIMESTAMP '2024-01-31 23:59:00'", "2024-01-31 23:59:00"],
    ["a time stamp with a zone", "TIMESTAMPTZ '2024-01-31 23:59:00+02'", "2024-01-31 21:59:00+00"],
    ["a list", "['x', NULL, 'y']", ["x", null, "y"]],
    ["a list of floats", "[1.5::FLOAT, 17.1::FLOAT]", [1.5, 17.1]],
  ];
  it.each(cases)("%s", async (name, expression, expected) => {
    const path = await parquet(`${name.replaceAll(/\W/g, "-")}.parquet`, `${expression} AS x`);
    expect(await columns(await openLog(path), ["x"])).toEqual([[expected]]);
  });
  it("but a struct gives none", async () => {
    const log = await openLog(await parquet("struct.parquet", "1 AS label, {'a': 1} AS s"));
    expect(await columns(log, ["label"])).toEqual([[1]]);
    await expect(columns(log, ["s"])).rejects.toThrow(/struct\.parquet: column "s": got STRUCT.*expected text/);
  });
});

describe("a training log becomes rows", () => {
  it("in the order of the file, rare values sharing the OOV row", async () => {
    const train = file("train.csv", "age,label,user\n20,1,u1\n20,0,u2\n70,1,u1\n,0,\n");
    const log = await openTrainingLog(spec, { paths: [train] }, cache);
    // Rows: 0 and 1 are OOV; then u1 (twice), the age 18–65, the age over 65, the missing age.
    expect(log.vocabulary.size).toBe(6);
    expect([...log.vocabulary.counts]).toEqual([2, 0, 2, 2, 1, 1]);
    const read = async (path: string) =>
      (await (await openHeldOutLog(spec, log, { paths: [path] }, cache)).chunks().next()).value;
    const again = await read(train);
    expect([...again.labels]).toEqual([1, 0, 1, 0]);
    expect([...again.rows]).toEqual([2, 3, 0, 3, 2, 4, 0, 5]);
    const valid = await read(file("valid.csv", "label,user,age\n1,u9,5\n0,u1,21\n"));
    expect([...valid.rows]).toEqual([0, 1, 2, 3]);
  });
});

describe("a bad log is refused, naming the place", () => {
  const cases: [string, string, string | Uint8Array, RegExp][] = [
    [
      "no label column",
      "nolabel.csv",
      "click,user,age\n1,u,2\n",
      /nolabel\.csv: no column "label"; got "click", "user", "age"/,
    ],
    [
      "a label of 2",
      "two.csv",
      "label,user,age\n1,u,2\n2,u,2\n",
      /two\.csv, line 3: column label: got "2", expected a label of 0 or 1/,
    ],
    ["a missing label", "none.csv", "label,user,age\n,u,2\n", /none\.csv, line 2: column label: got null/],
    [
      "a word for a number",
      "word.csv",
      "label,user,age\n1,u,2\n0,u,old\n",
      /word\.csv, line 3: column age: got "old", expected a number/,
    ],
    [
      "a ragged row",
      "ragged.csv",
      "label,user,age\n1,u,2\n0,u,2,9\n",
      /ragged\.csv, line 3: got 4 columns, expected 3/,
    ],
    ["an empty file", "empty.csv", "", /empty\.csv: got an empty file/],
    ["a header alone", "header.csv", "label,user,age\n", /header\.csv: got no rows/],
    [
      "bytes that are not UTF-8",
      "latin.csv",
      Buffer.from("label,user,age\n1,caf\xe9,2\n", "latin1"),
      /latin\.csv, line 2: column user: got bytes that are not UTF-8/,
    ],
    ["a column twice", "twice.csv", "label,user,user,age\n1,u,v,2\n", /twice\.csv: got the column "user" twice/],
    [
      "too few columns after a blank line",
      "short.csv",
      "label,user,age\n1,u,2\n\n0,u\n",
      /short\.csv, line 4: got 2 columns/,
    ],
    [
      "a bad label after a cell of two lines",
      "lines.csv",
      'label,user,age\n1,"u\nv",2\n\n3,u,2\n',
      /lines\.csv, line 5: column label: got "3"/,
    ],
    [
      "a ragged row after a cell of two lines",
      "lines2.csv",
      'label,user,age\n1,"u\nv",2\n0,u\n',
      /lines2\.csv, line 4: got 2/,
    ],
    [
      "a quote without its end",
      "quote.csv",
      'label,user,age\n1,"u,2\n',
      /quote\.csv, line 2: got a quote that is never/,
    ],
    ["what is no gzip", "not.csv.gz", "label,user,age\n1,u,2\n", /not\.csv\.gz: .*(gzip|header)/i],
    ["an unknown format", "log.xlsx", "x", /log\.xlsx: got a file of unknown format, expected .*\.csv/],
  ];
  it.each(cases)("%s", async (_, name, content, problem) => {
    const path = file(name, content);
    await expect(openTrainingLog(spec, { paths: [path] }, cache)).rejects.toThrow(problem);
  });
  it("a file that is not there", async () => {
    await expect(openLog(join(folder, "absent.csv"))).rejects.toThrow(/absent\.csv: no such file/);
  });
});
