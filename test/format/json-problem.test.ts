import { expect, it } from "vitest";
import { jsonProblem } from "../../format/json-problem.ts";
import { parseJson, parseJsonBytes } from "../../format/parse.ts";
import { Random } from "../../trainer/data/random.ts";

it.each([
  ["", "got the end of the text at line 1, column 1, expected a value"],
  ['{"a": 1,\n  "b": }', 'got "}" at line 2, column 8, expected a value'],
  ['{"a": 1,}', 'got "}" at line 1, column 9, expected a key in quotes'],
  ["{'a': 1}", `got "'" at line 1, column 2, expected a key in quotes or }`],
  ['{"a" 1}', 'got "1" at line 1, column 6, expected :'],
  ["[1 2]", 'got "2" at line 1, column 4, expected , or ]'],
  ["[1,]", 'got "]" at line 1, column 4, expected a value'],
  ['{"a": [1, 2}', 'got "}" at line 1, column 12, expected , or ]'],
  ['{"a": 1', "got the end of the text at line 1, column 8, expected , or }"],
  ["[NaN]", 'got "NaN" at line 1, column 2, expected a value or ]'],
  ["01", 'got "01" at line 1, column 1, expected a value'],
  ["truely", 'got "truely" at line 1, column 1, expected a value'],
  ["{} {}", 'got "{" at line 1, column 4, expected the end'],
  ['"\\x"', 'got "\\\\" at line 1, column 2, expected an escape such as \\n, \\" or \\u00e9'],
  ['["a\n"]', 'got "\\n" at line 1, column 4, expected the " that ends the text before it, or an escape'],
  ['\n ["a', 'got the end of the text at line 2, column 5, expected the " that ends the text from line 2, column 3'],
])("%j", (text, problem) => {
  expect(() => parseJson(text, "x.json")).toThrow(
    expect.objectContaining({ name: "FormatError", message: `x.json: not JSON: ${problem}` }),
  );
});

it("bytes that are not UTF-8 have a place too", () => {
  const bytes = Uint8Array.of(...new TextEncoder().encode('{"a": 1,\n"'), 0xff, 0x22);
  expect(() => parseJsonBytes(bytes, "x")).toThrow("x: not JSON: got bytes that are not UTF-8 at line 2, column 2");
});

it("finds a problem in exactly the texts that the engine refuses", () => {
  const seed = '{"a": [1, -2.5e+3, "x\\u00e9\\n", true, null], "b": {"c": {}, "d": []}}';
  const random = new Random(5);
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const characters = [...seed];
    for (let edits = 1 + random.integer(3); edits > 0; edits--) {
      const at = random.integer(characters.length);
      characters.splice(at, random.integer(3), characters[random.integer(characters.length)] ?? "");
    }
    const text = characters.join("");
    let fine = true;
    try {
      JSON.parse(text);
    } catch {
      fine = false;
      refused++;
    }
    expect(jsonProblem(text) === null, text).toBe(fine);
  }
  expect(refused).toBeGreaterThan(10_000);
});

it("a text nested a million times deep is no danger", () => {
  expect(jsonProblem("[".repeat(1_000_000))).toBe(
    "got the end of the text at line 1, column 1000001, expected a value or ]",
  );
});
