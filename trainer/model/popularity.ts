import type { FeatureSpec } from "../../format/spec.ts";
import { Random } from "../data/random.ts";
import type { TrainingSource } from "../data/source.ts";

/** The field whose value tells items apart. */
export function itemField({ fields, training }: FeatureSpec): number {
  return fields.findIndex(({ name, side }) =>
    training.itemField === undefined ? side === "item" : name === training.itemField,
  );
}

/**
 * Of each row of the item field, ln of its share among the log's positive records, as they are what an in-batch loss draws
 * its items from; a row that none of them has counts as in one. 0 for the rows of other fields: [V].
 */
export async function logItemShares(
  spec: FeatureSpec,
  fieldOf: Uint16Array,
  source: TrainingSource,
): Promise<Float32Array> {
  const field = itemField(spec);
  const counts = new Float64Array(fieldOf.length);
  let positives = 0;
  for await (const { dataset, records } of source.epoch(new Random(spec.training.seed))) {
    for (const record of records) {
      if (dataset.labels[record] !== 1) continue;
      const entry = record * source.fields + field;
      const first = dataset.offsets[entry];
      if (first === dataset.offsets[entry + 1]) continue;
      const row = dataset.rows[first];
      counts[row] = counts[row] + 1;
      positives++;
    }
  }
  return Float32Array.from(counts, (count, row) =>
    fieldOf[row] === field ? Math.log(Math.max(1, count) / Math.max(1, positives)) : 0,
  );
}
