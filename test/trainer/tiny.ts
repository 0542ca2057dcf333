// A small model whose random weights are of the size that training leaves, and random records for it.

import type { FittedSpec } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema, type ResolvedSpec } from "../../format/spec.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import type { Dataset } from "../../trainer/data/dataset.ts";
import { withFixedDefaults } from "../../trainer/data/default-settings.ts";
import type { Random } from "../../trainer/data/random.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { tfjsEngine } from "../../trainer/engine/tfjs-engine.ts";
import type { EngineFactory } from "../../trainer/model/engine.ts";
import { Learner } from "../../trainer/model/learner.ts";
import type { ReferenceRecord } from "./model/reference.ts";

export function tinySpec(model: object, training: object = {}): ResolvedSpec {
  const fields = [
    { name: "user", type: "categorical" },
    { name: "item", type: "categorical", side: "item" },
    { name: "tags", type: "multi-categorical", side: "item" },
  ];
  return withFixedDefaults(parseWith(FeatureSpecSchema, { name: "tiny", fields, model, training }, "tiny"));
}

/** V rows over F fields: F OOV rows, then `perField` rows a field under distinct random keys. */
export function tinyVocabulary(fields: number, perField: number, random: Random): Vocabulary {
  const size = fields * (1 + perField);
  const keys = new Uint32Array(2 * size);
  const fieldOf = new Uint16Array(size);
  for (let row = 0; row < size; row++) {
    fieldOf[row] = row % fields;
    if (row >= fields) keys.set([random.bits(), random.bits()], 2 * row);
  }
  return new Vocabulary(fields, keys, fieldOf, new Uint32Array(size).fill(1));
}

/** A learner whose every weight and running statistic is random. */
export function randomLearner(
  spec: ResolvedSpec,
  vocabulary: Vocabulary,
  random: Random,
  engineOf: EngineFactory = tfjsEngine,
): Learner {
  const learner = new Learner(spec, vocabulary, engineOf);
  learner.restore({
    rows: learner.tables.values.map(() => 0.3 * random.normal()),
    dense: learner.model.parameters.values.map((x) => x + 0.1 * random.normal()),
    runningStats: learner.model.runningStats.values.map((x) => Math.abs(x + 0.3 * random.normal())),
  });
  return learner;
}

/** Records with 0 to 3 entries a field, as references and as a dataset. */
export function randomDataset(
  count: number,
  fields: number,
  rows: number,
  random: Random,
): { records: ReferenceRecord[]; dataset: Dataset } {
  const records = Array.from({ length: count }, () =>
    Array.from({ length: fields }, () =>
      Array.from({ length: random.integer(4) }, () => ({
        row: random.integer(rows),
        x: Math.fround(random.uniform() * 2 - 0.5),
      })),
    ),
  );
  const entries = records.flat(2);
  const offsets = [0];
  for (const field of records.flat(1)) offsets.push((offsets.at(-1) as number) + field.length);
  return {
    records,
    dataset: {
      count,
      labels: Uint8Array.from({ length: count }, () => random.integer(2)),
      offsets: Uint32Array.from(offsets),
      rows: Int32Array.from(entries, ({ row }) => row),
      values: Float32Array.from(entries, ({ x }) => x),
    },
  };
}

export function fittedOf(spec: FeatureSpec): FittedSpec {
  return {
    name: spec.name,
    label: spec.label,
    hashKey: HASH_KEY,
    fields: spec.fields.map(({ store, encoding, ...field }) => ({
      ...field,
      kv: store !== "blob",
      encoding: { kind: "vocabulary" },
    })),
  } as FittedSpec;
}
