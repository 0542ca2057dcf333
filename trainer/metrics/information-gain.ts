import type { Floats } from "./order.ts";

/**
 * Relative information gain, 1 − NE. The normalized entropy NE is the logloss divided by the entropy of the log's own
 * click rate p, −(p ln p + (1 − p) ln(1 − p)) (He et al. 2014, "Practical Lessons from Predicting Clicks on Ads at
 * Facebook", section 2, equation 1). 0 is as good as always predicting p, 1 is perfect. NaN where a class is empty.
 */
export function relativeInformationGain(logloss: number, labels: Uint8Array, weights?: Floats): number {
  const ofLog = entropy(clickRate(labels, weights));
  return ofLog > 0 ? 1 - logloss / ofLog : Number.NaN;
}

/** The entropy in nats of a click that has the probability p: the logloss of a model that always says p. */
export function entropy(p: number): number {
  const term = (x: number): number => (x > 0 ? -x * Math.log(x) : 0);
  return term(p) + term(1 - p);
}

/** The weighted share of records whose label is 1. */
export function clickRate(labels: Uint8Array, weights?: Floats): number {
  let clicks = 0;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    clicks += weight * labels[i];
    total += weight;
  }
  return clicks / total;
}
