import * as v from "valibot";
import { type CalibrationMap, CalibrationMapSchema, calibrateLogits } from "../../format/calibration.ts";
import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { LabelCounts } from "../data/label-counts.ts";
import { binsOfEqualFrequency, CALIBRATION_BINS, expectedCalibrationError } from "../metrics/calibration.ts";
import { loglossOfLogits } from "../metrics/logloss.ts";
import { sigmoid } from "../metrics/metrics.ts";
import type { Floats } from "../metrics/order.ts";
import type { Predictions } from "../metrics/predictions.ts";
import { warn } from "../terminal/warning.ts";
import { fitIsotonic } from "./isotonic.ts";
import { fitPlatt, MIN_SLOPE } from "./platt.ts";

/** How well probabilities fit a log's labels: ECE is that of CALIBRATION_BINS bins of equal weight. */
const FitSchema = v.strictObject({ logloss: v.number(), ece: v.number() });

/** A log on which probabilities were compared before and after the map. */
export const CalibrationEffectSchema = v.strictObject({
  records: v.number(),
  clicks: v.number(),
  bins: v.number(),
  before: FitSchema,
  after: FitSchema,
});
export type CalibrationEffect = v.InferOutput<typeof CalibrationEffectSchema>;

/** A calibration map, and what it was fitted on: the validation log, whose figures it therefore flatters. */
export const CalibrationSchema = v.strictObject({ map: CalibrationMapSchema, fittedOn: CalibrationEffectSchema });
export type Calibration = v.InferOutput<typeof CalibrationSchema>;

type Method = FeatureSpec["training"]["calibrate"];

/**
 * Throws FormatError where no map can be fitted on a validation log, as it has labels of one class, or all weights of a
 * class are 0. To be called before training, which may take hours.
 */
export function checkCalibratable(path: string, spec: FeatureSpec, { negatives, positives }: LabelCounts): void {
  const { calibrate } = spec.training;
  if (calibrate === "none") return;
  for (const [label, { records, weight }] of [
    [0, negatives],
    [1, positives],
  ] as const) {
    if (weight > 0) continue;
    const got = records === 0 ? "no record" : `${counted(records, "record")} of weight 0`;
    throw new FormatError(
      `${path}: column ${spec.label}`,
      `got ${got} with ${label}, expected some: "calibrate": "${calibrate}" needs both 0 and 1 to fit a map to`,
    );
  }
}

/** Fits the map on a model's predictions of the validation log, which has both labels; null for the method `none`. */
export function fitCalibration(method: Method, predictions: Predictions): Calibration | null {
  if (method === "none") return null;
  const platt = fitPlatt(predictions);
  if (platt.slope <= MIN_SLOPE)
    warn(
      "calibrate: the model's logits hardly rank the clicks of the validation log, and so all scores become nearly the " +
        "click rate",
    );
  const map: CalibrationMap =
    method === "platt"
      ? { method, logits: [0], calibrated: [platt.intercept], slopes: [platt.slope, platt.slope] }
      : fitIsotonic(predictions, platt);
  return { map, fittedOn: calibrationEffect(map, predictions) };
}

/** What a map does to predictions that did not go through it yet. */
export function calibrationEffect(map: CalibrationMap, predictions: Predictions): CalibrationEffect {
  const { labels } = predictions;
  const of = (logits: Floats): CalibrationEffect["before"] => {
    const bins = binsOfEqualFrequency(Float64Array.from(logits, sigmoid), labels, predictions.weights);
    return { logloss: loglossOfLogits(logits, labels, predictions.weights), ece: expectedCalibrationError(bins) };
  };
  return {
    records: labels.length,
    clicks: labels.reduce((sum, label) => sum + label, 0),
    bins: CALIBRATION_BINS,
    before: of(predictions.logits),
    after: of(calibrated(map, predictions).logits),
  };
}

/** Predictions through a map; those from before it stay beside them. */
export function calibrated(map: CalibrationMap, predictions: Predictions): Predictions {
  const logits = Float32Array.from(predictions.logits);
  calibrateLogits(map, logits);
  return { ...predictions, logits, uncalibrated: predictions.logits };
}
