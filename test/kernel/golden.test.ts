import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Page } from "../../format/page.ts";
import { Scorer } from "../../format/scorer.ts";
import { KERNELS } from "./harness.ts";

// FORMAT.md's example, from JSON records to scores. The golden scores are float64; float32 gives them 24 bits, and the
// smallest of them, 10⁻⁵³, is 0.

function golden(name: string): Buffer {
  return readFileSync(new URL(`../golden/${name}`, import.meta.url));
}

const EXPECTED: { record: unknown; logit: number; score: number }[] = JSON.parse(golden("tiny.scores.json").toString());

describe.each(KERNELS)("$name", ({ module }) => {
  it("gives the golden scores", () => {
    const scorer = new Scorer(module, golden("tiny.blob.bin"));
    const located = scorer.locate(scorer.encode(EXPECTED.map(({ record }) => record)));
    expect(Array.from(located.pages)).toEqual([0]);
    const page = new Page(golden("tiny.page.bin"), scorer.manifest, 0);
    const { logits, scores, rowsMissing } = scorer.score(located, new Map([[0, page]]));
    EXPECTED.forEach(({ logit, score }, i) => {
      expect(Math.abs((logits[i] as number) - logit)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(logit)));
      expect(Math.abs((scores[i] as number) - score)).toBeLessThanOrEqual(1e-6 * score + 1e-38);
    });
    expect(rowsMissing).toBe(0);
  });
});
