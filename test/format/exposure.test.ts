import { expect, test } from "vitest";
import { checkExposure, type Exposure, parseExposure, writeExposure } from "../../format/exposure.ts";
import { readFloats, writeFloats } from "../../format/floats.ts";
import { exampleExposure, UNSIGNED_ID } from "../../testing/exposures/example-lines.ts";

const teamDraft: Partial<Exposure> = {
  policy: { policy: "team-draft", rival: "lr" },
  rival: writeFloats([1, 2, 3]),
  team: "01-",
  coins: "0",
};
const origin: Partial<Exposure> = { policy: null, p: "", lp: 0, served: "origin", why: "deadline", flags: "bv" };

test.each<[string, Exposure]>([
  ["a list of three", exampleExposure(3)],
  ["an empty list", exampleExposure(0)],
  ["interleaving", exampleExposure(3, teamDraft)],
  ["the origin's order", exampleExposure(3, origin)],
  [
    "what rows lacked, the context and a shadow",
    {
      ...exampleExposure(2),
      deg: { rows: 7, reason: "deadline" },
      ctx: { hour: 7, tags: ["a", "b"], site: null },
      shadow: { model: "lr@fedcba9876543210", logits: writeFloats([1, 2]) },
    },
  ],
  ["ids of all letters", exampleExposure(2, { cand: ['ключ\n"', "\u2028"] })],
])("a line comes back as it was written: %s", (_, exposure) => {
  const line = writeExposure(exposure);
  expect(line).not.toMatch(/[\r\n]/);
  expect(parseExposure(line)).toEqual(exposure);
});

const { v: _v, ...unversioned } = exampleExposure(1);

test.each<[string, unknown, string]>([
  ["no JSON", "{", "line 7: not JSON: "],
  ["a list", "[]", 'line 7: v: missing, expected "v"'],
  ["no version", JSON.stringify(unversioned), 'line 7: v: missing, expected "v"'],
  ["a later version", JSON.stringify({ ...exampleExposure(1), v: 2, more: 1 }), "line 7: v: got version 2, expected 1"],
  ["an unknown member", JSON.stringify({ ...exampleExposure(1), more: 1 }), "line 7: more: unknown key"],
])("%s is refused with its place", (_, line, message) => {
  expect(() => parseExposure(String(line), "line 7")).toThrow(message);
});

test.each<[Partial<Record<keyof Exposure, unknown>>, string]>([
  [{ id: "short" }, 'id: got "short", expected a signed request id'],
  [{ t: -1 }, "t: got -1, expected >=0"],
  [{ x: "" }, "x: got length 0, expected >=1"],
  [{ phase: "0F1E2D3C" }, 'phase: got "0F1E2D3C", expected 8 lower-case hex digits'],
  [{ b: 10_000 }, "b: got 10000, expected <=9999"],
  [{ u: "0" }, 'u: got "0", expected 16 lower-case hex digits'],
  [{ model: "ads" }, 'model: got "ads", expected name@ and the first 16 hex digits of a version'],
  [{ policy: { policy: "greedy", k: 1 } }, "policy.k: unknown key"],
  [{ seed: "zz" }, 'seed: got "zz", expected 32 lower-case hex digits'],
  [{ cand: ["a", 7] }, "cand[1]: got 7, expected string"],
  [{ cand: ["a", "b", "a"] }, "cand: got an id twice, expected each once"],
  [{ shown: [0, 3] }, "shown[1]: got 3, expected an index of 3 candidates"],
  [{ shown: [0, 0] }, "shown: got a candidate twice, expected each at most once"],
  [{ shown: [0.5] }, "shown[0]: got 0.5, expected an integer"],
  [{ logits: writeFloats([1, 2]) }, "logits: got 2 numbers, expected 3"],
  [{ rival: writeFloats([]) }, "rival: got 0 numbers, expected 3"],
  [{ logits: "AAA=" }, "logits: got 2 bytes, expected 4 for each number"],
  [{ logits: "A" }, "logits: got 1 characters that are no base64, expected float32 numbers"],
  [{ shadow: { model: "lr@fedcba9876543210", logits: "" } }, "shadow.logits: got 0 numbers, expected 3"],
  [{ p: "?" }, 'p: got "?", expected float32 numbers, little-endian, in base64'],
  [{ p: writeFloats([0, 0, 0, 0]) }, "p: got 4 slots, expected at most 3"],
  [{ p: writeFloats([-1, Number.NaN]) }, "p: got NaN for slot 1, expected ln of a probability above 0"],
  [{ p: writeFloats([Number.NEGATIVE_INFINITY]) }, "p: got -Infinity for slot 0, expected ln of a probability above 0"],
  [{ p: writeFloats([-1, -2, 0.5]) }, "p: got 0.5 for slot 2, expected ln of a probability above 0"],
  [{ lp: 0.1 }, "lp: got 0.1, expected <=0"],
  [{ team: "012" }, 'team: got "012", expected a text of the characters 01-'],
  [{ team: "0101" }, "team: got 4 slots, expected at most 3"],
  [{ served: "model" }, 'served: got "model", expected ("arm" | "origin")'],
  [{ deg: { rows: 0, reason: "deadline" } }, "deg.rows: got 0, expected >=1"],
  [{ keep: 1e-300 }, "keep: got 1e-300, expected >=2.3283064365386963e-10"],
  [{ keep: 1.5 }, "keep: got 1.5, expected <=1"],
  [{ flags: "vb" }, 'flags: got "vb", expected letters of bhpsv, in this order'],
  [{ flags: "" }, 'flags: got "", expected letters of bhpsv, in this order'],
  [{ ctx: 7 }, "ctx: got 7, expected Object"],
])("%j is refused", (changes, problem) => {
  const line = { ...exampleExposure(3), ...changes };
  expect(() => checkExposure(line)).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(`exposure: ${problem}`) }),
  );
});

test("numbers come back bit by bit, as float32", () => {
  const numbers = [0, -0, 1.5, -(2 ** 127), 2 ** -149, Number.POSITIVE_INFINITY, Math.fround(0.1)];
  expect([...readFloats(writeFloats(numbers), "p")]).toEqual(numbers);
  expect(writeFloats([1])).toBe("AACAPw=="); // 0x3f800000, the least significant byte first
  expect(readFloats(writeFloats([0.1]), "p")[0]).toBe(Math.fround(0.1));
});

test("100 candidates take about what they are expected to", () => {
  const { length } = writeExposure(exampleExposure(100));
  expect(length).toBeGreaterThan(2_000);
  expect(length).toBeLessThan(3_100);
  expect(writeExposure(exampleExposure(0, { id: UNSIGNED_ID })).length).toBeLessThan(600);
});

test("half of a surrogate pair is U+FFFD in a line, and everything else is as it was", () => {
  const cand = ["a\ud800", "\udc00\ud83d\ude00", '\\ud800 \\\\udfff \n\u0000\u00e9"\ud83d'];
  const line = writeExposure(exampleExposure(3, { cand, ctx: { "k\udfff": ["\udabc", 1] } }));
  expect(parseExposure(line)).toMatchObject({
    cand: ["a\ufffd", "\ufffd\ud83d\ude00", '\\ud800 \\\\udfff \n\u0000\u00e9"\ufffd'],
    ctx: { "k\ufffd": ["\ufffd", 1] },
  });
});
