import type { RunOutcome, RunResult } from "./run.ts";
import { type Spread, spread, spreadText } from "./spread.ts";

/** The runs of one case with all its seeds, on the test log. */
export interface RunSummary {
  /** NaN where a run diverged: a mean of the others would flatter the case. */
  auc: Spread;
  logloss: Spread;
  /** Null where every run diverged. */
  parameters: number | null;
  /** How many runs diverged; absent where none did. */
  diverged?: number;
}

export function summarize(outcomes: readonly RunOutcome[]): RunSummary {
  const trained = trainedRuns(outcomes);
  const diverged = outcomes.length - trained.length;
  const over = (metric: "auc" | "logloss"): Spread =>
    spread(outcomes.map((run) => ("diverged" in run ? Number.NaN : run.test[metric])));
  return {
    auc: over("auc"),
    logloss: over("logloss"),
    parameters: trained[0]?.parameters ?? null,
    ...(diverged > 0 && { diverged }),
  };
}

/** The runs that did not diverge. */
export function trainedRuns(outcomes: readonly RunOutcome[]): RunResult[] {
  return outcomes.filter((run): run is RunResult => !("diverged" in run));
}

/** AUC, logloss and parameters as texts of a table. */
export function summaryCells({ auc, logloss, parameters, diverged }: RunSummary, seeds: number): string[] {
  const of = diverged === seeds ? "diverged" : `${diverged} of ${seeds} diverged`;
  const quality = diverged === undefined ? [spreadText(auc, seeds), spreadText(logloss, seeds)] : [of, "–"];
  return [...quality, parameters?.toLocaleString("en") ?? "–"];
}
