import { describe, expect, it } from "vitest";
import { parseFeatureSpec } from "../../format/spec.ts";
import { withSettings } from "../../lab/sweeps/settings.ts";
import { parseSearchSpace } from "../../lab/tune/space.ts";

const id = { name: "id", type: "categorical" };

describe("a key that a spec does not know is named with the one that is nearest", () => {
  it.each<[string, object, string]>([
    [
      "in place of one that must be there",
      { name: "s", feilds: [id] },
      's.json: feilds: unknown key, expected "fields"',
    ],
    ["in another case", { name: "s", Fields: [id] }, 's.json: Fields: unknown key, expected "fields"'],
    [
      "of a field",
      { name: "s", fields: [{ nmae: "id", type: "categorical" }] },
      's.json: fields[0].nmae: unknown key, expected "name"',
    ],
    [
      "that tells fields apart",
      { name: "s", fields: [{ name: "id", typ: "categorical" }] },
      's.json: fields[0].typ: unknown key, expected "type"',
    ],
    [
      "of an encoding",
      { name: "s", fields: [{ ...id, encoding: { kind: "hash", bukets: 2 } }] },
      's.json: fields[0].encoding.bukets: unknown key, expected "buckets"',
    ],
    [
      "of a split",
      { name: "s", fields: [id], data: { split: { kind: "hash", bye: "id" } } },
      's.json: data.split.bye: unknown key, expected "by"',
    ],
    [
      "behind a fault of another kind",
      { name: 5, fields: [id], model: { embedingDim: 4 } },
      's.json: model.embedingDim: unknown key, expected "embeddingDim"',
    ],
    [
      "that is near to none",
      { name: "s", fields: [id], rows: { zzz: 1 } },
      's.json: rows.zzz: unknown key, expected one of "blobBytes", "pageBytes", "deltaBytes", "itemBytes"',
    ],
    [
      "that every object has",
      { name: "s", fields: [id], constructor: 1 },
      's.json: constructor: unknown key, expected one of "$schema", "name", "label", "fields"',
    ],
  ])("%s", (_, spec, problem) => {
    expect(() => parseFeatureSpec(JSON.stringify(spec), "s.json")).toThrow(problem);
  });

  it.each<[object, string]>([
    [[], "s.json: got [], expected Object"],
    [{ name: "s", fields: [id], model: [] }, "s.json: model: got [], expected Object"],
    [{ name: "s", fields: [id], training: [5] }, "s.json: training: got [5], expected Object"],
    [{ name: "s", fields: [id], data: { negatives: [] } }, "s.json: data.negatives: got [], expected Object"],
    [{ name: "s", fields: [{ ...id, encoding: [] }] }, "s.json: fields[0].encoding: got [], expected Object"],
  ])("a list is no object without keys: %j", (spec, problem) => {
    expect(() => parseFeatureSpec(JSON.stringify(spec), "s.json")).toThrow(problem);
  });

  it("__proto__ is unknown, too", () => {
    const spec = '{"name":"s","fields":[{"name":"id","type":"categorical"}],"training":{"__proto__":{"seed":2}}}';
    expect(() => parseFeatureSpec(spec, "s.json")).toThrow("s.json: training.__proto__: unknown key, expected one of");
  });

  it("names of columns are no keys", () => {
    const data = { types: { zzz: "DOUBLE" }, select: { anything: "1" } };
    expect(() => parseFeatureSpec(JSON.stringify({ name: "s", fields: [id], data }), "s.json")).not.toThrow();
  });
});

describe("and so is that of", () => {
  it.each<[string, string]>([
    ['{"paramters":{}}', 'space.json: paramters: unknown key, expected "parameters"'],
    [
      '{"parameters":{"training.l2":{"type":"uniform","low":0,"hihg":1}}}',
      'space.json: parameters.training.l2.hihg: unknown key, expected "high"',
    ],
  ])("a search space: %s", (text, problem) => {
    expect(() => parseSearchSpace(text, "space.json")).toThrow(problem);
  });

  const spec = parseFeatureSpec(JSON.stringify({ name: "s", fields: [id] }), "s.json");
  it.each<[string, string]>([
    ["training.learningrate", 'settings: training.learningrate: unknown key, expected "learningRate"'],
    ["training.__proto__", "settings: training.__proto__: unknown key, expected one of"],
    ["__proto__.seed", "settings: __proto__.seed: got a path to nothing"],
  ])("a path of settings: %s", (path, problem) => {
    expect(() => withSettings(spec, { [path]: { seed: 2 } }, "settings")).toThrow(problem);
  });
});
