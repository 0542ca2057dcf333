import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { type FeatureField, FeatureSpecSchema, type ResolvedSpec } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { exchangeFields } from "../../../trainer/data/dataset.ts";
import { withFixedDefaults } from "../../../trainer/data/default-settings.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import type { HeldOutSource } from "../../../trainer/data/source.ts";
import { isCheap, measureImportance, unitsOf } from "../../../trainer/evaluation/importance.ts";
import { auc } from "../../../trainer/metrics/auc.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog } from "../tiny-run.ts";

const { folder } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

describe("exchangeFields", () => {
  it("gives each record the donor's entries in the exchanged fields, however many, and keeps its own in the others", () => {
    // Two fields; the second has 0, 1 and 2 entries.
    const dataset: Dataset = {
      count: 3,
      labels: Uint8Array.of(0, 1, 0),
      offsets: Uint32Array.of(0, 1, 1, 2, 3, 4, 6),
      rows: Int32Array.of(10, 11, 21, 12, 22, 23),
      values: Float32Array.of(1, 1, 0.5, 1, 0.25, 0.75),
    };
    const exchanged = exchangeFields(dataset, Uint32Array.of(2, 0, 1), [1], 2);
    expect([...exchanged.offsets]).toEqual([0, 1, 3, 4, 4, 5, 6]);
    expect([...exchanged.rows]).toEqual([10, 22, 23, 11, 12, 21]);
    expect([...exchanged.values]).toEqual([1, 0.25, 0.75, 1, 1, 0.5]);
    expect(exchanged.labels).toBe(dataset.labels);
    expect(exchangeFields(dataset, Uint32Array.of(0, 1, 2), [0, 1], 2)).toEqual(dataset);
  });
});

describe("the units of an exchange", () => {
  const field = (settings: object): FeatureField => settings as FeatureField;

  it("are the columns; fields of one column go together, and a cross with each of its columns and alone", () => {
    const fields = [
      field({ name: "hour", from: "ts" }),
      field({ name: "country" }),
      field({ name: "weekday", from: "ts" }),
      field({ name: "hour_country", cross: ["hour", "country"] }),
    ];
    expect(unitsOf(fields)).toEqual([
      { name: "ts", fields: [0, 2, 3] },
      { name: "country", fields: [1, 3] },
      { name: "hour × country", fields: [3] },
    ]);
  });
});

describe("importance on a log of rare clicks", () => {
  const RECORDS = 12_000;
  let spec: ResolvedSpec;
  let trained: TrainingResult;
  let source: HeldOutSource;

  beforeAll(async () => {
    // One record in 60 is clicked, by `strong` most of all; `tags` says a little, and `noise` nothing.
    const lines = ["label,strong,noise,tags"];
    for (let i = 0; i < RECORDS; i++) {
      const hash = Math.imul(i + 1, 0x9e3779b1) >>> 0;
      const strong = hash % 10;
      const tag = (hash >>> 8) % 4;
      const chance = strong === 0 ? (tag === 0 ? 8 : 4) : 0.2;
      const label = Number(((hash >>> 12) % 1000) / 25 < chance);
      lines.push(`${label},s${strong},n${(hash >>> 4) % 7},t${tag}|t${4 + (hash % 2)}`);
    }
    const log = join(folder, "rare.csv");
    writeFileSync(log, `${lines.join("\n")}\n`);
    const input = {
      name: "rare",
      fields: [
        { name: "strong", type: "categorical" },
        { name: "noise", type: "categorical" },
        { name: "tags", type: "multi-categorical" },
      ],
      model: { type: "LR" },
      training: { maxEpochs: 4, learningRate: 0.05 },
    };
    spec = withFixedDefaults(parseWith(FeatureSpecSchema, input, "rare"));
    const part = { paths: [log] };
    const cache = join(folder, "cache");
    trained = await train(spec, { train: part, valid: part, cache, backend: TEST_BACKEND });
    source = await openHeldOutLog(spec, trained, part, cache);
  });

  it("orders columns by what the model loses, with intervals over the repeats, and is seeded", async () => {
    const importance = await measureImportance(trained, source, { repeats: 4 });
    const { columns, records, of, clicks, metrics } = importance;
    expect([records, of]).toEqual([RECORDS, RECORDS]);
    expect(clicks).toBe(source.labels.positives.records);
    const logits = trained.learner.predict(await source.head(RECORDS));
    expect(metrics.auc).toBe(auc(logits, (await source.head(RECORDS)).labels));
    expect(columns.map(({ name }) => name)).toEqual(["strong", "tags", "noise"]);
    for (const { auc: loss } of columns) {
      expect(loss.low).toBeLessThanOrEqual(loss.mean);
      expect(loss.high).toBeGreaterThanOrEqual(loss.mean);
    }
    expect(columns[0]?.auc.low).toBeGreaterThan(0.1);
    expect(columns[0]?.logloss.low).toBeGreaterThan(0);
    expect(columns[2]?.auc.high).toBeLessThan(0.02);
    expect(await measureImportance(trained, source, { repeats: 4 })).toEqual(importance);
    expect(await measureImportance(trained, source, { repeats: 4, seed: 2 })).not.toEqual(importance);
  });

  it("of a sample keeps the clicks, and agrees with that of the whole log", async () => {
    const whole = await measureImportance(trained, source, { repeats: 4 });
    const sample = await measureImportance(trained, source, { repeats: 4, most: 3000 });
    expect(sample.clicks).toBe(whole.clicks);
    expect(sample.of).toBe(RECORDS);
    expect(Math.abs(sample.records - 3000)).toBeLessThan(200);
    expect(Math.abs(sample.metrics.auc - whole.metrics.auc)).toBeLessThan(0.01);
    expect(sample.metrics.logloss / whole.metrics.logloss).toBeCloseTo(1, 1);
    const [strong, ofSample] = [whole.columns[0], sample.columns[0]];
    expect(ofSample?.name).toBe("strong");
    expect(Math.abs((strong?.auc.mean ?? 0) - (ofSample?.auc.mean ?? 1))).toBeLessThan(0.05);
    // Exchanged values must be as frequent as in the log, and not as in the sample, where clicks are many.
    expect((ofSample?.logloss.mean ?? 0) / (strong?.logloss.mean ?? 1)).toBeCloseTo(1, 0);
  });

  it("is measured unasked where that takes seconds only", () => {
    expect(isCheap(trained, source)).toBe(true);
    const model = { parameters: { values: new Float32Array(400_000) } };
    expect(isCheap({ spec, learner: { model } as unknown as TrainingResult["learner"] }, source)).toBe(false);
  });

  it("needs two repeats for an interval", async () => {
    await expect(measureImportance(trained, source, { repeats: 1 })).rejects.toThrow(
      "got 1 repeats, expected at least 2",
    );
  });
});
