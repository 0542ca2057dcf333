import type { EncodedChunk } from "./encode.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Records as the trainer reads them: N records of F fields, each field's entries as (row, value). */
export interface Dataset {
  /** N */
  count: number;
  /** N: 0 or 1. */
  labels: Uint8Array;
  /** N sample weights; 1 each where there are none. */
  weights?: Float32Array;
  /** N·F + 1 entry numbers, as in EncodedRecords. */
  offsets: Uint32Array;
  /** One row number an entry. */
  rows: Int32Array;
  /** One value an entry. */
  values: Float32Array;
}

/** Encoded records with the row of each key; a key that the vocabulary lacks gets its field's OOV row. */
export function lookUpRows({ encoded, labels, weights }: EncodedChunk, vocabulary: Vocabulary): Dataset {
  const { count, entries, offsets, keys, values } = encoded;
  const { fields } = vocabulary;
  const rows = new Int32Array(entries);
  for (let cell = 0; cell < count * fields; cell++) {
    const last = offsets[cell + 1];
    for (let entry = offsets[cell]; entry < last; entry++)
      rows[entry] = vocabulary.row(cell % fields, keys[2 * entry], keys[2 * entry + 1]);
  }
  const own = { offsets: offsets.slice(0, count * fields + 1), values: values.slice(0, entries) };
  return { count, labels, ...(weights && { weights }), ...own, rows };
}

/** The given records of a dataset as one of their own. */
export function pickRecords(dataset: Dataset, records: Uint32Array, fields: number): Dataset {
  const { labels: fromLabels, offsets: from, rows: fromRows, values: fromValues } = dataset;
  let entries = 0;
  for (const record of records) entries += from[(record + 1) * fields] - from[record * fields];
  const labels = new Uint8Array(records.length);
  const offsets = new Uint32Array(records.length * fields + 1);
  const rows = new Int32Array(entries);
  const values = new Float32Array(entries);
  let [cell, at] = [0, 0];
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    labels[i] = fromLabels[record];
    const first = record * fields;
    const shift = at - from[first];
    for (let f = 1; f <= fields; f++) offsets[++cell] = from[first + f] + shift;
    const last = from[first + fields];
    // Copied one by one, as a record's entries are too few for `set` to pay.
    for (let entry = from[first]; entry < last; entry++, at++) {
      rows[at] = fromRows[entry];
      values[at] = fromValues[entry];
    }
  }
  const picked: Dataset = { count: records.length, labels, offsets, rows, values };
  if (dataset.weights) picked.weights = Float32Array.from(records, (record) => dataset.weights?.[record] as number);
  return picked;
}

/**
 * A dataset in which record i has the entries of the record `donors[i]` in the fields `exchanged`, and its own in the
 * others. `fields`: F.
 */
export function exchangeFields(
  dataset: Dataset,
  donors: Uint32Array,
  exchanged: readonly number[],
  fields: number,
): Dataset {
  const { count, offsets: from } = dataset;
  const isExchanged = new Uint8Array(fields);
  for (const f of exchanged) isExchanged[f] = 1;
  const cellOf = (record: number, f: number): number => (isExchanged[f] ? donors[record] : record) * fields + f;
  const offsets = new Uint32Array(count * fields + 1);
  for (let record = 0, cell = 0; record < count; record++) {
    for (let f = 0; f < fields; f++, cell++) {
      const source = cellOf(record, f);
      offsets[cell + 1] = offsets[cell] + from[source + 1] - from[source];
    }
  }
  const rows = new Int32Array(offsets[count * fields]);
  const values = new Float32Array(rows.length);
  for (let record = 0, cell = 0; record < count; record++) {
    for (let f = 0; f < fields; f++, cell++) {
      const first = from[cellOf(record, f)];
      for (let i = offsets[cell], j = first; i < offsets[cell + 1]; i++, j++) {
        rows[i] = dataset.rows[j];
        values[i] = dataset.values[j];
      }
    }
  }
  return { ...dataset, offsets, rows, values };
}

/** Datasets of the same fields one after the other. */
export function concatenate(parts: readonly Dataset[], fields: number): Dataset {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const entries = parts.reduce((sum, part) => sum + part.rows.length, 0);
  const whole: Dataset = {
    count,
    labels: new Uint8Array(count),
    offsets: new Uint32Array(count * fields + 1),
    rows: new Int32Array(entries),
    values: new Float32Array(entries),
  };
  if (parts.some(({ weights }) => weights)) whole.weights = new Float32Array(count).fill(1);
  let record = 0;
  let entry = 0;
  for (const part of parts) {
    whole.labels.set(part.labels, record);
    if (part.weights) whole.weights?.set(part.weights, record);
    for (let i = 1; i <= part.count * fields; i++) whole.offsets[record * fields + i] = entry + part.offsets[i];
    whole.rows.set(part.rows, entry);
    whole.values.set(part.values, entry);
    record += part.count;
    entry += part.rows.length;
  }
  return whole;
}

/** The row of a record's first entry of a field; -1 where it has none. `fields`: F. */
export function firstRow({ offsets, rows }: Dataset, record: number, field: number, fields: number): number {
  const first = offsets[record * fields + field];
  return first < offsets[record * fields + field + 1] ? rows[first] : -1;
}
