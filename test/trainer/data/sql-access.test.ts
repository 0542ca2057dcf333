import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLog, readRows, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("sql-access");
const file = writerInto(folder);
const log = file("log.csv", "label,id\n1,x\n");
const secret = file("secret.csv", "secret\n42\n");

describe("SQL of a spec reaches nothing but the log", () => {
  const target = join(folder, "written");
  it.each([
    `(SELECT content FROM read_text('${secret}'))`,
    `(SELECT max(secret) FROM '${secret}')`,
    `(SELECT content FROM read_text('${folder}/../${folder.split("/").at(-1)}/secret.csv'))`,
    `(SELECT count(*) FROM glob('${folder}/*'))`,
    "(SELECT content FROM read_blob('/proc/self/environ'))",
    "(SELECT content FROM read_text('http://127.0.0.1:1/x'))",
    `1) AS a, (SELECT content FROM read_text('${secret}')`,
  ])("%s", async (expression) => {
    const refused = "got SQL that reads or writes something else, expected SQL over the log's columns";
    await expect(openLog(log, { select: { m: expression } })).rejects.toThrow(`data.select.m: ${refused}`);
    await expect(openLog(log, { where: `${expression} = '1'` })).rejects.toThrow(/^data\.where: /);
  });

  it.each([
    "getenv('HOME')",
    `1); COPY (SELECT 1) TO '${target}'; SELECT (1`,
    `1); ATTACH '${target}'; SELECT (1`,
    "1); INSTALL httpfs; SELECT (1",
    "1); SET enable_external_access = true; SELECT (1",
  ])("%s", async (expression) => {
    await expect(openLog(log, { select: { m: expression } })).rejects.toThrow(/^data\.select\.m: [^\n]*$/);
    expect(existsSync(target)).toBe(false);
  });

  it("and computes with its columns as before, a comment at its end included", async () => {
    expect(await readRows(["m"], log, { select: { m: "upper(id) -- in capitals" } })).toEqual([["X"]]);
  });
});
