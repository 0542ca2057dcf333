import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { openLog, readRows, rowsOf, specOf, testFolder, writerInto } from "./log-files.ts";
import { stderrDuring } from "./stderr.ts";

const folder = testFolder("json-lines");
const file = writerInto(folder);

describe("a line means what it would mean as a request's record", () => {
  it.each<[string, string, string[], unknown[][]]>([
    ["keys that differ in case", '{"userId":"a","userid":"b"}\n', ["userid", "userId"], [["b", "a"]]],
    ["an empty key", '{"":"x"}\n', [""], [["x"]]],
    ["a byte order mark", '\uFEFF{"id":1}\n', ["id"], [[1]]],
    ["half a surrogate pair", '{"id":"\\ud800"}\n', ["id"], [["\ud800"]]],
    ["a NUL in a text and in a key", '{"a\\u0000":"b\\u0000"}\n', ["a\0"], [["b\0"]]],
    [
      "a key that only the last line has",
      `${'{"id":1}\n'.repeat(3)}{"last":2}\n`,
      ["last"],
      [[null], [null], [null], [2]],
    ],
    ["LF and CRLF, and blank lines", '{"id":1}\r\n{"id":2}\n \t\r\n\n{"id":3}', ["id"], [[1], [2], [3]]],
    ["a key of a nested object again", '{"id":{"id":1},"x":2}\n', ["x"], [[2]]],
    ["slashes and tildes in a key", '{"a/b~c":1}\n', ["a/b~c"], [[1]]],
  ])("%s", async (_, text, names, expected) => {
    expect(await readRows(names, file("means.jsonl", text))).toEqual(expected);
  });

  it("a key that occurs after line 10,000 only, also in SQL", async () => {
    const path = file("late.jsonl", `${'{"label":0}\n'.repeat(10_001)}{"label":1,"late":"x"}\n`);
    expect((await readRows(["late"], path)).at(-1)).toEqual(["x"]);
    expect(await readRows(["label"], path, { where: "late IS NOT NULL" })).toEqual([[1]]);
  });

  it("SQL finds a key whatever its case, and the first of those that differ in case only", async () => {
    const path = file("sql.jsonl", '{"userId":"a"}\n{"userid":"b"}\n{"userId":"c","userid":"d"}\n');
    expect(await readRows(["u"], path, { select: { u: "USERID" } })).toEqual([["a"], [null], ["c"]]);
  });

  it("SQL has the text of a key, and its number", async () => {
    const path = file("texts.jsonl", '{"id":"a","n":3}\n{"id":"b","n":"4"}\n');
    expect(await readRows(["id"], path, { where: "id ->> '$' = 'a'" })).toEqual([["a"]]);
    expect(await readRows(["id"], path, { where: "CAST(n AS DOUBLE) > 3" })).toEqual([["b"]]);
  });

  it("a parameter of a lambda is no key", async () => {
    const data = { types: { l: "VARCHAR[]" }, select: { m: "list_transform(l, lambda z: z || 'x')" } };
    await using log = await openLog(file("lambda.jsonl", '{"l":["a"]}\n'), data);
    expect(await rowsOf(log, ["m"])).toEqual([[["ax"]]]);
    expect(log.warnings).toEqual([]);
  });
});

