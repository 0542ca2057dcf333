import { show } from "../../format/errors.ts";
import { type FeatureSpec, MODEL_KEYS, type ModelType, type ResolvedSpec, TRAINING_KEYS } from "../../format/spec.ts";

// The settings of a model and its training that nobody states, by the numbers of the training log. docs/results.md,
// "Defaults", has the logs on which they were chosen, and how they do there.

/** The numbers of a training log that defaults follow from. */
export interface LogSize {
  records: number;
  /** Records whose label is 1. */
  clicks: number;
  /** Values that have a row. */
  rows: number;
}

/** Counts up with each change of what follows from a log, so that an older result is not taken for a new one. */
export const DEFAULTS_VERSION = 1;

/** The log whose model is the smallest. */
export const SMALLEST_LOG: LogSize = { records: 1, clicks: 0, rows: 1 };

/** The settings that follow from the log for every model alike. */
export interface SizeSettings {
  embeddingDim: number;
  hidden: number[];
  dropout: number;
  batchSize: number;
  denseL2: number;
}

/** Steps of an epoch, as far as the limits of a batch let them be. */
const STEPS = 64;
const MIN_BATCH = 256;
const MAX_BATCH = 4096;

/**
 * The strength α of the prior on a row's numbers: l2 of the mean loss is α / records, so that α/2·‖row‖² stands against
 * the summed loss of the row's own records. Where clicks are few, or rows many, each row has few, and needs a stronger
 * one.
 */
const PRIOR_CLICKS = 3000;
const MOST_FOR_CLICKS = 10;
const MOST_FOR_ROWS = 3;
/** With a network, which makes more of vectors, α grows with the log: one for so many records, up to a most. */
const RECORDS_PER_PRIOR = 1600;
const MOST_FOR_NETWORK = 300;
/** The same of the weights of a network, which all records share. */
const DENSE_PRIOR = 3;

/** Knots of a spline, and how many where fewer than so many records have the rarer label. */
const KNOTS = 12;
const FEW_KNOTS = 6;
const FEW_CLICKS = 1000;

/** How many knots a spline has in a log, of whose records so many have the rarer label. */
export function knotsForLog(rarer: number): number {
  return rarer < FEW_CLICKS ? FEW_KNOTS : KNOTS;
}

export function settingsForLog({ records }: LogSize): SizeSettings {
  return {
    embeddingDim: 8,
    hidden: [128, 64],
    dropout: 0.3,
    batchSize: within(2 ** Math.round(Math.log2(records / STEPS)), MIN_BATCH, MAX_BATCH),
    denseL2: DENSE_PRIOR / records,
  };
}

/** The l2 of a model of this type. */
export function l2For(type: ModelType, { records, clicks, rows }: LogSize): number {
  const rarer = Math.min(clicks, records - clicks);
  const prior = within(PRIOR_CLICKS / rarer, 1, MOST_FOR_CLICKS) * within(rows / records, 1, MOST_FOR_ROWS);
  const hasNetwork = type !== "LR" && type !== "FM";
  return (hasNetwork ? Math.max(prior, Math.min(MOST_FOR_NETWORK, records / RECORDS_PER_PRIOR)) : prior) / records;
}

/** Records from which on a log bears a higher learning rate, and pays for a drop of it. */
const LARGE = 100_000;

/** Without a network, steps have to go further in as many epochs. */
function learningRateOf(type: ModelType, { records }: LogSize): number {
  if (type === "LR") return 0.01;
  return type === "FM" || records >= LARGE ? 0.003 : 0.001;
}

function within(x: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, x));
}

/** The spec with what it does not state: by the numbers of the training log, and by the model. */
export function resolveSpec(spec: FeatureSpec, size: LogSize): ResolvedSpec {
  const of = settingsForLog(size);
  const { model, training } = spec;
  const l2 =
    training.l2 ?? (training.l2Scope === "batch" || training.optimizer === "ftrl" ? 0 : l2For(model.type, size));
  return {
    ...spec,
    model: {
      ...model,
      embeddingDim: model.embeddingDim ?? of.embeddingDim,
      hidden: model.hidden ?? of.hidden,
      dropout: model.dropout ?? of.dropout,
    },
    training: {
      ...training,
      batchSize: training.batchSize ?? of.batchSize,
      learningRate: training.learningRate ?? learningRateOf(model.type, size),
      rateDrops: training.rateDrops ?? (size.records >= LARGE ? 1 : 0),
      l2,
      l2Scope: training.l2Scope ?? (training.l2 === undefined && l2 > 0 ? "table" : "batch"),
      denseL2: training.denseL2 ?? of.denseL2,
    },
  };
}

/**
 * A spec with the paper's settings where it states none: those that every log had before they followed from it. A saved
 * spec states all that its version knew of.
 */
export function withFixedDefaults({ model, training, ...spec }: FeatureSpec): ResolvedSpec {
  return {
    ...spec,
    model: {
      ...model,
      embeddingDim: model.embeddingDim ?? 10,
      hidden: model.hidden ?? [400, 400, 400],
      dropout: model.dropout ?? 0,
    },
    training: {
      ...training,
      batchSize: training.batchSize ?? 2048,
      learningRate: training.learningRate ?? 0.001,
      rateDrops: training.rateDrops ?? 0,
      l2: training.l2 ?? 0,
      l2Scope: training.l2Scope ?? "batch",
      denseL2: training.denseL2 ?? 0,
    },
  };
}

/** Says which settings a spec has that were not asked for; null where it has none. */
export function defaultsText(asked: FeatureSpec, resolved: ResolvedSpec): string | null {
  const chosen = [
    ...MODEL_KEYS.filter((key) => asked.model[key] === undefined).map((key) => [key, resolved.model[key]] as const),
    ...TRAINING_KEYS.filter((key) => asked.training[key] === undefined).map(
      (key) => [key, resolved.training[key]] as const,
    ),
  ];
  if (chosen.length === 0) return null;
  return chosen
    .map(([key, value]) => `${key} ${typeof value === "number" ? numberText(value) : show(value)}`)
    .join(", ");
}

function numberText(value: number): string {
  return String(Number(value.toPrecision(3)));
}
