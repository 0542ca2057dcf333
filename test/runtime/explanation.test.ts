import { expect, test } from "vitest";
import type { ModelBlob } from "../../format/blob.ts";
import { calibratedLogit } from "../../format/calibration.ts";
import {
  TERM_FM,
  TERM_LINEAR,
  TERM_MLP,
  TERM_TOWERS,
  TYPE_F16,
  TYPE_F32,
  TYPE_I4,
  TYPE_I8,
} from "../../format/constants.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { readRow, rowStride } from "../../format/row.ts";
import { MODEL_TYPES } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { type Explanation, fieldPairs } from "../../runtime/explanation.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { shapeOfType } from "../../testing/format/shapes.ts";
import { randomModel, randomRecords, type TestRecord } from "../../testing/kernel/random-model.ts";
import { referenceLogit } from "../assembly/score/reference.ts";

const FIELDS = 6;
const K = 5;

/** The scorer's input: the key 0 has the OOV row. */
function encoded(model: ModelBlob, records: readonly TestRecord[]): EncodedRecords {
  const out = new EncodedRecords(records.length * FIELDS);
  for (const [r, record] of records.entries()) {
    for (const [f, field] of record.entries()) {
      for (const { row, value } of field) {
        const at = 2 * (row - FIELDS);
        if (row < FIELDS) out.add(0, 0, value);
        else out.add(model.keys[at], model.keys[at + 1], value);
      }
      out.offsets[r * FIELDS + f + 1] = out.entries;
    }
    out.count++;
  }
  return out;
}

/** The terms of a record in float64, straight from FORMAT.md; the deep part from a forward pass of its own. */
function termsOf(
  model: ModelBlob,
  record: TestRecord,
): Pick<Explanation, "linear" | "pairs" | "deep"> & { raw: number } {
  const { rowType, embeddingDim: D, rows, terms, bias, fmDim } = model;
  const view = new DataView(rows.buffer, rows.byteOffset);
  const sums = record.map((field) => {
    const sum = new Float64Array(1 + D);
    const row = new Float32Array(1 + D);
    for (const { row: number, value } of field) {
      readRow(rowType, D, view, number * rowStride(rowType, D), row, 0);
      row.forEach((x, j) => {
        sum[j] += value * x;
      });
    }
    return sum;
  });
  const product = (a: Float64Array, b: Float64Array): number =>
    a.subarray(1, 1 + fmDim).reduce((total, x, j) => total + x * b[1 + j], 0);
  const linear = Float64Array.from(terms & TERM_LINEAR ? sums : [], (sum) => sum[0]);
  const pairs = Float64Array.from(terms & TERM_FM ? fieldPairs(FIELDS) : [], ([f, g]) => product(sums[f], sums[g]));
  const raw = referenceLogit(model, record).value;
  return { linear, pairs, deep: raw - bias - total(linear) - total(pairs), raw };
}

function total(numbers: Iterable<number>): number {
  return Array.from(numbers).reduce((sum, x) => sum + x, 0);
}

function near(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(got).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) expect(Math.abs(got[i] - expected[i])).toBeLessThan(tolerance);
}

const CASES = MODEL_TYPES.flatMap((type) =>
  [TYPE_F32, TYPE_I8, TYPE_F16, TYPE_I4].map((rowType) => ({ type, rowType, calibrated: rowType !== TYPE_I8 })),
);

test.each(CASES)("the terms of $type with rows of type $rowType are those of the format, and add up", (one) => {
  const shape = shapeOfType(one.type, K);
  const deep = (shape.terms & (TERM_MLP | TERM_TOWERS)) !== 0;
  // Float32 layers: a quantized activation at the half of two steps may be rounded either way.
  const layers = { hidden: deep ? [7, 5] : [], layerTypes: [TYPE_F32] };
  const model = randomModel({ fields: FIELDS, ...shape, ...layers, rowType: one.rowType, seed: 3 });
  const map = { method: "platt" as const, logits: [0], calibrated: [0.3], slopes: [0.8, 0.8] as [number, number] };
  if (one.calibrated) model.calibration = map;
  const records = randomRecords(model, 40, 4);
  const scorer = new Scorer(placeBlob(kernelModule(), writeBlob(model)));
  const located = scorer.locate(encoded(model, records));
  const { explanations, logits, scores } = scorer.explain(located, new Map());

  const plain = scorer.score(located, new Map());
  expect([logits, scores]).toEqual([plain.logits, plain.scores]);
  explanations.forEach((explanation, i) => {
    const { bias, linear, pairs, deep: rest, calibration, logit, score } = explanation;
    expect([logit, score, bias]).toEqual([logits[i], scores[i], model.bias]);
    expect(Math.abs(bias + total(linear) + total(pairs) + rest + calibration - logit)).toBeLessThan(1e-4);
    const expected = termsOf(model, records[i]);
    near(linear, expected.linear);
    near(pairs, expected.pairs);
    near([rest], [expected.deep], 1e-4);
    near([calibration], [one.calibrated ? calibratedLogit(map, expected.raw) - expected.raw : 0], 1e-4);
    if (!deep) expect(rest).toBe(0);
  });
});

test("pairs are in the order of their fields", () => {
  expect(fieldPairs(4)).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
});
