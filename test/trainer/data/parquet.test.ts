import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { openLog, placesOf, readRows, rowsOf, testFolder } from "./log-files.ts";

const folder = testFolder("parquet");

describe("a Parquet column gives the value that a client would send as JSON", () => {
  async function parquet(name: string, select: string): Promise<string> {
    const path = join(folder, name);
    await using duckdb = await DuckDb.open();
    await duckdb.connection.run(`COPY (SELECT ${select}) TO '${path}' (FORMAT parquet)`);
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
    expect(await readRows(["x"], path)).toEqual([[expected]]);
  });
  it("but a struct gives none", async () => {
    await using log = await openLog(await parquet("struct.parquet", "1 AS label, {'a': 1} AS s"));
    expect(await rowsOf(log, ["label"])).toEqual([[1]]);
    await expect(rowsOf(log, ["s"])).rejects.toThrow(/struct\.parquet: column "s": got STRUCT.*expected text/);
  });
});

describe("Parquet", () => {
  it("a folder of files, with select", async () => {
    mkdirSync(join(folder, "pq"));
    await using duckdb = await DuckDb.open();
    for (const i of [0, 1])
      await duckdb.connection.run(
        `COPY (SELECT ${i} AS label, ${i + 3} AS rating) TO '${join(folder, "pq", `${i}.parquet`)}'`,
      );
    await using log = await openLog(join(folder, "pq"), { select: { label: "rating >= 4" } });
    expect(await rowsOf(log, ["label", "rating"])).toEqual([
      [false, 3],
      [true, 4],
    ]);
    expect(await placesOf(log)).toEqual([0, 1].map((i) => `${join(folder, "pq", `${i}.parquet`)}, row 1`));
  });
});
