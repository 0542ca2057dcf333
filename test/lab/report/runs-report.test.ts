import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runsReport } from "../../../lab/report/runs-report.ts";
import { metricsTable, settingsTable, unlikeLogs } from "../../../lab/report/runs-table.ts";
import { readRuns } from "../../../lab/report/saved-run.ts";
import { runHere } from "../../cli/command-here.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

// Runs as the command `train` leaves them, laid side by side.

const { folder, log } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
const path = (...names: string[]): string => join(folder, ...names);
const json = (...names: string[]) => JSON.parse(readFileSync(path(...names), "utf8"));
const row = (rows: readonly string[][], name: string): string[] =>
  rows.find(([first]) => first === name)?.slice(1) ?? [];

/** A copy of the run `a`, of which a file may be another. */
function copyOf(name: string, file?: string, content?: object | string): string {
  cpSync(path("a"), path(name), { recursive: true });
  if (file) writeFileSync(path(name, file), typeof content === "string" ? content : JSON.stringify(content));
  return path(name);
}

beforeAll(async () => {
  const logs = ["--train", log.train, "--valid", log.valid, "--test", log.test, "--backend", "wasm"];
  const specs = { a: tinyRunSpec(), b: tinyRunSpec({ type: "FM" }, { maxEpochs: 3, learningRate: 0.05 }) };
  for (const [name, spec] of Object.entries(specs)) {
    writeFileSync(path(`${name}.json`), JSON.stringify(spec));
    const { code, out } = await runHere(folder, [
      "train",
      `${name}.json`,
      ...logs,
      "--out",
      name,
      "--json",
      `${name}.out`,
    ]);
    expect(out).toMatch(/AUC, 95 % interval.*test: decile.*cumulative gain.*AUC lost.*category/s);
    expect(code).toBe(0);
  }
  const exported = await runHere(folder, ["export", "b", "--force"]);
  expect(exported.stdout).toContain("b/export/report.html");
});

describe("what train leaves for it", () => {
  it("is evaluation.json, with the metrics and deciles of each log and the importance of columns", () => {
    const saved = json("a", "evaluation.json");
    expect(saved).toEqual(json("a.out"));
    expect(saved.test).toMatchObject({ log: log.test, records: 200, aucInterval: { low: expect.any(Number) } });
    expect(saved.test.deciles).toHaveLength(10);
    expect(saved.test.deciles[9].gain).toBe(1);
    expect(saved.importance).toMatchObject({ records: 200, of: 200, repeats: 5 });
    expect(saved.importance.columns.map(({ name }: { name: string }) => name).sort()).toEqual([
      ...["category", "country", "price", "tags"],
    ]);
  });
});