describe("a key that no line has is missing everywhere, and the user is told", () => {
  const path = file("lacks.jsonl", '{"label":1,"id":"a"}\n{"label":0,"id":"b"}\n');
  const warning = `${path}: no line has the key "coupon", so it is missing in all records`;

  it("as a field", async () => {
    await using log = await ClickLog.open(path);
    expect(await rowsOf(log, ["id", "coupon"])).toEqual([
      ["a", null],
      ["b", null],
    ]);
    expect(log.warnings).toEqual([warning]);
  });

  it("in SQL", async () => {
    await using log = await openLog(path, { where: "coupon IS NULL" });
    expect(await rowsOf(log, ["id"])).toEqual([["a"], ["b"]]);
    expect(log.warnings).toEqual([warning]);
  });

  it("as the key of a type, whatever its case", async () => {
    const data = { types: { coupon: "DOUBLE", ID: "VARCHAR", label: "DOUBLE" } };
    await using log = await openLog(path, data);
    expect(await rowsOf(log, ["id", "coupon"])).toEqual([
      ["a", null],
      ["b", null],
    ]);
    expect(log.warnings).toEqual([warning, warning.replace("coupon", "ID")]);
  });

  it("in a validation log, as the Worker takes an absent field", async () => {
    const train = file("train.jsonl", '{"label":1,"id":"a","coupon":"x"}\n{"label":0,"id":"b"}\n');
    const fields = ["id", "coupon"].map((name) => ({ name, type: "categorical" }));
    const spec = specOf({ fields });
    const cache = join(folder, "cache");
    const trained = await openTrainingLog(spec, { paths: [train] }, cache);
    const told = await stderrDuring(() => openHeldOutLog(spec, trained, { paths: [path] }, cache));
    expect(told).toContain(`warning: ${warning}\n`);
  });
});

describe("what no request could be is refused", () => {
  const lines = '{"label":1,"price":2}\n';
  it.each<[string, string | Uint8Array, string]>([
    ["NaN", `${lines}{"label":0,"price":NaN}\n`, "line 2: column price: got NaN, expected a number"],
    [
      "Infinity in a list",
      `${lines}{"label":0,"price":[-Infinity]}\n`,
      "line 2: column price: got -Infinity, expected",
    ],
    [
      "NaN behind a text with the word",
      '{"label":0,"a":"\\"x\\": NaN","price": NaN}\n',
      "line 1: column price: got NaN",
    ],
    ["a key twice", `${lines}{"label":0,"price":1,"price":2}\n`, 'line 2: got the key "price" twice, expected it once'],
    [
      "a byte order mark",
      `${lines}\uFEFF{"label":0}\n`,
      "line 2: got a byte order mark, expected one before the first",
    ],
    ["a CR alone", `${lines}{"label":0}\r{"label":1}\n`, "line 2: got a CR alone, expected LF or CRLF"],
    ["the byte 1", `${lines}{"label":0}\u0001x\n`, "line 2: got a byte 0x01"],
    ["a list", `${lines}[{"label":0}]\n`, 'line 2: got "[{\\"label\\":0}]", expected a JSON object'],
    ["a pretty-printed object", '{\n"label":0\n}\n', 'line 1: got "{", expected a JSON object'],
    [
      "bytes that are not UTF-8",
      Buffer.from(`${lines}{"label":"\xe9"}\n`, "latin1"),
      "line 2: got bytes that are not UTF-8",
    ],
    ["UTF-16", Buffer.from(`\uFEFF${lines}`, "utf16le"), "line 1: got UTF-16, expected UTF-8"],
  ])("%s", async (_, text, problem) => {
    await expect(readRows(["label"], file("refused.jsonl", text))).rejects.toThrow(`refused.jsonl, ${problem}`);
  });

  it("half a surrogate pair where SQL computes with it", async () => {
    const path = file("half.jsonl", '{"id":"a"}\n{"id":"\\ud800"}\n');
    await expect(readRows(["u"], path, { select: { u: "upper(id ->> '$')" } })).rejects.toThrow(
      "half.jsonl, line 2: got an unpaired surrogate",
    );
  });

  it("a comparison of JSON with text, saying how the text is had", async () => {
    const path = file("compare.jsonl", '{"id":"a"}\n');
    await expect(readRows(["id"], path, { where: "id <> 'a'" })).rejects.toThrow(
      /compare\.jsonl, line 1: data\.where: .*\(a key of JSON lines is JSON in SQL: key ->> '\$' is its text, a CAST its/,
    );
  });
});
