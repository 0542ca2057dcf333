// A model that overfits, and so says too much of what it knows, trained on half of the negatives, with and without a
// calibration map: from the training to the scores that are served.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { readBlob } from "../../../format/read-blob.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { checkGolden } from "../../../runtime/golden.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { fitCalibration } from "../../../trainer/calibration/fit.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { scoreHeldOut } from "../../../trainer/evaluation/held-out.ts";
import { type CalibrationEvidence, CalibrationEvidenceSchema } from "../../../trainer/export/calibration-evidence.ts";
import { loadExport } from "../../../trainer/export/export.ts";
import { exportRun } from "../../../trainer/export/export-run.ts";
import { inspectBlob } from "../../../trainer/export/inspect-blob.ts";
import { chosenOf, DEFAULT_LIMITS } from "../../../trainer/export/report.ts";
import { evaluatePredictions, evaluationLines } from "../../../trainer/metrics/evaluation.ts";
import { loadRun, saveRun } from "../../../trainer/training/run-folder.ts";
import { runRecord } from "../../../trainer/training/run-record.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog(4_000);
afterAll(() => rmSync(folder, { recursive: true }));

const trained = new Map<string, TrainingResult>();
/** Two trainings as they end: without a map, and with one. */
let plain: TrainingResult;
let inTraining: TrainingResult;

/** How far the model's logits are moved from what it learned, so that there is something to mend. */
const SHIFT = 0.75;

beforeAll(async () => {
  const specWith = (calibrate: string): ResolvedSpec => {
    const spec = tinyRunSpec({ embeddingDim: 8, hidden: [16] }, { batchSize: 64, maxEpochs: 2, calibrate });
    return { ...spec, data: { ...spec.data, negatives: { rate: 0.5, seed: 1 } } };
  };
  const trainedBy = (calibrate: string) => train(specWith(calibrate), { ...logs, backend: TEST_BACKEND });
  [plain, inTraining] = [await trainedBy("none"), await trainedBy("platt")];
  expect(inTraining.learner.weights()).toEqual(plain.learner.weights());

  const moved = await trainedBy("none");
  moved.learner.model.parameters.view("bias")[0] += SHIFT;
  trained.set("none", moved);
  const { predictions } = await scoreHeldOut(moved, logs.valid, logs.cache);
  for (const method of ["platt", "isotonic"] as const) {
    const calibration = fitCalibration(method, predictions);
    if (calibration) trained.set(method, { ...moved, spec: specWith(method), calibration });
  }
});

function resultOf(calibrate: string): TrainingResult {
  const result = trained.get(calibrate);
  if (!result) throw new Error(`no run calibrated by ${calibrate}`);
  return result;
}

it("training fits the map after the best epoch's weights are chosen, which do not depend on it", async () => {
  expect(plain.calibration).toBeUndefined();
  const { predictions } = await scoreHeldOut(plain, logs.valid, logs.cache);
  expect(inTraining.calibration).toEqual(fitCalibration("platt", predictions));
  expect(inTraining.calibration?.map.method).toBe("platt");
});

