import { FormatError } from "../format/errors.ts";
import type { Scorer } from "./scorer.ts";

/**
 * Scores the golden records that a scorer's blob carries. Throws FormatError where a logit is not the one stated,
 * within the tolerance.
 */
export function checkGolden(scorer: Scorer): void {
  const { records, tolerance } = scorer.manifest.golden;
  const logits = goldenLogits(
    scorer,
    records.map(({ record }) => record),
  );
  records.forEach(({ logit }, i) => {
    const got = logits[i];
    if (Math.abs(got - logit) <= tolerance) return;
    throw new FormatError(
      `blob: section GOLDEN: records[${i}]`,
      `got the logit ${got}, expected ${logit} within ${tolerance}`,
    );
  });
}

/** The logits of raw records from the blob alone, without any page. */
export function goldenLogits(scorer: Scorer, records: readonly unknown[]): Float32Array {
  return scorer.score(scorer.locate(scorer.encode(records)), new Map()).logits;
}
