import type { FeatureSpec } from "../../format/spec.ts";
import { type AskedEngine, askFor, startEngine } from "../../trainer/engine/engines.ts";
import { checkLabels } from "../../trainer/evaluation/held-out.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { durationText, within } from "../../trainer/terminal/progress.ts";
import { ResultStore } from "./result-store.ts";
import { type RunLogs, type RunOutcome, trainRun } from "./run.ts";
import { withSettings } from "./settings.ts";

// A sweep: the runs of several cases, each with several seeds.

/** One spec of a sweep, to be trained with several seeds. */
export interface SweepCase {
  name: string;
  spec: FeatureSpec;
}

export interface SweepOptions extends AskedEngine {
  logs: RunLogs;
  /** How many seeds: the spec's own, and those that follow it. */
  seeds: number;
  /** The folder of finished runs. */
  folder: string;
}

/**
 * Trains each case with each seed. Returns the outcomes of each case, one a seed; a run that diverges ends no sweep. A
 * run whose result is in the folder is not trained again. All cases are trained with their first seed before any is
 * trained with its second, so that whatever else the machine does meanwhile affects all of them alike.
 */
export async function runSweep(
  cases: readonly SweepCase[],
  { logs, seeds, folder, ...asked }: SweepOptions,
): Promise<RunOutcome[][]> {
  const running = await startEngine(asked);
  const store = new ResultStore(folder, logs, running);
  const results: RunOutcome[][] = cases.map(() => []);
  const runs = Array.from({ length: seeds }, (_, seed) =>
    cases.map(({ name, spec }, i) => {
      const seeded = withSettings(spec, { "training.seed": spec.training.seed + seed }, name);
      return { i, seed, name, spec: seeded, kept: store.get(name, seeded) };
    }),
  ).flat();
  const missing = runs.filter(({ kept }) => kept === null).length;
  if (missing < runs.length)
    process.stderr.write(`${runs.length - missing} of ${runs.length} runs are in ${folder} already\n`);
  const specs = cases.map(({ spec }) => spec);
  if (missing > 0 && logs.test !== null) await checkLabels(specs, logs.test);
  const started = performance.now();
  let trained = 0;
  for (const [at, { i, seed, name, spec, kept }] of runs.entries()) {
    const title = `${at + 1} of ${runs.length}: ${name}, seed ${spec.training.seed}`;
    const result = kept ?? (await within(title, () => trainRun(spec, logs, askFor(running))));
    results[i][seed] = result;
    if (kept) continue;
    store.put(name, spec, result);
    trained++;
    const left = (missing - trained) * ((performance.now() - started) / 1000 / trained);
    process.stderr.write(
      `${title}: ${resultText(result)}${trained < missing ? `; about ${durationText(left)} left` : ""}\n`,
    );
  }
  return results;
}

function resultText(outcome: RunOutcome): string {
  if ("diverged" in outcome) return outcome.diverged;
  const {
    test: { auc, logloss, loss },
    epochs,
    seconds,
  } = outcome;
  const quality = loss === undefined ? `AUC ${fixed(auc, 5)}, logloss ${fixed(logloss, 5)}` : `loss ${loss.toFixed(5)}`;
  return `${quality}, ${epochs} epochs in ${durationText(seconds)}`;
}