describe.each(["platt", "isotonic"])("a run calibrated by %s", (calibrate) => {
  it("has a map that is fitted on the validation log, on logits that are corrected for negatives", async () => {
    const { calibration } = resultOf(calibrate);
    const { predictions } = await scoreHeldOut(resultOf("none"), logs.valid, logs.cache);
    const { eceEqualFrequency: ece, logloss, records } = evaluatePredictions(predictions, null, 10);
    expect(calibration?.fittedOn).toMatchObject({ records, bins: 15, before: { logloss, ece } });
    expect(calibration?.fittedOn.after.logloss).toBeLessThan(logloss);
  });

  it("predicts the test log better than without, in the same order, and shows both", async () => {
    const { predictions } = await scoreHeldOut(resultOf(calibrate), logs.test, logs.cache);
    const evaluation = evaluatePredictions(predictions, null, 10);
    const { predictions: raw } = await scoreHeldOut(resultOf("none"), logs.test, logs.cache);
    const without = evaluatePredictions(raw, null, 10);
    expect(predictions.uncalibrated).toEqual(raw.logits);
    expect(evaluation.uncalibrated).toEqual({
      logloss: without.logloss,
      calibrationRatio: without.calibrationRatio,
      eceEqualFrequency: without.eceEqualFrequency,
    });
    expect(evaluation.logloss).toBeLessThan(without.logloss);
    expect(evaluation.eceEqualFrequency).toBeLessThan(without.eceEqualFrequency);
    expect(evaluation.auc).toBeCloseTo(without.auc, 6);
    const lines = new Map(evaluationLines(evaluation));
    expect(lines.get("logloss before calibration")).toBe(without.logloss.toFixed(5));
    expect(lines.get("ECE before it, 15 bins of equal frequency")).toBe(without.eceEqualFrequency.toFixed(5));
    expect(new Map(evaluationLines(without)).has("logloss before calibration")).toBe(false);
  });

  it("is saved with its map, which run.json shows", () => {
    const run = join(folder, calibrate);
    const result = resultOf(calibrate);
    saveRun(run, result, logs.valid);
    expect(loadRun(run).calibration).toEqual(result.calibration);
    expect(JSON.parse(readFileSync(join(run, "run.json"), "utf8")).calibration).toEqual(result.calibration);
  });

  it("serves calibrated scores, and says in its evidence what the map does", async () => {
    const result = resultOf(calibrate);
    await using test = await openPart(result.spec, logs.test);
    const out = join(folder, `${calibrate}-export`);
    const { report, calibration } = await exportRun(result, {
      ...{ folder: out, quantization: "f32", limits: DEFAULT_LIMITS, heldOutLog: test },
      calibrationLog: await openHeldOutLog(result.spec, result, logs.valid, logs.cache),
      trainedWith: runRecord(result.spec, result.engine),
    });
    const { blob } = await loadExport(out);
    const { calibration: map, evidence } = readBlob(blob);
    expect(map).toEqual(result.calibration?.map);
    expect((await inspectBlob(blob)).calibration).toEqual(map);
    // The trainer's and the kernel's logits both go through the map.
    const { predictions } = await scoreHeldOut(result, logs.test, logs.cache);
    const { logloss } = evaluatePredictions(predictions, null, 10);
    expect(chosenOf(report).trained.logloss).toBeCloseTo(logloss, 9);
    expect(chosenOf(report).served.logloss).toBeCloseTo(logloss, 6);
    expect(chosenOf(report).logitDifference.max).toBeLessThan(1e-4);
    // The report's size is the blob's, in the evidence too, although the report is a part of the blob.
    expect(chosenOf(report).bytes.blob).toBe(blob.length);
    expect(evidence.quantization).toEqual(report);

    const shown: CalibrationEvidence = parseWith(CalibrationEvidenceSchema, evidence.calibration, "evidence");
    expect(shown).toEqual(calibration);
    expect(shown.fittedOn).toEqual(result.calibration?.fittedOn);
    expect(shown.heldOut.after.logloss).toBeCloseTo(logloss, 9);
    expect(shown.heldOut.before.logloss).toBeGreaterThan(logloss);

    // Golden logits are those that are served, and scores their sigmoids; a wrong map is noticed.
    const scorer = new Scorer(placeBlob(kernelModule(), blob));
    expect(() => checkGolden(scorer)).not.toThrow();
    const { logits, scores } = scorer.score(scorer.locate(scorer.encode([{ country: "de" }, {}])), new Map());
    scores.forEach((p, i) => {
      expect(p).toBeCloseTo(1 / (1 + Math.exp(-logits[i])), 6);
    });
    scorer.manifest.calibration = undefined as never;
    expect(() => checkGolden(scorer)).toThrow("section GOLDEN");
  });
});
