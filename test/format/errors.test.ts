import { expect, test } from "vitest";
import { FormatError, show } from "../../format/errors.ts";

const LONG = "x".repeat(2 ** 23);

test.each([
  ["text", '"text"'],
  ['a "quote"', '"a \\"quote\\""'],
  [17, "17"],
  [17n, "17n"],
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "-Infinity"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [[], "[]"],
  [{}, "{}"],
  [[1, ["a", null]], '[1,["a",null]]'],
  [{ a: 1, b: { c: [2n] } }, '{"a":1,"b":{"c":[2n]}}'],
])("an error shows a value as JSON would, and what JSON does not have too: %#", (value, text) => {
  expect(show(value)).toBe(text);
});

test("a value that is long, deep or a cycle is cut off at 60 characters", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
  for (const value of [LONG, [LONG], { [LONG]: 1 }, { a: LONG, b: LONG }, new Array(1e6).fill(1), deep, cycle]) {
    expect(show(value)).toHaveLength(60);
    expect(show(value)).toMatch(/\.\.\.$/);
  }
  expect(show("x".repeat(58))).toBe(`"${"x".repeat(58)}"`);
});

test("an error quotes at most 200 characters of a place, which may have a client's names", () => {
  const error = new FormatError(`records[0].${LONG}`, `got ${LONG}`);
  expect(error.place).toHaveLength(200);
  expect(error.place).toMatch(/^records\[0\]\.x+\.\.\.$/);
  expect(error.message.length).toBeLessThan(1300);
});
