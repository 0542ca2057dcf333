import * as v from "valibot";
import { MAX_GOLDEN_RECORDS } from "./constants.ts";
import { FormatError } from "./errors.ts";
import type { Scorer } from "../runtime/scorer.ts";

const finite = v.pipe(v.number(), v.finite());

// Not `v.record`, which leaves out members that a field may be named by, such as "constructor".
const record = v.custom<Record<string, unknown>>(
  (input) => typeof input === "object" && input !== null && !Array.isArray(input),
  "expected an object",
);

export const GoldenRecordsSchema = v.strictObject({
  tolerance: v.pipe(finite, v.minValue(0)),
  records: v.pipe(v.array(v.strictObject({ record, logit: finite })), v.maxLength(MAX_GOLDEN_RECORDS)),
});

/**
 * Records with the logits that the exporter's kernel gave them, from the blob alone: a row that is in a page counts as its
 * field's OOV row. A server scores them before it lets a model serve.
 */
export type GoldenRecords = v.InferOutput<typeof GoldenRecordsSchema>;

/** Throws FormatError where the scorer's own blob has a golden record that it scores otherwise. */
export function checkGolden(scorer: Scorer): void {
  const { records, tolerance } = scorer.manifest.golden;
  const logits = goldenLogits(
    scorer,
    records.map(({ record }) => record),
  );
  records.forEach(({ logit }, i) => {
    const got = logits[i] as number;
    if (Math.abs(got - logit) <= tolerance) return;
    throw new FormatError(
      `blob: section GOLDEN: records[${i}]`,
      `got the logit ${got}, expected ${logit} within ${tolerance}`,
    );
  });
}

/** Logits of raw records by the blob alone. */
export function goldenLogits(scorer: Scorer, records: readonly unknown[]): Float32Array {
  return scorer.score(scorer.locate(scorer.encode(records)), new Map()).logits;
}
