import { FormatError, show } from "../../format/errors.ts";
import { EncodedRecords, type RawValue, RecordEncoder } from "../../format/record.ts";
import type { FeatureSpec, FittedSpec } from "../../format/spec.ts";
import type { Task } from "../progress.ts";
import type { ClickLog, LogChunk } from "./read.ts";
import { type Vocabulary, VocabularyBuilder } from "./vocabulary.ts";

/** A log as the trainer reads it: N records of F fields, each field's entries as (row, value). */
export interface Dataset {
  /** N */
  count: number;
  /** N: 0 or 1. */
  labels: Uint8Array;
  /** N·F + 1 entry numbers, as in EncodedRecords. */
  offsets: Uint32Array;
  /** One row number an entry. */
  rows: Int32Array;
  /** One value an entry. */
  values: Float32Array;
}

/** Reads the training log: encodes it, and makes the vocabulary of what it holds. */
export async function readTrainingLog(
  log: ClickLog,
  spec: FeatureSpec,
  fitted: FittedSpec,
  task: Task,
): Promise<{ dataset: Dataset; vocabulary: Vocabulary }> {
  const builder = new VocabularyBuilder(fitted.fields.length);
  const dataset = await readLog(log, fitted, (field, lo, hi) => builder.count(field, lo, hi), task);
  const minCounts = spec.fields.map(({ encoding }) => ("minCount" in encoding ? encoding.minCount : 1));
  const { vocabulary, finalRow } = builder.build(minCounts);
  for (let entry = 0; entry < dataset.rows.length; entry++) {
    dataset.rows[entry] = finalRow[dataset.rows[entry] as number] as number;
  }
  return { dataset, vocabulary };
}

/** Reads a log with a vocabulary that is already made; values that it lacks become OOV rows. */
export function readHeldOutLog(
  log: ClickLog,
  fitted: FittedSpec,
  vocabulary: Vocabulary,
  task: Task,
): Promise<Dataset> {
  return readLog(log, fitted, (field, lo, hi) => vocabulary.row(field, lo, hi), task);
}

type RowOf = (field: number, lo: number, hi: number) => number;

async function readLog(log: ClickLog, fitted: FittedSpec, rowOf: RowOf, task: Task): Promise<Dataset> {
  const fields = fitted.fields.length;
  const labels: Uint8Array[] = [];
  const rows: Int32Array[] = [];
  const values: Float32Array[] = [];
  const offsets: Uint32Array[] = [Uint32Array.of(0)];
  let entries = 0;
  let count = 0;
  for await (const chunk of encodeLog(log, fitted)) {
    const { encoded } = chunk;
    const chunkRows = new Int32Array(encoded.entries);
    for (let cell = 0; cell < encoded.count * fields; cell++) {
      const last = encoded.offsets[cell + 1] as number;
      for (let entry = encoded.offsets[cell] as number; entry < last; entry++) {
        chunkRows[entry] = rowOf(
          cell % fields,
          encoded.keys[2 * entry] as number,
          encoded.keys[2 * entry + 1] as number,
        );
      }
    }
    labels.push(chunk.labels);
    rows.push(chunkRows);
    values.push(encoded.values.slice(0, encoded.entries));
    offsets.push(encoded.offsets.subarray(1, encoded.count * fields + 1).map((offset) => offset + entries));
    entries += encoded.entries;
    count += encoded.count;
    task.advance(encoded.count);
  }
  if (count === 0) throw new FormatError(log.path, "got no rows, expected at least one");
  return {
    count,
    labels: concat(labels, new Uint8Array(count)),
    offsets: concat(offsets, new Uint32Array(count * fields + 1)),
    rows: concat(rows, new Int32Array(entries)),
    values: concat(values, new Float32Array(entries)),
  };
}

/** Streams a log as encoded records with their labels: the one way from a file to row keys. */
export async function* encodeLog(
  log: ClickLog,
  fitted: FittedSpec,
): AsyncGenerator<{ encoded: EncodedRecords; labels: Uint8Array }> {
  const encoder = new RecordEncoder(fitted);
  const fields = fitted.fields.length;
  const raw: RawValue[] = new Array(fields);
  for await (const chunk of log.chunks([...fitted.fields.map(({ name }) => name), fitted.label])) {
    const encoded = new EncodedRecords();
    const labels = new Uint8Array(chunk.rows);
    for (let row = 0; row < chunk.rows; row++) {
      for (let f = 0; f < fields; f++) raw[f] = chunk.columns[f]?.[row];
      try {
        encoder.encodeValues(raw, encoded, "");
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        throw new FormatError(`${await chunk.place(row)}: ${error.place.replace(/^\./, "column ")}`, error.problem);
      }
      labels[row] = toLabel(chunk.columns[fields]?.[row]) ?? (await refuseLabel(chunk, row, fields, fitted.label));
    }
    yield { encoded, labels };
  }
}

/** The label of a row: 0 or 1; null where it is neither. */
export function toLabel(raw: RawValue): number | null {
  if (raw === "1" || raw === 1 || raw === 1n || raw === true) return 1;
  if (raw === "0" || raw === 0 || raw === 0n || raw === false) return 0;
  return null;
}

export async function refuseLabel(chunk: LogChunk, row: number, column: number, name: string): Promise<never> {
  const got = show(chunk.columns[column]?.[row]);
  throw new FormatError(`${await chunk.place(row)}: column ${name}`, `got ${got}, expected a label of 0 or 1`);
}

function concat<T extends Uint8Array | Uint32Array | Int32Array | Float32Array>(parts: readonly T[], whole: T): T {
  let at = 0;
  for (const part of parts) {
    whole.set(part as never, at);
    at += part.length;
  }
  return whole;
}
