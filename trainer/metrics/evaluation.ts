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
import { type Metrics, metricsOfLogits, sigmoid } from "./metrics.ts";
import { ndcg } from "./ndcg.ts";
import { orderByGroup } from "./order.ts";
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
  /** Of the AUC, with a confidence of 95 %; null where there is none. */
  aucInterval: Interval | null;
  relativeInformationGain: number;
  calibrationRatio: number;
  eceEqualFrequency: number;
  eceEqualWidth: number;
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
export function evaluatePredictions(
  { logits, labels, weights }: Predictions,
  groups: Groups | null,
  k: number,
): Evaluation {
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
    ...(groups && { grouped: evaluateGroups({ logits, labels, ...(weights && { weights }) }, groups, k) }),
  };
}

function evaluateGroups({ logits, labels, weights }: Predictions, groups: Groups, k: number): GroupedEvaluation {
  const grouped = orderByGroup(logits, groups.of, groups.count);
  return { by: groups.name, ...gauc(grouped, logits, labels, weights), k, ndcg: ndcg(grouped, logits, labels, k) };
}

/** The metrics as lines of a table: a name and a value each. */
export function evaluationLines(evaluation: Evaluation): [name: string, value: string][] {
  const { grouped } = evaluation;
  return [
    ["AUC", fixed(evaluation.auc, 5)],
    ["AUC, 95 % interval", intervalText(evaluation.aucInterval, 5)],
    ["logloss", precise(evaluation.logloss, 5)],
    ["relative information gain", fixed(evaluation.relativeInformationGain, 5)],
    ["calibration (predicted / observed)", fixed(evaluation.calibrationRatio, 4)],
    [`ECE, ${CALIBRATION_BINS} bins of equal frequency`, precise(evaluation.eceEqualFrequency, 5)],
    [`ECE, ${CALIBRATION_BINS} bins of equal width`, precise(evaluation.eceEqualWidth, 5)],
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
