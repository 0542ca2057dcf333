import { describe, expect, it } from "vitest";
import { openLog, readRows, testFolder, writerInto } from "./log-files.ts";

const file = writerInto(testFolder("select"));

describe("data.select and data.where", () => {
  const path = file("ratings.csv", "user,rating,genres\na,5,Drama War\nb,3,\nc,4.5,War\n");
  it("compute, replace and choose", async () => {
    const data = {
      types: { rating: "DOUBLE" },
      select: { label: "rating >= 4", genres: "string_split(genres, ' ')" },
      where: "user <> 'b'",
    };
    expect(await readRows(["label", "user", "genres"], path, data)).toEqual([
      [true, "a", ["Drama", "War"]],
      [true, "c", ["War"]],
    ]);
  });
  it("a row's line is that of the file", async () => {
    await using log = await openLog(path, { where: "user = 'c'" });
    for await (const chunk of log.chunks(["user"])) expect(await chunk.place(0)).toBe(`${path}, line 4`);
  });
});

describe("SQL that gives another value each time is refused", () => {
  const path = file("changing.csv", "label,user\n1,a\n");
  it.each(["random() < 0.5", "user = 'a' AND RANDOM() < 0.5", "(SELECT max(uuid()) FROM range(2)) > user"])(
    "%s",
    async (where) => {
      const problem = /: got (random|uuid)\(\), expected SQL that is the same each time the log is read; hash/;
      await expect(openLog(path, { where })).rejects.toThrow(problem);
      await expect(openLog(path, { select: { m: where } })).rejects.toThrow(/^data\.select\.m: got/);
    },
  );
  it("but not a column or a text of such a name, or an error that SQL makes", async () => {
    const log = file("named.csv", "label,random\n1,a\n");
    const where = "random <> 'random()' AND CASE WHEN random = 'b' THEN error('b') ELSE true END";
    expect(await readRows(["random"], log, { where })).toEqual([["a"]]);
  });
});

describe("aggregates out of core", () => {
  it("a histogram, ascending, of what are numbers", async () => {
    await using log = await openLog(file("h2.csv", "label,n\n1,2\n0,10\n1,\n1,2.0\n0,-1\n"));
    const found = [];
    await using histogram = await log.histogram({ name: "n", type: "numeric" });
    expect(histogram).toMatchObject({ total: 4, least: -1, largest: 10 });
    for await (const entry of histogram.values()) found.push(entry);
    expect(found).toEqual([
      { value: -1, count: 1 },
      { value: 2, count: 2 },
      { value: 10, count: 1 },
    ]);
  });
});
