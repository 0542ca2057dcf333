import { fixed } from "../../trainer/metrics/evaluation.ts";
import type { Metrics } from "../../trainer/metrics/metrics.ts";
import { table } from "../../trainer/terminal/table.ts";

/** Metrics of which some may not exist, as AUC of records with one class. */
type SomeMetrics = { [Name in keyof Metrics]: Metrics[Name] | null };

/** A table of AUC and logloss, one line for each model or way of scoring. `title` heads the names. */
export function metricsTable(title: string, lines: readonly (readonly [name: string, metrics: SomeMetrics])[]): string {
  const text = (x: number | null): string => fixed(x ?? Number.NaN, 5);
  return table(
    [title, "AUC", "logloss"],
    lines.map(([name, { auc, logloss }]) => [name, text(auc), text(logloss)]),
  );
}