describe("runs side by side", () => {
  it("have their metrics, the settings that differ, their curves, and what quantization loses", async () => {
    const { code, stdout, stderr } = await runHere(folder, ["report", "a", "b", "--out", "both.html"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/│ training.learningRate │ +0.01 │ 0.05 │/);
    const runs = await readRuns([path("a"), path("b")]);
    const { head, rows } = metricsTable(runs);
    expect(head).toEqual(["", "a", "b"]);
    const aucs = ["a", "b"].map((name) => json(name, "evaluation.json").test.auc.toFixed(5));
    expect(row(rows, "test: AUC")).toEqual(aucs);
    expect(row(rows, "model")).toEqual(["DeepFM", "FM"]);
    expect(row(rows, "epoch kept")[0]).toBe(`${json("a", "run.json").valid.epoch} of 2`);
    expect(settingsTable(runs).rows).toEqual([
      ["model.type", "DeepFM", "FM"],
      ["training.maxEpochs", "2", "3"],
      ["training.learningRate", "0.01", "0.05"],
    ]);
    const html = readFileSync(path("both.html"), "utf8");
    expect([...html.matchAll(/<figcaption><h3>(.*?)<\/h3>/g)].map(([, title]) => title)).toEqual([
      ...["AUC on validation", "AUC on test", "Validation AUC", "Validation logloss", "Training loss"],
      "Loss and size",
    ]);
    expect(html).toContain("<caption>What quantization loses: b</caption>");
    expect(html).not.toMatch(/NaN|undefined|Infinity|<script|url\(/);
  });

  it("may be a training that goes on, or one that an earlier version ended", async () => {
    mkdirSync(path("elsewhere"));
    const earlier = copyOf("elsewhere/a");
    rmSync(join(earlier, "evaluation.json"));
    const { valid, ...begun } = json("a", "run.json");
    const [a, old] = metricsTable(await readRuns([path("a"), earlier])).head.slice(1);
    expect([a, old]).toEqual([path("a"), earlier]);
    const { rows } = metricsTable(await readRuns([earlier]));
    expect(row(rows, "validation: logloss")).toEqual([valid.logloss.toFixed(5)]);
    expect(row(rows, "test: AUC")).toEqual([]);
    const running = await readRuns([copyOf("elsewhere/running", "run.json", begun)]);
    expect(row(metricsTable(running).rows, "epoch kept")).toEqual(["2, not finished"]);
    expect(await runsReport(running)).toContain("The run running");
  });

  it("have what quantization loses by an export of theirs alone", async () => {
    const own = await readRuns([path("b")]);
    expect(own[0]?.quantization).not.toBeNull();
    const run = json("b", "run.json");
    cpSync(path("b"), path("again"), { recursive: true });
    const training = { ...run.spec.training, learningRate: 0.25 };
    writeFileSync(path("again", "run.json"), JSON.stringify({ ...run, spec: { ...run.spec, training } }));
    const { code, stderr } = await runHere(folder, ["report", "again", "--out", "again.html"]);
    expect(code).toBe(0);
    expect(stderr).toBe(
      "warning: again/export: got an export of another training, by training.learningRate 0.05, expected 0.25 as in " +
        "run.json\n",
    );
    expect(readFileSync(path("again.html"), "utf8")).not.toContain("What quantization loses");
    const { patience, ...older } = run.spec.training;
    writeFileSync(path("again", "run.json"), JSON.stringify({ ...run, spec: { ...run.spec, training: older } }));
    expect((await readRuns([path("again")]))[0]?.quantization).toEqual(own[0]?.quantization);
  });

  it("say where their logs differ, and draw the best of many", async () => {
    const { test, ...others } = json("a", "evaluation.json");
    const smaller = { ...test, records: 7, auc: null, aucInterval: null };
    const names = Array.from({ length: 9 }, (_, i) => copyOf(`copy${i}`));
    const runs = await readRuns([
      path("a"),
      copyOf("other", "evaluation.json", { ...others, test: smaller }),
      ...names,
    ]);
    expect(unlikeLogs(runs)).toEqual([
      expect.stringMatching(/^The test logs differ, so .* a has 200 records .*, other has 7 records/),
    ]);
    const html = await runsReport(runs);
    expect(html).toContain("The test logs differ");
    expect(html).toContain("The 8 runs of the lowest logloss.");
    expect(html).toContain("All settings are equal, and so are the software and the machine.");
  });

  it("refuse what is no run, and what is damaged, by the file and the place in it", async () => {
    await expect(readRuns([path("a"), path("log")])).rejects.toThrow(
      `${path("log", "run.json")}: no such file; expected the folder that \`train\` wrote`,
    );
    const broken = copyOf("broken");
    appendFileSync(join(broken, "metrics.jsonl"), '{"epoch": "three"}\n');
    await expect(readRuns([broken])).rejects.toThrow(`${join(broken, "metrics.jsonl")}, line 3: epoch: got "three"`);
    const damaged = copyOf("damaged", "evaluation.json", { test: { log: "x" } });
    await expect(readRuns([damaged])).rejects.toThrow("evaluation.json: test.records: missing");
  });
});
