import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { findFiles } from "../../../trainer/data/files.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { openLog, placesOf, readRows, specOf, testFolder, writerInto } from "./log-files.ts";
import { stderrDuring } from "./stderr.ts";

const folder = testFolder("file-names");
const file = writerInto(folder);

describe("a file's name is a name, whatever it looks like", () => {
  // What these names would mean as patterns.
  file("names/a.csv", "label,id\n9,wrong\n");
  file("names/ab.csv", "label,id\n9,wrong\n");
  it.each([
    "[ab].csv",
    "a*.csv",
    "a?.csv",
    "{a,ab}.csv",
    "it's.csv",
    'say "x".csv',
    "two\nlines.csv",
    "-dash.csv",
    "~tilde.csv",
    "back\\slash.csv",
    "%41.csv",
    "a.csv;b.csv",
    "s3:/bucket.csv",
  ])("%j", async (name) => {
    const path = file(`names/${name}`, "label,id\n1,right\n");
    expect(await readRows(["label", "id"], path)).toEqual([["1", "right"]]);
    await using log = await openLog(path);
    expect(await placesOf(log)).toEqual([`${path}, line 2`]);
    await expect(readRows(["id"], file(`names/${name}`, "label,id\n1\n"))).rejects.toThrow(
      `${path}, line 2: got 1 column, expected 2`,
    );
  });

  it.each(["parquet", "jsonl", "libsvm"])("[ab].%s", async (format) => {
    const path = join(folder, "names", `[ab].${format}`);
    if (format === "parquet") {
      await using log = await openLog(file("plain.csv", "label,id\n1,x\n"), {}, { output: path });
      await log.copy(["label", "id"], path);
    } else file(`names/[ab].${format}`, format === "jsonl" ? '{"label":"1"}\n' : "1 2:3\n");
    expect(await readRows(["label"], path)).toEqual([["1"]]);
  });
});

describe("a file that several names mean", () => {
  const path = file("one/a.csv", "label,id\n1,x\n");
  mkdirSync(join(folder, "one", "d"));
  symlinkSync("a.csv", join(folder, "one", "symbolic.csv"));
  linkSync(path, join(folder, "one", "hard.csv"));
  const names = [path, relative(".", path), join(folder, "one/d/../a.csv"), join(folder, "one/*.csv")];

  it("is read once", async () => {
    expect(await readRows(["id"], [...names, `${folder}/one/d/../a.csv`])).toEqual([["x"]]);
  });

  it("and the user is told", async () => {
    expect(findFiles([path, join(folder, "one", "hard.csv")]).warnings).toEqual([
      `${join(folder, "one", "hard.csv")}: got the file ${path} again; it is read once`,
    ]);
    const part = { paths: [path, relative(".", path)] };
    const told = await stderrDuring(() => openTrainingLog(specOf({}), part, join(folder, "cache")));
    expect(told).toContain(`warning: ${relative(".", path)}: got the file ${path} again; it is read once\n`);
  });
});

describe("a folder", () => {
  it("has the files behind its links, at any depth, and none twice where they lead in a circle", () => {
    const linked = dirname(file("linked/day=1/a.csv", "label\n1\n"));
    mkdirSync(join(folder, "links"));
    symlinkSync(dirname(linked), join(folder, "links", "days"));
    symlinkSync("..", join(linked, "circle"));
    symlinkSync("../links", join(folder, "linked", "back"));
    expect(findFiles([join(folder, "links")])).toMatchObject({
      files: [join(folder, "links", "days", "day=1", "a.csv")],
      warnings: [],
    });
  });

  it("with a log's name that cannot be read is refused, as its records would be missing", () => {
    const broken = dirname(file("half/a.csv", "label\n1\n"));
    symlinkSync("nowhere", join(broken, "notes"));
    expect(findFiles([broken]).files).toEqual([join(broken, "a.csv")]);
    symlinkSync("nowhere", join(broken, "b.csv"));
    expect(() => findFiles([broken])).toThrow(/b\.csv: no such file$/);
  });

  it.skipIf(process.platform !== "linux")("with a log's name that is not UTF-8 is refused", () => {
    const latin = dirname(file("latin/a.csv", "label\n1\n"));
    writeFileSync(Buffer.concat([Buffer.from(`${latin}/caf`), Buffer.from([0xe9]), Buffer.from(".csv")]), "label\n0\n");
    expect(() => findFiles([latin])).toThrow("caf\ufffd.csv: no such file; a name that is not UTF-8 cannot be read");
  });
});

describe("what is no file that can be read twice is refused", () => {
  symlinkSync("nowhere", join(folder, "broken.csv"));
  it.each<[string, RegExp]>([
    ["/dev/null", /^\/dev\/null: got a device, expected a file that can be read twice$/],
    ["s3://bucket/log.csv", /^s3:\/\/bucket\/log\.csv: got a URL, expected a file on this machine$/],
    ["http://127.0.0.1:1/log.csv", /^http:.*: got a URL/],
    ["~/log.csv", /^~\/log\.csv: no such file$/],
    [join(folder, "broken.csv"), /broken\.csv: no such file$/],
  ])("%s", async (path, problem) => {
    await expect(openLog(path, { format: "csv" })).rejects.toThrow(problem);
  });

  it("a socket", async () => {
    const path = join(folder, "socket.csv");
    await using server = createServer();
    await new Promise<void>((listening) => server.listen(path, listening));
    await expect(openLog(path)).rejects.toThrow("socket.csv: got a socket, expected a file that can be read twice");
  });
});
