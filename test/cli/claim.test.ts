import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { SPEC } from "./cli-process.ts";

// What a finished command has left is replaced only where the user says so.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-claim-"));
const here = process.cwd();
const TRAIN = ["train", "split.json", "--data", "log.csv", "--out", "run", "--backend", "cpu"];
const COMPARE = ["compare", "split.json", "--data", "log.csv", "--backend", "cpu", "--models", "lr", "--out", "sweep"];
beforeAll(async () => {
  process.chdir(folder);
  await run(...TRAIN);
  vi.restoreAllMocks();
});
afterAll(() => {
  process.chdir(here);
  rmSync(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

const rows = Array.from({ length: 400 }, (_, i) => `${i % 3 === 0 ? 1 : 0},${i % 3 === 0 ? "a" : "b"}${i % 5}`);
writeFileSync(join(folder, "log.csv"), `label,user\n${rows.join("\n")}\n`);
const small = { ...SPEC, model: { type: "lr" }, training: { maxEpochs: 1 } };
const split = { kind: "random", valid: 0.3, test: 0.2 };
writeFileSync(join(folder, "split.json"), JSON.stringify({ ...small, data: { split } }));
writeFileSync(join(folder, "plain.json"), JSON.stringify(small));
const space = { parameters: { "training.l2": { type: "choice", values: [0, 0.01] } } };
writeFileSync(join(folder, "space.json"), JSON.stringify(space));

/** Runs a command in this process; what it prints. */
async function run(...args: string[]): Promise<string> {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const log = vi.spyOn(console, "log").mockReturnValue();
  await (await makeProgram()).parseAsync(args, { from: "user" });
  return log.mock.calls.map(([text]) => text).join("\n");
}

describe("a claim", () => {
  const place = join(folder, "claims");
  const what = "a report";

  it("of a new result is granted, and then that of the same request", () => {
    const place = join(folder, "new-claims");
    claimResult(place, "report.html", { what, request: [1, "a"] });
    expect(existsSync(place)).toBe(false);
    claimResult(place, "report.html", { what, request: [2, "a"] })(); // nothing is there yet
    writeFileSync(join(place, "report.html"), "of 2");
    claimResult(place, "report.html", { what, request: [2, "a"] })();
  });

  it("is made anew when the result is there, as another command may have been faster", () => {
    const claims = [1, 2].map((x) => claimResult(place, "race.html", { what, request: [x] }));
    claims[0]?.();
    writeFileSync(join(place, "race.html"), "of 1");
    expect(claims[1]).toThrow(`${place}: got a report of another request there (race.html)`);
    claims[0]?.();
  });

  it("of a result of another request is refused, unless it is forced", () => {
    const claim = { what, request: [3, "a"] };
    claimResult(place, "report.html", { what, request: [2, "a"] })();
    writeFileSync(join(place, "report.html"), "of 2");
    expect(() => claimResult(place, "report.html", claim)).toThrow(
      `${place}: got a report of another request there (report.html), expected a folder without one; --force replaces it`,
    );
    claimResult(place, "other.html", claim)();
    claimResult(place, "report.html", { ...claim, force: true })();
    claimResult(place, "report.html", claim)();
  });

  it("of a result without a request is refused wherever one is there", () => {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "model"), "");
    expect(() => claimResult(place, "model", { what: "a finished run" })).toThrow(`${place}: got a finished run there`);
    claimResult(place, "model", { what: "a finished run", force: true });
  });
});

describe("a finished run", () => {
  it("is not replaced by train, with or without --resume, but with --force", async () => {
    const model = readFileSync("run/model.safetensors");
    for (const more of [[], ["--resume"]])
      await expect(run(...TRAIN, ...more)).rejects.toThrow(
        "run: got a finished run there (model.safetensors), expected a folder without one; --force replaces it",
      );
    expect(readFileSync("run/model.safetensors").equals(model)).toBe(true);
    await run(...TRAIN, "--force");
  });

  it("is exported once, and the part that losses are measured on is said", async () => {
    const parts = "records of log.csv: the part for the test that data.split makes";
    expect(await run("export", "run", "--part", "test", "--force")).toMatch(new RegExp(`^\\d+ ${parts}$`, "m"));
    expect(existsSync("run/export/export.json")).toBe(true);
    await expect(run("export", "run")).rejects.toThrow("run/export: got an exported model there (export.json)");
    const whole = await run("export", "run", "--records", "log.csv", "--part", "all", "--out", "whole", "--force");
    expect(whole).toMatch(/^400 records of log\.csv: all of it$/m);
  });

  it("that was trained on logs of their own has no parts", async () => {
    await run("train", "plain.json", "--train", "log.csv", "--valid", "log.csv", "--out", "plain", "--backend", "cpu");
    await expect(run("export", "plain", "--part", "test")).rejects.toThrow(
      "--part: this run was not trained on one log that data.split divides; name a log by --records",
    );
    await expect(run("export", "plain", "--part", "test", "--records", "log.csv")).rejects.toThrow(
      "--part needs a spec with data.split, which makes parts",
    );
  });
});

describe("a sweep", () => {
  it("makes the same report again, and no other one without --force", async () => {
    const logs = ["--data", "log.csv", "--backend", "cpu"];
    await run(...COMPARE, "--seeds", "1");
    await run(...COMPARE, "--seeds", "1");
    await expect(run(...COMPARE, "--seeds", "2")).rejects.toThrow(
      "sweep: got a report of another request there (report.html), expected a folder without one; --force replaces it",
    );
    const tune = ["tune", "split.json", ...logs, "--space", "space.json", "--out", "tune", "--trials"];
    await run(...tune, "2");
    await run(...tune, "2");
    await expect(run(...tune, "1")).rejects.toThrow("tune: got the result of a search of another request there");
  });
});

describe("another command's report", () => {
  const report = (folder: string): string => readFileSync(join(folder, "report.html"), "utf8");

  it("is replaced by none that makes one of its own, in whichever order", async () => {
    await run(...COMPARE, "--seeds", "1");
    await run("export", "run", "--force");
    const before = report("run");
    await expect(run("export", "run", "--out", "run", "--force")).rejects.toThrow(
      "run: got a run's folder, whose report.html would be lost, expected another one",
    );
    const logs = ["--data", "log.csv", "--backend", "cpu", "--out"];
    const refused = "got another command's report there (report.html), expected a folder without one; --force";
    await expect(run("tune", "split.json", "--space", "space.json", ...logs, "run")).rejects.toThrow(`run: ${refused}`);
    const compare = run("compare", "split.json", "--models", "lr", ...logs, "run");
    await expect(compare).rejects.toThrow("run: got a report of another request there");
    expect(report("run")).toBe(before);
    for (const folder of ["sweep", "run/export"])
      await expect(run("train", "split.json", ...logs, folder)).rejects.toThrow(`${folder}: ${refused}`);
  });
});

describe("a sweep into no folder", () => {
  it.each(["compare", "study"])("is refused before it trains: %s", async (command) => {
    const args = command === "study" ? ["--over", "activation", "--models", "fnn"] : ["--models", "lr"];
    const logs = ["--data", "log.csv", "--backend", "cpu", "--out"];
    await expect(run(command, "split.json", ...args, ...logs, "log.csv")).rejects.toThrow(
      "log.csv: got a file, expected a folder for the runs",
    );
    symlinkSync("nowhere", `dangling-${command}`);
    await expect(run(command, "split.json", ...args, ...logs, `dangling-${command}`)).rejects.toThrow(
      "got a link to nothing, expected a folder for the runs",
    );
  });
});

describe("a sweep that is refused for its logs", () => {
  it.each([
    ["compare", "plain.json", "--models", "lr", "--test", "log.csv"],
    ["study", "plain.json", "--over", "activation", "--models", "fnn", "--test", "log.csv"],
    ["tune", "plain.json", "--space", "space.json"],
  ])("leaves nothing: %s", async (...args) => {
    writeFileSync("broken.csv", "click,user\n1,a\n");
    const logs = ["--train", "broken.csv", "--valid", "log.csv", "--backend", "cpu", "--out", "refused"];
    await expect(run(...args, ...logs)).rejects.toThrow('broken.csv: no column "label"');
    expect(existsSync("refused")).toBe(false);
  });
});

describe("a log that is read after another", () => {
  const SWEPT = ["--train", "log.csv", "--valid", "broken.csv", "--backend", "cpu"];
  it.each([
    ["compare", "plain.json", "--models", "lr", "--test", "log.csv", ...SWEPT],
    ["study", "plain.json", "--over", "activation", "--models", "fnn", "--test", "log.csv", ...SWEPT],
    ["tune", "plain.json", "--space", "space.json", ...SWEPT],
    ["tune", "plain.json", "--quick", ...SWEPT],
    ["export", "run", "--records", "broken.csv"],
  ])("is refused before that is: %s", async (...args) => {
    writeFileSync("broken.csv", "click,user\n1,a\n");
    await expect(run(...args, "--cache", "unread", "--out", "refused")).rejects.toThrow(
      'broken.csv: no column "label"',
    );
    expect(existsSync("unread")).toBe(false);
  });
});

describe("a generated log", () => {
  it("is made again, but not replaced by another one without --force", async () => {
    const generate = ["generate", "log", "--rows", "2000", "--seed"];
    await run(...generate, "1");
    await run(...generate, "1");
    await expect(run(...generate, "2")).rejects.toThrow("log: got a log of another request there (train.csv)");
    await run(...generate, "2", "--force");
  });

  it.each([
    ["valid.csv", ["generate", "mine", "--rows", "2000"]],
    ["test.csv", ["generate", "mine", "--rows", "2000"]],
    ["log/test.csv", ["start", "--out", "mine", "--rows", "2000", "--exit"]],
  ])("takes the place of no file of another's: %s", async (file, args) => {
    mkdirSync("mine/log", { recursive: true });
    writeFileSync(join("mine", file), "label,user\n");
    await expect(run(...args)).rejects.toThrow(/got a log of another request there \((valid|test)\.csv\)/);
    expect(readFileSync(join("mine", file), "utf8")).toBe("label,user\n");
    rmSync("mine", { recursive: true });
  });
});

describe("a data set of a recipe", () => {
  it("takes the place of no file of another's, and is told with the command that trains on it", async () => {
    mkdirSync("criteo");
    writeFileSync("criteo/train.txt", `1${"\t1".repeat(13)}${"\ta".repeat(26)}\n`.repeat(200));
    const recipe = ["recipe", "criteo", "--from", "criteo", "--out"];
    mkdirSync("my data");
    writeFileSync("my data/test.parquet", "mine");
    await expect(run(...recipe, "my data")).rejects.toThrow(
      "my data: got a log of another request there (test.parquet)",
    );
    expect(readFileSync("my data/test.parquet", "utf8")).toBe("mine");
    expect(await run(...recipe, "my data", "--force")).toBe(
      "npx deepfm-edge train 'my data/spec.json' --train 'my data/train.parquet' --valid 'my data/valid.parquet' " +
        "--test 'my data/test.parquet' --out runs/criteo",
    );
  });
});

describe("a result in a file that the user names", () => {
  const train = ["train", "split.json", "--data", "log.csv", "--backend", "cpu", "--force", "--out"];
  const json = "--json";

  it.each([
    ["JSON of train", json, "run/run.json", [...train, "new"]],
    ["JSON of train", json, "run/evaluation.json", [...train, "new"]],
    ["JSON of train", json, "run/model.safetensors", [...train, "new"]],
    ["JSON of retrieve", json, "run/evaluation.json", ["retrieve", "run", "--data", "log.csv"]],
    ["JSON of compare", json, "plain.json", ["compare", "split.json", "--data", "log.csv"]],
    ["JSON of study", json, "plain.json", ["study", "split.json", "--data", "log.csv", "--over", "depth"]],
    ["JSON of tune", json, "tune/best.json", ["tune", "split.json", "--data", "log.csv", "--quick"]],
    ["JSON of start", json, "run/profile.json", ["start", "--out", "new"]],
    ["page of report", "--out", "run/report.html", ["report", "run"]],
    ["page of report", "--out", "plain.json", ["report", "run"]],
    ["page of experiment analyze", "--html", "run/report.html", ["experiment", "analyze", "--logs", "log.csv"]],
    ["log of logs export", "--out", "shown.jsonl", ["logs", "export", "--logs", "log.csv", "--spec", "plain.json"]],
  ])("replaces nothing that is no %s: %s %s", async (kind, option, file, args) => {
    writeFileSync("shown.jsonl", '{"label":1,"user":"a1"}\n');
    const before = readFileSync(file);
    await expect(run(...args, option, file)).rejects.toThrow(
      `${file}: got a file that is there and is no ${kind}, expected a new name, or that of one`,
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("takes the place of an earlier one of its kind, and of an empty file", async () => {
    writeFileSync("metrics.json", "");
    await run(...train, "first", json, "metrics.json");
    await run(...train, "second", json, "metrics.json");
    expect(readFileSync("metrics.json", "utf8")).toBe(readFileSync("second/evaluation.json", "utf8"));
    await run("report", "first", "--out", "page.html");
    await run("report", "first", "second", "--out", "page.html");
  });

  it("takes the place of no file that came up while the command ran", async () => {
    const refused = run(...train, "third", json, "third/run.json");
    await expect(refused).rejects.toThrow("third/run.json: got a file that is there and is no JSON of train");
    expect(JSON.parse(readFileSync("third/run.json", "utf8"))).toMatchObject({ spec: { name: "tiny" } });
    await run(...train, "fourth", json, "fourth/evaluation.json"); // which is the same, to the byte
  });
});
