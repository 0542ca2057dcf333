import { auc } from "./auc.ts";
import { loglossOfLogits } from "./logloss.ts";
import type { Floats } from "./order.ts";

/** AUC and logloss of one set of predictions. They decide when training stops, and every table shows them. */
export interface Metrics {
  auc: number;
  logloss: number;
}

/** Which of the two decides what is better: `training.monitor`. */
export type Monitor = keyof Metrics;

/**
 * Negative where `a` is better than `b`, positive where it is worse. A log of one class has no AUC (NaN), and logloss
 * decides then.
 */
export function compareMetrics(a: Metrics, b: Metrics, monitor: Monitor): number {
  return monitor === "logloss" || Number.isNaN(a.auc) || Number.isNaN(b.auc) ? a.logloss - b.logloss : b.auc - a.auc;
}

/** The logistic function. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

export function metricsOfLogits(logits: Floats, labels: Uint8Array, weights?: Floats): Metrics {
  return { auc: auc(logits, labels, weights), logloss: loglossOfLogits(logits, labels, weights) };
}
