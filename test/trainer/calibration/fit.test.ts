import { describe, expect, it } from "vitest";
import {
  type CalibrationMap,
  CalibrationMapSchema,
  calibratedLogit,
  scoreOfLogit,
} from "../../../format/calibration.ts";
import { parseWith } from "../../../format/parse.ts";
import { calibrated, calibrationEffect, fitCalibration } from "../../../trainer/calibration/fit.ts";
import { STEP_RECORDS } from "../../../trainer/calibration/isotonic.ts";
import { metricsOfLogits, sigmoid } from "../../../trainer/metrics/metrics.ts";
import type { Predictions } from "../../../trainer/metrics/predictions.ts";
import { bent, overconfident, simulatedLog } from "./log.ts";

const METHODS = ["platt", "isotonic"] as const;

function mapOf(method: "platt" | "isotonic", log: Predictions): CalibrationMap {
  const fit = fitCalibration(method, log);
  if (fit === null) throw new Error("no map");
  // What is written into a blob, a reader takes.
  return parseWith(CalibrationMapSchema, JSON.parse(JSON.stringify(fit.map)), "map");
}

describe.each(METHODS)("calibration by %s", (method) => {
  it("mends an over-confident model that negatives were left out of, on a log that it has not seen", () => {
    const map = mapOf(method, simulatedLog(1, 20_000, overconfident));
    const { before, after, bins } = calibrationEffect(map, simulatedLog(2, 50_000, overconfident));
    expect(bins).toBe(15);
    expect(before.ece).toBeGreaterThan(0.01);
    expect(after.ece).toBeLessThan(before.ece / 4);
    expect(after.logloss).toBeLessThan(0.97 * before.logloss);
  });

  it("hardly hurts a model that needs no map", () => {
    const identity = (z: number): number => z;
    for (const [count, most] of [
      [2_000, 1.01],
      [20_000, 1.003],
    ]) {
      const map = mapOf(method, simulatedLog(3, count, identity));
      const { before, after } = calibrationEffect(map, simulatedLog(4, 20_000, identity));
      expect(after.logloss).toBeLessThan(most * before.logloss);
    }
  });

  it("keeps the order of all records, and no score is 0 or 1", () => {
    for (const truth of [overconfident, bent]) {
      const log = simulatedLog(5, 5_000, truth);
      const map = mapOf(method, log);
      const served = calibrated(map, log);
      expect(metricsOfLogits(served.logits, log.labels).auc).toBeCloseTo(
        metricsOfLogits(log.logits, log.labels).auc,
        6,
      );
      const logits = Float64Array.from({ length: 20_001 }, (_, i) => -50 + i / 200);
      const scores = logits.map((z) => scoreOfLogit(calibratedLogit(map, z)));
      expect(scores.every((p) => p > 0 && p <= 1)).toBe(true);
      // Above 20 float64 has few numbers left below 1.
      expect(scores.every((p, i) => i === 0 || logits[i] > 20 || p > scores[i - 1])).toBe(true);
    }
  });

  it("takes weights as repetitions", () => {
    const { logits, labels } = simulatedLog(6, 10_000, overconfident);
    const weights = Float32Array.from(labels, (_, i) => i % 3);
    const indices = [...labels.keys()].flatMap((i) => new Array<number>(weights[i]).fill(i));
    const weighted = mapOf(method, { logits, labels, weights });
    const repeated = mapOf(method, {
      logits: Float32Array.from(indices, (i) => logits[i]),
      labels: Uint8Array.from(indices, (i) => labels[i]),
    });
    // The steps of an isotonic map are cut where so many records are, and a repetition is one.
    for (const z of [-5, -3, -1]) {
      const difference = calibratedLogit(weighted, z) - calibratedLogit(repeated, z);
      expect(Math.abs(difference)).toBeLessThan(method === "platt" ? 0.01 : 0.2);
    }
  });

  it.each([1, 3, 30])("of %i clicks says nothing that so few cannot tell", (clicks) => {
    const logits = Float32Array.from({ length: 1_000 }, (_, i) => -8 + i / 200);
    // The clicks are the records of the highest logits: as if the model knew all.
    const labels = Uint8Array.from(logits, (_, i) => (i >= 1_000 - clicks ? 1 : 0));
    const map = mapOf(method, { logits, labels });
    const scores = Float64Array.from(logits, (z) => sigmoid(calibratedLogit(map, z)));
    const most = (clicks + 1) / (clicks + 2);
    expect(Math.max(...scores)).toBeLessThanOrEqual(most + 0.05);
    expect(Math.min(...scores)).toBeGreaterThan(0);
  });
});

describe("the isotonic map", () => {
  it("follows a curve that Platt's line cannot, on a log that it has not seen", () => {
    const [valid, test] = [simulatedLog(7, 30_000, bent), simulatedLog(8, 50_000, bent)];
    const ofPlatt = calibrationEffect(mapOf("platt", valid), test);
    const ofIsotonic = calibrationEffect(mapOf("isotonic", valid), test);
    expect(ofIsotonic.after.ece).toBeLessThan(ofPlatt.after.ece / 2);
    expect(ofIsotonic.after.logloss).toBeLessThan(ofPlatt.after.logloss);
  });

  it("has steps of enough records, and with too few for two of them is Platt's line", () => {
    const log = simulatedLog(9, 20_000, bent);
    const clicks = log.labels.reduce((sum, label) => sum + label, 0);
    const many = mapOf("isotonic", log);
    expect(many.logits.length).toBeGreaterThan(5);
    expect(many.logits.length).toBeLessThanOrEqual(clicks / STEP_RECORDS);
    const few = simulatedLog(10, 300, overconfident);
    const [line, one] = [mapOf("platt", few), mapOf("isotonic", few)];
    expect(one.logits).toHaveLength(1);
    for (const z of [-6, -3, 0]) expect(calibratedLogit(one, z)).toBeCloseTo(calibratedLogit(line, z), 1);
  });

  it("gives equal logits one place, however many there are", () => {
    const log = simulatedLog(11, 20_000, overconfident);
    const rounded = { ...log, logits: log.logits.map((z) => Math.round(z)) };
    const map = mapOf("isotonic", rounded);
    expect(map.logits.length).toBeLessThanOrEqual(12);
    expect(calibrationEffect(map, rounded).after.ece).toBeLessThan(0.005);
  });
});

it("none is no map", () => {
  expect(fitCalibration("none", simulatedLog(1, 100, overconfident))).toBeNull();
});
