import { aucInterval } from "./auc-interval.ts";
import {
  binsOfEqualFrequency,
  binsOfEqualWidth,
  CALIBRATION_BINS,
  calibrationRatio,
  expectedCalibrationError,
} from "./calibration.ts";
import { gauc } from "./gauc.ts";
import { clickRate, relativeInformationGain } from "./information-gain.ts";

import type { Interval } from "./interval.ts";
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

/** How well a model that learned by the in-batch loss does what it learned. */
export interface InBatchEvaluation {
  /** The mean in-batch loss. */
  loss: number;
  k: number;
  /** Recall@k over all items of the training log, and that of the most popular items. */
  recall: number;
  popularity: number;
  /** The positive records that recall is of. */
  positives: number;
}

/** All metrics of one set of predictions: NaN where one does not exist, which in JSON is null. */
export interface Evaluation extends Metrics {
  records: number;
  clickRate: number;
  /** Of the AUC, with a confidence of 95 %; null where there is none. */
  aucInterval: Interval | null;
  relativeInformationGain: number;
  calibrationRatio: number;
  eceEqualFrequency: number;
  eceEqualWidth: number;
  /** The same before the calibration map, where the model has one. */
  uncalibrated?: Pick<Evaluation, "logloss" | "calibrationRatio" | "eceEqualFrequency">;
  grouped?: GroupedEvaluation;
  /**
   * Only with the in-batch loss. What it leaves open is added to all scores of one context, so that scores are no
   * probabilities, and those of different contexts are not compared: the metrics that do so are NaN.
   */
  inBatch?: InBatchEvaluation;
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

/**
 * Computes every metric; GAUC and NDCG@k only where there are groups. `inBatch`: what is known of a model that learned
 * by the in-batch loss.
 */
export function evaluatePredictions(
  predictions: Predictions,
  groups: Groups | null,
  k: number,
  inBatch: InBatchEvaluation | null = null,
): Evaluation {
  const { logits, labels, weights, uncalibrated } = predictions;
  const grouped = groups && evaluateGroups({ logits, labels, ...(weights && { weights }) }, groups, k);
  if (inBatch) {
    return {
      records: labels.length,
      clickRate: clickRate(labels, weights),
      auc: Number.NaN,
      logloss: Number.NaN,
      relativeInformationGain: Number.NaN,
      aucInterval: null,
      calibrationRatio: Number.NaN,
      eceEqualFrequency: Number.NaN,
      eceEqualWidth: Number.NaN,
      ...(grouped && { grouped }),
      inBatch,
    };
  }
  const metrics = metricsOfLogits(logits, labels, weights);
  const probabilities = Float64Array.from(logits, sigmoid);
  return {
    records: labels.length,
    clickRate: clickRate(labels, weights),
    ...metrics,
    aucInterval: aucInterval(logits, labels, weights),
    relativeInformationGain: relativeInformationGain(metrics.logloss, labels, weights),
    calibrationRatio: calibrationRatio(probabilities, labels, weights),
    eceEqualFrequency: expectedCalibrationError(binsOfEqualFrequency(probabilities, labels, weights)),
    eceEqualWidth: expectedCalibrationError(binsOfEqualWidth(probabilities, labels, weights)),
    ...(uncalibrated && { uncalibrated: evaluateUncalibrated(uncalibrated, predictions) }),
    ...(grouped && { grouped }),
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
  const { grouped, inBatch } = evaluation;
  return [
    ...(inBatch ? inBatchLines(inBatch) : logisticLines(evaluation)),
    ...(grouped
      ? ([
          [`GAUC by ${grouped.by}`, fixed(grouped.gauc, 5)],
          [`NDCG@${grouped.k} by ${grouped.by}`, fixed(grouped.ndcg, 5)],
          [`${grouped.by}: groups with both classes`, grouped.groups.toLocaleString("en")],
        ] satisfies [string, string][])
      : []),
    ["records", evaluation.records.toLocaleString("en")],
    ["click rate", precise(evaluation.clickRate, 5)],
  ];
}

function logisticLines(evaluation: Evaluation): [name: string, value: string][] {
  const { uncalibrated } = evaluation;
  return [
    ["AUC", fixed(evaluation.auc, 5)],
    ["AUC, 95 % interval", intervalText(evaluation.aucInterval, 5)],
    ["logloss", precise(evaluation.logloss, 5)],
    ["relative information gain", fixed(evaluation.relativeInformationGain, 5)],
    ["calibration (predicted / observed)", fixed(evaluation.calibrationRatio, 4)],
    [`ECE, ${CALIBRATION_BINS} bins of equal frequency`, precise(evaluation.eceEqualFrequency, 5)],
    [`ECE, ${CALIBRATION_BINS} bins of equal width`, precise(evaluation.eceEqualWidth, 5)],
    ...(uncalibrated
      ? ([
          ["logloss before calibration", precise(uncalibrated.logloss, 5)],
          ["calibration before it (predicted / observed)", fixed(uncalibrated.calibrationRatio, 4)],
          [`ECE before it, ${CALIBRATION_BINS} bins of equal frequency`, fixed(uncalibrated.eceEqualFrequency, 5)],
        ] satisfies [string, string][])
      : []),
  ];
}

export function inBatchLines({
  loss,
  k,
  recall,
  popularity,
  positives,
}: InBatchEvaluation): [name: string, value: string][] {
  return [
    ["in-batch loss", fixed(loss, 5)],
    [`recall@${k}`, fixed(recall, 4)],
    [`recall@${k} of the most popular`, fixed(popularity, 4)],
    ["positive records looked for", positives.toLocaleString("en")],
  ];
}

/** A number with so many decimals; a dash where the metric does not exist. */
export function fixed(x: number, decimals: number): string {
  if (!Number.isFinite(x)) return "–";
  const text = x.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** The digits that a small number keeps, such as a click rate of 1 in 10,000. */
const LEAST_DIGITS = 3;

/** A number with so many decimals, or with as many more as show three digits of it. */
export function precise(x: number, decimals: number): string {
  const digits = x === 0 ? 0 : LEAST_DIGITS - 1 - Math.floor(Math.log10(Math.abs(x)));
  return fixed(x, Math.min(Math.max(decimals, digits), MOST_DECIMALS));
}

/** What `precise` shows at most: a smaller number is a rounding of 0. */
const MOST_DECIMALS = 9;

/** An interval with so many decimals; a dash where there is none. */
export function intervalText(interval: Interval | null, decimals: number): string {
  return interval === null ? "–" : `${fixed(interval.low, decimals)} – ${fixed(interval.high, decimals)}`;
}
