import {
  binsOfEqualFrequency,
  binsOfEqualWidth,
  CALIBRATION_BINS,
  calibrationRatio,
  expectedCalibrationError,
} from "./calibration.ts";
import { gauc } from "./gauc.ts";
import { clickRate, relativeInformationGain } from "./information-gain.ts";
import { loglossOfLogits } from "./logloss.ts";
import { type Metrics, metricsOfLogits, sigmoid } from "./metrics.ts";
import { ndcg } from "./ndcg.ts";
import { type Floats, orderByGroup } from "./order.ts";
import type { Predictions } from "./predictions.ts";

/** Which records belong together for GAUC and NDCG, such as those of one user or of one request. */
export interface Groups {
  /** The column that groups. */
  name: string;
  /** [N]: for each record, the number of its group, below `count`. */
  of: Uint32Array;
  count: number;
}

/** All metrics of one set of predictions. */
export interface Evaluation extends Metrics {
  records: number;
  clickRate: number;
  relativeInformationGain: number;
  calibrationRatio: number;
  eceEqualFrequency: number;
  eceEqualWidth: number;
  /** The same before the calibration map, where the model has one. */
  uncalibrated?: Pick<Evaluation, "logloss" | "calibrationRatio" | "eceEqualFrequency">;
  grouped?: GroupedEvaluation;
}

export interface GroupedEvaluation {
  /** The column that groups. */
  by: string;
  gauc: number;
  /** Groups that GAUC is the mean of: those with both classes. */
  groups: number;
  k: number;
  ndcg: number;
}

/** Computes every metric; GAUC and NDCG@k only where there are groups. */
export function evaluatePredictions(predictions: Predictions, groups: Groups | null, k: number): Evaluation {
  const { logits, labels, weights, uncalibrated } = predictions;
  const metrics = metricsOfLogits(logits, labels, weights);
  const probabilities = Float64Array.from(logits, sigmoid);
  return {
    records: labels.length,
    clickRate: clickRate(labels, weights),
    ...metrics,
    relativeInformationGain: relativeInformationGain(metrics.logloss, labels, weights),
    calibrationRatio: calibrationRatio(probabilities, labels, weights),
    eceEqualFrequency: expectedCalibrationError(binsOfEqualFrequency(probabilities, labels, weights)),
    eceEqualWidth: expectedCalibrationError(binsOfEqualWidth(probabilities, labels, weights)),
    ...(uncalibrated && { uncalibrated: evaluateUncalibrated(uncalibrated, predictions) }),
    ...(groups && { grouped: evaluateGroups({ logits, labels, ...(weights && { weights }) }, groups, k) }),
  };
}

function evaluateUncalibrated(
  logits: Floats,
  { labels, weights }: Predictions,
): NonNullable<Evaluation["uncalibrated"]> {
  const probabilities = Float64Array.from(logits, sigmoid);
  return {
    logloss: loglossOfLogits(logits, labels, weights),
    calibrationRatio: calibrationRatio(probabilities, labels, weights),
    eceEqualFrequency: expectedCalibrationError(binsOfEqualFrequency(probabilities, labels, weights)),
  };
}

function evaluateGroups({ logits, labels, weights }: Predictions, groups: Groups, k: number): GroupedEvaluation {
  const grouped = orderByGroup(logits, groups.of, groups.count);
  return { by: groups.name, ...gauc(grouped, logits, labels, weights), k, ndcg: ndcg(grouped, logits, labels, k) };
}

/** The metrics as lines of a table: a name and a value each. */
export function evaluationLines(evaluation: Evaluation): [name: string, value: string][] {
  const { grouped, uncalibrated } = evaluation;
  return [
    ["AUC", fixed(evaluation.auc, 5)],
    ["logloss", fixed(evaluation.logloss, 5)],
    ["relative information gain", fixed(evaluation.relativeInformationGain, 5)],
    ["calibration (predicted / observed)", fixed(evaluation.calibrationRatio, 4)],
    [`ECE, ${CALIBRATION_BINS} bins of equal frequency`, fixed(evaluation.eceEqualFrequency, 5)],
    [`ECE, ${CALIBRATION_BINS} bins of equal width`, fixed(evaluation.eceEqualWidth, 5)],
    ...(uncalibrated
      ? ([
          ["logloss before calibration", fixed(uncalibrated.logloss, 5)],
          ["calibration before it (predicted / observed)", fixed(uncalibrated.calibrationRatio, 4)],
          [`ECE before it, ${CALIBRATION_BINS} bins of equal frequency`, fixed(uncalibrated.eceEqualFrequency, 5)],
        ] satisfies [string, string][])
      : []),
    ...(grouped
      ? ([
          [`GAUC by ${grouped.by}`, fixed(grouped.gauc, 5)],
          [`NDCG@${grouped.k} by ${grouped.by}`, fixed(grouped.ndcg, 5)],
          [`${grouped.by}: groups with both classes`, grouped.groups.toLocaleString("en")],
        ] satisfies [string, string][])
      : []),
    ["records", evaluation.records.toLocaleString("en")],
    ["click rate", fixed(evaluation.clickRate, 5)],
  ];
}

/** A number with so many decimals; a dash where the metric does not exist. */
export function fixed(x: number, decimals: number): string {
  return Number.isFinite(x) ? x.toFixed(decimals) : "–";
}
