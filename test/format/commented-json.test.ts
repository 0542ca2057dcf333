import { describe, expect, test } from "vitest";
import { parseCommentedJson } from "../../format/commented-json.ts";
import { parseFeatureSpec } from "../../format/spec.ts";

const parse = (text: string): unknown => parseCommentedJson(text, "s.json");

describe("accepted", () => {
  test.each([
    ["no comment", '{"a": [1, 2]}', { a: [1, 2] }],
    ["comments of both kinds", '// spec\n{"a": /* one */ 1, // "two"\n"b": 2 /* \n */}', { a: 1, b: 2 }],
    ["a comment at the end, without a line end", '{"a": 1} // end', { a: 1 }],
    ["commas after the last", '{"a": [1, 2,], "b": {"c": 3,},}', { a: [1, 2], b: { c: 3 } }],
    ["a comment after the last comma", '{"a": [1, // one\n], /* two */}', { a: [1] }],
    [
      "what only looks like a comment",
      '{"a": "http://x/*y*/", "b": "\\"//", "c": ",]"}',
      { a: "http://x/*y*/", b: '"//', c: ",]" },
    ],
    ["quotes in a comment", '{"a": 1 // don\'t "say\n}', { a: 1 }],
    ["line ends of CRLF", '{\r\n// a\r\n"a": 1, // b\r\n"b": 2}', { a: 1, b: 2 }],
  ])("%s", (_name, text, value) => {
    expect(parse(text)).toEqual(value);
  });
});

describe("refused, with the place in the text as it is", () => {
  test.each([
    [
      "a fault after comments",
      '{ // 🙂 one\n  /* two\n  three */ "a": x }',
      'got "x" at line 3, column 17, expected a value',
    ],
    ["a comment without an end", '{\n  /* "a": 1\n}', "got a comment at line 2, column 3 that no */ ends"],
    ["two commas", "[1,,]", 'got "," at line 1, column 4, expected a value'],
    ["a comment of another kind", '{\n# no\n"a": 1}', 'got "#" at line 2, column 1, expected a key in quotes or }'],
    ["nothing but a comment", "// nothing", "got the end of the text at line 1, column 11, expected a value"],
  ])("%s", (_name, text, problem) => {
    expect(() => parse(text)).toThrow(`s.json: not JSON: ${problem}`);
  });
});

test("a feature spec may have comments, and its errors name keys as ever", () => {
  const text = (side: string) =>
    `// the ads\n{"name": "ads", "fields": [{"name": "site", "type": "categorical", "side": "${side}"}, /* more */]}`;
  expect(parseFeatureSpec(text("item"), "s.json").fields).toMatchObject([{ name: "site", side: "item" }]);
  expect(() => parseFeatureSpec(text("left"), "s.json")).toThrow(
    's.json: fields[0].side: got "left", expected ("context" | "item")',
  );
});

describe("a key twice in an object is refused, with the place of the second", () => {
  test.each([
    ["in the outermost object", '{"a": 1,\n// "a"\n"a": 2}', 'got the key "a" twice, again at line 3, column 1'],
    ["further in", '[{"b": {"a": 1, "c": [], "a": 1}}]', 'got the key "a" twice, again at line 1, column 26'],
    ["once with an escape", String.raw`{"é": 1, "\u00e9": 2}`, 'got the key "é" twice, again at line 1, column 10'],
    ["that is __proto__", '{"__proto__": 1, "__proto__": 2}', 'got the key "__proto__" twice'],
  ])("%s", (_name, text, problem) => {
    expect(() => parse(text)).toThrow(`s.json: ${problem}`);
  });
  test("not where objects, values or lists only have the same text", () => {
    const text = String.raw`[{"a": "a", "b": ["a", "a", {"a": "\"a"}], "c": {"a": {}}}, {"a": "b", "b": "a", "\\": "\\"}]`;
    expect(parse(text)).toEqual(JSON.parse(text));
  });
});
