import { rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { MAX_LINE_BYTES } from "../../../trainer/data/lines.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { openLog, readRows, specOf, testFolder, USER_AGE_SPEC, writerInto } from "./log-files.ts";

const folder = testFolder("problems");
const file = writerInto(folder);
const cache = join(folder, "cache");
const spec = USER_AGE_SPEC;

describe("what fails behind the first rows fails", () => {
  it("in a query, with the error that it has", async () => {
    await using database = await DuckDb.open(folder);
    const sql = "SELECT CASE WHEN range = 1000000 THEN error('late') ELSE range END FROM range(2000000)";
    let rows = 0;
    const read = async (): Promise<void> => {
      for await (const { rowCount } of database.stream(sql)) rows += rowCount;
    };
    await expect(read()).rejects.toThrow("late");
    expect(rows).toBeGreaterThan(0);
  });

  it("in a log, with its line", async () => {
    const path = file("late.csv", `label,user\n${"1,u\n".repeat(1_000_000)}0,u,9\n${"1,u\n".repeat(1_000_000)}`);
    await expect(readRows(["label"], path)).rejects.toThrow(`${path}, line 1000002: got 3 columns, expected 2`);
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
    [
      "a column twice",
      "twice.csv",
      "label,user,user,age\n1,u,v,2\n",
      /twice\.csv, line 1: column 3: got the column "user" twice/,
    ],
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
    [
      "lines that end in LF and in CRLF",
      "mixed.csv",
      "label,user,age\n1,u,2\r\n",
      /mixed\.csv, line 2: got a line that ends in CRLF, expected LF as before/,
    ],
    [
      "a CR in an unquoted cell",
      "cr.csv",
      "label,user,age\n1,u\rv,2\n",
      /cr\.csv, line 2: got a line that ends in CR, expected LF as before/,
    ],
    [
      "a bad label after quotes within cells",
      "inches.csv",
      'label,user,age\n1,5" disk,2\n1,3"x4",2\nmaybe,u,2\n',
      /inches\.csv, line 4: column label: got "maybe"/,
    ],
    [
      "text behind a quoted cell",
      "behind.csv",
      'label,user,age\n1,"5" disk",2\n',
      /behind\.csv, line 2: got a quote that is never closed, or text behind a quoted cell/,
    ],
    [
      "a header whose quote never closes",
      "head.csv",
      'label,"user,age\n1,u,2\n',
      /head\.csv, line 1: got a quote that is never closed/,
    ],
    ["a blank line for a header", "blank.csv", "\nlabel,user,age\n", /blank\.csv, line 1: got a blank line/],
    ["a header with a NUL byte", "nul.csv", "label,us\0er,age\n", /nul\.csv, line 1: got a NUL byte in the header/],
    ["UTF-16", "wide.csv", Buffer.from("\uFEFFlabel,user,age\n", "utf16le"), /wide\.csv, line 1: got UTF-16, expected/],
    [
      "a line beyond the limit",
      "long.csv",
      `label,user,age\n1,${"x".repeat(MAX_LINE_BYTES + 1)},2\n`,
      /long\.csv, line 2: got a line of more than 16777216 bytes/,
    ],
    ["an unknown format", "log.xlsx", "x", /log\.xlsx: got a file of unknown format, expected .*\.csv/],
  ];
  it.each(cases)("%s", async (_, name, content, problem) => {
    const path = file(name, content);
    await expect(openTrainingLog(spec, { paths: [path] }, cache)).rejects.toThrow(problem);
  });
  // Where it was the last one, DuckDB left it out without a word.
  describe.each(["csv", "jsonl"])("a line of %s that its buffer does not hold", (format) => {
    const [head, first] = format === "csv" ? ["label,user,age\n", 2] : ["", 1];
    const line = (user: string): string =>
      format === "csv" ? `1,${user},2\n` : `{"label":1,"user":"${user}","age":2}\n`;
    it.each<[string, (long: string) => string, number, boolean]>([
      ["as the last one", (long) => line("u") + long, first + 1, false],
      ["as another one", (long) => long + line("u"), first, false],
      ["as the last one before blank ones, compressed", (long) => `${line("u")}${long}\n\n`, first + 1, true],
    ])("%s", async (_, lines, number, compressed) => {
      const text = head + lines(line("x".repeat(2 * MAX_LINE_BYTES + 1)));
      const path = file(`longer.${format}${compressed ? ".gz" : ""}`, compressed ? gzipSync(text) : text);
      await expect(readRows(["label"], path)).rejects.toThrow(
        `${path}, line ${number}: got a line of more than 16777216 bytes, expected at most that`,
      );
      rmSync(path);
    });
  });
  it.each([
    ["whose numbers' knots were to be found", { fields: [{ name: "age", type: "numeric" }] }, undefined, ""],
    [
      "in the part that it learns from",
      { data: { split: { kind: "time", by: "age", valid: 0.1 } } },
      "train",
      " in the part for training that data.split makes",
    ],
  ] as const)("no record %s", async (_, changes, part, where) => {
    const path = file("no-rows.csv", "label,id,age\n");
    const open = openTrainingLog(specOf(changes), { paths: [path], ...(part && { part }) }, cache);
    await expect(open).rejects.toThrow(`${path}: got no rows${where}, expected at least one`);
  });
  it("a file that is not there", async () => {
    await expect(ClickLog.open(join(folder, "absent.csv"))).rejects.toThrow(/absent\.csv: no such file/);
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
      /typed\.jsonl, line 2: column label: got "x", expected DOUBLE/,
      { types: { label: "DOUBLE" } },
    ],
    [
      "a typed CSV column",
      "typed.csv",
      "label,n\n1,2\n0,old\n",
      /typed\.csv, line 3: column n: got "old", expected DOUBLE$/,
      { types: { n: "DOUBLE" } },
    ],
    [
      "libsvm without an index",
      "x.libsvm",
      "1 2:3\n0 x\n",
      /x\.libsvm, line 2: column 2: got "x", expected index:value/,
    ],
    ["libsvm with a word", "w.libsvm", "1 2:3 4:y\n", /w\.libsvm, line 1: column 3: got "4:y", expected index:value/],
    [
      "libsvm with an index beyond 64 bits",
      "big.libsvm",
      "1 2:3\n1 18446744073709551616:1\n",
      /big\.libsvm, line 2: column 2: got "18446744073709551616:1", expected .* below 2\^64/,
    ],
    [
      "a byte order mark where files were put together",
      "marks.jsonl",
      '\uFEFF{"label":1}\n\uFEFF{"label":0}\n',
      /marks\.jsonl, line 2: got a byte order mark, expected one before the first line alone/,
      { types: { label: "DOUBLE" } },
    ],
    ["libsvm with a CR alone", "cr.libsvm", "1 2:3\r0 1:2\n", /cr\.libsvm, line 1: got a CR alone/],
    [
      "libsvm with a query",
      "q.libsvm",
      "1 qid:3 2:3\n",
      /q\.libsvm, line 1: column 2: got "qid:3", expected index:value/,
    ],
    ["libsvm with a comment", "c.libsvm", "1 2:3 # x\n", /c\.libsvm, line 1: column 3: got "#", expected index:value/],
    ["libsvm below 0", "neg.libsvm", "1 -2:3\n", /neg\.libsvm, line 1: column 2: got "-2:3", expected index:value/],
    ["libsvm with NaN", "nan.libsvm", "1 2:nan\n", /nan\.libsvm, line 1: column 2: got "2:nan", expected index:value/],
    ["libsvm without a label", "no.libsvm", "2:3 4:5\n", /no\.libsvm, line 1: column 1: got "2:3", expected a label/],
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
    ["JSON that is no object", "list.jsonl", "[1]\n", /list\.jsonl, line 1: got "\[1\]", expected a JSON object/],
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
    const columns = (): string[] => {
      if ("select" in data) return ["label", "m"];
      if (name.endsWith("csv")) return ["label", "n"];
      return name.endsWith("jsonl") ? ["label"] : ["label", "features"];
    };
    const choice = "split" in data ? ({ part: "train" } as const) : {};
    await expect(readRows(columns(), path, data, choice)).rejects.toThrow(problem);
  });

  it.each<[string, (bytes: Buffer) => Uint8Array, number]>([
    ["gzip", gzipSync, 20_000],
    ["zstd", zstdCompressSync, 20_000],
  ])("a %s file that was cut off", async (format, compress, length) => {
    const text = `label,n\n${Array.from({ length: 30_000 }, (_, i) => `1,n${(i * 7919) % 30_011}`).join("\n")}\n`;
    const path = file(`cut.csv.${format === "gzip" ? "gz" : "zst"}`, compress(Buffer.from(text)).subarray(0, length));
    await expect(readRows(["label"], path)).rejects.toThrow(
      /cut\.csv\.(gz|zst): got a damaged file: unexpected end of file/,
    );
  });

  it.each<[string, object, RegExp]>([
    ["data.select", { select: { m: "usr || 'x'" } }, /^data\.select\.m: no column "usr"; got "label", "user", "n"/],
    [
      "data.select",
      { select: { m: "n >= 4" } },
      /^data\.select\.m: Binder Error: Cannot compare .* an explicit cast is required/,
    ],
    ["data.where", { where: "n >" }, /^data\.where: Parser Error/],
    [
      "data.types",
      { types: { n: "NUMBER" } },
      /^data\.types\.n: Catalog Error: Type with name NUMBER does not exist!$/,
    ],
    [
      "data.select",
      { select: { m: "sum(1)" } },
      /^data\.select\.m: Binder Error: column the log must appear in the GROUP BY clause[^\n]*$/,
    ],
  ])("SQL of %s", async (_, data, problem) => {
    await expect(openLog(file("sql.csv", "label,user,n\n1,a,2\n0,b,\n"), data)).rejects.toThrow(problem);
  });
});
