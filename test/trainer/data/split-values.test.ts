import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import type { Part } from "../../../trainer/data/split.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { readRows, specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("split-values");
const file = writerInto(folder);
const PARTS = ["train", "valid", "test"] as const;

async function parquet(name: string, select: string): Promise<string> {
  const path = join(folder, name);
  rmSync(path, { force: true }); // over a file, DuckDB writes one of another name first
  await using duckdb = await DuckDb.open(undefined, [path]);
  await duckdb.connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  return path;
}

/** The values of a column in each of the three parts. */
async function parts(column: string, path: string, data: object): Promise<Record<Part, unknown[]>> {
  const of = async (part: Part) => (await readRows([column], path, data, { part })).flat();
  return { train: await of("train"), valid: await of("valid"), test: await of("test") };
}

describe("negatives are sampled by what the label means", () => {
  const N = 2000;
  const data = { negatives: { rate: 0.25, seed: 5 } };
  const click = (i: number): boolean => i % 8 === 0;
  const lines = (one: string, zero: string): string =>
    Array.from({ length: N }, (_, i) => `{"label":${click(i) ? one : zero},"n":${i}}\n`).join("");
  const csv = (one: string, zero: string): string =>
    `label,n\n${Array.from({ length: N }, (_, i) => `${click(i) ? one : zero},${i}\n`).join("")}`;
  const typed = (type: string): Promise<string> =>
    parquet(
      `${type.replace(/\W/g, "")}.parquet`,
      `SELECT CAST(range % 8 = 0 AS ${type}) AS label, range AS n FROM range(${N})`,
    );
  const kept = async (path: string): Promise<number[]> =>
    (await readRows(["n"], path, data, { training: true })).map(([n]) => Number(n));

  it.each<[string, () => string | Promise<string>]>([
    ["1.0 and 0.0 in CSV, as pandas writes them", () => file("float.csv", csv("1.0", "0.0"))],
    ["numbers in JSON", () => file("number.jsonl", lines("1", "0"))],
    ["1.0 and 0.0 in JSON", () => file("float.jsonl", lines("1.0", "0.0"))],
    ["1e0 and -0 in JSON", () => file("exponent.jsonl", lines("1e0", "-0"))],
    ["text in JSON", () => file("text.jsonl", lines('"1"', '"0"'))],
    ["true and false in JSON", () => file("boolean.jsonl", lines("true", "false"))],
    ["DOUBLE", () => typed("DOUBLE")],
    ["FLOAT", () => typed("FLOAT")],
    ["BOOLEAN", () => typed("BOOLEAN")],
    ["TINYINT", () => typed("TINYINT")],
    ["HUGEINT", () => typed("HUGEINT")],
    [
      "DECIMAL",
      () =>
        parquet(
          "decimal.parquet",
          `SELECT CAST(CAST(range % 8 = 0 AS INT) AS DECIMAL(9, 2)) AS label, range AS n FROM range(${N})`,
        ),
    ],
  ])("%s", async (_, path) => {
    const expected = await kept(file("plain.csv", csv("1", "0")));
    expect(expected.length).toBeLessThan(N / 2);
    expect(await kept(await path())).toEqual(expected);
  });

  it("and one that is neither is refused by its line", async () => {
    const path = file("maybe.csv", "label,n\n1,1\n0,2\nmaybe,3\n0,4\n");
    const spec = specOf({ fields: [{ name: "n", type: "numeric" }], data });
    await expect(openTrainingLog(spec, { paths: [path] }, join(folder, "cache"))).rejects.toThrow(
      `${path}, line 4: column label: got "maybe", expected a label of 0 or 1`,
    );
  });
});

