import { EncodedRecords } from "../../format/encoded-records.ts";
import { FormatError, show } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { type NumberReader, styleText } from "../../format/prepare/decimal.ts";
import { labelOf, type RawValue } from "../../format/raw-value.ts";
import { RecordEncoder } from "../../format/record.ts";
import { type ClickLog, type LogChunk, placed } from "./click-log.ts";

/** Some thousand records of a log. Their arrays are used again for the next ones. */
export interface EncodedChunk {
  encoded: EncodedRecords;
  /** The raw values of record r, before they are prepared and encoded: `columns[c][r]`, in the order of `columnsOf`. */
  columns: readonly (readonly RawValue[])[];
  /** A label of 0 or 1 for each record. */
  labels: Uint8Array;
  /** A sample weight for each record, where the log has them. */
  weights: Float32Array | null;
}

/** Reads a log as encoded records with their labels. Files become row keys here and nowhere else. */
export async function* encodeLog(log: ClickLog, fitted: FittedSpec): AsyncGenerator<EncodedChunk> {
  const encoder = new RecordEncoder(fitted);
  const columns = encoder.columns.length;
  const { weight } = log.options.data;
  const names = [...encoder.columns, fitted.label, ...(weight === undefined ? [] : [weight])];
  const encoded = new EncodedRecords();
  const raw: RawValue[] = new Array(columns);
  for await (const chunk of log.chunks(names)) {
    encoded.clear();
    const labels = new Uint8Array(chunk.rows);
    const weights = weight === undefined ? null : new Float32Array(chunk.rows);
    for (let row = 0; row < chunk.rows; row++) {
      for (let c = 0; c < columns; c++) raw[c] = chunk.columns[c]?.[row];
      try {
        encoder.encodeValues(raw, encoded, "");
      } catch (error) {
        throw await placed(chunk, row, error);
      }
      labels[row] =
        labelOf(chunk.columns[columns]?.[row], log.readNumber) ??
        (await refuseLabel(log, chunk, row, columns, fitted.label));
      if (weights && weight !== undefined)
        weights[row] =
          weightOf(chunk.columns[columns + 1]?.[row], log.readNumber) ??
          (await refuseWeight(log, chunk, row, columns + 1, weight));
    }
    yield { encoded, columns: chunk.columns, labels, weights };
  }
}

/** Throws the FormatError for a value that is no label. */
export function refuseLabel(log: ClickLog, chunk: LogChunk, row: number, column: number, name: string): Promise<never> {
  return refuse(log, chunk, row, column, name, "expected a label of 0 or 1");
}

/** The sample weight that a value means; null where it means none. */
export function weightOf(raw: RawValue, number: NumberReader): number | null {
  const weight = Math.fround(number(raw) ?? Number.NaN);
  return weight >= 0 ? weight : null;
}

/** Throws the FormatError for a value that is no sample weight. */
export function refuseWeight(
  log: ClickLog,
  chunk: LogChunk,
  row: number,
  column: number,
  name: string,
): Promise<never> {
  return refuse(log, chunk, row, column, name, "expected a weight of 0 or more");
}

async function refuse(
  { numberStyle }: ClickLog,
  chunk: LogChunk,
  row: number,
  column: number,
  name: string,
  expected: string,
): Promise<never> {
  const got = show(chunk.columns[column]?.[row]);
  const style = numberStyle ? ` ${styleText(numberStyle)}` : "";
  throw new FormatError(`${await chunk.place(row)}: column ${name}`, `got ${got}, ${expected}${style}`);
}
