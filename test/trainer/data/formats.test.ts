import { existsSync } from "node:fs";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CRITEO, readShared } from "../shared-data.ts";
import { openLog, readRows, rowsOf, testFolder, writerInto } from "./log-files.ts";

// Every format and compression gives the same records.

const file = writerInto(testFolder("formats"));

describe("a log is the same in every format", () => {
  const csv = 'label,user,"age, years"\n1,u1,30\n0,"a ""quoted"", name",\n1,,17.5\n';
  const expected = [
    ["1", "u1", "30"],
    ["0", 'a "quoted", name', null],
    ["1", null, "17.5"],
  ];
  const names = ["label", "user", "age, years"];

  it("csv", async () => {
    expect(await readRows(names, file("a.csv", csv))).toEqual(expected);
  });
  it("csv with a byte order mark and CRLF", async () => {
    expect(await readRows(names, file("bom.csv", `\uFEFF${csv.replaceAll("\n", "\r\n")}`))).toEqual(expected);
  });
  it("csv.gz", async () => {
    expect(await readRows(names, file("a.csv.gz", gzipSync(csv)))).toEqual(expected);
  });
  it("tsv", async () => {
    const tsv = 'label\tuser\tage, years\n1\tu1\t30\n0\t"a ""quoted"", name"\t\n1\t\t17.5\n';
    expect(await readRows(names, file("a.tsv", tsv))).toEqual(expected);
  });
  it("csv with quotes within cells and within the header", async () => {
    const path = file("inches.csv", 'label,5" disk, "user" \n1,3" x 4",a\n0,b, "c"\n');
    expect(await readRows(["label", '5" disk', "user"], path)).toEqual([
      ["1", '3" x 4"', "a"],
      ["0", "b", "c"],
    ]);
  });
  it("csv whose lines end in CR, and CR in a quoted cell", async () => {
    expect(await readRows(["label", "u"], file("mac.csv", "label,u\r1,x\r0,y\r"))).toEqual([
      ["1", "x"],
      ["0", "y"],
    ]);
    expect(await readRows(["u"], file("quoted.csv", 'label,u\n1,"x\ry"\n0,z\n'))).toEqual([["x\ry"], ["z"]]);
  });
  it("csv with a NUL byte in a cell", async () => {
    expect(await readRows(["u"], file("nul.csv", "label,u\n1,a\0b\n"))).toEqual([["a\0b"]]);
  });
  it("csv with a line of 3 MB", async () => {
    const cell = "x".repeat(3_000_000);
    expect(await readRows(["u"], file("wide.csv", `label,u\n1,${cell}\n`))).toEqual([[cell]]);
  });
  it("a cell with the character that rows are fetched with", async () => {
    await using log = await openLog(file("unit.csv", "label,user\n1,a\u001fb\n0,c\n"));
    expect(await rowsOf(log, ["user", "label"])).toEqual([
      ["a\u001fb", "1"],
      ["c", "0"],
    ]);
  });
  it("names that SQL takes for one, or that are none", async () => {
    await using log = await openLog(file("names.csv", "label,User,user,,\n1,a,b,c,d\n"));
    expect(await rowsOf(log, ["label", "user", "User"])).toEqual([["1", "b", "a"]]);
  });
});

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
    expect(await readRows(NAMES, file(name, content))).toEqual(CSV_ROWS);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.jsonl", JSONL],
    ["a.ndjson", JSONL],
    ["a.jsonl.gz", gzipSync(JSONL)],
    ["a.jsonl.zst", zstdCompressSync(JSONL)],
  ])("%s gives values as a request would", async (name, content) => {
    expect(await readRows([...NAMES, "tags"], file(name, content))).toEqual(JSON_ROWS);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.libsvm", "1 2:0.5 7:1\n-1 7:3\n"],
    ["a.libsvm.gz", gzipSync("1 2:0.5 7:1\n-1 7:3\n")],
    ["blanks.libsvm", "\n \t1\t2:0.5  7:1 \t\r\n\n-1 7:3\t\n"],
  ])("%s: lists of indices and values, and an index as a column", async (name, content) => {
    expect(await readRows(["label", "features", "values", "2", "7"], file(name, content))).toEqual([
      ["1", [2n, 7n], [0.5, 1], 0.5, 1],
      ["0", [7n], [3], null, 3],
    ]);
  });

  it.each<[string, string | Uint8Array]>([
    ["a.libffm", "1 0:12:1 1:3:0.25 1:4:1\n0 1:5:2\n"],
    ["a.ffm.zst", zstdCompressSync("1 0:12:1 1:3:0.25 1:4:1\n0 1:5:2\n")],
  ])("%s: a field as a column, alone or as a list, and its value", async (name, content) => {
    expect(await readRows(["label", "0", "1", "1.value"], file(name, content))).toEqual([
      ["1", 12n, [3n, 4n], 0.25],
      ["0", null, 5n, 2],
    ]);
  });

  it("libffm with indices that are hashes of 64 bits", async () => {
    const path = file("hash.libffm", "1 0:18446744073709551615:1\t\n");
    expect(await readRows(["0"], path)).toEqual([[18446744073709551615n]]);
  });

  it("a format that the name does not tell", async () => {
    expect(await readRows(NAMES, file("log.txt", CSV), { format: "csv" })).toEqual(CSV_ROWS);
  });

  it("a file without a header", async () => {
    const path = file("bare.csv", CSV.slice(CSV.indexOf("\n") + 1));
    expect(await readRows(NAMES, path, { columns: NAMES })).toEqual(CSV_ROWS);
  });
});

describe.skipIf(!existsSync(CRITEO))(
  `libsvm as others write it${existsSync(CRITEO) ? "" : ": skipped, no ../shared/data"}`,
  () => {
    it("Criteo's validation rows", async () => {
      const path = readShared("criteo/va.libsvm.gz");
      const lines = gunzipSync(path.bytes).toString().trimEnd().split("\n");
      const found = await readRows(["label", "features", "5"], path.path);
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
