import { FormatError } from "../format/errors.ts";
import type { FeatureField, FeatureSpec } from "../format/spec.ts";
import { readHeldOutLog } from "./data/dataset.ts";
import { openLog } from "./data/read.ts";
import { type ColumnRequest, type IndexedColumn, readColumns } from "./indexed-column.ts";
import type { Groups, Predictions } from "./metrics/evaluation.ts";
import { startTask } from "./progress.ts";
import type { TrainedModel } from "./train.ts";

/** A held-out log as a model scored it. */
export interface HeldOut {
  path: string;
  predictions: Predictions;
  groups: Groups | null;
  /** The columns whose values are compared, with the log's rows in the same order. */
  slices: IndexedColumn[];
}

/** Scores a log with a trained model, and reads beside it the column that groups records and those to slice by. */
export async function predictLog(
  { spec, fitted, vocabulary, learner }: Pick<TrainedModel, "spec" | "fitted" | "vocabulary" | "learner">,
  path: string,
  { group, slices = [] }: { group?: string | undefined; slices?: readonly string[] } = {},
): Promise<HeldOut> {
  const log = await openLog(path);
  const requests = slices.map((name) => ({ name, separator: separatorOf(spec, name) }));
  const grouping: ColumnRequest[] = group === undefined ? [] : [{ name: group, separator: null }];
  const columns = await readColumns(log, [...grouping, ...requests]);
  const task = startTask(`predict ${path}`, null, "records");
  const dataset = await readHeldOutLog(log, fitted, vocabulary, task);
  const predictions = { logits: learner.predict(dataset), labels: dataset.labels };
  task.done();
  for (const { name, offsets } of columns) {
    if (offsets.length !== dataset.count + 1)
      throw new FormatError(`${path}: column ${name}`, `got ${offsets.length - 1} rows, expected ${dataset.count}`);
  }
  const [first] = columns;
  const groups = group !== undefined && first ? { name: group, of: first.of, count: first.values.length } : null;
  return { path, predictions, groups, slices: columns.slice(grouping.length) };
}

/** Throws FormatError where a log is not there or lacks a column: before training, which may take hours. */
export async function checkLog(path: string, columns: readonly string[]): Promise<void> {
  const log = await openLog(path);
  for await (const _ of log.chunks(columns)) return;
}

/** How many fields a report compares the values of, where none are named. */
const DEFAULT_SLICES = 6;

/** The columns whose values a report compares where none are named: the first categorical ones. */
export function defaultSlices(spec: FeatureSpec): string[] {
  const categorical = spec.fields.filter(({ type }) => type !== "numeric");
  return categorical.slice(0, DEFAULT_SLICES).map(({ name }) => name);
}

function separatorOf(spec: FeatureSpec, name: string): string | null {
  const field: FeatureField | undefined = spec.fields.find((known) => known.name === name);
  return field?.type === "multi-categorical" ? field.separator : null;
}
