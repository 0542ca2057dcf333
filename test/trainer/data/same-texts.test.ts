import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { literal } from "../../../trainer/data/sql.ts";
import { openLog, readRows, rowsOf, testFolder, writeParquet, writerInto } from "./log-files.ts";

// A text of a log is the text that a request has for it, in every format, whatever is in it.

const folder = testFolder("same-texts");
const file = writerInto(folder);

/** U+FEFF: at the beginning of a file it is a byte order mark, and anywhere else a character. */
const MARK = "\uFEFF";
const TEXTS = [
  ...[MARK, `${MARK}a`, `${MARK}${MARK}`, `a${MARK}`, `${MARK}longer than 12 bytes`, `${MARK}\u001f`, `${MARK}"x"`],
  ...["007", "1e3", "1.0", "-0", " 5", "5 ", "NaN", "inf", "9007199254740993", "true", "null", "NULL", "NA", "\\N"],
  ...["\0", "a\0b", "\u0001", "\u001f", "\u007f", "\u0085", "\u200b", "\u2028", "\uFFFD", "\uFFFF", "\u{10FFFF}"],
  ...["\t", "\n", "\r", "\r\n", "a\r\nb", '"', '""', "'", "\\", '\\"', ",", ";", "|", "#", " ", "é", "e\u0301", "😀"],
  ...["12 bytes long", "é".repeat(7), "x".repeat(70_000), '{"a":1}', "[1]", "2024-01-31T10:00:00+02:00"],
];
const ROWS = TEXTS.map((text, i) => [text, TEXTS[TEXTS.length - 1 - i]]);

const quoted = (text: string, quote: string): string => quote + text.replaceAll(quote, quote + quote) + quote;

/** Cells of CSV, quoted where they need it, with a label. */
function csv(delimiter: string, end: string, quote = '"'): string {
  const cell = (text: string): string =>
    [delimiter, quote, "\r", "\n", " "].some((part) => text.includes(part)) ? quoted(text, quote) : text;
  const rows = ROWS.map((texts) => ["1", ...texts].map(cell).join(delimiter));
  return [["label", "a", "b"].join(delimiter), ...rows].join(end) + end;
}

const lines = ROWS.map(([a, b]) => `${JSON.stringify({ label: 1, a, b })}\n`).join("");
const utf16 = Buffer.from(MARK + csv(",", "\n"), "utf16le");

describe("texts are those of a request", () => {
  it.each<[string, string | Uint8Array, object]>([
    ["lf.csv", csv(",", "\n"), {}],
    ["marked.csv", MARK + csv(",", "\r\n"), {}],
    ["cr.csv", csv(",", "\r"), {}],
    ["quote.csv", csv(";", "\n", "'"), { delimiter: ";", quote: "'" }],
    ["utf-16.csv", utf16, { encoding: "utf-16" }],
    ["cr.csv.gz", gzipSync(csv(",", "\r")), {}],
    ["cr.tsv.zst", zstdCompressSync(csv("\t", "\r")), {}],
    ["lf.tsv", csv("\t", "\n"), {}],
    ["lines.jsonl", lines, {}],
    ["marked.jsonl.gz", gzipSync(MARK + lines), {}],
  ])("%s", async (name, content, data) => {
    const path = file(name, content);
    expect(await readRows(["a", "b"], path, data)).toEqual(ROWS);
    // Columns of several types are fetched in another way.
    const select = name.includes("jsonl") ? "a ->> '$'" : "a";
    const typed = await readRows(["n", "c"], path, { ...data, select: { n: "1", c: select } });
    expect(typed).toEqual(TEXTS.map((text) => [1, text]));
  });

  it("Parquet, as text, as bytes and in lists", async () => {
    const hex = (text: string): string => `from_hex('${Buffer.from(text).toString("hex")}')`;
    const text = (value: string): string => `decode(${hex(value)})`;
    const rows = TEXTS.map((value) => `(${text(value)}, ${hex(value)}, [${text(value)}, NULL], [[${text(value)}]])`);
    const query = `SELECT 1 AS label, * FROM (VALUES ${rows.join(", ")}) AS rows(a, b, l, n)`;
    const path = await writeParquet(`${folder}/texts.parquet`, query);
    const all = await readRows(["a", "b", "l", "n"], path);
    expect(all).toEqual(TEXTS.map((value) => [value, value, [value, null], [[value]]]));
    const other = await writeParquet(`${folder}/other.parquet`, "SELECT 1 AS label, 7 AS a");
    expect((await readRows(["a"], [path, other])).flat()).toEqual([...TEXTS, 7]);
  });
});

describe("a name that begins with U+FEFF is a name", () => {
  it("of a Parquet column", async () => {
    const path = await writeParquet(`${folder}/name.parquet`, `SELECT 1 AS label, 'x' AS "${MARK}a", 'y' AS a`);
    await using log = await openLog(path);
    expect(log.columns).toEqual(["label", `${MARK}a`, "a"]);
    expect(await rowsOf(log, [`${MARK}a`, "a"])).toEqual([["x", "y"]]);
  });
  it("of a key of JSON lines, in SQL too", async () => {
    const path = file("name.jsonl", `{"label":1,"${MARK}a":"${MARK}x","a":"y"}\n`);
    await using log = await openLog(path, { select: { c: `"${MARK}a" ->> '$'` } });
    expect(await log.names()).toEqual(["label", `${MARK}a`, "a"]);
    expect(await rowsOf(log, [`${MARK}a`, "a", "c"])).toEqual([[`${MARK}x`, "y", `${MARK}x`]]);
  });
});

describe("lists of JSON that SQL makes are the lists that a request has", () => {
  it.each(["json_extract(t, '$[*]')", `from_json(t, ${literal('["JSON"]')})`])("%s", async (sql) => {
    const path = file("list.jsonl", '{"label":1,"t":["a","b\\"",1.0,true]}\n{"label":0,"t":[]}\n');
    const rows = await readRows(["t", "u"], path, { select: { u: sql } });
    expect(rows).toEqual([
      [
        ["a", 'b"', 1, true],
        ["a", 'b"', 1, true],
      ],
      [[], []],
    ]);
  });
});
