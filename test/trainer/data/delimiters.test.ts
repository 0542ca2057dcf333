import { describe, expect, it } from "vitest";
import { openLog, placesOf, readRows, testFolder, writerInto } from "./log-files.ts";

// Logs of CSV and TSV that are written otherwise than by default: `data.delimiter` and `data.quote`.

const file = writerInto(testFolder("delimiters"));
const COLUMNS = ["label", "id", "place"];
const ROWS = [
  ["1", "a;b", "Köln"],
  ["0", 'say "x"', "Rome|Lazio"],
];

describe("a delimiter", () => {
  it.each([
    [";", 'label;id;place\n1;"a;b";Köln\n0;"say ""x""";Rome|Lazio\n'],
    ["|", 'label|id|place\n1|a;b|Köln\n0|"say ""x"""|"Rome|Lazio"\n'],
    ["\t", 'label\tid\tplace\n1\ta;b\tKöln\n0\t"say ""x"""\tRome|Lazio\n'],
    ["^", 'label^id^place\n1^a;b^Köln\n0^"say ""x"""^Rome|Lazio\n'],
    ["\\", 'label\\id\\place\n1\\a;b\\Köln\n0\\"say ""x"""\\Rome|Lazio\n'],
    ["]", 'label]id]place\n1]a;b]Köln\n0]"say ""x"""]Rome|Lazio\n'],
    [" ", 'label id place\n1 a;b Köln\n0 "say ""x""" Rome|Lazio\n'],
    ["\u0001", 'label\u0001id\u0001place\n1\u0001a;b\u0001Köln\n0\u0001"say ""x"""\u0001Rome|Lazio\n'],
    ["'", "label'id'place\n1'a;b'Köln\n0'\"say \"\"x\"\"\"'Rome|Lazio\n"],
  ])("may be %j", async (delimiter, text) => {
    const path = file(`d${delimiter.charCodeAt(0)}.csv`, text);
    expect(await readRows(COLUMNS, path, { delimiter })).toEqual(ROWS);
  });

  it("goes for TSV and for files without a header too, and errors name the line and the column", async () => {
    const path = file("plain.tsv", '1;"a\nb";x\n0;c;y\nmaybe;d;z\n');
    const data = { delimiter: ";", columns: COLUMNS };
    await using log = await openLog(path, data);
    expect(await placesOf(log)).toEqual([1, 3, 4].map((line) => `${path}, line ${line}`));
  });
});

describe("a quote", () => {
  it("may be another character, and a double quote is then text", async () => {
    const path = file("single.csv", "label,id,place\n1,'a,''b''','x\ny'\n0,\"c\",z\n");
    const data = { quote: "'" };
    expect(await readRows(COLUMNS, path, data)).toEqual([
      ["1", "a,'b'", "x\ny"],
      ["0", '"c"', "z"],
    ]);
    await using log = await openLog(path, data);
    expect(await placesOf(log)).toEqual([2, 4].map((line) => `${path}, line ${line}`));
  });

  it('is none where it is ""', async () => {
    const path = file("none.tsv", 'label\tid\tplace\n1\t"a\tb"\n');
    expect(await readRows(COLUMNS, path, { quote: "" })).toEqual([["1", '"a', 'b"']]);
  });
});

describe("a wrong setting is refused, naming the place", () => {
  it("a delimiter of another file: the one that the header seems to have is named", async () => {
    const hint = (delimiter: string): string =>
      `; the line seems to have ${JSON.stringify(delimiter)} between its cells: give it as data.delimiter`;
    for (const delimiter of [";", "\t", "|"]) {
      const path = file(`wrong${delimiter.charCodeAt(0)}.csv`, `label,id\n1,a\n`.replaceAll(",", delimiter));
      const header = JSON.stringify(`label${delimiter}id`);
      await expect(readRows(["label"], path)).rejects.toThrow(`no column "label"; got ${header}${hint(delimiter)}`);
    }
    const path = file("comma.tsv", "label,id,x\n1,a,b\n");
    await expect(readRows(["id"], path)).rejects.toThrow(`no column "id"; got "label,id,x"${hint(",")}`);
    await expect(readRows(["id"], path, { select: { id: "id || 1" } })).rejects.toThrow(hint(","));
    await expect(readRows(["a"], path, { columns: ["a", "b", "c"] })).rejects.toThrow(
      `${path}, line 1: got 1 column, expected 3${hint(",")}`,
    );
  });

  it("and none where the header has no other one", async () => {
    const path = file("one.csv", "label\n1\n");
    await expect(readRows(["id"], path)).rejects.toThrow(/no column "id"; got "label"$/);
  });

  it("what is no character of ASCII, or both at once", async () => {
    const path = file("good.csv", "label,id\n1,a\n");
    for (const delimiter of ["", "||", "\n", "§"])
      expect(() => openLog(path, { delimiter })).toThrow(
        `data.delimiter: got ${JSON.stringify(delimiter)}, expected one character of ASCII`,
      );
    await expect(openLog(path, { delimiter: ";", quote: ";" })).rejects.toThrow(
      'data.quote: got ";" as data.delimiter',
    );
    expect(() => openLog(path, { quote: "<<" })).toThrow("data.quote: got ");
  });

  it.each(["delimiter", "quote", "encoding"])("data.%s for a format that has none", async (key) => {
    const path = file("lines.jsonl", '{"label":1,"id":"a"}\n');
    const value = key === "encoding" ? "utf-16" : ";";
    await expect(openLog(path, { [key]: value })).rejects.toThrow(
      `data.${key}: got "${value}" for jsonl, expected it for CSV or TSV only`,
    );
  });
});
