import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { type ClickLog, openLog } from "../../../trainer/data/read.ts";
import { CRITEO, readShared } from "../shared-data.ts";

// Every format, compression and way of naming files gives the same records; what is wrong in one is named by line and column.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-formats-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Opens a log as a spec's `data` says. */
function open(paths: string | string[], data: object = {}, more: object = {}): Promise<ClickLog> {
  const spec = parseWith(
    FeatureSpecSchema,
    { name: "s", fields: [{ name: "f", type: "categorical" }], data },
    "spec.json",
  );
  return openLog(paths, { data: spec.data, label: spec.label, ...more });
}

async function rows(log: ClickLog, names: string[]): Promise<unknown[][]> {
  const found: unknown[][] = [];
  for await (const chunk of log.chunks(names)) {
    for (let row = 0; row < chunk.rows; row++) found.push(names.map((_, c) => chunk.columns[c]?.[row]));
  }
  return found;
}

async function places(log: ClickLog): Promise<string[]> {
  const found: string[] = [];
  for await (const chunk of log.chunks(["label"])) {
    for (let row = 0; row < chunk.rows; row++) found.push(await chunk.place(row));
  }
  return found;
}

const CSV = "label,user,n\n1,a,2\n0,b,\n";
const CSV_ROWS = [
  ["1", "a", "2"],
  ["0", "b", null],
];
const NAMES = ["label", "user", "n"];
const JSONL = '{"label":1,"user":"a","n":2.5,"tags":["x",null]}\n\n{"label":false,"user":17}\n';
const JSON_ROWS = [
  [1, "a", 2.5, ["x", null]],
  [false, 17, null, null],
];

describe("formats and compressions", () => {
  it.each<[string, string | Uint8Array]>([
    ["a.csv.zst", zstdCompressSync(CSV)],
    ["a.tsv.gz", gzipSync(CSV.replaceAll(",", "\t"))],
    ["a.tsv.zst", zstdCompressSync(CSV.replaceAll(",", "\t"))],
  ])("%s", async (name, content) => {
    expect(await rows(await open(file(name, content)), NAMES)).toEqual(CSV_ROWS);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.jsonl", JSONL],
    ["a.ndjson", JSONL],
    ["a.jsonl.gz", gzipSync(JSONL)],
    ["a.jsonl.zst", zstdCompressSync(JSONL)],
  ])("%s gives values as a request would", async (name, content) => {
    expect(await rows(await open(file(name, content)), [...NAMES, "tags"])).toEqual(JSON_ROWS);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.libsvm", "1 2:0.5 7:1\n-1 7:3\n"],
    ["a.libsvm.gz", gzipSync("1 2:0.5 7:1\n-1 7:3\n")],
  ])("%s: lists of indices and values, and an index as a column", async (name, content) => {
    expect(await rows(await open(file(name, content)), ["label", "features", "values", "2", "7"])).toEqual([
      ["1", [2n, 7n], [0.5, 1], 0.5, 1],
      ["0", [7n], [3], null, 3],
    ]);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.libffm", "1 0:12:1 1:3:0.25 1:4:1\n0 1:5:2\n"],
    ["a.ffm.zst", zstdCompressSync("1 0:12:1 1:3:0.25 1:4:1\n0 1:5:2\n")],
  ])("%s: a field as a column, alone or as a list, and its value", async (name, content) => {
    expect(await rows(await open(file(name, content)), ["label", "0", "1", "1.value"])).toEqual([
      ["1", 12n, [3n, 4n], 0.25],
      ["0", null, 5n, 2],
    ]);
  });

  it("a format that the name does not tell", async () => {
    expect(await rows(await open(file("log.txt", CSV), { format: "csv" }), NAMES)).toEqual(CSV_ROWS);
  });

  it("a file without a header", async () => {
    const path = file("bare.csv", CSV.slice(CSV.indexOf("\n") + 1));
    expect(await rows(await open(path, { columns: NAMES }), NAMES)).toEqual(CSV_ROWS);
  });
});

