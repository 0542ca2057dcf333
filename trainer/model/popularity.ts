import type { FeatureSpec } from "../../format/spec.ts";
import { firstRow } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import type { TrainingSource } from "../data/source.ts";

/** The number of the field whose value tells items apart. */
export function itemField({ fields, training }: FeatureSpec): number {
  if (training.itemField === undefined) return namingField(fields, "item");
  return fields.findIndex(({ name }) => name === training.itemField);
}

/** The number of a side's first field that is no number, as numbers tell nothing apart; otherwise of its first one. */
export function namingField(fields: FeatureSpec["fields"], side: string): number {
  const named = fields.findIndex((field) => field.side === side && field.type !== "numeric");
  return named >= 0 ? named : fields.findIndex((field) => field.side === side);
}

/**
 * [V]: for each row of the item field, ln of its share among the log's positive records, from which an in-batch loss
 * draws its items. A row that no positive record has counts as if one had it. 0 for the rows of other fields.
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
      const row = firstRow(dataset, record, field, source.fields);
      if (row < 0) continue;
      counts[row] = counts[row] + 1;
      positives++;
    }
  }
  return Float32Array.from(counts, (count, row) =>
    fieldOf[row] === field ? Math.log(Math.max(1, count) / Math.max(1, positives)) : 0,
  );
}
