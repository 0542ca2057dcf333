import { GrowthBookClient } from "@growthbook/growthbook";
import { describe, expect, test } from "vitest";
import { ConditionCheck } from "../../format/condition.ts";
import { MAX_ATTRIBUTE } from "../../format/matching-steps.ts";

const check = (condition: unknown, groups?: Record<string, unknown>): void =>
  new ConditionCheck(groups).check(condition, "c");

/** Whether the library lets a visitor with these attributes in. */
function letsIn(condition: object, attributes: Record<string, unknown>, savedGroups = {}): boolean {
  const features = { list: { defaultValue: false, rules: [{ condition, force: true }] } };
  const client = new GrowthBookClient().initSync({ payload: { features, savedGroups } as never });
  return client.evalFeature("list", { attributes }).value === true;
}

describe("accepted, and the library lets a visitor in", () => {
  const visitor = { country: "de", age: 30, tags: ["a", "b"], version: "1.10.0", deep: { er: "x" } };
  test.each<[object]>([
    [{}],
    [{ country: "de", age: 30 }],
    [{ "deep.er": "x", deep: { er: "x" }, absent: null }],
    [{ $or: [{ country: "fr" }, { age: { $gte: 18, $lt: 40 } }], $not: { country: "fr" } }],
    [{ $and: [{ $nor: [{ country: "fr" }] }] }],
    [{ country: { $in: ["de", "at"], $regex: "^d", $ne: "fr", $type: "string", $exists: true } }],
    [{ country: { $ini: ["DE"], $nin: ["fr"], $nini: ["FR"], $regexi: "^D/?", $not: { $eq: "fr" } } }],
    [{ tags: { $all: ["a"], $alli: ["B"], $size: { $gt: 1 }, $elemMatch: { $eq: "b" } } }],
    [{ tags: { $size: 2 }, version: { $vgt: "1.9.0", $vne: "2.0.0" } }],
  ])("%j", (condition) => {
    expect(() => check(condition)).not.toThrow();
    expect(letsIn(condition, visitor)).toBe(true);
  });
});

describe("refused, of which the library makes nothing", () => {
  const regex = { country: { $regex: "(" } };
  test.each<[unknown, string]>([
    [{ country: { $equals: "de" } }, "c: country: got the operator $equals, which GrowthBook has not"],
    [{ country: { $eq: "de", other: 1 } }, "c: country: got the operator other"],
    [{ $xor: [] }, "c: got the operator $xor, which GrowthBook has not"],
    [{ country: { $in: "de" } }, 'c: country: $in: got "de", expected a list'],
    [{ $or: { country: "de" } }, "c: $or: got "],
    [{ $and: [{}, { $not: regex }] }, 'c: $and[1]: $not: country: $regex: got "(", expected a regular expression'],
    [{ country: { $regex: 5 } }, "c: country: $regex: got 5, expected a regular expression"],
    [{ tags: { $elemMatch: { a: { $like: 1 } } } }, "c: tags: $elemMatch: a: got the operator $like"],
    [{ country: { $inGroup: 5 } }, "c: country: $inGroup: got 5, expected one of savedGroups"],
    [{ tags: { $all: ["a", { $regex: "(" }] } }, 'c: tags: $all: $regex: got "(", expected a regular expression'],
    [["country"], 'c: got ["country"], expected an object'],
    [null, "c: got null, expected an object"],
  ])("%j", (condition, problem) => {
    expect(() => check(condition)).toThrow(problem);
  });
  test("conditions within one another without end", () => {
    let condition = {};
    for (let i = 0; i < 10_000; i++) condition = { $not: condition };
    expect(() => check(condition)).toThrow("got conditions that are more than 32 within one another");
  });
});

