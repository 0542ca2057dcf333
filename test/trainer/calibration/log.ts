import { Random } from "../../../trainer/data/random.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";

/** A log of which a model knows the logits up to `truth`, which gives the true logit of the model's. */
export interface SimulatedLog {
  logits: Float32Array;
  labels: Uint8Array;
}

/** Logits of mean −3 and deviation 1.3, and labels by the true ones. */
export function simulatedLog(seed: number, count: number, truth: (logit: number) => number): SimulatedLog {
  const random = new Random(seed);
  const logits = Float32Array.from({ length: count }, () => -3 + 1.3 * random.normal());
  return { logits, labels: Uint8Array.from(logits, (z) => (random.uniform() < sigmoid(truth(z)) ? 1 : 0)) };
}

/** A model that says too much of what it knows, of a log of which training kept a third of the negatives. */
export const overconfident = (logit: number): number => 0.5 * logit - Math.log(3);

/** A truth that no line gives: most of what the model tells apart at the low end is nothing. */
export const bent = (logit: number): number => Math.log(0.02 + 0.6 * sigmoid(1.5 * (logit + 1)));