describe("files, globs, folders, lists", () => {
  const two = (name: string, label: number): string => file(name, `label,user\n${label},${name}\n`);
  const b = two("days/day=2/b.csv", 0);
  const a = two("days/day=1/a.csv", 1);
  file("days/_SUCCESS", "");
  const labels = async (paths: string | string[]): Promise<unknown[]> =>
    (await rows(await open(paths), ["label"])).flat();

  it("a folder, in the order of its names at any depth", async () => {
    expect(await labels(join(folder, "days"))).toEqual(["1", "0"]);
  });
  it("a glob", async () => {
    expect(await labels(join(folder, "days/*/*.csv"))).toEqual(["1", "0"]);
  });
  it("a list, in its own order, each file once", async () => {
    expect(await labels([b, a, b])).toEqual(["0", "1"]);
  });
  it("partitions as columns where they are asked for", async () => {
    const path = join(folder, "days");
    expect(await rows(await open(path, { hive: true }), ["label", "day"])).toEqual([
      ["1", "1"],
      ["0", "2"],
    ]);
    await expect(open(path).then((log) => rows(log, ["day"]))).rejects.toThrow('no column "day"');
  });
  it("names the file and line of a row beyond the first file", async () => {
    const bad = file("days2/c.csv", "label,user\n1,x\n7,y\n");
    const log = await open([a, b, bad]);
    expect(await places(log)).toEqual([`${a}, line 2`, `${b}, line 2`, `${bad}, line 2`, `${bad}, line 3`]);
  });

  it.each<[string, () => string | string[], RegExp]>([
    ["a glob without a match", () => join(folder, "none-*.csv"), /none-\*\.csv: no such file/],
    ["a folder without a log", () => dirname(file("empty/note.txt", "x")), /empty: got no log/],
    ["two formats", () => [a, file("x.jsonl", "{}")], /got files of csv and jsonl, expected one format/],
    [
      "two headers",
      () => [a, file("h.csv", "user,label\n")],
      /h\.csv, line 1: got the header "user", "label", expected that of .*a\.csv: "label"/,
    ],
  ])("%s is refused", async (_, paths, problem) => {
    await expect(open(paths())).rejects.toThrow(problem);
  });
});

describe("what is wrong is named by line and column", () => {
  it.each<[string, string, string | Uint8Array, RegExp, object?]>([
    [
      "JSON cut off",
      "cut.jsonl",
      '{"label":1}\n{"label":\n',
      /cut\.jsonl, line 2: got "\{\\"label\\":", expected a JSON object/,
    ],
    [
      "JSON not in UTF-8",
      "latin.jsonl",
      Buffer.from('{"label":"\xe9"}\n', "latin1"),
      /latin\.jsonl, line 1: got bytes that are not UTF-8/,
    ],
    [
      "a typed JSON key",
      "typed.jsonl",
      '{"label":1}\n{"label":"x"}\n',
      /typed\.jsonl, line 2: .*"x"/,
      { types: { label: "DOUBLE" } },
    ],
    [
      "a typed CSV column",
      "typed.csv",
      "label,n\n1,2\n0,old\n",
      /typed\.csv, line 3: column n: got "old", expected DOUBLE/,
      { types: { n: "DOUBLE" } },
    ],
    [
      "libsvm without an index",
      "x.libsvm",
      "1 2:3\n0 x\n",
      /x\.libsvm, line 2: column 2: got "x", expected index:value/,
    ],
    ["libsvm with a word", "w.libsvm", "1 2:3 4:y\n", /w\.libsvm, line 1: column 3: got "4:y", expected index:value/],
    ["libffm as libsvm", "x.ffm", "1 2:3\n", /x\.ffm, line 1: column 2: got "2:3", expected field:index:value/],
    [
      "a computed column",
      "select.csv",
      "label,n\n1,2\n0,old\n",
      /select\.csv, line 3: column m: Conversion Error: .*'old'/,
      { select: { m: "CAST(n AS INTEGER)" } },
    ],
    [
      "where",
      "where.csv",
      "label,n\n1,2\n0,old\n",
      /where\.csv, line 3: data\.where: Conversion Error: .*'old'/,
      { where: "CAST(n AS INTEGER) > 0" },
    ],
    ["JSON that is no object", "list.jsonl", "[1]\n", /list\.jsonl: got no key in any line, expected JSON objects/],
    [
      "a header not in UTF-8",
      "head.csv",
      Buffer.from("label,n\xe9\n1,2\n", "latin1"),
      /head\.csv, line 1: got a header that is not UTF-8/,
    ],
    [
      "a time that is none",
      "time.csv",
      "label,n\n1,2\n0,old\n",
      /time\.csv, line 3: column n: got "old", expected a number or a time/,
      { split: { kind: "time", by: "n" } },
    ],
  ])("%s", async (_, name, content, problem, data = {}) => {
    const path = file(name, content);
    const options = "split" in data ? { part: "train" } : {};
    const read = async () => {
      const log = await open(path, data, options);
      await rows(
        log,
        "select" in data
          ? ["label", "m"]
          : name.endsWith("csv")
            ? ["label", "n"]
            : name.endsWith("jsonl")
              ? ["label"]
              : ["label", "features"],
      );
    };
    await expect(read()).rejects.toThrow(problem);
  });

  it.each<[string, (bytes: Buffer) => Uint8Array, number]>([
    ["gzip", gzipSync, 20_000],
    ["zstd", zstdCompressSync, 20_000],
  ])("a %s file that was cut off", async (format, compress, length) => {
    const text = `label,n\n${Array.from({ length: 30_000 }, (_, i) => `1,n${(i * 7919) % 30_011}`).join("\n")}\n`;
    const path = file(`cut.csv.${format === "gzip" ? "gz" : "zst"}`, compress(Buffer.from(text)).subarray(0, length));
    await expect(open(path).then((log) => rows(log, ["label"]))).rejects.toThrow(
      /cut\.csv\.(gz|zst): got a damaged file: unexpected end of file/,
    );
  });

  it.each<[string, object, RegExp]>([
    ["data.select", { select: { m: "usr || 'x'" } }, /^data\.select\.m: Binder Error: .*usr/],
    [
      "data.select",
      { select: { m: "n >= 4" } },
      /^data\.select\.m: Binder Error: Cannot compare .* an explicit cast is required/,
    ],
    ["data.where", { where: "n >" }, /^data\.where: Parser Error/],
    ["data.types", { types: { n: "NUMBER" } }, /NUMBER/],
  ])("SQL of %s", async (_, data, problem) => {
    await expect(open(file("sql.csv", CSV), data)).rejects.toThrow(problem);
  });
});

