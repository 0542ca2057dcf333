import type { Floats } from "./order.ts";

/** A probability is kept this far from 0 and 1, where its logarithm would be infinite. */
const CLIP = 1e-7;

/** Mean of −ln p(label) from logits. Large ones lose nothing, as no probability of 0 or 1 is formed. */
export function loglossOfLogits(logits: Floats, labels: Uint8Array, weights?: Floats): number {
  return mean(logits.length, weights, (i) => {
    const z = logits[i];
    return Math.max(z, 0) - z * labels[i] + Math.log1p(Math.exp(-Math.abs(z)));
  });
}

/** Mean of −ln p(label) from probabilities, which are kept CLIP away from 0 and 1. */
export function loglossOfScores(scores: Floats, labels: Uint8Array, weights?: Floats): number {
  return mean(scores.length, weights, (i) => {
    const p = Math.min(1 - CLIP, Math.max(CLIP, scores[i]));
    return -Math.log(labels[i] === 1 ? p : 1 - p);
  });
}

/** The weighted mean of `of(0) … of(count − 1)`. */
function mean(count: number, weights: Floats | undefined, of: (i: number) => number): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights ? weights[i] : 1;
    sum += weight * of(i);
    total += weight;
  }
  return sum / total;
}
