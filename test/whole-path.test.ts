import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type StartOptions, start } from "../cli/commands/start.ts";
import { Page } from "../format/page.ts";
import { kernelModule } from "../runtime/node.ts";
import { placeBlob } from "../runtime/placed-blob.ts";
import { Scorer } from "../runtime/scorer.ts";
import { loadExport } from "../trainer/export/export.ts";
import { DEFAULT_LIMITS } from "../trainer/export/report.ts";
import { TEST_BACKEND } from "./trainer/backend.ts";

// From CSV rows to HTTP scores through every real part: DuckDB, TensorFlow.js, the blob, wrangler, KV, workerd.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-path-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("start", () => {
  it("trains, exports, publishes and serves a generated log, and scores its test split over HTTP", async () => {
    const printed = vi.spyOn(console, "log").mockImplementation(() => {});
    const json = join(folder, "result.json");
    const made = { out: join(folder, "run"), rows: 20_000, seed: 3, port: 0, json, exit: true };
    const asked = process.env.DEEPFM_EDGE_BACKEND ? { backend: TEST_BACKEND } : {};
    await start({ ...made, ...asked, quantize: "int8", limits: DEFAULT_LIMITS });
    const result = JSON.parse(readFileSync(json, "utf8"));
    expect(Object.keys(result)).toEqual([
      ...["engine", "backend", "auc", "logloss", "recordsPerSecond", "kvKeysPerRequest", "bytes"],
    ]);

    // HTTP gives the scores that the kernel gives here; both differ from the trainer's by the quantization only.
    expect(result.auc.http).toBeCloseTo(result.auc.kernel, 6);
    expect(result.logloss.http).toBeCloseTo(result.logloss.kernel, 6);
    expect(Math.abs(result.auc.http - result.auc.trainer)).toBeLessThan(0.005);
    expect(result.auc.trainer).toBeGreaterThan(0.65); // 16,000 rows teach something; far from all
    expect(result.auc.best).toBeGreaterThan(result.auc.http);

    expect(result.kvKeysPerRequest).toBeGreaterThan(0);
    expect(result.recordsPerSecond).toBeGreaterThan(0);
    expect(result.bytes.workerGzip).toBeLessThan(300 * 1024);
    expect(result.bytes.kernel).toBeLessThan(28 * 1024);
    const { blob, pages } = await loadExport(join(folder, "run", "export"));
    expect(result.bytes.blob).toBe(blob.length);
    expect(pages.length).toBeGreaterThan(1);
    expect(printed.mock.calls.flat().join("\n")).toMatch(
      /int8, chosen.*f32.*best possible.*trainer, float32.*kernel, as exported.*over HTTP/s,
    );
    expect(existsSync(join(folder, "run", "model.safetensors"))).toBe(true);
  });

  it("made a model that explains 10,000 records of its log: the terms add up to the logit that it scores", async () => {
    const { blob, pages } = await loadExport(join(folder, "run", "export"));
    const scorer = new Scorer(placeBlob(kernelModule(), blob));
    const opened = new Map(pages.map(({ bytes }, i) => [i, new Page(bytes, scorer.manifest, i)]));
    const [header, ...lines] = readFileSync(join(folder, "run", "log", "train.csv"), "utf8")
      .trim()
      .split("\n");
    const columns = header.split(",");
    const records = lines.slice(0, 10_000).map((line) => {
      const { label: _, ...record } = Object.fromEntries(line.split(",").map((cell, i) => [columns[i], cell]));
      return record;
    });
    expect(records).toHaveLength(10_000);
    const located = scorer.locate(scorer.encode(records));
    const { explanations, logits } = scorer.explain(located, opened);
    expect(logits).toEqual(scorer.score(located, opened).logits);
    const off = explanations.map(({ bias, linear, pairs, deep, calibration }, i) => {
      const terms = [bias, ...linear, ...pairs, deep, calibration];
      return Math.abs(terms.reduce((sum, term) => sum + term) - logits[i]);
    });
    expect(Math.max(...off)).toBeLessThan(1e-4);
    expect(explanations.every(({ deep, pairs }) => deep !== 0 && pairs.some((pair) => pair !== 0))).toBe(true);
  });

  it("refuses half of the user's own files", async () => {
    const half: StartOptions = {
      out: folder,
      rows: 1,
      seed: 1,
      quantize: "int8",
      limits: DEFAULT_LIMITS,
      port: 0,
      spec: "a.json",
      train: ["a"],
    };
    await expect(start(half)).rejects.toThrow("--spec, --train, --valid and --test go together");
  });
});