describe("data.select and data.where", () => {
  const path = file("ratings.csv", "user,rating,genres\na,5,Drama War\nb,3,\nc,4.5,War\n");
  it("compute, replace and choose", async () => {
    const data = {
      types: { rating: "DOUBLE" },
      select: { label: "rating >= 4", genres: "string_split(genres, ' ')" },
      where: "user <> 'b'",
    };
    expect(await rows(await open(path, data), ["label", "user", "genres"])).toEqual([
      [true, "a", ["Drama", "War"]],
      [true, "c", ["War"]],
    ]);
  });
  it("a row's line is that of the file", async () => {
    const log = await open(path, { where: "user = 'c'" });
    for await (const chunk of log.chunks(["user"])) expect(await chunk.place(0)).toBe(`${path}, line 4`);
  });
});

describe("data.split and data.negatives", () => {
  const N = 4000;
  const path = file(
    "many.csv",
    `label,user,at\n${Array.from({ length: N }, (_, i) => `${i % 4 === 0 ? 1 : 0},u${i % 97},${Math.floor((i * 7919) % N) + 1000}`).join("\n")}\n`,
  );
  const parts = async (split: object): Promise<unknown[][][]> =>
    Promise.all(
      ["train", "valid", "test"].map(async (part) =>
        rows(await open(path, { split }, { part }), ["label", "user", "at"]),
      ),
    );
  const whole = (found: unknown[][][]): string[] => found.flat().map(String).sort();

  it.each([
    ["random", { kind: "random", valid: 0.2, test: 0.1, seed: 3 }],
    ["hash", { kind: "hash", by: "user", valid: 0.2, test: 0.1 }],
    ["time", { kind: "time", by: "at", valid: 0.2, test: 0.1 }],
  ])("%s: three parts that make the whole, the same each time", async (kind, split) => {
    const found = await parts(split);
    expect(whole(found)).toEqual((await rows(await open(path), ["label", "user", "at"])).map(String).sort());
    expect(await parts(split)).toEqual(found);
    const [train, valid, test] = found.map((part) => part.length / N) as [number, number, number];
    // 97 users are few; records and times are many.
    const tolerance = kind === "time" ? 1.5 / N : kind === "hash" ? 0.1 : 0.03;
    expect(Math.abs(train - 0.7)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(valid - 0.2)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(test - 0.1)).toBeLessThanOrEqual(tolerance);
  });

  it("hash keeps a value's records together; another seed divides otherwise", async () => {
    const users = async (seed: number): Promise<Set<unknown>[]> =>
      (await parts({ kind: "hash", by: "user", valid: 0.2, test: 0.2, seed })).map(
        (part) => new Set(part.map((row) => row[1])),
      );
    const [train, valid, test] = (await users(1)) as [Set<unknown>, Set<unknown>, Set<unknown>];
    expect([...train].filter((user) => valid.has(user) || test.has(user))).toEqual([]);
    expect([...valid].filter((user) => test.has(user))).toEqual([]);
    expect((await users(2))[0]).not.toEqual(train);
  });

  it("time keeps records of one moment together", async () => {
    const path = file("moments.csv", `label,at\n${"0,2024-01-31\n".repeat(95)}${"1,2024-02-01 00:00:30\n".repeat(5)}`);
    const sizes = async (valid: number, test: number): Promise<number[]> => {
      const split = { kind: "time", by: "at", valid, test };
      const read = async (part: string) => (await rows(await open(path, { split }, { part }), ["label"])).length;
      return [await read("train"), await read("valid"), await read("test")];
    };
    expect(await sizes(0.01, 0)).toEqual([95, 5, 0]);
    expect(await sizes(0.01, 0.01)).toEqual([95, 0, 5]);
    expect(await sizes(0.1, 0.05)).toEqual([0, 95, 5]);
  });

  it("time leaves the last records for the test", async () => {
    const [train, valid, test] = (await parts({ kind: "time", by: "at" })).map((part) =>
      part.map((row) => Number(row[2])),
    );
    expect(Math.max(...(train ?? []))).toBeLessThan(Math.min(...(valid ?? [])));
    expect(Math.max(...(valid ?? []))).toBeLessThan(Math.min(...(test ?? [])));
  });

  it("negatives are thinned in training alone, and all positives stay", async () => {
    const data = { negatives: { rate: 0.25, seed: 5 } };
    const labels = async (training: boolean) => (await rows(await open(path, data, { training }), ["label"])).flat();
    const thinned = await labels(true);
    expect(thinned.filter((label) => label === "1").length).toBe(N / 4);
    expect(thinned.filter((label) => label === "0").length / (0.75 * N)).toBeCloseTo(0.25, 1);
    expect(await labels(true)).toEqual(thinned);
    expect((await labels(false)).length).toBe(N);
  });
});

