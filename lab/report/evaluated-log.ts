import type { HeldOut } from "../../trainer/evaluation/held-out.ts";
import type { Importance } from "../../trainer/evaluation/importance.ts";
import { type Decile, deciles } from "../../trainer/metrics/deciles.ts";
import {
  type Evaluation,
  evaluatePredictions,
  evaluationLines,
  type InBatchEvaluation,
} from "../../trainer/metrics/evaluation.ts";

/** A held-out log with all its metrics. */
export interface EvaluatedLog {
  name: string;
  heldOut: HeldOut;
  evaluation: Evaluation;
  /** None with the in-batch loss, whose scores are not compared between contexts. */
  deciles: Decile[];
}

/** Computes every metric of a log; `k` is that of NDCG@k. `inBatch`: as `evaluatePredictions` takes it. */
export function evaluateLog(
  name: string,
  heldOut: HeldOut,
  k: number,
  inBatch: InBatchEvaluation | null = null,
): EvaluatedLog {
  const evaluation = evaluatePredictions(heldOut.predictions, heldOut.groups, k, inBatch);
  return { name, heldOut, evaluation, deciles: inBatch ? [] : deciles(heldOut.predictions) };
}

/** A table's rows, one for each metric: its name, and its value on each of the logs. */
export function evaluationRows(logs: readonly Pick<EvaluatedLog, "evaluation">[]): string[][] {
  const columns = logs.map(({ evaluation }) => evaluationLines(evaluation));
  return columns[0].map(([name], i) => [name, ...columns.map((lines) => lines[i][1])]);
}

/** What came of a run as plain data: the metrics and deciles of each log by its name, and the importance of columns. */
export function evaluationData(logs: readonly EvaluatedLog[], importance: Importance | null): object {
  const ofLogs = logs.map(({ name, heldOut, evaluation, deciles }) => [
    name,
    { log: heldOut.path, ...evaluation, deciles },
  ]);
  return { ...Object.fromEntries(ofLogs), ...(importance && { importance }) };
}
