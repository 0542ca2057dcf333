import type { FeatureSpec } from "../../format/spec.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { checkLog } from "../../trainer/evaluation/held-out.ts";
import { durationText, within } from "../../trainer/terminal/progress.ts";
import { ResultStore } from "./result-store.ts";
import { type ExperimentLogs, type ExperimentResult, runExperiment } from "./run.ts";
import { withSettings } from "./settings.ts";

/** One setting, to be trained with several seeds. */
export interface Experiment {
  name: string;
  spec: FeatureSpec;
}

export interface ExperimentOptions {
  logs: ExperimentLogs;
  /** How many: the spec's own seed, and those that follow it. */
  seeds: number;
  /** Where finished runs are kept. */
  folder: string;
  backend?: Backend | undefined;
}

/**
 * Trains each experiment with each seed, and returns its results, one a seed. A run that the folder has is not trained
 * again. All experiments get their first seed before any gets its second: what a machine does meanwhile hits all alike.
 */
export async function runExperiments(
  experiments: readonly Experiment[],
  { logs, seeds, folder, backend }: ExperimentOptions,
): Promise<ExperimentResult[][]> {
  const store = new ResultStore(folder, logs, backend);
  const results: ExperimentResult[][] = experiments.map(() => []);
  const runs = Array.from({ length: seeds }, (_, seed) =>
    experiments.map(({ name, spec }, i) => {
      const seeded = withSettings(spec, { "training.seed": spec.training.seed + seed }, name);
      return { i, seed, name, spec: seeded, kept: store.get(name, seeded) };
    }),
  ).flat();
  const missing = runs.filter(({ kept }) => kept === null).length;
  if (missing < runs.length)
    process.stderr.write(`${runs.length - missing} of ${runs.length} runs are in ${folder} already\n`);
  if (missing > 0 && logs.test !== null)
    for (const { spec } of experiments) await checkLog(spec, logs.test, [spec.label]);
  const started = performance.now();
  let trained = 0;
  for (const [at, { i, seed, name, spec, kept }] of runs.entries()) {
    const title = `${at + 1} of ${runs.length}: ${name}, seed ${spec.training.seed}`;
    const result = kept ?? (await within(title, () => runExperiment(spec, logs, backend)));
    (results[i] as ExperimentResult[])[seed] = result;
    if (kept) continue;
    store.put(name, spec, result);
    trained++;
    const left = (missing - trained) * ((performance.now() - started) / 1000 / trained);
    process.stderr.write(
      `${title}: AUC ${result.test.auc.toFixed(5)}, logloss ${result.test.logloss.toFixed(5)}, ${result.epochs} epochs in ${durationText(result.seconds)}${trained < missing ? `; about ${durationText(left)} left` : ""}\n`,
    );
  }
  return results;
}