describe("saved groups", () => {
  const groups = {
    list: ["de", "at"],
    typed: { type: "list", attributeKey: "country", values: ["de"] },
    where: { type: "condition", condition: { $or: [{ $savedGroup: { id: "typed" } }, { age: { $gt: 60 } }] } },
    bad: { type: "condition", condition: { age: { $over: 60 } } },
    ring: { type: "condition", condition: { $savedGroup: { id: "ring" } } },
  };
  test.each([
    [{ country: { $inGroup: "list" } }],
    [{ country: { $inGroup: "typed" } }],
    [{ $savedGroup: { id: "where" } }],
  ])("%j lets a visitor in", (condition) => {
    check(condition, groups);
    check(condition); // where they are not known
    expect(letsIn(condition, { country: "de" }, groups)).toBe(true);
  });
  test.each([
    [{ country: { $notInGroup: "lost" } }, 'c: country: $notInGroup: got "lost", expected one of savedGroups'],
    [{ $savedGroup: { id: "toString" } }, 'c: $savedGroup: got "toString", expected one of'],
    [{ $savedGroup: { id: "bad" } }, "c: $savedGroup: age: got the operator $over"],
    [{ $savedGroup: { id: "ring" } }, "got conditions that are more than 32 within one another"],
  ])("%j is refused", (condition, problem) => {
    expect(() => check(condition, groups)).toThrow(problem);
  });
  test("that name one another four times each, which take four times as long with each, are refused, and soon", () => {
    const groups = Object.fromEntries(
      Array.from({ length: 14 }, (_, i) => {
        const next = { $savedGroup: { id: `g${i + 1}` } };
        return [`g${i}`, { type: "condition", condition: i < 13 ? { $or: Array(4).fill(next) } : { age: 1 } }];
      }),
    );
    expect(() => check({ $savedGroup: { id: "g8" } }, groups)).not.toThrow();
    expect(() => check({ $savedGroup: { id: "g0" } }, groups)).toThrow("or may take more than 16777216 steps");
  });
});

describe("regular expressions", () => {
  /** Texts of letters and what no class has at the end, which make the most of repetitions. */
  const text = (letter: string): string => `${letter.repeat(MAX_ATTRIBUTE - 1)}!`;
  test.each([
    ["^d"],
    ["^https?://(www\\.)?shop\\.(de|at|ch)/"],
    ["^\\d+\\.\\d+$"],
    ["^10\\.\\d{1,3}\\.\\d{1,3}$"],
    ["^[^@]+@[^@]+$"],
    ["a.*b"],
    ["/products/.*/reviews/.*"],
    ["^.*a.*b.*"],
    ["(iPhone|iPad).*OS 1[0-9]"],
    ["^(?:ab)?(?=c)\\u0041{2}[)+*(]$"],
    ["a+$"],
    ["^a*a*$"],
  ])("%s is accepted, and ends soon with the longest attribute", (pattern) => {
    check({ a: { $regex: pattern } });
    const regex = new RegExp(pattern);
    for (const letter of ["a", "1", "@", "."]) expect(regex.test(text(letter))).toBeTypeOf("boolean");
  });
  test.each([
    ["(a+)+$"],
    ["^(a|a)*$"],
    ["^(a?){40}a{40}$"],
    ["^([a-z]+)*$"],
    ["a*a*a*$"],
    ["a*a*.*$"],
    ["a*a*\\.*"],
    ["^.*.*.*$"],
    ["(.*)*"],
    ["a?".repeat(30) + "a".repeat(30)],
    ["(a|a)".repeat(30)],
    ["(?:a|(?:b|a+))+?c"],
    ["(?<x>a+)\\k<x>{2,}a+$"],
    ["^(?=(a+))+b"],
  ])("%s might take for ever, and is refused", (pattern) => {
    for (const operator of ["$regex", "$regexi"])
      expect(() => check({ a: { [operator]: pattern } })).toThrow(`c: a: ${operator}: got conditions that`);
  });
  test("count together", () => {
    const conditions = new ConditionCheck();
    for (let i = 0; i < 15; i++) conditions.check({ a: { $regex: "a.*b" } }, "c");
    expect(() => conditions.check({ b: { $regex: "a.*b" } }, "c")).toThrow("or may take more than");
  });
});
