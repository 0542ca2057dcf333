import { counted } from "../../format/counted.ts";
import { type FeatureSpec, MODEL_TYPES, type ModelType } from "../../format/spec.ts";
import { pretrainingSpec } from "../../trainer/model/pretrain.ts";
import { measureEpochs } from "./pace.ts";
import type { RunOutcome, RunResult } from "./run.ts";
import { spread } from "./spread.ts";
import { type RunSummary, summarize, trainedRuns } from "./summary.ts";
import { runSweep, type SweepOptions } from "./sweep.ts";

/** The nine models of the DeepFM paper's Table 2 (Guo et al. 2017), in its order. */
export const TABLE_2: readonly ModelType[] = MODEL_TYPES.filter((type) => type !== "two-tower");

/** A line of Table 2: a model over all seeds, on the test log. */
export interface ComparedModel extends RunSummary {
  model: ModelType;
  /**
   * Training time divided by LR's (Figure 6), with an FNN's pre-training. Null where LR is not among the models, and
   * where all runs of LR or of the model diverged.
   */
  timeToLr: number | null;
}

/** Trains each model with each seed, and then measures how their training times relate. */
export async function compareModels(
  models: readonly { name: ModelType; spec: FeatureSpec }[],
  options: SweepOptions,
): Promise<ComparedModel[]> {
  const results = await runSweep(models, options);
  const times = await timesToLr(models, results, options);
  return models.map(({ name }, i) => ({ model: name, ...summarize(results[i]), timeToLr: times?.[i] ?? null }));
}

/** Training time of each model divided by LR's; null where LR is not among them, or diverged. */
async function timesToLr(
  models: readonly { name: ModelType; spec: FeatureSpec }[],
  results: readonly RunOutcome[][],
  { logs, engine, backend, threads }: SweepOptions,
): Promise<(number | null)[] | null> {
  const lr = models.findIndex(({ name }) => name === "LR");
  const runs = results.map(trainedRuns);
  if (lr < 0 || runs[lr].length === 0) return null;
  const stages = models.map(({ name, spec }, i) => {
    if (runs[i].length === 0) return [];
    return name === "FNN" ? [spec, pretrainingSpec(spec)] : [spec];
  });
  const measured = stages.filter(({ length }) => length > 0).length;
  const title = `measure the pace of ${counted(measured, "model")}`;
  const epochs = await measureEpochs(title, stages.flat(), logs, { engine, backend, threads });
  const seconds = stages.map(({ length }, i) => {
    const [training, pretraining] = epochs.splice(0, length);
    return length === 0 ? Number.NaN : trainingSeconds(runs[i], training, pretraining);
  });
  return seconds.map((time) => (Number.isFinite(time / seconds[lr]) ? time / seconds[lr] : null));
}

/**
 * Mean training time of a model's runs in seconds, up to the epoch that early stopping ended each with. `epochSeconds`
 * is what an epoch of the training takes, `pretrainingEpochSeconds` what one of an FNN's pre-training takes. A result
 * that an earlier version saved does not say how many epochs of pre-training there were; then as many are assumed as
 * the training had. They are short, as they train an FM, so that the ratio hardly depends on their number.
 */
export function trainingSeconds(
  runs: readonly Pick<RunResult, "epochs" | "pretrainingEpochs">[],
  epochSeconds: number,
  pretrainingEpochSeconds = 0,
): number {
  const seconds = runs.map(
    ({ epochs, pretrainingEpochs = epochs }) => epochs * epochSeconds + pretrainingEpochs * pretrainingEpochSeconds,
  );
  return spread(seconds).mean;
}
