import type { RunOutcome, RunResult } from "./run.ts";
import { type Spread, spread, spreadText } from "./spread.ts";

/** What an in-batch model is measured by on the test log: its loss, recall@100, and that of the most popular items. */
export type InBatchMetric = "loss" | "recall" | "popularity";

/** The runs of one case with all its seeds, on the test log. */
export interface RunSummary {
  /** NaN where a run diverged: a mean of the others would flatter the case. */
  auc: Spread;
  logloss: Spread;
  /** Of a model that learns by the in-batch loss, which has no AUC and logloss. */
  inBatch?: Record<InBatchMetric, Spread>;
  /** Null where every run diverged. */
  parameters: number | null;
  /** How many runs diverged; absent where none did. */
  diverged?: number;
}

export function summarize(outcomes: readonly RunOutcome[]): RunSummary {
  const trained = trainedRuns(outcomes);
  const diverged = outcomes.length - trained.length;
  const over = (metric: "auc" | "logloss" | InBatchMetric): Spread =>
    spread(outcomes.map((run) => ("diverged" in run ? Number.NaN : (run.test[metric] ?? Number.NaN))));
  const inBatch = trained.some(({ test }) => test.loss !== undefined);
  return {
    auc: over("auc"),
    logloss: over("logloss"),
    ...(inBatch && { inBatch: { loss: over("loss"), recall: over("recall"), popularity: over("popularity") } }),
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