describe("a split by hash keeps a value together, however it is written", () => {
  const split = { kind: "hash", by: "user", valid: 0.3, test: 0.3, seed: 1 };
  const users = Array.from({ length: 200 }, (_, i) => i);

  async function partsOfUsers(path: string, select = {}): Promise<Map<string, Part[]>> {
    const found = new Map<string, Part[]>();
    const divided = await parts("user", path, { split, select });
    for (const part of PARTS) {
      for (const raw of divided[part]) {
        const user = String(raw);
        found.set(user, [...(found.get(user) ?? []), part]);
      }
    }
    return found;
  }

  it("in JSON as a number, a number with a point, and text", async () => {
    const spellings = (i: number): string[] => [`${i}`, `${i}.0`, `"${i}"`, `${i}e0`, `${i * 10}e-1`];
    const path = file(
      "users.jsonl",
      users
        .flatMap(spellings)
        .map((user) => `{"label":1,"user":${user}}\n`)
        .join(""),
    );
    const found = await partsOfUsers(path);
    expect(found.size).toBe(200);
    for (const [user, of] of found) expect([user, new Set(of).size, of.length]).toEqual([user, 1, 5]);
  });

  it("in columns of every type as in CSV", async () => {
    const csv = file("users.csv", `label,user\n${users.map((user) => `1,${user}\n`).join("")}`);
    const expected = await partsOfUsers(csv);
    expect(new Set([...expected.values()].flat()).size).toBe(3);
    for (const type of ["INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL(9, 2)", "VARCHAR", "BLOB"]) {
      const value = type === "BLOB" ? "CAST(range AS VARCHAR)" : "range";
      const path = await parquet(
        "users.parquet",
        `SELECT 1 AS label, CAST(${value} AS ${type}) AS user FROM range(200)`,
      );
      expect([type, await partsOfUsers(path)]).toEqual([type, expected]);
    }
  });

  it("in files of several types", async () => {
    const types = ["INTEGER", "DOUBLE", "VARCHAR", "DECIMAL(9, 2)"];
    const query = (type: string): string => `SELECT 1 AS label, CAST(range AS ${type}) AS user FROM range(200)`;
    const paths = await Promise.all(types.map((type, i) => parquet(`mixed${i}.parquet`, query(type))));
    const divided = await Promise.all(PARTS.map((part) => readRows(["user"], paths, { split }, { part })));
    const seen = divided.map((rows) => new Set(rows.map(([user]) => String(user))));
    expect(divided.flat()).toHaveLength(800);
    expect(seen.reduce((sum, { size }) => sum + size, 0)).toBe(200);
  });

  it("but not values that the encoder tells apart", async () => {
    const path = file("apart.csv", `label,user\n${users.map((user) => `1,${user}\n1,${user}.0\n`).join("")}`);
    const found = await partsOfUsers(path);
    expect(found.size).toBe(400);
    expect(users.filter((user) => found.get(`${user}`)?.[0] !== found.get(`${user}.0`)?.[0]).length).toBeGreaterThan(
      50,
    );
  });

  it("and integers beyond 2^53, of which JSON.parse rounds some to one", async () => {
    const ids = users.map((user) => `${9007199254740993n + BigInt(user)}`);
    const path = file("long.jsonl", ids.map((id) => `{"label":1,"user":${id}}\n{"label":1,"user":"${id}"}\n`).join(""));
    const sizes = Object.values(await parts("user", path, { split })).map((part) => part.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(400);
    for (const size of sizes) expect([size % 2, size > 50]).toEqual([0, true]);
  });

  it("refuses a column that select replaces", async () => {
    const path = file("replaced.csv", "label,user\n1,a\n0,b\n");
    const error = /data\.split\.by: got "user", which is a column of .*replaced\.csv and another one in data\.select/;
    await expect(partsOfUsers(path, { user: "upper(user)" })).rejects.toThrow(error);
    await expect(partsOfUsers(path, { USER: "upper(user)" })).rejects.toThrow(/data\.split\.by|no column "user"/);
    await expect(readRows(["user"], path, { split, select: { name: "upper(user)" } })).resolves.toHaveLength(2);
  });
});

describe("a split by time goes by the instant", () => {
  const split = { kind: "time", by: "at", valid: 0.1, test: 0.1 };
  const N = 200;
  const start = Date.UTC(2024, 0, 31, 20);
  const utc = (i: number): string => new Date(start + i * 60_000).toISOString();
  const local = (i: number): string =>
    `${new Date(start + i * 60_000 + 5 * 3_600_000).toISOString().slice(0, 19)}+05:00`;
  const seconds = (i: number): string => String(start / 1000 + i * 60);
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

  async function expectLast(path: string): Promise<void> {
    const found = await parts("n", path, { split });
    for (const part of PARTS) found[part] = found[part].map(Number);
    expect(found).toEqual({ train: numbers(0, 160), valid: numbers(160, 180), test: numbers(180, 200) });
  }

  it.each<[string, (i: number) => string]>([
    ["offsets beside UTC", (i) => (i % 2 === 0 ? utc(i) : local(i))],
    ["offsets beside none", (i) => (i % 2 === 0 ? utc(i).slice(0, 19) : local(i))],
    ["seconds since 1970 beside times", (i) => (i % 3 === 0 ? seconds(i) : i % 3 === 1 ? utc(i) : local(i))],
  ])("%s", async (name, text) => {
    const lines = numbers(0, N).map(text);
    const base = name.replaceAll(" ", "-");
    await expectLast(file(`${base}.csv`, `n,at\n${lines.map((at, i) => `${i},${at}\n`).join("")}`));
    await expectLast(
      file(`${base}.jsonl`, lines.map((at, i) => `{"n":${i},"at":${/^\d+$/.test(at) ? at : `"${at}"`}}\n`).join("")),
    );
  });

  it.each(["TIMESTAMPTZ", "TIMESTAMP", "TIMESTAMP_NS", "DOUBLE", "BIGINT"])("a column of %s", async (type) => {
    const at = `TIMESTAMP '2024-01-31 20:00:00' + INTERVAL (range) MINUTE`;
    const value = type === "DOUBLE" || type === "BIGINT" ? `epoch(${at})` : at;
    await expectLast(
      await parquet(`${type}.parquet`, `SELECT range AS n, CAST(${value} AS ${type}) AS at FROM range(${N})`),
    );
  });

  it("files of several types", async () => {
    const at = "TIMESTAMP '2024-01-31 20:00:00' + INTERVAL (range) MINUTE";
    const values = [
      `CAST(${at} AS TIMESTAMPTZ)`,
      `strftime(${at} + INTERVAL 5 HOUR, '%Y-%m-%dT%H:%M:%S+05:00')`,
      `epoch(${at})`,
    ];
    const query = (i: number): string =>
      `SELECT range AS n, ${values[i]} AS at FROM range(${N}) WHERE range % 3 = ${i}`;
    const paths = await Promise.all(values.map((_, i) => parquet(`times${i}.parquet`, query(i))));
    const last = (await readRows(["n"], paths, { split }, { part: "test" })).map(([n]) => Number(n));
    expect(last.sort((a, b) => a - b)).toEqual(numbers(180, 200));
  });

  it.each([
    ["nan", '"nan"'],
    ["inf", '"inf"'],
    ["-Infinity", '"-Infinity"'],
    ["2024-02-30", '"2024-02-30"'],
    ["yesterday", '"yesterday"'],
    ["12:00:00", '"12:00:00"'],
    ["2024-01-31T10:00:00+25:00", '"2024-01-31T10:00:00\\+25:00"'],
    ["", "null"],
  ])("refuses %s by its line", async (at, shown) => {
    const path = file("bad.csv", `n,at\n1,2024-01-31\n2,"${at}"\n3,2024-02-01\n`);
    const error = new RegExp(`bad\\.csv, line 3: column at: got ${shown}, expected a number or a time`);
    await expect(parts("n", path, { split })).rejects.toThrow(error);
  });

  it("refuses a NaN, an infinity and a boolean by their row", async () => {
    for (const [value, shown] of [
      ["'nan'::DOUBLE", "NaN"],
      ["'inf'::DOUBLE", "Infinity"],
      ["'-inf'::FLOAT", "-Infinity"],
      ["true", "true"],
      ["'infinity'::TIMESTAMP", '"infinity"'],
    ]) {
      const path = await parquet("bad.parquet", `SELECT 1 AS n, ${value} AS at`);
      await expect(parts("n", path, { split })).rejects.toThrow(
        `${path}, row 1: column at: got ${shown}, expected a number or a time`,
      );
    }
  });

  it("refuses milliseconds beside dates, and takes them alone", async () => {
    const mixed = file("units.csv", "n,at\n1,2024-01-31\n2,1706745600000\n");
    await expect(parts("n", mixed, { split })).rejects.toThrow(
      `${mixed}, line 3: column at: got 1706745600000, expected seconds since 1970, as there is a date in ${mixed}, line 2`,
    );
    const alone = file(
      "alone.csv",
      `n,at\n${numbers(0, N)
        .map((i) => `${i},${start + i}\n`)
        .join("")}`,
    );
    await expectLast(alone);
  });
});
