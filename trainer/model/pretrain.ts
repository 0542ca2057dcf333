import type { FeatureSpec } from "../../format/spec.ts";
import type { Learner } from "./learner.ts";

/** The spec of the FM that an FNN starts from: the same rows and settings. */
export function pretrainingSpec<Spec extends FeatureSpec>(spec: Spec): Spec {
  return { ...spec, model: { ...spec.model, type: "FM" } };
}

/**
 * Starts an FNN's rows from what an FM over the same vocabulary has learned: z = [w, v] (Zhang, Du and Wang 2016,
 * equation 4).
 */
export function startFromFm(fnn: Learner, fm: Learner): void {
  const from = fm.tables;
  const to = fnn.tables;
  if (to.dim !== from.dim + 1) throw new Error(`got rows of ${from.dim} factors, expected ${to.dim - 1}`);
  for (let row = 0; row < from.size; row++) {
    const z = from.values.subarray(row * (from.dim + 1), (row + 1) * (from.dim + 1));
    to.values.set(z, row * (to.dim + 1) + 1);
  }
}
