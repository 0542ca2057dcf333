import * as v from "valibot";
import { FormatError, show } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { warn } from "../terminal/warning.ts";

const count = v.strictObject({ records: v.number(), weight: v.number() });

/** The records of a log by their label, and the sums of their sample weights; a record without one weighs 1. */
export const LabelCountsSchema = v.strictObject({ negatives: count, positives: count });
export type LabelCounts = v.InferOutput<typeof LabelCountsSchema>;

/** The counts of so many labels, 0 or 1 each. */
export function countLabels(labels: Uint8Array, weights?: ArrayLike<number>): LabelCounts {
  const counts = noLabels();
  for (let i = 0; i < labels.length; i++) countLabel(counts, labels[i], weights ? weights[i] : 1);
  return counts;
}

export function noLabels(): LabelCounts {
  return { negatives: { records: 0, weight: 0 }, positives: { records: 0, weight: 0 } };
}

/** Counts one record more. */
export function countLabel(counts: LabelCounts, label: number, weight: number): void {
  const of = label === 1 ? counts.positives : counts.negatives;
  of.records++;
  of.weight += weight;
}

/**
 * The log-odds of a click, ln((P + ½)/(N + ½)) for P clicks among P + N records: the empirical logit, which is all but
 * unbiased where clicks are few (Haldane 1956; Anscombe 1956), and finite for any log. With sample weights, P and N are
 * their sums, and ½ is half a record of mean weight. NaN of a log without weight.
 */
export function logOdds({ negatives, positives }: LabelCounts): number {
  const weight = negatives.weight + positives.weight;
  const half = weight / (negatives.records + positives.records) / 2;
  return Math.log((positives.weight + half) / (negatives.weight + half));
}

/** The columns of a log that say what a record counts for, as a spec names them. */
export interface LabelColumns {
  label: string;
  data: { weight?: string | undefined; negatives?: { rate?: number | undefined } | undefined };
}

/** Why the in-batch loss needs records with label 1. */
export const OWN_LOSS_NEEDS = "the in-batch loss is that of these alone";

/** Throws FormatError where a spec has sample weights that its loss does not count. */
export function checkWeightsCount({ data: { weight }, training: { loss } }: FeatureSpec): void {
  if (weight === undefined || loss === "logistic") return;
  const problem = `got ${show(weight)} with the loss "${loss}", which counts each record with label 1 alike, expected none`;
  throw new FormatError("data.weight", problem);
}

/** Throws FormatError where a log has no record with label 1. `why`: what they are needed for. */
export function checkPositives(
  path: string,
  { label }: LabelColumns,
  { negatives, positives }: LabelCounts,
  why: string,
): void {
  if (positives.records > 0) return;
  throw new FormatError(`${path}: column ${label}`, `got 0 in ${allOf(negatives.records)}, expected some 1: ${why}`);
}

/**
 * Throws FormatError where a model can learn nothing from a log by the logistic loss, as its labels are of one class or
 * its weights are 0.
 */
export function checkTrainingLabels(path: string, columns: LabelColumns, counts: LabelCounts): void {
  const { negatives, positives } = counts;
  checkSampleWeights(path, columns, counts);
  const only = onlyLabel(counts);
  if (only !== null) {
    const records = positives.records + negatives.records;
    const hint = only === 1 ? `; ${negativesHint(columns.data.negatives?.rate)}` : "";
    throw new FormatError(
      `${path}: column ${columns.label}`,
      `got ${only} in ${allOf(records)}, expected both 0 and 1: there is nothing to learn from one of them${hint}`,
    );
  }
  for (const [label, { records, weight }] of [
    [0, negatives],
    [1, positives],
  ] as const) {
    if (weight > 0) continue;
    const what = `${allOf(records)} whose ${columns.label} is ${label}`;
    throw new FormatError(`${path}: column ${columns.data.weight}`, `got 0 in ${what}, expected some above 0`);
  }
}

/** What may be the matter with a log that has no record with label 0. `rate`: the share of these that is kept. */
function negativesHint(rate: number | undefined): string {
  if (rate === undefined) return "data.negatives.sample makes negatives for a log of positives";
  return `data.negatives.rate, ${rate}, has kept no negative of the log: a larger one keeps more`;
}

/**
 * Throws FormatError where there is nothing to measure a model by, as all weights are 0; warns of labels of one class.
 */
export function checkHeldOutLabels(path: string, columns: LabelColumns, counts: LabelCounts): void {
  checkSampleWeights(path, columns, counts);
  const only = onlyLabel(counts);
  if (only === null) return;
  const all = allOf(counts.positives.records + counts.negatives.records);
  warn(`${path}: column ${columns.label} is ${only} in ${all}, so there is no AUC, and logloss alone is compared`);
}

/** Throws FormatError where all records of a log weigh nothing. */
export function checkSampleWeights(path: string, { data }: LabelColumns, { negatives, positives }: LabelCounts): void {
  if (negatives.weight + positives.weight > 0) return;
  const all = allOf(positives.records + negatives.records);
  throw new FormatError(`${path}: column ${data.weight}`, `got 0 in ${all}, expected some above 0`);
}

/** The label of all records; null where there are both. */
function onlyLabel({ negatives, positives }: LabelCounts): 0 | 1 | null {
  if (positives.records === 0) return 0;
  return negatives.records === 0 ? 1 : null;
}

function allOf(records: number): string {
  return records === 1 ? "its one record" : `all ${records} records`;
}
