import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runReport } from "../../../lab/report/run-report.ts";
import { defaultSlices, scoreHeldOut } from "../../../trainer/evaluation/held-out.ts";
import { auc } from "../../../trainer/metrics/auc.ts";
import { evaluatePredictions } from "../../../trainer/metrics/evaluation.ts";
import { recordEpochs } from "../../../trainer/training/run-record.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { WASM } from "../../trainer/running-backend.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

const { folder, log, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

const spec = { ...tinyRunSpec(), name: "tiny" };
let trained: TrainingResult;

beforeAll(async () => {
  const onEpoch = recordEpochs(folder, spec, logs.valid);
  trained = await train(spec, { ...logs, backend: "wasm", onEpoch });
});

describe("the run folder", () => {
  it("has a line of metrics an epoch, and what the run was", () => {
    const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(trained.epochs);
    const run = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
    expect(run).toMatchObject({ seed: 1, backend: "wasm", device: "cpu", threads: 1, spec: { name: "tiny" } });
    expect(run.versions).toMatchObject({
      "deepfm-edge": "0.1.0",
      node: process.versions.node,
      "@tensorflow/tfjs-core": "4.22.0",
      "@tensorflow/tfjs-backend-wasm": "4.22.0",
    });
  });

  it("has the lines of this training alone, and of all its epochs where it was resumed", () => {
    const onEpoch = recordEpochs(folder, spec, logs.valid);
    const [first, second] = trained.epochs;
    if (!first || !second) throw new Error("expected two epochs");
    const losses = (): number[] => {
      const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line).loss);
    };
    onEpoch([first, { ...second, loss: 7 }], WASM);
    expect(losses()).toEqual([first.loss, 7]);
    onEpoch([first, { ...second, loss: 7 }, { ...second, epoch: 3, loss: 8 }], WASM);
    expect(losses()).toEqual([first.loss, 7, 8]);
    recordEpochs(folder, spec, logs.valid)([{ ...first, loss: 9 }], WASM);
    expect(losses()).toEqual([9]);
  });
});

describe("the report", () => {
  let html: string;
  beforeAll(async () => {
    const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { group: "user", slices: defaultSlices(spec) });
    const evaluation = evaluatePredictions(heldOut.predictions, heldOut.groups, 5);
    html = await runReport(trained, [{ name: "test", heldOut, evaluation }]);
    expect(html).toContain(`<td>AUC</td><td>${evaluation.auc.toFixed(5)}</td>`);
    expect(html).toContain(`<td>NDCG@5 by user</td><td>${evaluation.grouped?.ndcg.toFixed(5)}</td>`);
  });

  it("has every figure, each an SVG with something drawn", () => {
    const figures = html.match(/<figure>.*?<\/figure>/gs) ?? [];
    const titles = figures.map((figure) => /<h3>(.*?)<\/h3>/.exec(figure)?.[1]);
    expect(titles).toEqual([
      ...["Validation AUC", "Loss", "Reliability", "Scores"],
      ...["AUC by country", "AUC by category", "AUC by tags"],
    ]);
    for (const figure of figures) expect(figure).toMatch(/<svg [^>]*viewBox="0 0 \d+ \d+".*<path aria-label=/s);
    for (const figure of figures) expect(figure).not.toMatch(/NaN|undefined|Infinity/);
    expect(figures[4]).toContain(">br</text>");
    expect(figures[6]).toContain(">(missing)</text>");
  });

  it("needs no script and no network", () => {
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\bon\w+=/i);
    expect(html.match(/https?:\/\/[^"' )]+/g)?.filter((url) => !url.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  it("shows the settings and the spec", () => {
    expect(html).toContain("<td>hidden layers</td><td>8 – 8</td>");
    expect(html).toContain("&quot;embeddingDim&quot;: 4");
  });
});

describe("predictLog", () => {
  it("reads groups and slices in the order of the log's rows", async () => {
    const rows = readFileSync(log.test, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","));
    const [header = [], ...cells] = rows;
    const at = (name: string): string[] => cells.map((row) => row[header.indexOf(name)] ?? "");
    const { groups, slices, predictions } = await scoreHeldOut(trained, logs.test, logs.cache, {
      group: "user",
      slices: ["tags"],
    });
    expect(groups?.count).toBe(new Set(at("user")).size);
    const users = [...new Set(at("user"))];
    expect(Array.from(groups?.of ?? [], (group) => users[group])).toEqual(at("user"));
    const [tags] = slices;
    at("tags").forEach((cell, i) => {
      const listed = Array.from(tags?.of.subarray(tags.offsets[i], tags.offsets[i + 1]) ?? [], (v) => tags?.values[v]);
      expect(listed).toEqual(cell.split("|"));
    });
    expect(Array.from(predictions.labels, String)).toEqual(at("label"));
    expect(auc(predictions.logits, predictions.labels)).toBeGreaterThan(0.5);
  });

  it("refuses a column that the log has not", async () => {
    await expect(scoreHeldOut(trained, logs.test, logs.cache, { group: "session" })).rejects.toThrow(
      'no column "session"',
    );
  });
});

it("text of the data is never markup", async () => {
  const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { slices: ["country"] });
  const [country] = heldOut.slices;
  if (!country) throw new Error("expected a column");
  heldOut.slices = [{ ...country, name: "<b>&", values: country.values.map((value) => `<script>${value}`) }];
  const evaluation = evaluatePredictions(heldOut.predictions, null, 10);
  const html = await runReport(trained, [{ name: "test", heldOut, evaluation }]);
  expect(html).not.toContain("<script");
  expect(html).toContain("&lt;script&gt;br");
  expect(html).toContain("AUC by &lt;b&gt;&amp;");
});

it("a log of one class has a report without AUC", async () => {
  const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { slices: ["country"] });
  heldOut.predictions.labels.fill(0);
  const evaluation = evaluatePredictions(heldOut.predictions, null, 10);
  const html = await runReport(trained, [{ name: "test", heldOut, evaluation }]);
  expect(html).toContain("<td>AUC</td><td>–</td>");
  expect(html).not.toContain("AUC by country");
  expect(html).not.toMatch(/NaN/);
});
