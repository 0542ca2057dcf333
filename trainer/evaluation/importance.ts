import { calibrateLogits } from "../../format/calibration.ts";
import { columnOf, partsOf } from "../../format/columns.ts";
import type { FeatureField } from "../../format/spec.ts";
import { concatenate, type Dataset, exchangeFields, pickRecords } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import type { HeldOutSource } from "../data/source.ts";
import { type Interval, meanInterval } from "../metrics/interval.ts";
import { type Metrics, metricsOfLogits } from "../metrics/metrics.ts";
import type { Floats } from "../metrics/order.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { startTask } from "../terminal/progress.ts";

// How much a model needs each column: what it loses when the column's values are exchanged between records, so that
// they say nothing of the label any more (Breiman 2001, "Random Forests", section 10; Fisher, Rudin and Dominici 2019).

/** How often the values are exchanged unless the user says otherwise. */
export const DEFAULT_REPEATS = 5;

/** The most records that are predicted each time: enough for four decimals of AUC, where clicks are not rarer still. */
const MOST_RECORDS = 100_000;

/** What it costs to gather, exchange and rank a field's value, in multiplications of the dense layers. */
const FIELD_COST = 1000;

/** So many multiplications are spent without being asked for: some ten seconds of one core on the backend wasm. */
const UNASKED_COST = 2e10;

/** A mean over the repeats, with its 95 % interval. */
export interface Loss extends Interval {
  mean: number;
}

/** What a model loses without one column, or without a cross. */
export interface ColumnImportance {
  /** The column's name; of a cross its columns, with × between them. */
  name: string;
  /** The fields whose values are exchanged together. */
  fields: string[];
  /** AUC with the true values, minus that with exchanged ones. */
  auc: Loss;
  /** Logloss with exchanged values, minus that with the true ones. */
  logloss: Loss;
}

export interface Importance {
  /** Records that were predicted: all of the log, or a sample. */
  records: number;
  clicks: number;
  /** Records of the log. */
  of: number;
  repeats: number;
  /** Of the model with the true values, on these records. */
  metrics: Metrics;
  /** The most important first, by AUC, or by logloss where there is no AUC. */
  columns: ColumnImportance[];
}

/** Fields whose values are exchanged together. */
interface Unit {
  name: string;
  /** Their numbers in the spec. */
  fields: number[];
}

/**
 * What a field is made of, as the spec says it. Fields of one column go together: an hour that is exchanged while the
 * weekday of the same time stays would measure too little. A cross goes with each of its columns, and is a unit of its
 * own besides, which says what it adds to them.
 */
export function unitsOf(fields: readonly FeatureField[]): Unit[] {
  const columns = new Map<string, number[]>();
  const crosses: Unit[] = [];
  const byName = new Map(fields.map((field) => [field.name, field]));
  for (const [f, field] of fields.entries()) {
    const parts = partsOf(field);
    const sources = (parts ?? [field.name]).map((name) => columnOf(byName.get(name) ?? field) ?? name);
    if (parts) crosses.push({ name: parts.join(" × "), fields: [f] });
    for (const column of new Set(sources)) columns.set(column, [...(columns.get(column) ?? []), f]);
  }
  return [...[...columns].map(([name, numbers]) => ({ name, fields: numbers })), ...crosses];
}

/** Whether an importance takes so short that it needs not be asked for. */
export function isCheap({ spec, learner }: Pick<TrainedModel, "spec" | "learner">, { count }: HeldOutSource): boolean {
  const ofRecord = learner.model.parameters.values.length + FIELD_COST * spec.fields.length;
  const predictions = unitsOf(spec.fields).length * DEFAULT_REPEATS * Math.min(count, MOST_RECORDS);
  return predictions * ofRecord <= UNASKED_COST;
}

/**
 * The importance of each column on a held-out log, over `repeats` exchanges, at least two. Of a long log a sample is
 * taken that keeps its clicks, as far as they make half of it: rare clicks decide how exact AUC is. The records of a
 * sample count by as many as they stand for. The values of a record move together, be they many. Seeded.
 */
