import { expect, it } from "vitest";
import { differences } from "../../../lab/report/differences.ts";

const FIELD = { name: "user", type: "categorical", encoding: { kind: "vocabulary", minCount: 1 } };

it("names each setting that differs by its path, fields by their names in any order, and what one side lacks", () => {
  const first = { model: { hidden: [8, 8], dropout: 0 }, fields: [FIELD, { name: "age", type: "numeric" }], name: "a" };
  const second = {
    model: { hidden: [8], dropout: 0 },
    fields: [
      { name: "tags", type: "multi-categorical" },
      { ...FIELD, encoding: { kind: "hash", buckets: 9 } },
    ],
    name: "a",
  };
  expect(differences([first, second])).toEqual([
    { path: "model.hidden", values: ["[8,8]", "[8]"] },
    { path: "fields.user.encoding.kind", values: ["vocabulary", "hash"] },
    { path: "fields.user.encoding.minCount", values: ["1", "–"] },
    { path: "fields.user.encoding.buckets", values: ["–", "9"] },
    { path: "fields.age", values: ["numeric", "–"] },
    { path: "fields.tags", values: ["–", "multi-categorical"] },
  ]);
  expect(differences([first, structuredClone(first)])).toEqual([]);
  expect(differences([first])).toEqual([]);
});

it("of three shows where one lacks what the others have alike, and names like those of every object's", () => {
  expect(differences([{ data: { weight: "w" } }, { data: { weight: "w" } }, { data: {} }])).toEqual([
    { path: "data.weight", values: ["w", "w", "–"] },
  ]);
  expect(differences([{ constructor: 1 }, {}])).toEqual([{ path: "constructor", values: ["1", "–"] }]);
  expect(differences([{ a: null }, { a: {} }])).toEqual([{ path: "a", values: ["null", "{}"] }]);
});
