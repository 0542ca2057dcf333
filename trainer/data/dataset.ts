import type { EncodedChunk } from "./encode.ts";
import { hasPlainEntries, plainEntries } from "./plain-entries.ts";
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

/** Records whose entries are taken from memory at once. */
const AHEAD = 16;
/** Numbers in a line of the processor's cache. */
const LINE_NUMBERS = 16;

/** The given records of a dataset as one of their own. */
export function pickRecords(dataset: Dataset, records: Uint32Array, fields: number): Dataset {
  const labels = new Uint8Array(records.length);
  for (let i = 0; i < records.length; i++) labels[i] = dataset.labels[records[i]];
  const entries = hasPlainEntries(dataset)
    ? pickPlainEntries(dataset, records, fields)
    : pickEntries(dataset, records, fields);
  const picked: Dataset = { count: records.length, labels, ...entries };
  if (dataset.weights) picked.weights = Float32Array.from(records, (record) => dataset.weights?.[record] as number);
  return picked;
}

type Entries = Pick<Dataset, "offsets" | "rows" | "values">;

function pickEntries(dataset: Dataset, records: Uint32Array, fields: number): Entries {
  const { offsets: from, rows: fromRows, values: fromValues } = dataset;
  let entries = 0;
  for (const record of records) entries += from[(record + 1) * fields] - from[record * fields];
  const offsets = new Uint32Array(records.length * fields + 1);
  const rows = new Int32Array(entries);
  const values = new Float32Array(entries);
  let [cell, at] = [0, 0];
  for (let start = 0; start < records.length; start += AHEAD) {
    const end = Math.min(start + AHEAD, records.length);
    // Shuffled records wait for memory, longer than it takes to copy them: those of some are read at once.
    let read = 0;
    for (let i = start; i < end; i++) {
      const first = records[i] * fields;
      const last = from[first + fields];
      for (let f = LINE_NUMBERS; f < fields; f += LINE_NUMBERS) read |= from[first + f];
      for (let entry = from[first]; entry < last; entry += LINE_NUMBERS) read |= fromRows[entry] | fromValues[entry];
    }
    offsets[0] = read; // which is 0 again below
    for (let i = start; i < end; i++) {
      const first = records[i] * fields;
      const shift = at - from[first];
      for (let f = 1; f <= fields; f++) offsets[++cell] = from[first + f] + shift;
      const last = from[first + fields];
      // Copied one by one, as a record's entries are too few for `set` to pay.
      for (let entry = from[first]; entry < last; entry++, at++) {
        rows[at] = fromRows[entry];
        values[at] = fromValues[entry];
      }
    }
  }
  offsets[0] = 0;
  return { offsets, rows, values };
}

function pickPlainEntries({ rows: from }: Dataset, records: Uint32Array, fields: number): Entries {
  const cells = records.length * fields;
  const rows = new Int32Array(cells);
  let at = 0;
  for (let start = 0; start < records.length; start += AHEAD) {
    const end = Math.min(start + AHEAD, records.length);
    let read = 0; // as above
    for (let i = start; i < end; i++)
      for (let f = 0; f < fields; f += LINE_NUMBERS) read |= from[records[i] * fields + f];
    rows[at] = read; // which is written again below
    for (let i = start; i < end; i++) {
      const first = records[i] * fields;
      for (let f = 0; f < fields; f++) rows[at++] = from[first + f];
    }
  }
  return { ...plainEntries(cells), rows };
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
  const { offsets } = whole;
  let record = 0;
  let entry = 0;
  for (const part of parts) {
    const { offsets: from } = part;
    const [shift, last] = [entry, part.count * fields];
    const cell = record * fields;
    whole.labels.set(part.labels, record);
    if (part.weights) whole.weights?.set(part.weights, record);
    for (let i = 1; i <= last; i++) offsets[cell + i] = from[i] + shift;
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
