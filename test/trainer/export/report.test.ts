// What each quantization costs and loses, on a model trained for a second.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { exportModel } from "../../../trainer/export/export.ts";
import { exportMeasured } from "../../../trainer/export/measured-export.ts";
import { compareLogits, measureParity } from "../../../trainer/export/parity.ts";
import { QUANTIZATIONS } from "../../../trainer/export/quantization.ts";
import {
  checkLimits,
  chosenOf,
  DEFAULT_LIMITS,
  type QuantizationReport,
  ReportSchema,
  reportTable,
} from "../../../trainer/export/report.ts";
import { train } from "../../../trainer/training/train.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

describe("compareLogits", () => {
  const trained = Float32Array.of(-1, 0, 1, 2);
  const served = Float32Array.of(-1, 0.5, 0.25, 2);
  const labels = Uint8Array.of(0, 0, 1, 1);

  it("gives the metrics of both, their differences and those of the logits", () => {
    const parity = compareLogits(trained, served, labels);
    expect(parity.records).toBe(4);
    expect(parity.logitDifference).toEqual({ max: 0.75, mean: 0.3125 });
    expect([parity.trained.auc, parity.served.auc, parity.delta.auc]).toEqual([1, 0.75, -0.25]);
    const loss = (logits: Float32Array): number =>
      logits.reduce((sum, z, i) => sum + Math.log1p(Math.exp(labels[i] ? -z : z)), 0) / 4;
    expect(parity.delta.logloss).toBeCloseTo(loss(served) / loss(trained) - 1, 12);
    const ratio = (logits: Float32Array): number => logits.reduce((sum, z) => sum + 1 / (1 + Math.exp(-z)), 0) / 2;
    expect(parity.delta.calibrationRatio).toBeCloseTo(ratio(served) - ratio(trained), 12);
  });

  it("counts records by their weights", () => {
    expect(compareLogits(trained, served, labels, Float32Array.of(1, 0, 1, 1)).served.auc).toBe(1);
  });

  it("has no AUC where a class is missing, and no calibration without a positive", () => {
    const { served: quality, delta } = compareLogits(trained, served, new Uint8Array(4));
    expect([quality.auc, quality.calibrationRatio, delta.auc]).toEqual([null, null, null]);
    expect(delta.logloss).not.toBeNull();
  });
});

describe("exportMeasured", () => {
  let report: QuantizationReport;
  let blob: Uint8Array;
  let alone: { blob: Uint8Array; parity: Awaited<ReturnType<typeof measureParity>> };
  beforeAll(async () => {
    const spec = tinyRunSpec();
    const model = await train(spec, { ...logs, backend: "wasm" });
    const calibrationSet = await (await openHeldOutLog(spec, model, logs.valid, logs.cache)).head(2 ** 17);
    await using log = await openPart(spec, logs.test);
    const options = { quantization: "f16", calibrationSet, log, limits: DEFAULT_LIMITS } as const;
    const result = await exportMeasured(model, options);
    report = result.report;
    blob = result.draft.blob;
    const exported = await exportModel(model, "f16", calibrationSet);
    alone = { blob: exported.blob, parity: await measureParity(model, exported, log) };
  }, 60_000);

  it("exports the one that was chosen, with its own measure", () => {
    expect(blob).toEqual(alone.blob);
    expect(chosenOf(report)).toMatchObject({ quantization: "f16", ...alone.parity });
  });

  it("measures all four, of which float32 loses nothing and int4 the most", () => {
    expect(report.measured.map(({ quantization }) => quantization)).toEqual([...QUANTIZATIONS]);
    const [int8, int4, f16, f32] = report.measured.map(({ logitDifference }) => logitDifference.mean);
    expect(f32).toBeLessThan(1e-6);
    expect(f16).toBeLessThanOrEqual(int8 as number);
    expect(int8).toBeLessThan(int4 as number);
    const bytes = Object.fromEntries(report.measured.map((m) => [m.quantization, m.bytes.blob + m.bytes.pages]));
    expect(bytes.f32).toBeGreaterThan(bytes.int8 as number);
    expect(report.measured.map(({ layers }) => layers.at(-1))).toEqual(["int8", "int8", "int8", "f32"]);
  });

  it("is plain data, which JSON keeps", () => {
    expect(parseWith(ReportSchema, JSON.parse(JSON.stringify(report)), "report")).toEqual(report);
  });

  it("is shown as a table that marks the chosen one", () => {
    const text = reportTable(report);
    expect(text).toMatch(/int8 .*int4 .*f16, chosen .*f32 /s);
    expect(text.match(/chosen/g)).toHaveLength(1);
  });

  it("names what makes no blob beside the table", () => {
    const without = { ...report, refused: [{ quantization: "f32" as const, problem: "too large" }] };
    expect(reportTable(without)).toMatch(/f32: too large$/);
  });
});

describe("checkLimits", () => {
  const reportOf = (auc: number | null, logloss: number | null): QuantizationReport => {
    const none = { auc: null, logloss: null, calibrationRatio: null };
    return {
      chosen: "int4",
      limits: DEFAULT_LIMITS,
      measured: [
        {
          quantization: "int4",
          bytes: { blob: 1, pages: 0 },
          layers: [],
          records: 100,
          ...{ trained: none, served: none, delta: { auc, logloss, calibrationRatio: null } },
          logitDifference: { max: 0, mean: 0 },
        },
      ],
      refused: [],
    };
  };

  it.each([
    ["no AUC lost, no logloss", 0, 0],
    ["as much as is allowed", -0.0002, 0.001],
    ["a gain, however large", 0.1, -0.5],
    ["no metrics at all", null, null],
  ])("takes %s", (_, auc, logloss) => {
    expect(() => checkLimits("ads", reportOf(auc, logloss))).not.toThrow();
  });

  it.each([
    ["AUC", -0.000201, 0, "ΔAUC −0.000201 and Δlogloss 0.000 %"],
    ["logloss", 0, 0.00101, "ΔAUC 0.000000 and Δlogloss +0.101 %"],
    ["of either", -1, null, "ΔAUC −1.000000 and Δlogloss –"],
  ])("refuses too much %s, and names both losses and both limits", (_, auc, logloss, got) => {
    expect(() => checkLimits("ads", reportOf(auc, logloss))).toThrow(
      `ads: as int4 it loses too much on 100 records: got ${got}, expected at least −0.000200 and at most +0.100 %;`,
    );
  });
});
