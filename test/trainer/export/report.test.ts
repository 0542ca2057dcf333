// What each quantization costs and loses, on a model trained for a second.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { Random } from "../../../trainer/data/random.ts";
import { exportModel } from "../../../trainer/export/export.ts";
import { exportMeasured } from "../../../trainer/export/measured-export.ts";
import { compareLogits, measureParity, type Parity } from "../../../trainer/export/parity.ts";
import { QUANTIZATIONS } from "../../../trainer/export/quantization.ts";
import {
  checkLimits,
  chosenOf,
  DEFAULT_LIMITS,
  type QuantizationReport,
  ReportSchema,
  reportTable,
} from "../../../trainer/export/report.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import type { Interval } from "../../../trainer/metrics/paired.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
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
    const model = await train(spec, { ...logs, backend: TEST_BACKEND });
    const calibrationSet = await (await openHeldOutLog(spec, model, logs.valid, logs.cache)).head(2 ** 17);
    await using log = await openPart(spec, logs.test);
    const options = { quantization: "f16", calibrationSet, log, limits: DEFAULT_LIMITS } as const;
    const result = await exportMeasured(model, options);
    report = result.report;
    blob = result.draft.blob;
    const exported = await exportModel(model, "f16", calibrationSet);
    alone = { blob: exported.blob, parity: await measureParity(model, exported, log) };
  });

  it("exports the one that was chosen, with its own measure", () => {
    expect(blob).toEqual(alone.blob);
    expect(chosenOf(report)).toMatchObject({ quantization: "f16", ...alone.parity });
  });

  it("measures all four, of which float32 loses nothing and int4 the most", () => {
    expect(report.measured.map(({ quantization }) => quantization)).toEqual([...QUANTIZATIONS]);
    const [int8, int4, f16, f32] = report.measured.map(({ logitDifference }) => logitDifference.mean);
    expect(f32).toBeLessThan(1e-6);
    expect(f16).toBeLessThan(int4 as number);
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

/** A report of one quantization with this parity. */
function reportOf(parity: Parity): QuantizationReport {
  const measure = { quantization: "int4", bytes: { blob: 1, pages: 0 }, layers: [], ...parity } as const;
  return { chosen: "int4", limits: DEFAULT_LIMITS, measured: [{ ...measure, layers: [] }], refused: [] };
}

describe("checkLimits", () => {
  const losing = (auc: Interval | null, logloss: Interval | null): QuantizationReport => {
    const none = { auc: null, logloss: null, calibrationRatio: null };
    const middle = (interval: Interval | null): number | null => interval && (interval[0] + interval[1]) / 2;
    const delta = { auc: middle(auc), logloss: middle(logloss), calibrationRatio: null };
    const interval = { confidence: 0.999, auc, logloss };
    return reportOf({
      ...{ records: 100, trained: none, served: none, delta, interval, logitDifference: { max: 0, mean: 0 } },
    });
  };

  it.each<[string, Interval | null, Interval | null]>([
    ["no AUC lost, no logloss", [0, 0], [0, 0]],
    ["as much as is allowed", [-0.0002, -0.0002], [0.001, 0.001]],
    ["more, where it may be chance", [-0.01, -0.0001], [0.0009, 0.9]],
    ["a gain, however large", [0.1, 0.2], [-0.5, -0.4]],
    ["no metrics at all", null, null],
  ])("takes %s", (_, auc, logloss) => {
    expect(() => checkLimits("ads", losing(auc, logloss))).not.toThrow();
  });

  it.each<[string, Interval | null, Interval | null, string]>([
    [
      "AUC",
      [-0.000402, -0.000202],
      [0, 0],
      "ΔAUC −0.000302 (−0.000402 … −0.000202) and Δlogloss 0.000 % (0.000 % … 0.000 %)",
    ],
    [
      "logloss",
      [-1, 1],
      [0.00102, 0.00104],
      "ΔAUC 0.000000 (−1.000000 … +1.000000) and Δlogloss +0.103 % (+0.102 % … +0.104 %)",
    ],
    ["of either", [-1, -0.5], null, "ΔAUC −0.750000 (−1.000000 … −0.500000) and Δlogloss –"],
  ])("refuses too much %s, and names both losses, their intervals and both limits", (_, auc, logloss, got) => {
    expect(() => checkLimits("ads", losing(auc, logloss))).toThrow(
      `ads: as int4 it loses too much on 100 records: got ${got}, in their 99.9 % intervals, ` +
        "expected ones that reach −0.000200 and +0.100 %;",
    );
  });

  it("says in the table where the records are too few to tell", () => {
    expect(reportTable(losing([-0.0005, 0.0001], [-0.1, 0.0123]))).toMatch(
      /int4: by the 99.9 % intervals of 100 records it may lose AUC by up to 0.000500, where 0.0002 is allowed, and logloss by up to \+1.230 %, where \+0.100 % is allowed; more records would tell$/,
    );
    expect(reportTable(losing([-0.0001, 0.0001], [-0.1, 0.001]))).not.toContain("would tell");
    expect(reportTable(losing([-0.5, -0.4], [-0.1, 0.001]))).not.toContain("would tell");
  });
});

describe("the limits on small logs", () => {
  const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

  /** The parity of two models on a log of 400 records: quantization adds noise to a logit, and may lose a feature. */
  function parityOf(seed: number, count: number, lost: number): Parity {
    const random = new Random(seed + 1);
    const features = Array.from({ length: count }, () => [random.normal(), random.normal()] as const);
    const logits = Float32Array.from(features, ([a, b]) => -2 + a + b);
    const labels = Uint8Array.from(logits, (z) => (random.uniform() < sigmoid(z) ? 1 : 0));
    const served = Float32Array.from(features, ([a, b]) => -2 + a + (1 - lost) * b + 0.02 * random.normal());
    return compareLogits(logits, served, labels);
  }

  const refuses = (parity: Parity): boolean => {
    try {
      checkLimits("ads", reportOf(parity));
      return false;
    } catch (error) {
      expect((error as Error).message).toContain("loses too much");
      return true;
    }
  };

  it("refuse none by chance where nothing is lost, though many logs show a loss beyond them", () => {
    const parities = SEEDS.map((seed) => parityOf(seed, 400, 0));
    const beyond = parities.filter(({ delta: { auc, logloss } }) => -(auc ?? 0) > 0.0002 || (logloss ?? 0) > 0.001);
    expect(beyond.length).toBeGreaterThan(3);
    expect(parities.filter(refuses)).toEqual([]);
  });

  it("refuse a loss that is planted", () => {
    expect(SEEDS.map((seed) => refuses(parityOf(seed, 2_000, 1)))).toEqual(SEEDS.map(() => true));
    expect(refuses(parityOf(0, 20_000, 0.3))).toBe(true);
  });
});
