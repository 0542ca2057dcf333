import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { RunMetrics } from "../sweeps/run.ts";
import type { SearchSpace } from "./space.ts";
import type { Trial } from "./trial-log.ts";

// What the trials of a search are judged by: the metric by which their trainings choose an epoch.

/** The model's own loss, where it learns by another than the logistic one; otherwise what `training.monitor` names. */
export type Judged = "auc" | "logloss" | "loss";

export function judgedBy({ training }: Pick<FeatureSpec, "training">): Judged {
  return training.loss === "logistic" ? training.monitor : "loss";
}

/** What a metric is called in tables and messages. */
export function metricName(metric: Judged): string {
  return metric === "auc" ? "AUC" : metric;
}

/** The paths that decide what trials are judged by: one search has one judge. */
const JUDGES = ["training.monitor", "training.loss"];

/** Throws FormatError where a search space, which `source` names, varies what its trials are judged by. */
export function checkOneJudge({ parameters }: SearchSpace, source: string): void {
  const path = JUDGES.find((judge) => Object.hasOwn(parameters, judge));
  if (path === undefined) return;
  throw new FormatError(
    `${source}: ${path}`,
    "got it among the parameters, expected it in the spec alone: it decides what trials are judged by",
  );
}

export const DIVERGED: Trial["valid"] = { auc: null, logloss: null };

export function isDiverged({ logloss, loss }: Trial["valid"]): boolean {
  return logloss === null && loss === undefined;
}

/** The metrics of a run as a trial has them: null for one that does not exist. */
export function trialMetrics({ auc, logloss, loss }: RunMetrics): Trial["valid"] {
  const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
  return { auc: finite(auc), logloss: finite(logloss), ...(loss !== undefined && { loss }) };
}

/** The means of a trial's runs with several seeds; it counts as diverged where one of them is. */
export function meanMetrics(runs: readonly Trial["valid"][]): Trial["valid"] {
  if (runs.some(isDiverged)) return DIVERGED;
  const mean = (of: (valid: Trial["valid"]) => number | null | undefined): number | null =>
    runs.reduce<number | null>((sum, valid) => {
      const x = of(valid) ?? null;
      return sum === null || x === null ? null : sum + x / runs.length;
    }, 0);
  const loss = mean((valid) => valid.loss);
  return { auc: mean(({ auc }) => auc), logloss: mean(({ logloss }) => logloss), ...(loss !== null && { loss }) };
}

/**
 * Orders trials from best to worst by what they are judged by; by logloss where there is no AUC, as the log has one
 * class. Diverged trials come last; of equal trials the one that was drawn first comes first.
 */
export function byQuality(judged: Judged): (a: Trial, b: Trial) => number {
  const cost = ({ auc, logloss, loss }: Trial["valid"]): number => {
    const metric = judged === "auc" && auc !== null ? -auc : judged === "loss" ? loss : logloss;
    return metric ?? Number.MAX_VALUE;
  };
  return (a, b) =>
    Number(isDiverged(a.valid)) - Number(isDiverged(b.valid)) || cost(a.valid) - cost(b.valid) || a.trial - b.trial;
}

/** What a trial is judged by, as text. */
export function judgedText(valid: Trial["valid"], judged: Judged): string {
  if (isDiverged(valid)) return "diverged";
  const metric = judged === "auc" && valid.auc === null ? "logloss" : judged;
  return `${metricName(metric)} ${valid[metric]?.toFixed(5) ?? "–"}`;
}
