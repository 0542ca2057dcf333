import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { openLog, placesOf, readRows, rowsOf, specOf, testFolder, writeParquet } from "./log-files.ts";

const folder = testFolder("parquet");

/** Writes a Parquet file with the rows of a query. */
async function parquet(name: string, ...rows: string[]): Promise<string> {
  return await writeParquet(join(folder, name), rows.map((row) => `SELECT ${row}`).join(" UNION ALL "));
}

describe("a Parquet column gives the value that a client would send as JSON", () => {
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
    expect(await readRows(["x"], path)).toEqual([[expected]]);
  });
  it("but a struct gives none", async () => {
    await using log = await openLog(await parquet("struct.parquet", "1 AS label, {'a': 1} AS s"));
    expect(await rowsOf(log, ["label"])).toEqual([[1]]);
    await expect(rowsOf(log, ["s"])).rejects.toThrow(/struct\.parquet: column "s": got STRUCT.*expected text/);
  });
  it("nor does a variant, whose text would have quotes", async () => {
    await using log = await openLog(await parquet("variant.parquet", "1 AS label, 'x'::VARIANT AS v"));
    await expect(rowsOf(log, ["v"])).rejects.toThrow(/variant\.parquet: column "v": got VARIANT, expected text/);
  });
});

describe("several Parquet files, each with its own types", () => {
  const X = '"x"';
  // Two columns' SQL, and what a log of both files has.
  it.each<[string, string, string, unknown[]]>([
    ["integers and doubles", "1", "1.5::DOUBLE", [1, 1.5]],
    ["integers and text", "7", "'007'", [7, "007"]],
    ["doubles and floats", "0.1::DOUBLE", "0.1::FLOAT", [0.1, 0.1]],
    ["text and doubles", "'a'", "123::DOUBLE", ["a", 123]],
    ["nothing and text", "NULL::INTEGER", "'a'", [null, "a"]],
    ["integers beyond 2^53 and text", "9007199254740993", "'a'", ["9007199254740993", "a"]],
    ["decimals and integers", "17.50::DECIMAL(9, 2)", "17", [17.5, 17]],
    ["large whole decimals and text", "9007199254740993::DECIMAL(38, 2)", "'a'", ["9007199254740993", "a"]],
    ["booleans and text", "true", "'true'", [true, "true"]],
    [
      "dates and time stamps",
      "DATE '2024-01-31'",
      "TIMESTAMP '2024-01-31 23:59:00'",
      ["2024-01-31", "2024-01-31 23:59:00"],
    ],
    [
      "time stamps with a zone and text",
      "TIMESTAMPTZ '2024-01-31 23:59:00+02'",
      "'a'",
      ["2024-01-31 21:59:00+00", "a"],
    ],
    [
      "lists",
      "[1.5::FLOAT, 17.1::FLOAT]",
      "['x', NULL]",
      [
        [1.5, 17.1],
        ["x", null],
      ],
    ],
    ["not a number and text", "'nan'::DOUBLE", "'a'", [Number.NaN, "a"]],
    ["JSON and text", "'\"x\"'::JSON", "'\"y\"'", ["x", '"y"']],
    ["lists of JSON and of text", "['\"x\"'::JSON]", "['\"y\"']", [["x"], ['"y"']]],
    [
      "a list with numbers that are none and text",
      "['nan'::DOUBLE, 1.5, '-inf', NULL]",
      "'a'",
      [[Number.NaN, 1.5, Number.NEGATIVE_INFINITY, null], "a"],
    ],
    ["integers of two widths", "300::SMALLINT", "4::BIGINT", [300n, 4n]],
  ])("%s", async (name, first, second, expected) => {
    const a = await parquet(`${name}.a.parquet`, `${first} AS ${X}`);
    const b = await parquet(`${name}.b.parquet`, `${second} AS ${X}`);
    expect((await readRows(["x"], [a, b])).flat()).toEqual(expected);
    expect((await readRows(["x"], [b, a])).flat()).toEqual([...expected].reverse());
  });

  it("labels that are none are refused as in a log of their own", async () => {
    const whole = await parquet("labels.a.parquet", "1 AS label, 'u' AS id");
    const parts = await parquet("labels.b.parquet", "0.4::DOUBLE AS label, 'u' AS id");
    await expect(openTrainingLog(specOf({}), { paths: [whole, parts] }, join(folder, "cache"))).rejects.toThrow(
      `${parts}, row 1: column label: got 0.4, expected a label of 0 or 1`,
    );
  });

  it("SQL computes with a column of several types only where data.types gives it one", async () => {
    const a = await parquet("sql.a.parquet", "1 AS label, 5 AS n");
    const b = await parquet("sql.b.parquet", "0 AS label, '7' AS n");
    await expect(openLog([a, b], { where: "n > 5" })).rejects.toThrow(
      `${b}: column "n": got VARCHAR, expected INTEGER as in ${a}, or a type in data.types`,
    );
    expect(await readRows(["label", "n"], [a, b], { where: "n > 5", types: { n: "INTEGER" } })).toEqual([[0, 7]]);
  });

  it("a type that a value does not have names its row", async () => {
    const path = await parquet("cast.parquet", "1 AS label, '5' AS n", "0, 'old'");
    await expect(readRows(["n"], path, { types: { n: "INTEGER" } })).rejects.toThrow(
      `${path}, row 2: column n: got "old", expected INTEGER`,
    );
  });

  it("columns in another order, and one that a file lacks", async () => {
    const a = await parquet("order.a.parquet", "1 AS label, 'u' AS id, 2 AS only");
    const b = await parquet("order.b.parquet", "'v' AS id, 0 AS label");
    expect(await readRows(["label", "id"], [a, b])).toEqual([
      [1, "u"],
      [0, "v"],
    ]);
    await expect(readRows(["only"], [a, b])).rejects.toThrow(
      `${b}: no column "only", which ${a} has; got "id", "label"`,
    );
  });

  it("a struct in one of them names the file", async () => {
    const a = await parquet("struct.a.parquet", "1 AS x");
    const b = await parquet("struct.b.parquet", "{'a': 1} AS x");
    await expect(readRows(["x"], [a, b])).rejects.toThrow(
      `${b}: column "x": got STRUCT("a" INTEGER), expected INTEGER as in ${a}`,
    );
  });

  it("bytes that are no text name their file and column", async () => {
    const a = await parquet("bytes.a.parquet", "1 AS label, 'x' AS id, 'y' AS b");
    const b = await parquet("bytes.b.parquet", "1 AS label, 'x' AS id, from_hex('61FF') AS b");
    await expect(readRows(["id", "b"], [a, b])).rejects.toThrow(
      `${b}: column b: got bytes that are not UTF-8, expected text in UTF-8`,
    );
    expect(await readRows(["id"], [a, b])).toEqual([["x"], ["x"]]);
  });

  it("names that differ in case only", async () => {
    const path = await parquet("case.parquet", "1 AS label, 'a' AS user, 'b' AS usrr, {'x': 1} AS s, 'c' AS last");
    // DuckDB writes no such file, so the name is changed in its bytes, where it stands twice.
    const bytes = readFileSync(path).toString("latin1").replaceAll("usrr", "USER");
    writeFileSync(path, Buffer.from(bytes, "latin1"));
    expect(await readRows(["user", "USER", "last"], path)).toEqual([["a", "b", "c"]]);
  });
});

