import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parseFeatureSpec } from "../../format/spec.ts";
import { shopLog } from "../../testing/messy-logs.ts";
import { CommandFolder } from "./cli-process.ts";
import { CTRL_C, NO_TERMINAL, Terminal } from "./terminal.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const log = folder.file("shop.csv", shopLog(500));
const none = folder.file("none.csv", `a,b\n${"x,1\ny,2\nz,3\n".repeat(9)}`);
const textOf = (name: string): string => readFileSync(join(folder.path, name), "utf8");
const isThere = (name: string): boolean => existsSync(join(folder.path, name));

describe("init, where nobody can be asked", () => {
  it("writes a spec with comments, and says what it chose and what comes next", async () => {
    const { code, stdout, stderr } = await folder.run("init", log);
    expect([code, stderr]).toEqual([0, expect.stringContaining("warning: clicked_at: it is missing exactly where")]);
    expect(stdout).toMatch(/country +│ +text │ +5 │ +– │ .* categorical; trim, lower, context │/);
    expect(stdout).toContain("npx deepfm-edge train spec.json --data shop.csv --out runs/shop\n");
    expect(textOf("spec.json")).toMatch(/^\/\/ Written by `deepfm-edge init` after a look at 500 records of shop.csv/);
    expect(parseFeatureSpec(textOf("spec.json"), "spec.json")).toMatchObject({ name: "shop", label: "clicked" });
  });

  it("writes over no file but with --force", async () => {
    folder.file("mine.json", "mine");
    const refused = await folder.run("init", log, "--yes", "--out", "mine.json");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("mine.json: got a file that is there") });
    expect(textOf("mine.json")).toBe("mine");
    expect(await folder.run("init", log, "--out", "mine.json", "--force")).toMatchObject({ code: 0 });
    expect(parseFeatureSpec(textOf("mine.json"), "mine.json").name).toBe("shop");
  });

  it("refuses a log without a label with its columns, and writes nothing", async () => {
    const { code, stderr } = await folder.run("init", none, "--out", "none.json");
    expect(code).toBe(1);
    expect(stderr).toContain("none.csv: got no column of two values such as 0 and 1, expected a label");
    expect(stderr).toContain('\n  a: "x" 9 times, "y" 9 times, "z" 9 times\n');
    expect(isThere("none.json")).toBe(false);
  });

  it("refuses a log without a column for a field, and says why each one is none", async () => {
    const label = folder.file("label.csv", `click\n${"1\n0\n0\n".repeat(9)}`);
    const alone = await folder.run("init", label, "--out", "none.json");
    expect(alone.code).toBe(1);
    const got = "got no column that can be a field beside the label click, expected one";
    expect(alone.stderr).toMatch(new RegExp(`^error: label.csv: ${got}\n$`, "m"));
    const same = folder.file("same.csv", `click,shop\n${"1,a\n0,a\n0,a\n".repeat(9)}`);
    const { code, stderr } = await folder.run("init", same, "--out", "none.json");
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error: same.csv: ${got}:\n  shop: .+\n$`, "m"));
    expect(isThere("none.json")).toBe(false);
  });

  it("is what start names where it gets a log without a spec", async () => {
    const { code, stderr } = await folder.run("start", "--data", log);
    expect(code).toBe(1);
    expect(stderr).toContain("shop.csv: got a log without --spec, expected a feature spec");
    expect(stderr).toContain("`npx deepfm-edge init LOG` writes one");
  });
});

describe.skipIf(NO_TERMINAL)(`init in a terminal${NO_TERMINAL ? ` (skipped: ${NO_TERMINAL})` : ""}`, () => {
  const CLI = fileURLToPath(new URL("../../cli/bin.js", import.meta.url));
  const terminal = (out: string): Terminal =>
    new Terminal(folder.path, 100, [process.execPath, CLI, "init", log, "--out", out]);
  const DOWN = "\x1b[B";

  it("asks for the label, the sides and the split", async () => {
    using asked = terminal("asked.json");
    await asked.shows(/Which column is the label\?/);
    asked.press("\r");
    await asked.shows(/Which columns say something of the item/);
    asked.press(" \r"); // the first column, which is not guessed
    await asked.shows(/How shall the log be divided/);
    asked.press(`${DOWN}\r`);
    const { code, printed } = await asked.end();
    expect([code, printed]).toEqual([0, expect.stringContaining("npx deepfm-edge train asked.json")]);
    const spec = parseFeatureSpec(textOf("asked.json"), "asked.json");
    expect(spec.fields.find(({ name }) => name === "hour")?.side).toBe("item");
    expect(spec.fields.find(({ name }) => name === "price")?.side).toBe("item");
    expect(spec.data.split?.kind).toBe("random");
  });

  it("is stopped by Ctrl-C at a question: status 130, nothing written, the terminal as it was", async () => {
    using stopped = terminal("stopped.json");
    await stopped.shows(/Which column is the label\?/);
    stopped.press(CTRL_C);
    const { code, printed } = await stopped.end();
    expect(code).toBe(130);
    expect(printed).toContain("error: init was stopped; nothing was written");
    expect(isThere("stopped.json")).toBe(false);
    expect(printed.lastIndexOf("\x1b[?25h")).toBeGreaterThan(printed.lastIndexOf("\x1b[?25l"));
  });
});
