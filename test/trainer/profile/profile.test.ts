import { describe, expect, test } from "vitest";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { profileFields } from "../../../trainer/profile/field-profile.ts";
import { Reservoir } from "../../../trainer/profile/reservoir.ts";
import { spellingOf } from "../../../trainer/profile/spelling.ts";
import { topValuesText } from "../../../trainer/profile/top-values.ts";

describe("spellings", () => {
  test.each([
    ["case and blanks", ["DE", "de", "de ", " De"], ["trim", "lower"], 1],
    ["runs of blanks", ["New  York", "New York"], ["spaces"], 1],
    ["wide letters", ["ＡＢ", "AB"], ["nfkc"], 1],
    ["stray blanks that part no two", ["a ", "b"], ["trim"], 2],
  ])("%s", (_name, texts, steps, after) => {
    expect(spellingOf(texts)).toMatchObject({ steps, after });
  });

  test("texts that differ otherwise have none", () => {
    expect(spellingOf(["a", "b", "ab"])).toBeNull();
  });

  test("among many ids, a few that are equal but for case are others", () => {
    const ids = Array.from({ length: 3000 }, (_, i) => `id${i}`);
    expect(spellingOf([...ids, "ID7"])).toBeNull();
    expect(spellingOf(["id7", "ID7"])?.steps).toEqual(["lower"]);
  });
});

test("a reservoir keeps each element with the same chance, in order, and the same ones for a seed", () => {
  const kept = (seed: number): number[] => {
    const reservoir = new Reservoir<number>(200, seed);
    for (let chunk = 0; chunk < 40; chunk++) reservoir.add(500, (i) => 500 * chunk + i);
    return reservoir.elements();
  };
  const counts = [0, 0, 0, 0];
  for (let seed = 0; seed < 100; seed++) for (const x of kept(seed)) counts[Math.floor(x / 5000)]++;
  // 20,000 draws: a quarter each, give or take four standard deviations.
  for (const count of counts) expect(Math.abs(count - 5000)).toBeLessThan(4 * Math.sqrt(20_000 * 0.25 * 0.75));
  expect(kept(1)).toEqual(kept(1));
  expect(kept(1)).toEqual([...kept(1)].sort((a, b) => a - b));
  expect(new Set(kept(1)).size).toBe(200);
  const few = new Reservoir<number>(10, 1);
  few.add(3, (i) => i);
  expect(few.elements()).toEqual([0, 1, 2]);
});

describe("fields", () => {
  const profile = (fields: object[], rows: (string | null)[][]) => {
    const spec = parseFeatureSpec(JSON.stringify({ name: "s", fields }), "s.json");
    return profileFields(spec.fields, rows, rows.length);
  };
  const site = { name: "site", type: "categorical" };

  test("are counted as their steps leave them", () => {
    const [lower, hour] = profile(
      [
        { ...site, prepare: ["lower"] },
        { name: "hour", from: "ts", type: "categorical", prepare: [{ time: "hour" }] },
      ],
      [
        ["A", "2026-09-01T07:00:00Z"],
        ["a", "2026-09-01T07:30:00Z"],
        [null, "2026-09-01T09:00:00Z"],
      ],
    );
    expect(lower).toMatchObject({ distinct: 1, missing: 1 / 3, top: [{ text: "a", count: 2 }], warnings: [] });
    expect(hour).toMatchObject({
      distinct: 2,
      top: [
        { text: "7", count: 2 },
        { text: "9", count: 1 },
      ],
    });
  });

  test("each text of a list counts, and a cross is of both its parts", () => {
    const [tags, , , cross] = profile(
      [
        { name: "tags", type: "multi-categorical" },
        site,
        { ...site, name: "user" },
        { ...site, name: "x", cross: ["site", "user"] },
      ],
      [
        ["a|b", "s", "u"],
        ["b", "s", "v"],
      ],
    );
    expect(tags).toMatchObject({
      distinct: 2,
      top: [
        { text: "b", count: 2 },
        { text: "a", count: 1 },
      ],
    });
    expect(cross).toMatchObject({ distinct: 2, missing: 0 });
  });

  test("are warned of where values are mostly a mistake", () => {
    const warnings = (texts: string[]) =>
      profile(
        [site],
        texts.map((text) => [text]),
      )[0].warnings;
    expect(warnings(Array.from({ length: 60 }, (_, i) => `row ${i}`))).toEqual([
      "has another value in every record, so no later record has one that training saw",
    ]);
    expect(warnings(["de", "DE", "de ", "fr"])).toEqual([
      'has values that differ in spelling only, such as "de", "DE", "de "; "prepare": ["trim","lower"] makes one value of ' +
        "them",
    ]);
    expect(warnings(["3.0", "4.0", "3.0"])).toEqual(["has ids like 3.0, which is another value than 3"]);
    expect(warnings(["a", "b", "a"])).toEqual([]);
  });
});

test("top values are cut to the room that there is", () => {
  const top = [
    { text: "a text that is far too long\n", count: 50 },
    { text: "b", count: 25 },
  ];
  expect(topValuesText(top, 100, 40)).toBe("a text that is fa… 50 %, b 25 %");
  expect(topValuesText(top, 100, 10)).toBe("a text that is fa… 50 %");
});
