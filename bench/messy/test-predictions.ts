import type { FeatureSpec } from "../../format/spec.ts";
import { scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import type { Predictions } from "../../trainer/metrics/predictions.ts";
import { train } from "../../trainer/training/train.ts";

/** Trains by a spec on the parts of a log, once with each seed; the predictions of the test part. */
export async function testPredictions(
  spec: FeatureSpec,
  path: string,
  cache: string,
  seeds: readonly number[],
): Promise<Predictions[]> {
  const of = <P>(part: P): { paths: string[]; part: P } => ({ paths: [path], part });
  const found: Predictions[] = [];
  for (const seed of seeds) {
    const seeded = { ...spec, training: { ...spec.training, seed } };
    const trained = await train(seeded, { train: of("train"), valid: of("valid"), cache });
    found.push((await scoreHeldOut(trained, of("test"), cache)).predictions);
  }
  return found;
}