describe("Parquet", () => {
  it("a folder of files, with select", async () => {
    mkdirSync(join(folder, "pq"));
    for (const i of [0, 1]) await parquet(join("pq", `${i}.parquet`), `${i} AS label, ${i + 3} AS rating`);
    await using log = await openLog(join(folder, "pq"), { select: { label: "rating >= 4" } });
    expect(await rowsOf(log, ["label", "rating"])).toEqual([
      [false, 3],
      [true, 4],
    ]);
    expect(await placesOf(log)).toEqual([0, 1].map((i) => `${join(folder, "pq", `${i}.parquet`)}, row 1`));
  });
});

it("a time stamp with a zone is one in UTC on a machine in Kathmandu, and to SQL", async () => {
  const at = "TIMESTAMPTZ '2024-01-31 23:59:00+02'";
  const a = await parquet("zone.a.parquet", `1 AS label, ${at} AS seen, ${at} AS mixed`);
  const b = await parquet("zone.b.parquet", `0 AS label, ${at} AS seen, 'text' AS mixed`);
  const script = fileURLToPath(new URL("./read-hours.ts", import.meta.url));
  const env = { ...process.env, TZ: "Asia/Kathmandu" };
  const printed = execFileSync(process.execPath, [script, a, b], { encoding: "utf8", env });
  expect(printed).toBe("2024-01-31 21:59:00+00 | 21 | 2024-01-31\ntext | 21 | 2024-01-31\n");
});