export async function measureImportance(
  { spec, learner, calibration }: Pick<TrainedModel, "spec" | "learner" | "calibration">,
  source: HeldOutSource,
  { repeats = DEFAULT_REPEATS, seed = 1, most = MOST_RECORDS } = {},
): Promise<Importance> {
  if (repeats < 2) throw new Error(`got ${repeats} repeats, expected at least 2`);
  const random = new Random(seed);
  const sample = await sampleOf(source, most, random);
  const { count, labels } = sample;
  const units = unitsOf(spec.fields);
  using task = startTask("importance", (1 + units.length * repeats) * count, "record");
  const metricsOf = (dataset: Dataset): Metrics => {
    const logits = learner.predict(dataset, (records) => task.advance(records));
    if (calibration) calibrateLogits(calibration.map, logits);
    return metricsOfLogits(logits, labels, sample.weights);
  };
  const metrics = metricsOf(sample);
  const losses = units.map(() => ({ auc: [] as number[], logloss: [] as number[] }));
  for (let repeat = 0; repeat < repeats; repeat++) {
    const donors = drawDonors(count, sample.weights, random);
    for (const [u, { fields }] of units.entries()) {
      const exchanged = metricsOf(exchangeFields(sample, donors, fields, spec.fields.length));
      losses[u].auc.push(metrics.auc - exchanged.auc);
      losses[u].logloss.push(exchanged.logloss - metrics.logloss);
    }
  }
  task.done(`columns: ${units.length}, exchanges: ${repeats}`);
  const columns = units.map(({ name, fields }, u) => ({
    name,
    fields: fields.map((f) => spec.fields[f].name),
    auc: lossOf(losses[u].auc),
    logloss: lossOf(losses[u].logloss),
  }));
  columns.sort((a, b) => (Number.isNaN(metrics.auc) ? b.logloss.mean - a.logloss.mean : b.auc.mean - a.auc.mean));
  const clicks = labels.reduce((sum, label) => sum + label, 0);
  return { records: count, clicks, of: source.count, repeats, metrics, columns };
}

function lossOf(values: readonly number[]): Loss {
  return { mean: values.reduce((sum, x) => sum + x, 0) / values.length, ...meanInterval(values) };
}

/** All records, or about `most` of them, with weights. */
async function sampleOf(source: HeldOutSource, most: number, random: Random): Promise<Dataset> {
  const { positives, negatives } = source.labels;
  const clicks = Math.min(positives.records, Math.max(most / 2, most - negatives.records));
  const rates = [Math.min(1, (most - clicks) / negatives.records), Math.min(1, clicks / positives.records)];
  const parts: Dataset[] = [];
  for await (const chunk of source.chunks()) {
    if (source.count <= most) {
      parts.push(chunk);
      continue;
    }
    const all = Uint32Array.from({ length: chunk.count }, (_, i) => i);
    const chosen = all.filter((record) => random.uniform() < rates[chunk.labels[record]]);
    const picked = pickRecords(chunk, chosen, source.fields);
    const standsFor = (label: number, i: number): number => (picked.weights?.[i] ?? 1) / rates[label];
    parts.push({ ...picked, weights: Float32Array.from(picked.labels, standsFor) });
  }
  return concatenate(parts, source.fields);
}

/**
 * For each record another one, in random order, whose values it gets. Each record gives its values as often as its
 * weight says (systematic resampling: Kitagawa 1996), so that exchanged values are as frequent as in the log. Without
 * weights it is a permutation.
 */
function drawDonors(count: number, weights: Floats | undefined, random: Random): Uint32Array {
  const donors = new Uint32Array(count);
  let total = count;
  if (weights) {
    total = 0;
    for (const weight of weights) total += weight;
  }
  const start = random.uniform();
  let given = 0;
  let before = 0;
  for (let record = 0; record < count; record++) {
    before += weights ? weights[record] : 1;
    const until = record === count - 1 ? count : Math.ceil((before / total) * count - start);
    while (given < Math.min(until, count)) donors[given++] = record;
  }
  random.shuffle(donors);
  return donors;
}
