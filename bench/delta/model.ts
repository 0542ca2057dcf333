// A trained model of many rows without a training: random weights, and how often each row was used by Zipf's law.
import { parseWith } from "../../format/parse.ts";
import { FeatureSpecSchema } from "../../format/spec.ts";
import { HASH_KEY, rowKeyOf } from "../../testing/format/hash-key.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import type { Dataset } from "../../trainer/data/dataset.ts";
import { withFixedDefaults } from "../../trainer/data/default-settings.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { tfjsEngine } from "../../trainer/engine/tfjs-engine.ts";
import { Learner } from "../../trainer/model/learner.ts";
import type { TrainedModel } from "../../trainer/model/trained-model.ts";

const FIELDS = ["user", "item"];
/** The exponent of the frequencies of a field's values. */
const ZIPF = 1.05;
/** Uses of a field's most frequent value. */
const MOST_USES = 1e8;
const EMBEDDING_SIZE = 0.3;

export interface LargeShape {
  rows: number;
  embeddingDim: number;
  blobBytes?: number;
}

/** A DeepFM of two fields, whose values are `v0`, `v1` … from the most frequent one on. */
export function largeModel({ rows, embeddingDim, blobBytes }: LargeShape): TrainedModel {
  const fields = FIELDS.map((name, f) => ({ name, type: "categorical", side: f === 0 ? "context" : "item" }));
  const model = { embeddingDim, hidden: [64, 32] };
  const input = { name: "large", fields, model, rows: blobBytes === undefined ? {} : { blobBytes } };
  const spec = withFixedDefaults(parseWith(FeatureSpecSchema, input, "large"));

  const size = FIELDS.length + rows;
  const [keys, fieldOf, counts] = [new Uint32Array(2 * size), new Uint16Array(size), new Uint32Array(size)];
  for (let row = 0; row < size; row++) {
    const field = row % FIELDS.length;
    fieldOf[row] = field;
    if (row < FIELDS.length) continue;
    const value = Math.floor(row / FIELDS.length) - 1;
    const { lo, hi } = rowKeyOf(FIELDS[field] as string, textOf(value));
    keys.set([lo, hi], 2 * row);
    counts[row] = Math.ceil(MOST_USES / (value + 1) ** ZIPF);
  }
  const vocabulary = new Vocabulary(FIELDS.length, keys, fieldOf, counts);
  const learner = new Learner(spec, vocabulary, tfjsEngine);
  const random = seeded(1);
  learner.tables.replace(learner.tables.values.map(() => EMBEDDING_SIZE * (2 * random() - 1)));
  const fitted = {
    ...{ name: spec.name, label: spec.label, hashKey: HASH_KEY },
    fields: spec.fields.map(({ name, side }) => ({
      ...{ name, side, kv: true, type: "categorical" as const, missing: "own" as const },
      encoding: { kind: "vocabulary" as const },
    })),
  };
  return { spec, fitted, vocabulary, learner };
}

function textOf(value: number): string {
  return `v${value}`;
}

/** Gives `count` different rows, drawn evenly, other values, and the model another bias. */
export function changeRows({ learner, vocabulary }: TrainedModel, count: number, seed: number): void {
  const random = seeded(seed);
  const { values, dim } = learner.tables;
  const changed = new Set<number>();
  while (changed.size < count) changed.add(integer(random, vocabulary.fields, vocabulary.size - 1));
  for (const row of changed)
    for (let j = 0; j <= dim; j++) values[row * (dim + 1) + j] = EMBEDDING_SIZE * (2 * random() - 1);
  learner.tables.replace(values);
  learner.shiftBias(0.25);
}

/** A calibration set of records with one value of each field, drawn evenly. */
export function randomSet({ vocabulary }: TrainedModel, count: number): Dataset {
  const random = seeded(2);
  const { fields, size } = vocabulary;
  const perField = (size - fields) / fields;
  return {
    count,
    labels: Uint8Array.from({ length: count }, () => integer(random, 0, 1)),
    offsets: Uint32Array.from({ length: count * fields + 1 }, (_, i) => i),
    rows: Int32Array.from({ length: count * fields }, (_, i) => fields * integer(random, 1, perField) + (i % fields)),
    values: new Float32Array(count * fields).fill(1),
  };
}

/** Records whose values are drawn evenly, a tenth of them unseen. */
export function randomRecords({ vocabulary }: TrainedModel, count: number): object[] {
  const random = seeded(3);
  const values = vocabulary.size / FIELDS.length / 0.9;
  const value = (): string => textOf(integer(random, 0, Math.floor(values)));
  return Array.from({ length: count }, () => Object.fromEntries(FIELDS.map((name) => [name, value()])));
}
