import * as v from "valibot";
import { Page } from "../../format/page.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { calibrated } from "../calibration/fit.ts";
import type { ClickLog } from "../data/click-log.ts";
import { lookUpRows } from "../data/dataset.ts";
import { encodeLog } from "../data/encode.ts";
import { noRows } from "../data/logs.ts";
import { calibrationRatio } from "../metrics/calibration.ts";
import { metricsOfLogits, sigmoid } from "../metrics/metrics.ts";
import type { Floats } from "../metrics/order.ts";
import { aucDifferenceInterval, CONFIDENCE, loglossRatioInterval } from "../metrics/paired.ts";
import type { Predictions } from "../metrics/predictions.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { startTask } from "../terminal/progress.ts";
import type { DraftExport } from "./export.ts";

/** Null where the metric does not exist, as AUC of records with one class. */
const MetricSchema = v.nullable(v.number());
const IntervalSchema = v.nullable(v.tuple([v.number(), v.number()]));
const QualitySchema = v.strictObject({ auc: MetricSchema, logloss: MetricSchema, calibrationRatio: MetricSchema });

/** The served model beside the trained one, on the same held-out records. */
export const ParitySchema = v.strictObject({
  records: v.number(),
  trained: QualitySchema,
  served: QualitySchema,
  /** Served − trained; for logloss, as a share of the trained one's. */
  delta: QualitySchema,
  /** Where the true differences are, with a probability of `confidence`; null where too few records count. */
  interval: v.strictObject({ confidence: v.number(), auc: IntervalSchema, logloss: IntervalSchema }),
  logitDifference: v.strictObject({ max: v.number(), mean: v.number() }),
});

export type Quality = v.InferOutput<typeof QualitySchema>;
export type Parity = v.InferOutput<typeof ParitySchema>;

export interface ParityOptions {
  /** What the progress is called. */
  name?: string;
  /** Reading stops after the chunk in which so many records are reached. */
  most?: number;
  /** Receives the trained model's predictions on all that was read, from before the calibration map. */
  onTrained?: (predictions: Predictions) => void;
}

/**
 * Scores a held-out log twice: with the trainer's float32 model, and with the exported one in the kernel that serves
 * it. Throws FormatError where the log has no record.
 */
export async function measureParity(
  model: Omit<TrainedModel, "spec">,
  exported: DraftExport,
  log: ClickLog,
  { name = "parity", most = Number.POSITIVE_INFINITY, onTrained }: ParityOptions = {},
): Promise<Parity> {
  using task = startTask(name, null, "record");
  const scorer = new Scorer(placeBlob(kernelModule(), exported.blob));
  const pages = new Map(exported.pages.map(({ bytes }, page) => [page, new Page(bytes, scorer.manifest, page)]));
  const trained: Float32Array[] = [];
  const served: Float32Array[] = [];
  const labels: Uint8Array[] = [];
  const weights: Float32Array[] = [];
  let records = 0;
  for await (const chunk of encodeLog(log, model.fitted)) {
    trained.push(model.learner.predict(lookUpRows(chunk, model.vocabulary)));
    served.push(scorer.score(scorer.locate(chunk.encoded), pages).logits);
    labels.push(chunk.labels);
    if (chunk.weights) weights.push(chunk.weights);
    records += chunk.encoded.count;
    task.advance(chunk.encoded.count);
    if (records >= most) break;
  }
  task.done();
  if (records === 0) throw noRows(log.path, log.options.part);
  const raw: Predictions = {
    logits: joined(Float32Array, trained),
    labels: joined(Uint8Array, labels),
    ...(weights.length > 0 && { weights: joined(Float32Array, weights) }),
  };
  onTrained?.(raw);
  // What is served is compared: a map may bend differences of logits, and with them the loss.
  const { logits } = model.calibration ? calibrated(model.calibration.map, raw) : raw;
  return compareLogits(logits, joined(Float32Array, served), raw.labels, raw.weights);
}

/** Compares two models' logits of the same records. */
export function compareLogits(trained: Floats, served: Floats, labels: Uint8Array, weights?: Floats): Parity {
  let max = 0;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const difference = Math.abs(trained[i] - served[i]);
    max = Math.max(max, difference);
    sum += difference;
  }
  const [before, after] = [qualityOf(trained, labels, weights), qualityOf(served, labels, weights)];
  return {
    records: labels.length,
    trained: before,
    served: after,
    delta: {
      auc: minus(after.auc, before.auc),
      logloss: finite((minus(after.logloss, before.logloss) ?? Number.NaN) / (before.logloss ?? Number.NaN)),
      calibrationRatio: minus(after.calibrationRatio, before.calibrationRatio),
    },
    interval: {
      confidence: CONFIDENCE,
      auc: aucDifferenceInterval(trained, served, labels, weights),
      logloss: loglossRatioInterval(trained, served, labels, weights),
    },
    logitDifference: { max, mean: sum / labels.length },
  };
}

function qualityOf(logits: Floats, labels: Uint8Array, weights?: Floats): Quality {
  const { auc, logloss } = metricsOfLogits(logits, labels, weights);
  const ratio = calibrationRatio(Float64Array.from(logits, sigmoid), labels, weights);
  return { auc: finite(auc), logloss: finite(logloss), calibrationRatio: finite(ratio) };
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** JSON has no number that is not finite. */
function finite(x: number): number | null {
  return Number.isFinite(x) ? x : null;
}

function joined<T extends Float32Array | Uint8Array>(List: new (length: number) => T, parts: readonly T[]): T {
  const whole = new List(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
