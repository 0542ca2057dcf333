import { GrowthBookClient } from "@growthbook/growthbook";
import { describe, expect, test } from "vitest";
import { checkCondition } from "../../deploy/condition.ts";

/** Whether the library lets a visitor with these attributes in. */
function letsIn(condition: object, attributes: Record<string, unknown>): boolean {
  const features = { list: { defaultValue: false, rules: [{ condition, force: true }] } };
  const client = new GrowthBookClient().initSync({ payload: { features } as never });
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
    expect(() => checkCondition(condition, "c")).not.toThrow();
    expect(letsIn(condition, visitor)).toBe(true);
  });
});

describe("refused, of which the library makes nothing", () => {
  const regex = { country: { $regex: "(" } };
  test.each<[unknown, string]>([
    [{ country: { $equals: "de" } }, "c: country: got the operator $equals, expected one of $eq, $ne"],
    [{ country: { $eq: "de", other: 1 } }, "c: country: got the operator other"],
    [{ $xor: [] }, "c: got the operator $xor, expected one of $and, $or, $nor, $not"],
    [{ country: { $in: "de" } }, 'c: country: $in: got "de", expected a list'],
    [{ $or: { country: "de" } }, "c: $or: got "],
    [{ $and: [{}, { $not: regex }] }, 'c: $and[1]: $not: country: $regex: got "(", expected a regular expression'],
    [{ country: { $regex: 5 } }, "c: country: $regex: got 5, expected a regular expression"],
    [{ tags: { $elemMatch: { a: { $like: 1 } } } }, "c: tags: $elemMatch: a: got the operator $like"],
    [{ country: { $inGroup: "g" } }, "c: country: got the operator $inGroup"],
    [["country"], 'c: got ["country"], expected an object'],
    [null, "c: got null, expected an object"],
  ])("%j", (condition, problem) => {
    expect(() => checkCondition(condition, "c")).toThrow(problem);
  });
  test("conditions within one another without end", () => {
    let condition = {};
    for (let i = 0; i < 10_000; i++) condition = { $not: condition };
    expect(() => checkCondition(condition, "c")).toThrow("got more than 32 conditions within one another");
  });
});
