import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateLog } from "../../../lab/report/evaluated-log.ts";
import { runReport } from "../../../lab/report/run-report.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import type { IndexedColumn } from "../../../trainer/data/indexed-column.ts";
import { defaultSlices, scoreHeldOut } from "../../../trainer/evaluation/held-out.ts";
import { measureImportance } from "../../../trainer/evaluation/importance.ts";
import { auc } from "../../../trainer/metrics/auc.ts";
import { recordEpochs } from "../../../trainer/training/run-record.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { WASM } from "../../trainer/running-engine.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

const { folder, log, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

const spec = { ...tinyRunSpec(), name: "tiny" };
let trained: TrainingResult;

beforeAll(async () => {
  const onEpoch = recordEpochs(folder, logs.valid);
  trained = await train(spec, { ...logs, backend: "wasm", onEpoch });
});

/** A column that has two values in turn. */
function halves(name: string, values: string[], count: number): IndexedColumn {
  const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => i);
  return { name, values, offsets, of: offsets.subarray(0, count).map((i) => i % 2) };
}

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
    const resumed = join(folder, "resumed");
    mkdirSync(resumed);
    const onEpoch = recordEpochs(resumed, logs.valid);
    const [first, second] = trained.epochs;
    if (!first || !second) throw new Error("expected two epochs");
    const losses = (): number[] => {
      const lines = readFileSync(join(resumed, "metrics.jsonl"), "utf8").trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line).loss);
    };
    onEpoch([first, { ...second, loss: 7 }], spec, WASM);
    expect(losses()).toEqual([first.loss, 7]);
    onEpoch([first, { ...second, loss: 7 }, { ...second, epoch: 3, loss: 8 }], spec, WASM);
    expect(losses()).toEqual([first.loss, 7, 8]);
    for (const file of ["evaluation.json", "report.html"]) writeFileSync(join(resumed, file), "of the training before");
    recordEpochs(resumed, logs.valid)([{ ...first, loss: 9 }], spec, WASM);
    expect(losses()).toEqual([9]);
    for (const file of ["evaluation.json", "report.html"]) expect(existsSync(join(resumed, file))).toBe(false);
  });
});

describe("the report", () => {
  let html: string;
  beforeAll(async () => {
    const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { group: "user", slices: defaultSlices(spec) });
    // The log's own values have too few clicks each for an AUC.
    heldOut.slices.push(halves("half", ["", "a rather long name of a value"], heldOut.predictions.labels.length));
    const evaluated = evaluateLog("test", heldOut, 5);
    const source = await openHeldOutLog(spec, trained, logs.valid, logs.cache);
    const importance = await measureImportance(trained, source, { repeats: 2 });
    html = await runReport({ model: trained, logs: [evaluated], importance });
    const { auc, grouped } = evaluated.evaluation;
    expect(html).toContain(`<th scope="row">AUC</th><td>${auc.toFixed(5)}</td>`);
    expect(html).toContain(`<th scope="row">NDCG@5 by user</th><td>${grouped?.ndcg.toFixed(5)}</td>`);
  });

  it("has every figure, each an SVG with something drawn", () => {
    const figures = html.match(/<figure>.*?<\/figure>/gs) ?? [];
    const titles = figures.map((figure) => /<h3>(.*?)<\/h3>/.exec(figure)?.[1]);
    expect(titles).toEqual([
      ...["Validation AUC", "Loss", "Reliability", "Predictions", "Cumulative gain"],
      ...["AUC by half", "AUC lost", "Logloss added"],
    ]);
    for (const figure of figures)
      expect(figure).toMatch(/<svg role="img" aria-label="[^"]{20,}" [^>]*viewBox="0 0 \d+ \d+".*<path /s);
    for (const figure of figures) expect(figure).not.toMatch(/NaN|undefined|Infinity/);
    expect(figures[5]).toContain(">(missing)</text>");
    expect(figures[5]).toContain(">a rathe… a value</text>");
    expect(figures[5]).toMatch(/aria-label="[^"]*\(missing\): 0\.\d+ \(0\.\d+ to 0\.\d+\)/);
  });

  it("needs no script and no network", () => {
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\bon\w+=/i);
    expect(html.match(/https?:\/\/[^"' )]+/g)?.filter((url) => !url.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  it("says what each table and figure is about, and lets tables and code be scrolled from the keyboard", () => {
    const scrolling = html.match(/<div class="card scroll"[^>]*>/g) ?? [];
    expect(scrolling.length).toBeGreaterThan(3);
    for (const card of scrolling) expect(card).toMatch(/role="region" aria-label="[^"]+" tabindex="0"/);
    expect(html.match(/<table[^>]*><caption>[^<]+<\/caption>/g)).toHaveLength(scrolling.length);
    expect(html).toContain('<pre tabindex="0">');
    expect(html).not.toMatch(/id="|href=/);
  });

  it("has a lift and gain table of deciles, in per cent with three digits", () => {
    const rows = /<caption>Lift and gain[^<]*<\/caption>.*?<\/table>/s.exec(html)?.[0].match(/<tr>/g);
    expect(rows).toHaveLength(11);
    expect(html).toMatch(/<th scope="row">10<\/th><td>20<\/td>(<td>[^<]+<\/td>){5}<td>100.0 %<\/td>/);
  });

  it("shows the settings and the spec", () => {
    expect(html).toContain('<th scope="row">hidden layers</th><td>8 – 8</td>');
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
  heldOut.slices = [halves("<b>&", ["<script>br", "<script>de"], heldOut.predictions.labels.length)];
  const html = await runReport({ model: trained, logs: [evaluateLog("test", heldOut, 10)], importance: null });
  expect(html).not.toContain("<script");
  expect(html).toContain("&lt;script&gt;br");
  expect(html).toContain("AUC by &lt;b&gt;&amp;");
});

it("settings are to be read: numbers have four digits, and no name stands twice", async () => {
  const training = { ...trained.spec.training, l2: 0.05 / 3, denseL2: 0.01, learningRate: 1 / 300 };
  const engine = { ...trained.engine, engine: "assembly", backend: "simd", threads: 1 } as const;
  const model = { ...trained, spec: { ...trained.spec, training }, engine };
  const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { slices: ["country"] });
  const html = await runReport({ model, logs: [evaluateLog("test", heldOut, 10)], importance: null });
  expect(html).toMatch(/<td>0\.01667 of the \w+ \/ 0\.01<\/td>/);
  expect(html).toContain("<td>0.003333</td>");
  expect(html).toContain('<th scope="row">engine</th><td>assembly, simd (1 thread)</td>');
});

it("a log of one class has a report without AUC", async () => {
  const heldOut = await scoreHeldOut(trained, logs.test, logs.cache, { slices: ["country"] });
  heldOut.predictions.labels.fill(0);
  const html = await runReport({ model: trained, logs: [evaluateLog("test", heldOut, 10)], importance: null });
  expect(html).toContain('<th scope="row">AUC</th><td>–</td>');
  expect(html).not.toContain("AUC by country");
  expect(html).not.toMatch(/NaN/);
});
