import type { HeldOut } from "../../trainer/evaluation/held-out.ts";
import { type Evaluation, evaluationLines } from "../../trainer/metrics/evaluation.ts";

/** A held-out log with all its metrics. */
export interface EvaluatedLog {
  name: string;
  heldOut: HeldOut;
  evaluation: Evaluation;
}

/** A table's rows, one for each metric: its name, and its value on each of the logs. */
export function evaluationRows(logs: readonly Pick<EvaluatedLog, "evaluation">[]): string[][] {
  const columns = logs.map(({ evaluation }) => evaluationLines(evaluation));
  return columns[0].map(([name], i) => [name, ...columns.map((lines) => lines[i][1])]);
}
