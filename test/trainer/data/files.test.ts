import { symlinkSync } from "node:fs";
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
  it("columns in another order, by their names", async () => {
    const other = file("order.csv", "user,label\nz,0\n");
    expect(await readRows(["label", "user"], [a, other])).toEqual([
      ["1", "days/day=1/a.csv"],
      ["0", "z"],
    ]);
  });
  it("a column that one file lacks is refused where it is asked for", async () => {
    const other = file("lacks.csv", "label\n0\n");
    expect(await readRows(["label"], [a, other])).toEqual([["1"], ["0"]]);
    const problem = `${other}: no column "user", which ${a} has; got "label"`;
    await expect(readRows(["user"], [a, other])).rejects.toThrow(problem);
    await expect(openLog([a, other], { where: "User = 'x'" })).rejects.toThrow(problem);
  });
  it("partitions whose folders escape their names, and one without a value", async () => {
    const escaped = file("hive/x=%5Ba%5D/0.csv", "label\n1\n");
    const missing = file("hive/x=__HIVE_DEFAULT_PARTITION__/0.csv", "label\n0\n");
    expect(await readRows(["label", "x"], [escaped, missing], { hive: true })).toEqual([
      ["1", "[a]"],
      ["0", null],
    ]);
    await expect(readRows(["x"], [escaped, a], { hive: true })).rejects.toThrow(`${a}: got no folder x=…`);
  });
  it("partitions as columns where they are asked for", async () => {
    const path = join(folder, "days");
    expect(await readRows(["label", "day"], path, { hive: true })).toEqual([
      ["1", "1"],
      ["0", "2"],
    ]);
    await expect(readRows(["day"], path)).rejects.toThrow('no column "day"');
  });
  it("partitions with a type", async () => {
    const path = join(folder, "days");
    const data = { hive: true, types: { day: "INTEGER" }, where: "day + 1 > 2" };
    expect(await readRows(["label", "day"], path, data)).toEqual([["0", 2]]);
    const word = file("typed/day=x/d.csv", "label,user\n1,x\n");
    await expect(readRows(["day"], word, { hive: true, types: { day: "INTEGER" } })).rejects.toThrow(
      `${word}, line 2: column day: got "x", expected INTEGER`,
    );
  });
  it("names the file and line of a row beyond the first file", async () => {
    const bad = file("days2/c.csv", "label,user\n1,x\n7,y\n");
    await using log = await openLog([a, b, bad]);
    expect(await placesOf(log)).toEqual([`${a}, line 2`, `${b}, line 2`, `${bad}, line 2`, `${bad}, line 3`]);
  });

  const loop = join(dirname(file("links/a.csv", "label\n1\n")), "loop.csv");
  symlinkSync("loop.csv", loop);
  it.each<[string, () => string | string[], RegExp]>([
    ["a glob without a match", () => join(folder, "none-*.csv"), /none-\*\.csv: no such file/],
    ["a folder without a log", () => dirname(file("empty/note.txt", "x")), /empty: got no log/],
    ["a link to itself", () => loop, /loop\.csv: .*symbolic links.*; a link leads back to itself/],
    ["a folder with such a link", () => dirname(loop), /loop\.csv: .*symbolic links/],
    ["a path below such a link", () => join(loop, "a.csv"), /loop\.csv\/a\.csv: .*symbolic links/],
    ["a name that is too long", () => join(folder, "x".repeat(300)), /xx\.\.\.: no such file/],
    ["two formats", () => [a, file("x.jsonl", "{}")], /got files of csv and jsonl, expected one format/],
  ])("%s is refused", async (_, paths, problem) => {
    await expect(openLog(paths())).rejects.toThrow(problem);
  });
});
