import { columnsOf, partsOf } from "../../format/columns.ts";
import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { calibrated } from "../calibration/fit.ts";
import { fieldRequest } from "../data/field-request.ts";
import { openHeldOutLog } from "../data/held-out-log.ts";
import { type ColumnRequest, type IndexedColumn, readColumns } from "../data/indexed-column.ts";
import { checkHeldOutLabels, checkPositives, OWN_LOSS_NEEDS } from "../data/label-counts.ts";
import { type LogPart, logName, noRows, openPart } from "../data/logs.ts";
import { predictLog } from "../data/source.ts";
import type { Groups } from "../metrics/evaluation.ts";
import type { Predictions } from "../metrics/predictions.ts";
import { checkLogits } from "../model/divergence.ts";
import { MeanLoss } from "../model/own-loss.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { startTask } from "../terminal/progress.ts";

/** A held-out log as a model scored it. */
export interface HeldOut {
  path: string;
  predictions: Predictions;
  /** The mean of the model's own loss, where it learns by another than the logistic one; otherwise null. */
  ownLoss: number | null;
  groups: Groups | null;
  /** The columns by whose values the records are compared, in the order of the predictions. */
  slices: IndexedColumn[];
}

/**
 * Scores a log with a trained model. Reads, too, the column that groups its records and the columns to slice it by.
 * Throws DivergedError where a logit is not finite.
 */
export async function scoreHeldOut(
  { spec, fitted, vocabulary, learner, calibration }: TrainedModel,
  part: LogPart,
  cache: string,
  { group, slices = [] }: { group?: string | undefined; slices?: readonly string[] } = {},
): Promise<HeldOut> {
  const path = logName(part);
  const requests = slices.map((name) => fieldRequest(spec.fields, name));
  const grouping: ColumnRequest[] = group === undefined ? [] : [singleValue(fieldRequest(spec.fields, group))];
  const columns = await readPartColumns(spec, part, [...grouping, ...requests]);
  const source = await openHeldOutLog(spec, { fitted, vocabulary }, part, cache);
  if (spec.training.loss === "logistic") checkHeldOutLabels(path, spec, source.labels);
  else checkPositives(path, spec, source.labels, OWN_LOSS_NEEDS);
  using task = startTask(`predict ${path}`, source.count, "record");
  const own = new MeanLoss();
  const raw = await predictLog(source, (dataset) => {
    own.add(learner.ownLoss(dataset));
    return learner.predict(dataset, (records) => task.advance(records));
  });
  task.done();
  checkLogits(path, raw.logits);
  const predictions = calibration ? calibrated(calibration.map, raw) : raw;
  for (const { name, offsets } of columns) {
    if (offsets.length !== source.count + 1)
      throw new FormatError(`${path}: column ${name}`, `got ${offsets.length - 1} rows, expected ${source.count}`);
  }
  const [first] = columns;
  const groups = group !== undefined && first ? { name: group, of: first.of, count: first.values.length } : null;
  return { path, predictions, ownLoss: own.mean, groups, slices: columns.slice(grouping.length) };
}

/** Reads columns of a log; opens it only where there are some to read. */
async function readPartColumns(
  spec: FeatureSpec,
  part: LogPart,
  requests: readonly ColumnRequest[],
): Promise<IndexedColumn[]> {
  if (requests.length === 0) return [];
  await using log = await openPart(spec, part);
  return await readColumns(log, requests);
}

/**
 * Throws FormatError where a log is not there, has no record, or lacks a column that the spec reads, or one of `names`,
 * which are columns or fields: to be called before training, which may take hours.
 */
export async function checkLog(spec: FeatureSpec, part: LogPart, names: readonly string[] = []): Promise<void> {
  const { negatives, ...data } = spec.data;
  // Drawing negatives takes as long as reading the log, and a log of positives needs no column of labels.
  const sampled = negatives?.sample !== undefined;
  await using log = await openPart(sampled ? { ...spec, data } : spec, part);
  const { weight } = data;
  const columns = [
    ...(sampled ? [] : [spec.label]),
    ...columnsOf(spec.fields),
    ...(weight === undefined ? [] : [weight]),
    ...names.flatMap((name) => fieldRequest(spec.fields, name).columns),
  ];
  for await (const _ of log.chunks([...new Set(columns)])) return;
  throw noRows(logName(part), part.part);
}

/** Checks a log for several specs as `checkLog` does. Those that read it alike are checked by one reading. */
export async function checkLogForAll(specs: readonly FeatureSpec[], part: LogPart): Promise<void> {
  const different = new Map(
    specs.map((spec) => [JSON.stringify([spec.data, spec.label, columnsOf(spec.fields)]), spec]),
  );
  for (const spec of different.values()) await checkLog(spec, part);
}

/** How many fields a report slices by where none are named. */
const DEFAULT_SLICES = 6;

/** The columns that a report slices by where none are named: the first categorical ones. */
export function defaultSlices(spec: FeatureSpec): string[] {
  const categorical = spec.fields.filter((field) => field.type !== "numeric" && partsOf(field) === null);
  return categorical.slice(0, DEFAULT_SLICES).map(({ name }) => name);
}

/** A record is in one group, also where a field has several values. */
function singleValue(request: ColumnRequest): ColumnRequest {
  return { ...request, valuesOf: (raw) => [request.valuesOf(raw).join("|")] };
}
