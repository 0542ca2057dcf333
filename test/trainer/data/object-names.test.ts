import { describe, expect, it } from "vitest";
import { ownValue } from "../../../format/own-value.ts";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { parseSearchSpace } from "../../../lab/tune/space.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { rowsOf, testFolder, writerInto } from "./log-files.ts";

// Columns that are called as the properties that every JavaScript object has.
const NAMES = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "prototype"];

const file = writerInto(testFolder("object-names"));

describe.each(NAMES)("a column called %s", (name) => {
  async function read(path: string, data: string, names: string[]): Promise<unknown[][]> {
    const spec = parseFeatureSpec(`{"name":"s","fields":[{"name":"id","type":"categorical"}],"data":${data}}`, "spec");
    await using log = await ClickLog.open(path, { data: spec.data });
    return await rowsOf(log, names);
  }

  it.each<[string, string]>([
    ["a.csv", `label,${name}\n1,5\n`],
    ["a.tsv", `label\t${name}\n1\t5\n`],
    ["a.jsonl", `{"label":"1","${name}":"5"}\n`],
  ])("in %s, used or not, and with a type", async (path, text) => {
    const log = file(path, text);
    expect(await read(log, "{}", ["label"])).toEqual([["1"]]);
    expect(await read(log, "{}", ["label", name])).toEqual([["1", "5"]]);
    expect(await read(log, `{"types":{"${name}":"DOUBLE"}}`, [name])).toEqual([[5]]);
  });

  it("that JSON lines lack", async () => {
    expect(await read(file("b.jsonl", '{"label":1}\n'), "{}", [name])).toEqual([[null]]);
  });

  it("that data.select computes", async () => {
    expect(await read(file("c.csv", "label,id\n1,x\n"), `{"select":{"${name}":"id || 'y'"}}`, [name])).toEqual([
      ["xy"],
    ]);
  });

  it("with a type that is none names its place", () => {
    const spec = `{"name":"s","fields":[{"name":"id","type":"categorical"}],"data":{"types":{"${name}":5}}}`;
    expect(() => parseFeatureSpec(spec, "spec.json")).toThrow(`spec.json: data.types.${name}: got 5, expected string`);
  });

  it("is no value of an object that lacks it", () => {
    expect(ownValue({}, name)).toBeUndefined();
    expect(ownValue(JSON.parse(`{"${name}":1}`) as object, name)).toBe(1);
  });

  it("as a setting of a search is not left out", () => {
    const space = `{"parameters":{"${name}":{"type":"choice","values":[1]}}}`;
    expect(Object.keys(parseSearchSpace(space, "space.json").parameters)).toEqual([name]);
  });
});