describe("aggregates out of core", () => {
  it("a histogram, ascending, of what are numbers", async () => {
    const log = await open(file("h2.csv", "label,n\n1,2\n0,10\n1,\n1,2.0\n0,-1\n"));
    const found = [];
    for await (const entry of log.histogram("n")) found.push(entry);
    expect(found).toEqual([
      { value: -1, count: 1 },
      { value: 2, count: 2 },
      { value: 10, count: 1 },
    ]);
  });
});

describe("Parquet", () => {
  it("a folder of files, with select", async () => {
    mkdirSync(join(folder, "pq"));
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    for (const i of [0, 1])
      await connection.run(
        `COPY (SELECT ${i} AS label, ${i + 3} AS rating) TO '${join(folder, "pq", `${i}.parquet`)}'`,
      );
    const log = await open(join(folder, "pq"), { select: { label: "rating >= 4" } });
    expect(await rows(log, ["label", "rating"])).toEqual([
      [false, 3],
      [true, 4],
    ]);
    expect(await places(log)).toEqual([0, 1].map((i) => `${join(folder, "pq", `${i}.parquet`)}, row 1`));
  });
});

describe.skipIf(!existsSync(CRITEO))(
  `libsvm as others write it${existsSync(CRITEO) ? "" : ": skipped, no ../shared/data"}`,
  () => {
    it("Criteo's validation rows", async () => {
      const path = readShared("criteo/va.libsvm.gz");
      const lines = gunzipSync(path.bytes).toString().trimEnd().split("\n");
      const found = await rows(await open(path.path), ["label", "features", "5"]);
      expect(found.length).toBe(10_038);
      for (const i of [0, 5_000, 10_037]) {
        const [label, ...tokens] = lines[i].split(" ");
        expect(found[i]).toEqual([
          label,
          tokens.map((token) => BigInt(token.split(":")[0])),
          Number(tokens.find((token) => token.startsWith("5:"))?.slice(2)),
        ]);
      }
    });
  },
);
