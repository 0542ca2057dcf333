import { FormatError } from "../format/errors.ts";
import type { Scorer } from "./scorer.ts";

/** Throws FormatError where the scorer's own blob has a golden record that it scores otherwise. */
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

/** Logits of raw records by the blob alone. */
export function goldenLogits(scorer: Scorer, records: readonly unknown[]): Float32Array {
  return scorer.score(scorer.locate(scorer.encode(records)), new Map()).logits;
}
