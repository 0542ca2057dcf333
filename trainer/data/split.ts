import type { DataSettings } from "../../format/spec.ts";
import { literal } from "./sql.ts";

// SQL that decides to which part a record belongs. It looks at the record's number in the log or at its values alone,
// so that every reading of a log divides it alike.

/** One of the three parts into which `data.split` divides a log. */
export type Part = (typeof PARTS)[number];
export const PARTS = ["train", "valid", "test"] as const;

type Split = NonNullable<DataSettings["split"]>;

/** SQL of a number that is uniform in [0, 1). */
function uniform(purpose: string, seed: number, text: string): string {
  return `(${randomBits(purpose, seed, text)} / 18446744073709551616.0)`;
}

/** SQL of 64 random bits, as UBIGINT: those of MD5, which is the same in every version of DuckDB. */
export function randomBits(purpose: string, seed: number, text: string): string {
  return `md5_number_lower(concat(${literal(`${purpose} ${seed} `)}, ${text}))`;
}

/**
 * SQL of whether a record belongs to a part. `row`: SQL of its number in the log. `by`: SQL of what the split goes by,
 * a text for `hash` and a number for `time`.
 */
export function inPart(split: Split, part: Part, row: string, by: string, times: TimeBounds | null): string {
  if (split.kind === "time") {
    const { valid, test } = times ?? { valid: Number.NaN, test: Number.NaN };
    if (part === "train") return `${by} < ${number(valid)}`;
    return part === "test" ? `${by} >= ${number(test)}` : `(${by} >= ${number(valid)} AND ${by} < ${number(test)})`;
  }
  const u = uniform("split", split.seed, split.kind === "random" ? row : by);
  if (part === "test") return `${u} < ${split.test}`;
  const held = split.test + split.valid;
  return part === "train" ? `${u} >= ${held}` : `(${u} >= ${split.test} AND ${u} < ${held})`;
}

/**
 * SQL of whether training keeps a record: a share of those with the label 0, and all others, so that one without a
 * label is refused where it is encoded. `label`: SQL of its label.
 */
export function isKept({ rate, seed }: { rate: number; seed: number }, row: string, label: string): string {
  return `(coalesce(${label}, 1) <> 0 OR ${uniform("negatives", seed, row)} < ${rate})`;
}

/** SQL of whether a record belongs to a sample of this share of a log. */
export function isSampled(share: number, row: string): string {
  return `(${uniform("sample", 1, row)} < ${share})`;
}

/**
 * What has to be added to the logits of a model that was trained on a share r of the negatives: ln r, as the odds of a
 * click were 1/r times those of the whole log. 0 where all negatives were kept, and where they were sampled: a log of
 * positives says nothing of how often an item was shown and not clicked.
 */
export function logitCorrection({ negatives }: DataSettings): number {
  return negatives?.rate === undefined ? 0 : Math.log(negatives.rate);
}

/**
 * The part that models are tested on: that for the test, or that for validation where a split has none for the test.
 */
export function testedPart({ test }: Split): Part {
  return test > 0 ? "test" : "valid";
}

/** The time from which on records are for validation, and that from which on they are for the test. */
export interface TimeBounds {
  valid: number;
  test: number;
}

/** Above the rounding errors of shares, 0.1 + 0.2 being more than 0.3, and below a record of any log. */
const ROUNDING = 1e-12;

/**
 * The bounds that leave the last shares of `total` records to validation and test. `times` come ascending. Records of
 * one time stay together, so a share may be larger than it was asked for.
 */
export async function timeBounds(
  { valid, test }: Extract<Split, { kind: "time" }>,
  total: number,
  times: AsyncIterable<{ value: number; count: number }>,
): Promise<TimeBounds> {
  const [held, tested] = [valid + test, test].map((share) => share * total * (1 - ROUNDING)) as [number, number];
  const bounds: TimeBounds = { valid: Number.POSITIVE_INFINITY, test: Number.POSITIVE_INFINITY };
  let before = 0;
  for await (const { value, count } of times) {
    if (total - before >= held) bounds.valid = value;
    if (test > 0 && total - before >= tested) bounds.test = value;
    before += count;
  }
  return bounds;
}

/** SQL of exactly this number: DuckDB takes digits with a point for a DECIMAL. */
function number(x: number): string {
  return `CAST('${x}' AS DOUBLE)`;
}
