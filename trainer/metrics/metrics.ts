import { auc } from "./auc.ts";
import { loglossOfLogits } from "./logloss.ts";
import type { Floats } from "./order.ts";

/** AUC and logloss of one set of predictions. They decide when training stops, and every table shows them. */
export interface Metrics {
  auc: number;
  logloss: number;
}

/** The logistic function. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

export function metricsOfLogits(logits: Floats, labels: Uint8Array, weights?: Floats): Metrics {
  return { auc: auc(logits, labels, weights), logloss: loglossOfLogits(logits, labels, weights) };
}
