import type { DataSettings } from "../../format/spec.ts";
import type { LogSample } from "../../trainer/profile/log-sample.ts";
import { type Column, columnOf, nestedColumn } from "./column.ts";
import { unmarked } from "./marks.ts";

/** What is known of a log before anything is chosen. */
export interface Survey {
  sample: LogSample;
  columns: readonly Column[];
  data: DataSettings;
}

/** Looks at the columns of a sample. `data`: how the log is read. */
export function survey(sample: LogSample, data: DataSettings): Survey {
  const european = data.delimiter === ";" || sample.columns.some((column) => hasFractionsAfterCommas(column.values));
  const read = sample.columns.map((column) => columnOf(column, european));
  return { sample, data, columns: [...read, ...sample.nested.map((name) => nestedColumn(name, sample.records))] };
}

/** Values that are looked at for how numbers are written in a log. */
const LOOKED_AT = 200;

function hasFractionsAfterCommas(values: readonly unknown[]): boolean {
  const texts = values.slice(0, LOOKED_AT).filter((value) => typeof value === "string" && value !== "");
  const commas = texts.filter((text) => /^\s*-?\d+(\.\d{3})*,(\d{1,2}|\d{4,})\s*$/.test(unmarked(String(text))));
  return commas.length > texts.length / 2;
}
