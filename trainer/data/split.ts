import type { DataSettings } from "../../format/spec.ts";
import { literal } from "./sql.ts";

// Which records go where, as SQL: decided per record by its place in the log or by its values, before any shuffling, so that
// every reading of a log divides it alike.

/** A third of a log that `data.split` divides. */
export type Part = "train" | "valid" | "test";

type Split = NonNullable<DataSettings["split"]>;

/** Uniform in [0, 1), from 64 bits of MD5, which is the same in every version of DuckDB. */
function uniform(purpose: string, seed: number, text: string): string {
  return `(md5_number_lower(concat(${literal(`${purpose} ${seed} `)}, ${text})) / 18446744073709551616.0)`;
}

/** Whether a record is of that part. `row`: SQL of its number in the log; `by`: of the split's column, as text or as time. */
export function inPart(split: Split, part: Part, row: string, by: string, times: TimeBounds | null): string {
  if (split.kind === "time") {
    const { valid, test } = times ?? { valid: Number.NaN, test: Number.NaN };
    if (part === "train") return `${by} < ${number(valid)}`;
    return part === "test" ? `${by} >= ${number(test)}` : `(${by} >= ${number(valid)} AND ${by} < ${number(test)})`;
  }
  const u = uniform("split", split.seed, split.kind === "random" ? row : `coalesce(CAST(${by} AS VARCHAR), '')`);
  if (part === "test") return `${u} < ${split.test}`;
  const held = split.test + split.valid;
  return part === "train" ? `${u} >= ${held}` : `(${u} >= ${split.test} AND ${u} < ${held})`;
}

/** Whether training keeps a record: all but some with the label 0. */
export function isKept({ rate, seed }: NonNullable<DataSettings["negatives"]>, row: string, label: string): string {
  return `(coalesce(CAST(${label} AS VARCHAR), '') NOT IN ('0', 'false') OR ${uniform("negatives", seed, row)} < ${rate})`;
}

/**
 * What is to be added to the logit of a model that was trained on a share r of the negatives: ln r, since the odds of a click
 * in what it saw are 1/r of those in the log. 0 where all were kept.
 */
export function logitCorrection({ negatives }: DataSettings): number {
  return negatives ? Math.log(negatives.rate) : 0;
}

/** From when on records are for validation, and from when on for the test. */
export interface TimeBounds {
  valid: number;
  test: number;
}

/**
 * The bounds that leave the last shares of `total` records, whose times come ascending: those of one time stay together, so
 * the shares are at least so large.
 */
export async function timeBounds(
  { valid, test }: Extract<Split, { kind: "time" }>,
  total: number,
  times: AsyncIterable<{ value: number; count: number }>,
): Promise<TimeBounds> {
  const bounds: TimeBounds = { valid: Number.POSITIVE_INFINITY, test: Number.POSITIVE_INFINITY };
  let before = 0;
  for await (const { value, count } of times) {
    if (total - before >= (valid + test) * total) bounds.valid = value;
    if (test > 0 && total - before >= test * total) bounds.test = value;
    before += count;
  }
  return bounds;
}

/** SQL of a time as a number: a number is one, a date or a time stamp gives the seconds since 1970. NULL for anything else. */
export function timeSql(column: string, type: string): string {
  if (/^(DATE|TIMESTAMP)/.test(type)) return `epoch(${column})`;
  if (type === "JSON") return timeSql(`(${column} ->> '$')`, "VARCHAR");
  if (type === "VARCHAR") return `coalesce(TRY_CAST(${column} AS DOUBLE), epoch(TRY_CAST(${column} AS TIMESTAMP)))`;
  return `TRY_CAST(${column} AS DOUBLE)`;
}

function number(x: number): string {
  return Number.isFinite(x) ? String(x) : "CAST('Infinity' AS DOUBLE)";
}
