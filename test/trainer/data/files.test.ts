import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLog, placesOf, readRows, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("files");
const file = writerInto(folder);

describe("files, globs, folders, lists", () => {
  const two = (name: string, label: number): string => file(name, `label,user\n${label},${name}\n`);
  const b = two("days/day=2/b.csv", 0);
  const a = two("days/day=1/a.csv", 1);
  file("days/_SUCCESS", "");
  const labels = async (paths: string | string[]): Promise<unknown[]> => (await readRows(["label"], paths)).flat();

  it("a folder, in the order of its names at any depth", async () => {
    expect(await labels(join(folder, "days"))).toEqual(["1", "0"]);
  });
  it("a glob", async () => {
    expect(await labels(join(folder, "days/*/*.csv"))).toEqual(["1", "0"]);
  });
  it("a list, in its own order, each file once", async () => {
    expect(await labels([b, a, b])).toEqual(["0", "1"]);
  });
  it("partitions as columns where they are asked for", async () => {
    const path = join(folder, "days");
    expect(await readRows(["label", "day"], path, { hive: true })).toEqual([
      ["1", "1"],
      ["0", "2"],
    ]);
    await expect(readRows(["day"], path)).rejects.toThrow('no column "day"');
  });
  it("names the file and line of a row beyond the first file", async () => {
    const bad = file("days2/c.csv", "label,user\n1,x\n7,y\n");
    await using log = await openLog([a, b, bad]);
    expect(await placesOf(log)).toEqual([`${a}, line 2`, `${b}, line 2`, `${bad}, line 2`, `${bad}, line 3`]);
  });

  it.each<[string, () => string | string[], RegExp]>([
    ["a glob without a match", () => join(folder, "none-*.csv"), /none-\*\.csv: no such file/],
    ["a folder without a log", () => dirname(file("empty/note.txt", "x")), /empty: got no log/],
    ["two formats", () => [a, file("x.jsonl", "{}")], /got files of csv and jsonl, expected one format/],
    [
      "two headers",
      () => [a, file("h.csv", "user,label\n")],
      /h\.csv, line 1: got the header "user", "label", expected that of .*a\.csv: "label"/,
    ],
  ])("%s is refused", async (_, paths, problem) => {
    await expect(openLog(paths())).rejects.toThrow(problem);
  });
});
