/** AUC and logloss of one set of predictions. */
export interface Metrics {
  auc: number;
  logloss: number;
}

/** The logistic function. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting half
 * (Mann–Whitney). Exact. NaN where a class is empty, or a score is NaN.
 */
export function auc(scores: Float32Array | Float64Array, labels: Uint8Array): number {
  if (scores.some(Number.isNaN)) return Number.NaN; // it has no rank, and is not even equal to itself
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i] as number];
    let tied = 0;
    let end = i;
    while (end < order.length && scores[order[end] as number] === score)
      tied += labels[order[end++] as number] as number;
    // Ranks i + 1 … end share their mean.
    rankSum += tied * ((i + 1 + end) / 2);
    positives += tied;
    i = end;
  }
  const negatives = order.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Mean of −ln p(label) from logits, computed without forming probabilities of 0 or 1. */
export function loglossOfLogits(logits: Float32Array | Float64Array, labels: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const z = logits[i] as number;
    sum += Math.max(z, 0) - z * (labels[i] as number) + Math.log1p(Math.exp(-Math.abs(z)));
  }
  return sum / logits.length;
}

/** Mean of −ln p(label) from probabilities, which are kept 1e-7 away from 0 and 1. */
export function loglossOfScores(scores: Float32Array | Float64Array, labels: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const p = Math.min(1 - 1e-7, Math.max(1e-7, scores[i] as number));
    sum -= Math.log(labels[i] === 1 ? p : 1 - p);
  }
  return sum / scores.length;
}

export function metricsOfLogits(logits: Float32Array | Float64Array, labels: Uint8Array): Metrics {
  return { auc: auc(logits, labels), logloss: loglossOfLogits(logits, labels) };
}
